package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Tail returns the last lines of a folder's log, oldest first, at most max of them; none if there is no log.
func Tail(dir string, max int) ([]string, error) {
	var lines []string
	for _, name := range []string{Old, Name} {
		data, err := read(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the log: %w", err)
		}
		for line := range bytes.Lines(data) {
			lines = append(lines, string(bytes.TrimSuffix(line, []byte("\n"))))
		}
	}
	return lines[len(lines)-min(max, len(lines)):], nil
}

func read(path string) ([]byte, error) {
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, notRegular(path, err))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, MaxFile))
}

func notRegular(path string, err error) error {
	if err != nil {
		return nil
	}
	return fmt.Errorf("%s is not a file", path)
}

// Follower reads what is added to a log. It is closed by its owner.
type Follower struct {
	path string
	file *os.File
	rest []byte // a line whose end has not come
}

// Follow returns a follower of what comes after the present end.
func Follow(dir string) (*Follower, error) {
	f := &Follower{path: filepath.Join(dir, Name)}
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekEnd)
	}
	if err != nil {
		return nil, fmt.Errorf("following the log: %w", err)
	}
	f.file = file
	return f, nil
}

// Next returns the lines that have come since; none if none has. It goes on with the new file after a turn.
func (f *Follower) Next() ([]string, error) {
	lines, err := f.more()
	if err != nil {
		return nil, err
	}
	now, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return lines, nil // between two files, or not begun
	}
	if err != nil {
		return nil, fmt.Errorf("following the log: %w", err)
	}
	if f.file != nil {
		here, err := f.file.Stat()
		at, seek := f.file.Seek(0, io.SeekCurrent)
		if err := errors.Join(err, seek); err != nil {
			return nil, fmt.Errorf("following the log: %w", err)
		}
		if os.SameFile(here, now) && now.Size() >= at {
			return lines, nil
		}
		last, err := f.more() // what was written before the turn
		if err != nil {
			return nil, err
		}
		lines = append(lines, last...)
		f.Close()
	}
	if f.file, err = os.Open(f.path); err != nil {
		f.file = nil
		return lines, nil
	}
	more, err := f.more()
	return append(lines, more...), err
}

// more reads to the end of the file at hand.
func (f *Follower) more() (lines []string, err error) {
	if f.file == nil {
		return nil, nil
	}
	data, err := io.ReadAll(io.LimitReader(f.file, MaxFile))
	if err != nil {
		return nil, fmt.Errorf("following the log: %w", err)
	}
	f.rest = append(f.rest, data...)
	for {
		line, rest, whole := bytes.Cut(f.rest, []byte("\n"))
		if !whole {
			return lines, nil
		}
		lines, f.rest = append(lines, string(line)), rest
	}
}

// Close lets the file go.
func (f *Follower) Close() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file, f.rest = nil, nil
	return err
}
