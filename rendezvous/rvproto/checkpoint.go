package rvproto

import (
	"bytes"
	"strconv"
)

// CheckpointSize reads the size out of a checkpoint without verifying anything: how many entries to expect with it.
// Errors wrap wire.ErrDecode.
func CheckpointSize(note []byte) (uint64, error) {
	lines := bytes.SplitN(note, []byte("\n"), 3)
	if len(lines) < 3 {
		return 0, malformed("a checkpoint without a size")
	}
	size, err := strconv.ParseUint(string(lines[1]), 10, 64)
	if err != nil || strconv.FormatUint(size, 10) != string(lines[1]) {
		return 0, malformed("a checkpoint without a size")
	}
	return size, nil
}
