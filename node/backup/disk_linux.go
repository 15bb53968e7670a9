package backup

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// forget drops what the system has of a file in memory, so that it is read from the drive. It is advice: nothing follows from its
// failing but that a broken drive is found later.
func forget(file *os.File) { _ = unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED) }

// syncAll writes out a whole file system that cannot sync its folders.
func syncAll(dir string, cause error) error {
	if !noFolderSync(cause) {
		return cause
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(full(unix.Syncfs(int(folder.Fd()))), folder.Close())
}

func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	if st.Blocks == 0 {
		return -1, nil // some file systems do not tell
	}
	return int64(st.Bavail) * st.Bsize, nil
}
