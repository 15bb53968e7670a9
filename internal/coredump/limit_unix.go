//go:build unix

package coredump

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func limit() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("setting the limit of core dumps: %w", err)
	}
	return nil
}
