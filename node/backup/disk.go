package backup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"muster.example/internal/durable"
)

// Disk is the Folder of a path: the place where a drive is mounted, or any folder that is there.
type Disk string

var _ Folder = Disk("")

func (d Disk) at(name string) string { return filepath.Join(string(d), filepath.FromSlash(name)) }

// within does something in the folder. Links that lead out of it, which somebody may have put there, are not followed. [BAK-12]
func (d Disk) within(do func(root *os.Root) error) error {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return err
	}
	return full(errors.Join(do(root), root.Close()))
}

func (d Disk) open(name string, flag int) (file *os.File, err error) {
	err = d.within(func(root *os.Root) error {
		file, err = root.OpenFile(filepath.FromSlash(name), flag, 0o600)
		return err
	})
	return file, err
}

// List implements Folder. What is neither a file nor a folder is passed over: nothing of a repository is.
func (d Disk) List(dir string) ([]Info, error) {
	folder, err := d.open(dir, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	entries, err := folder.ReadDir(-1)
	if err = errors.Join(err, folder.Close()); err != nil {
		return nil, err
	}
	found := make([]Info, 0, len(entries))
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if info.IsDir() || info.Mode().IsRegular() {
			found = append(found, Info{Name: entry.Name(), Dir: info.IsDir(), Size: info.Size()})
		}
	}
	return found, nil
}

// MakeDir implements Folder.
func (d Disk) MakeDir(dir string) error {
	err := d.within(func(root *os.Root) error { return root.Mkdir(filepath.FromSlash(dir), 0o700) })
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}

// Create implements Folder.
func (d Disk) Create(name string) (File, error) {
	file, err := d.open(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, err
	}
	return diskFile{file}, nil
}

// Open implements Folder.
func (d Disk) Open(name string) (File, error) {
	file, err := d.open(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is no file", name), err, file.Close())
	}
	forget(file)
	return diskFile{file}, nil
}

// Change implements Folder.
func (d Disk) Change(name string) (File, error) {
	file, err := d.open(name, os.O_WRONLY)
	if err != nil {
		return nil, err
	}
	return diskFile{file}, nil
}

// Remove implements Folder.
func (d Disk) Remove(name string) error {
	return d.within(func(root *os.Root) error { return root.Remove(filepath.FromSlash(name)) })
}

// Sync implements Folder. Where a folder cannot be synced, the whole file system is, where the system knows how.
func (d Disk) Sync(dir string) error {
	if err := durable.Folder(d.at(dir)); err != nil {
		return syncAll(d.at(dir), err)
	}
	return nil
}

// Free implements Folder.
func (d Disk) Free() (int64, error) { return freeBytes(string(d)) }

// diskFile is a File of the system.
type diskFile struct{ file *os.File }

func (f diskFile) ReadAt(data []byte, offset int64) (int, error) { return f.file.ReadAt(data, offset) }

func (f diskFile) WriteAt(data []byte, offset int64) (int, error) {
	n, err := f.file.WriteAt(data, offset)
	return n, full(err)
}

func (f diskFile) Sync() error {
	if err := f.file.Sync(); err != nil {
		return full(err)
	}
	forget(f.file) // what is read back comes from the drive
	return nil
}

func (f diskFile) Close() error { return full(f.file.Close()) }

// full makes an error of the system about room an ErrFull.
func full(err error) error {
	if err != nil && isFull(err) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}
