//go:build unix

package drive

import (
	"fmt"
	"os"
	"syscall"
)

// Same reports whether two folders lie on one volume, as the system tells it.
func Same(a, b string) (bool, error) {
	first, err := deviceAt(a)
	if err != nil {
		return false, err
	}
	second, err := deviceAt(b)
	return first == second, err
}

// deviceAt names the device that a path lies on.
func deviceAt(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("drive: %w", err)
	}
	state, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", fmt.Errorf("drive: the system does not say which device %s is on", path)
	}
	return fmt.Sprint(state.Dev), nil
}
