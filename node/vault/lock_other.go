//go:build !unix

package vault

import (
	"errors"
	"fmt"
	"os"

	"github.com/gofrs/flock"
)

// lock is a held lock on a folder.
type lock struct{ file *flock.Flock }

// takeLock takes the lock at path: ErrInUse if another program has it.
func takeLock(path string) (*lock, error) {
	l := flock.New(path, flock.SetPermissions(0o600))
	locked, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	if !locked {
		return nil, ErrInUse
	}
	return &lock{l}, nil
}

// adoptLock is what no program does here: none takes the place of another.
func adoptLock(string, *os.File) (*lock, error) { return nil, errors.ErrUnsupported }

func (l *lock) handOver() (*os.File, error) { return nil, errors.ErrUnsupported }

// Close gives the lock back. Closing twice is no error.
func (l *lock) Close() error { return l.file.Close() }
