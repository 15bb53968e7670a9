//go:build !unix || netbsd || openbsd || solaris || illumos || aix

package kv

import "errors"

// volume is not known here; Update then relies on the engine alone.
func volume(string) (free, size uint64, err error) { return 0, 0, errors.ErrUnsupported }
