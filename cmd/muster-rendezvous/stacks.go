package main

import (
	"bytes"
	"runtime/pprof"
)

// stacks names the goroutines that have not ended, alike ones together.
func stacks() string {
	var b bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&b, 1); err != nil {
		return err.Error()
	}
	return b.String()
}
