//go:build unix

package vault

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// lock is a held lock on a folder: flock(2) on its LOCK. It belongs to the open file, which outlives the program that opened it
// if another takes its place.
type lock struct{ file *os.File }

// takeLock takes the lock at path: ErrInUse if another program has it.
func takeLock(path string) (*lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return lockFile(file, path)
}

// lockFile locks an open file, which is closed after an error. If it is locked through this very opening already, that is as good.
func lockFile(file *os.File, path string) (*lock, error) {
	err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return &lock{file}, nil
	}
	file.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, ErrInUse
	}
	return nil, fmt.Errorf("locking %s: %w", path, err)
}

// adoptLock takes over the lock at path from the program whose place this one takes, by the descriptor that it left.
func adoptLock(path string, file *os.File) (*lock, error) {
	there, err := os.Lstat(path)
	if err == nil {
		var left os.FileInfo
		if left, err = file.Stat(); err == nil && !os.SameFile(there, left) {
			err = fmt.Errorf("descriptor %d is not that of %s", file.Fd(), path)
		}
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("taking over the lock of the folder: %w", err)
	}
	return lockFile(file, path)
}

// handOver returns the open file that holds the lock.
func (l *lock) handOver() (*os.File, error) { return l.file, nil }

// Close gives the lock back. Closing twice is no error.
func (l *lock) Close() error {
	if err := l.file.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}
