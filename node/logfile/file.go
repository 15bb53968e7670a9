package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Name is the name of the file in the node's folder that is written; Old is that of the one before it.
const (
	Name = "log"
	Old  = "log.1"
)

// File is the log as it is written: by one program at a time, which has the folder's lock.
type File struct {
	dir string

	mu     sync.Mutex
	file   *os.File // nil until the first line, and once closed
	size   int64
	closed bool
}

// New goes on with the log of a folder. No file is touched before the first line, which must be written with the folder locked.
// The files are their owner's alone.
func New(dir string) *File { return &File{dir: dir} }

// open opens the file that is written; a link in its place is not followed to another file.
func (f *File) open(how int) error {
	path := filepath.Join(f.dir, Name)
	info, err := os.Lstat(path)
	if err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is in the way: it is not a file", path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("opening the log: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|how, 0o600)
	if err == nil {
		err = file.Chmod(0o600)
	}
	if err == nil {
		info, err = file.Stat()
	}
	if err != nil {
		if file != nil {
			file.Close()
		}
		return fmt.Errorf("opening the log: %w", err)
	}
	f.file, f.size = file, info.Size()
	return nil
}

// Write implements io.Writer for one whole line. Before a line that has no room the file becomes the old one.
func (f *File) Write(line []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, fs.ErrClosed
	}
	if f.file == nil {
		if err := f.open(os.O_APPEND); err != nil {
			return 0, err
		}
	}
	given := len(line)
	if len(line) > MaxLine {
		line = append(append([]byte(nil), line[:MaxLine-len(cut)]...), cut...)
	}
	if f.size+int64(len(line)) > MaxFile {
		if err := f.turn(); err != nil {
			return 0, err
		}
	}
	n, err := f.file.Write(line)
	f.size += int64(n)
	if err != nil {
		return min(n, given), err
	}
	return given, nil
}

const cut = "…\n"

// turn begins a new file. Where the old name cannot be taken, since a reader on Windows has the file open, what is in it is
// given up: the log has a bound in any case.
func (f *File) turn() error {
	f.file.Close()
	f.file = nil
	how := os.O_APPEND
	if os.Rename(filepath.Join(f.dir, Name), filepath.Join(f.dir, Old)) != nil {
		how |= os.O_TRUNC
	}
	return f.open(how)
}

// Close ends the writing; what is logged after it goes nowhere.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return err
}
