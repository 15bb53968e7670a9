//go:build !linux

package coredump

func forbid() error { return limit() }
