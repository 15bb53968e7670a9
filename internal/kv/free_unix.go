//go:build unix && !netbsd && !openbsd && !solaris && !illumos && !aix

package kv

import "golang.org/x/sys/unix"

// volume returns how much an unprivileged process may still write on the volume of dir, and how large that is.
func volume(dir string) (free, size uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), uint64(st.Blocks) * uint64(st.Bsize), nil
}
