// Package folder is a storage of the archive in a local folder: files that appear whole under their names, are read-only,
// and are never written again.
//
// That nobody takes them away is not in its power, only that it shows: the folder's owner can delete files, unless the
// system is told otherwise (docs/archive.md).
package folder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"muster.example/internal/durable"
	"muster.example/rendezvous/archive/storage"
)

// incoming is where files are written before they get their names. What lies there was never promised to anybody.
const incoming = ".incoming"

// Folder is a storage in a folder.
type Folder struct {
	path string
	root *os.Root
}

var _ storage.Storage = (*Folder)(nil)

// Open opens a folder to read, which must be there.
func Open(path string) (*Folder, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("opening the archive's folder: %w", err)
	}
	return &Folder{path: path, root: root}, nil
}

// OpenToWrite opens a folder to write in, and makes it if it is missing. What an interrupted process left half written is
// removed: only one process may write.
func OpenToWrite(path string) (*Folder, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("making the archive's folder: %w", err)
	}
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	if err := f.clear(); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the archive's folder: %w", err), f.Close())
	}
	return f, nil
}

// clear makes incoming, or empties it.
func (f *Folder) clear() error {
	if err := f.root.Mkdir(incoming, 0o700); err == nil {
		return f.sync(".")
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	left, err := fs.ReadDir(f.root.FS(), incoming)
	if err != nil {
		return err
	}
	for _, entry := range left {
		if err := f.root.Remove(filepath.Join(incoming, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Close gives the folder back.
func (f *Folder) Close() error { return f.root.Close() }

// String names the folder.
func (f *Folder) String() string { return f.path }

// Create implements storage.Storage. [ARC-47] The file gets its name by a link, which fails where there is a file of that name.
func (f *Folder) Create(ctx context.Context, name string, data []byte) error {
	if err := errors.Join(storage.CheckName(name), ctx.Err()); err != nil {
		return err
	}
	err := f.create(filepath.FromSlash(name), data)
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%w: %s", storage.ErrExists, name)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: writing %s: %w", storage.ErrFull, name, err)
	case err != nil:
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

func (f *Folder) create(name string, data []byte) error {
	dir := filepath.Dir(name)
	if err := f.makeFolder(dir); err != nil {
		return err
	}
	temporary, err := f.write(data)
	if temporary != "" {
		defer f.root.Remove(temporary) //nolint:errcheck // it is removed at the next start
	}
	if err != nil {
		return err
	}
	if err := f.root.Link(temporary, name); err != nil {
		return err
	}
	return f.sync(dir)
}

// makeFolder makes a folder of one name, durably.
func (f *Folder) makeFolder(dir string) error {
	err := f.root.MkdirAll(dir, 0o700)
	if err != nil || dir == "." {
		return err
	}
	return f.sync(filepath.Dir(dir))
}

// write writes a file of no name yet: read-only and durable.
func (f *Folder) write(data []byte) (name string, err error) {
	file, err := f.temporary()
	if err != nil {
		return "", err
	}
	name = filepath.Join(incoming, filepath.Base(file.Name()))
	_, err = file.Write(data)
	if err == nil {
		err = file.Chmod(0o400)
	}
	if err == nil {
		err = file.Sync()
	}
	return name, errors.Join(err, file.Close())
}

func (f *Folder) temporary() (*os.File, error) {
	for i := 0; ; i++ {
		file, err := f.root.OpenFile(filepath.Join(incoming, fmt.Sprintf("%d-%d", os.Getpid(), i)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
	}
}

func (f *Folder) sync(dir string) error { return durable.Folder(filepath.Join(f.path, dir)) }

// Read implements storage.Storage.
func (f *Folder) Read(ctx context.Context, name string, max int64) ([]byte, error) {
	if err := errors.Join(storage.CheckName(name), ctx.Err()); err != nil {
		return nil, err
	}
	file, err := f.root.Open(filepath.FromSlash(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", storage.ErrNotFound, name)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, max+1))
	if err == nil && int64(len(data)) > max {
		err = fmt.Errorf("more than %d bytes", max)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return data, nil
}

// List implements storage.Storage. Touched says where a file can be written again, or is none.
func (f *Folder) List(ctx context.Context, prefix, after string, visit func(storage.Object) error) error {
	return f.list(ctx, ".", prefix, after, visit)
}

func (f *Folder) list(ctx context.Context, dir, prefix, after string, visit func(storage.Object) error) error {
	entries, err := fs.ReadDir(f.root.FS(), dir)
	if err != nil {
		return fmt.Errorf("listing %s: %w", dir, err)
	}
	type place struct {
		name  string
		entry fs.DirEntry
	}
	var places []place
	for _, entry := range entries {
		name := strings.TrimPrefix(dir+"/"+entry.Name(), "./")
		if entry.IsDir() {
			name += "/" // as names are sorted
		}
		if storage.CheckName(strings.TrimSuffix(name, "/")) == nil {
			places = append(places, place{name, entry})
		}
	}
	slices.SortFunc(places, func(a, b place) int { return strings.Compare(a.name, b.name) })
	for _, p := range places {
		if err := ctx.Err(); err != nil {
			return err
		}
		if p.entry.IsDir() {
			err = f.list(ctx, strings.TrimSuffix(p.name, "/"), prefix, after, visit)
		} else if strings.HasPrefix(p.name, prefix) && p.name > after {
			err = f.show(p.name, p.entry, visit)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (f *Folder) show(name string, entry fs.DirEntry, visit func(storage.Object) error) error {
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("listing %s: %w", name, err)
	}
	object := storage.Object{Name: name, Size: info.Size()}
	switch {
	case !info.Mode().IsRegular():
		object.Touched = "it is no file"
	case info.Mode().Perm()&0o222 != 0:
		object.Touched = "it was made writable"
	}
	return visit(object)
}
