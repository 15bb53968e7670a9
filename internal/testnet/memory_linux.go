package testnet

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	shared     = "/dev/shm"    // where Linux has a file system in memory
	sharedRoom = 2 << 30       // bytes that must be free in it
	sharedName = "muster-sim-" // and the process, and a number
)

// TempDir is t.TempDir in memory, where the system has room for that: a simulation ends its nodes and cuts its network
// but never the power, so that all it would get from a disk is to wait for it, for most of its time.
func TempDir(t *testing.T) string {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(shared, &st); err != nil || st.Type != unix.TMPFS_MAGIC || st.Bavail*uint64(st.Bsize) < sharedRoom {
		return t.TempDir()
	}
	sweep()
	dir, err := os.MkdirTemp(shared, fmt.Sprintf("%s%d-", sharedName, os.Getpid()))
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// sweep removes the folders of tests that were killed: they would take memory until the machine restarts.
func sweep() {
	left, _ := filepath.Glob(filepath.Join(shared, sharedName+"*"))
	for _, dir := range left {
		var process int
		if _, err := fmt.Sscanf(filepath.Base(dir), sharedName+"%d-", &process); err == nil && syscall.Kill(process, 0) == syscall.ESRCH {
			_ = os.RemoveAll(dir)
		}
	}
}
