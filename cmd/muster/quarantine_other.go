//go:build !darwin && !windows

package main

import "os"

// quarantine does nothing: these systems have no mark for what came from others, and a file without the executable bit is not
// run. It is not set.
func quarantine(*os.Root, *os.File, string) error { return nil }
