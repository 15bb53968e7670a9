package backup

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Folder is the file layer: the top of a drive, or any folder. Names have slashes and begin at the top. Nothing more is asked of it
// than what FAT has: names of lower-case letters, digits and one dot (and the folder MUSTER), no modes, no links, no rename, and no
// order among writes that were not synced. Disk is the real one; tests have one that breaks.
type Folder interface {
	// List returns what is in a folder, in any order. fs.ErrNotExist if there is no such folder.
	List(dir string) ([]Info, error)
	// MakeDir makes a folder whose parent is there. It is no error if it is there.
	MakeDir(dir string) error
	// Create makes a new file for writing. fs.ErrExist if the name is taken.
	Create(name string) (File, error)
	// Open opens a file for reading from the medium: as far as the system lets it, not from memory. fs.ErrNotExist.
	Open(name string) (File, error)
	// Change opens a file that is there for writing over it.
	Change(name string) (File, error)
	// Remove removes a file, or an empty folder. fs.ErrNotExist.
	Remove(name string) error
	// Sync makes the names in a folder durable, as far as the file system knows how.
	Sync(dir string) error
	// Free returns how many bytes can be written, -1 if nobody knows.
	Free() (int64, error)
}

// Info is one name in a Folder.
type Info struct {
	Name string // without the folder
	Dir  bool
	Size int64 // of a file
}

// File is an open file. Errors of a full drive wrap ErrFull.
type File interface {
	io.ReaderAt
	io.WriterAt
	// Sync makes what was written durable.
	Sync() error
	Close() error
}

// readFile reads a file whole. Errors wrap ErrDamaged for one that is larger than it may be.
func readFile(folder Folder, name string, size int64) ([]byte, error) {
	if size < 0 || size > MaxFile {
		return nil, fmt.Errorf("%w: %s has %d bytes, of at most %d", ErrDamaged, name, size, MaxFile)
	}
	file, err := folder.Open(name)
	if err != nil {
		return nil, fmt.Errorf("backup: opening %s: %w", name, err)
	}
	data := make([]byte, size)
	n, err := file.ReadAt(data, 0)
	if errors.Is(err, io.EOF) {
		err = nil // shorter than was said: its hash tells
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("backup: reading %s: %w", name, err)
	}
	return data[:n], nil
}

// listing is what is in a folder; nothing if it is not there.
func listing(folder Folder, dir string) ([]Info, error) {
	found, err := folder.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("backup: listing %s: %w", dir, err)
	}
	return found, nil
}
