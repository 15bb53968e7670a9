package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"muster.example/internal/durable"
)

// PrivateFolder makes path a folder that only its owner can enter: it is made with its parents if missing and narrowed
// to 0700 if it is wider. Refused with ErrFolder: what is not a folder, a symbolic link (it could be pointed elsewhere
// between two starts), another user's folder, one that everybody shares such as /tmp, the home folder and the root.
func PrivateFolder(path string) error {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("%w: %s: %v", ErrFolder, path, err)
	}
	if home, err := os.UserHomeDir(); err == nil && filepath.Clean(home) == absolute {
		return fmt.Errorf("%w: %s is the home folder: use one in it", ErrFolder, path)
	}
	if filepath.Dir(absolute) == absolute {
		return fmt.Errorf("%w: %s is the root of the file system", ErrFolder, path)
	}
	if err := os.MkdirAll(absolute, 0o700); err != nil {
		return fmt.Errorf("%w: %v", ErrFolder, err)
	}
	info, err := os.Lstat(absolute)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %v", ErrFolder, err)
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%w: %s is a symbolic link: name the folder that it points to", ErrFolder, path)
	case !info.IsDir():
		return fmt.Errorf("%w: %s is not a folder", ErrFolder, path)
	case !ownedByUs(info):
		return fmt.Errorf("%w: %s belongs to another user", ErrFolder, path)
	case info.Mode()&fs.ModeSticky != 0 && info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%w: %s is shared by all users: use a folder in it", ErrFolder, path)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		if err := os.Chmod(absolute, 0o700); err != nil {
			return fmt.Errorf("%w: %v", ErrFolder, err)
		}
	}
	return nil
}

// WriteFile writes the file name in the folder dir so that after a crash or power cut at any moment there is either
// what was there before or all of data: a temporary file, synced, renamed over name, the folder synced. Mode 0600.
func WriteFile(dir, name string, data []byte) error {
	return folder{path: dir}.write(name, data)
}

// temporary is the end of a temporary file's name. One that is found is what a crash left: it is removed.
const temporary = ".muster-tmp"

// folder is a folder to write in. crash, if not nil, is asked before each step; its error stops the program there, as
// a crash would: nothing is cleaned up.
type folder struct {
	path  string
	crash func(step string) error
}

func (f folder) at(step string) error {
	if f.crash == nil {
		return nil
	}
	return f.crash(step)
}

func (f folder) write(name string, data []byte) error {
	target := filepath.Join(f.path, name)
	scratch := target + temporary
	if err := os.Remove(scratch); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := f.at("create " + name); err != nil {
		return err
	}
	file, err := os.OpenFile(scratch, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	half := len(data) / 2
	_, err = file.Write(data[:half])
	if crash := f.at("write " + name); crash != nil {
		file.Close()
		return crash
	}
	if err == nil {
		_, err = file.Write(data[half:])
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		os.Remove(scratch)
		return err
	}
	if err := f.at("rename " + name); err != nil {
		return err
	}
	if err := os.Rename(scratch, target); err != nil {
		os.Remove(scratch)
		return err
	}
	if err := f.at("sync " + name); err != nil {
		return err
	}
	return durable.Folder(f.path)
}

// mark writes FORMAT.
func (f folder) mark(version int) error {
	if err := f.write(formatName, []byte(formatPrefix+strconv.Itoa(version)+"\n")); err != nil {
		return fmt.Errorf("writing %s: %w", formatName, err)
	}
	return nil
}

// sweep removes temporary files that a crash left.
func (f folder) sweep() error {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() && strings.HasSuffix(entry.Name(), temporary) {
			if err := os.Remove(filepath.Join(f.path, entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// read reads a whole regular file of at most max bytes; fs.ErrNotExist if there is none.
func (f folder) read(name string, max int64) ([]byte, error) {
	path := filepath.Join(f.path, name)
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > max {
		return nil, fmt.Errorf("%w: %s is not a file of at most %d bytes", ErrDamaged, path, max)
	}
	return os.ReadFile(path)
}
