//go:build !unix || netbsd || openbsd || solaris || illumos || aix

package kv

import "errors"

// freeBytes is not known here; Update then relies on the engine alone.
func freeBytes(string) (uint64, error) { return 0, errors.ErrUnsupported }
