package coredump

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

func forbid() error {
	err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	if err != nil {
		err = fmt.Errorf("keeping this process's memory from dumps: %w", err)
	}
	return errors.Join(err, limit())
}
