// Package durable has what is in a folder outlive a loss of power.
//
// The package must not know what files hold.
package durable

import (
	"errors"
	"os"
	"runtime"
)

// Folder makes the names in a folder durable: files that were made, renamed or removed there. What files hold is synced by themselves
// (fsync(2)).
func Folder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // a folder cannot be synced there; NTFS journals its names
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
