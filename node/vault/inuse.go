package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// Apart calls do while no program uses the folder dir, and none can begin to: ErrInUse if one does. It unlocks nothing. A folder
// without a lock file is nobody's.
func Apart(dir string, do func() error) error {
	path := filepath.Join(dir, lockName)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return do()
	}
	lock := flock.New(path, flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("locking %s: %w", dir, err)
	}
	if !locked {
		return fmt.Errorf("%w: %s", ErrInUse, dir)
	}
	return errors.Join(do(), lock.Close())
}
