package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Apart calls do while no program uses the folder dir, and none can begin to: ErrInUse if one does. It unlocks nothing. A folder
// without a lock file is nobody's.
func Apart(dir string, do func() error) error {
	path := filepath.Join(dir, lockName)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return do()
	}
	lock, err := takeLock(path)
	if errors.Is(err, ErrInUse) {
		return fmt.Errorf("%w: %s", ErrInUse, dir)
	}
	if err != nil {
		return err
	}
	return errors.Join(do(), lock.Close())
}
