package backuptest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"muster.example/node/backup"
)

// file is a file of a Drive that is open.
type file struct {
	drive *Drive
	key   string
	node  *node
	write bool
	over  bool // closed
}

// Create implements backup.Folder.
func (d *Drive) Create(name string) (backup.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return nil, err
	}
	key := d.check(name)
	switch {
	case d.now[key] != nil:
		return nil, fmt.Errorf("%s: %w", name, fs.ErrExist)
	case !d.has(path.Dir(key)):
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	case d.Capacity > 0 && d.used() >= d.Capacity:
		return nil, backup.ErrFull
	}
	n := &node{name: name}
	d.place(name, n)
	return d.opened(key, n, true), nil
}

// Open implements backup.Folder.
func (d *Drive) Open(name string) (backup.File, error) { return d.openThere(name, false) }

// Change implements backup.Folder.
func (d *Drive) Change(name string) (backup.File, error) { return d.openThere(name, true) }

func (d *Drive) openThere(name string, write bool) (backup.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return nil, err
	}
	key := d.check(name)
	n := d.now[key]
	if n == nil || n.dir {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	return d.opened(key, n, write), nil
}

func (d *Drive) opened(key string, n *node, write bool) *file {
	if d.open == nil {
		d.open = make(map[string]int)
	}
	d.open[key]++
	return &file{drive: d, key: key, node: n, write: write}
}

// ReadAt implements backup.File.
func (f *file) ReadAt(data []byte, offset int64) (int, error) {
	f.drive.mu.Lock()
	defer f.drive.mu.Unlock()
	if err := f.drive.step(); err != nil {
		return 0, err
	}
	if f.over || offset > int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(data, f.node.data[offset:])
	if n < len(data) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements backup.File.
func (f *file) WriteAt(data []byte, offset int64) (int, error) {
	f.drive.mu.Lock()
	defer f.drive.mu.Unlock()
	gone := f.drive.away
	err := f.drive.step()
	if gone || f.over || !f.write {
		return 0, errors.Join(err, fs.ErrClosed)
	}
	if err != nil {
		data = data[:len(data)/2]
	}
	end := int(offset) + len(data)
	if room := f.drive.Capacity - f.drive.used(); err == nil && f.drive.Capacity > 0 && int64(end-len(f.node.data)) > room {
		err, end = backup.ErrFull, max(len(f.node.data), len(f.node.data)+int(max(room, 0)))
		data = data[:max(0, min(len(data), end-int(offset)))]
	}
	if end > len(f.node.data) {
		f.node.data = append(f.node.data, make([]byte, end-len(f.node.data))...)
	}
	return copy(f.node.data[offset:], data), err
}

// Sync implements backup.File.
func (f *file) Sync() error {
	f.drive.mu.Lock()
	defer f.drive.mu.Unlock()
	if err := f.drive.step(); err != nil {
		return err
	}
	if f.drive.Lying {
		clear(f.node.data)
	}
	f.node.saved = slices.Clone(f.node.data)
	if f.drive.NamesWithFiles {
		for key := f.key; key != "."; key = path.Dir(key) {
			if f.drive.now[key] != nil {
				f.drive.settle(key)
			}
		}
	}
	return nil
}

// Close implements backup.File.
func (f *file) Close() error {
	f.drive.mu.Lock()
	defer f.drive.mu.Unlock()
	if !f.over {
		f.over = true
		f.drive.open[f.key]--
	}
	return f.drive.step()
}
