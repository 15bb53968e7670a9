//go:build unix

package main

import "syscall"

// restrictNewFiles makes files that the program creates its owner's alone, whatever a library asks for.
func restrictNewFiles() { syscall.Umask(0o077) }
