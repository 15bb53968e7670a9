package backup

import (
	"os"

	"golang.org/x/sys/unix"
)

// forget has a file read past the system's memory.
func forget(file *os.File) { _, _ = unix.FcntlInt(file.Fd(), unix.F_NOCACHE, 1) }

// syncAll does what there is to do for a file system that cannot sync its folders.
func syncAll(_ string, cause error) error {
	if !noFolderSync(cause) {
		return cause
	}
	return unix.Sync()
}

func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	if st.Blocks == 0 {
		return -1, nil // some file systems do not tell
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
