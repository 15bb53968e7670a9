//go:build unix && !netbsd && !openbsd && !solaris && !illumos && !aix

package kv

import "golang.org/x/sys/unix"

// freeBytes returns how much an unprivileged process may still write on the volume of dir.
func freeBytes(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}
