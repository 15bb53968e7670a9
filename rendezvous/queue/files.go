package queue

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"muster.example/internal/durable"
)

// Files is the folder of an embedded engine as it sees it: flat names, nothing durable before its Sync. Tests put
// faults and power cuts behind it.
type Files interface {
	// List returns the names in the folder, in any order.
	List() ([]string, error)
	// Create makes a file that must not exist, mode 0600, open for reading and writing.
	Create(name string) (File, error)
	// Open opens an existing file for reading and writing.
	Open(name string) (File, error)
	Rename(from, to string) error
	Remove(name string) error
	// Sync makes creations, renames and removals durable.
	Sync() error
}

// File is an open file. Its length is the end of what was written or truncated to.
type File interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Size() (int64, error)
	// Sync makes content and length durable.
	Sync() error
	Close() error
}

// osFiles is a folder of the operating system.
type osFiles string

func (d osFiles) path(name string) string { return filepath.Join(string(d), name) }

func (d osFiles) List() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, nil
}

func (d osFiles) Create(name string) (File, error) { return d.open(name, os.O_CREATE|os.O_EXCL) }

func (d osFiles) Open(name string) (File, error) { return d.open(name, 0) }

func (d osFiles) open(name string, flag int) (File, error) {
	f, err := os.OpenFile(d.path(name), os.O_RDWR|flag, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (d osFiles) Rename(from, to string) error { return os.Rename(d.path(from), d.path(to)) }

func (d osFiles) Remove(name string) error { return os.Remove(d.path(name)) }

func (d osFiles) Sync() error { return durable.Folder(string(d)) }

type osFile struct{ *os.File }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// readFile returns the whole content of a small file.
func readFile(files Files, name string) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readWhole(f)
}

// readWhole returns what is in a small file.
func readWhole(f File) ([]byte, error) {
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	data := make([]byte, size)
	if n, err := f.ReadAt(data, 0); n < len(data) {
		return nil, err
	}
	return data, nil
}

// writeFile makes a file durable under name, whole or not at all.
func writeFile(files Files, name string, data []byte) error {
	draft := name + draftSuffix
	if err := eraseFile(files, draft); err != nil {
		return err
	}
	f, err := files.Create(draft)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, eraseFile(files, draft))
	}
	if err := files.Rename(draft, name); err != nil {
		return err
	}
	return files.Sync()
}

// eraseFile overwrites a file that held keys with zeroes before it removes it. A file that is gone is no error.
func eraseFile(files Files, name string) error {
	f, err := files.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	size, err := f.Size()
	if err == nil {
		_, err = f.WriteAt(make([]byte, size), 0)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return files.Remove(name)
}

// diskError turns an error of the disk into this package's: no room is ErrFull, anything else stays what it is.
func diskError(doing string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("%w: %s: %v", ErrFull, doing, err)
	}
	return fmt.Errorf("queue: %s: %w", doing, err)
}
