package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// quarantine sets the mark by which macOS asks before it opens what came from others. A volume that has no such marks cannot
// be written one.
func quarantine(_ *os.Root, file *os.File, _ string) error {
	mark := fmt.Sprintf("0081;%08x;Muster;", time.Now().Unix())
	err := unix.Fsetxattr(int(file.Fd()), "com.apple.quarantine", []byte(mark), 0)
	if err != nil && err != unix.ENOTSUP && err != unix.EPERM {
		return fmt.Errorf("marking the file as not one's own: %w", err)
	}
	return nil
}
