//go:build !linux && !darwin && !windows

package backup

import "os"

// forget does nothing: what was just written may be read back from memory there. A later run reads it from the drive.
func forget(*os.File) {}

// syncAll does nothing for a file system that cannot sync its folders: the system writes by itself.
func syncAll(_ string, cause error) error {
	if !noFolderSync(cause) {
		return cause
	}
	return nil
}

// freeBytes says that nobody knows.
func freeBytes(string) (int64, error) { return -1, nil }
