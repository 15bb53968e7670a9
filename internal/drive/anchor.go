package drive

import (
	"errors"
	"fmt"
	"os"
)

// ErrGone means that what is at a path is not the folder any more that was there: its drive was taken away, or another took its
// place.
var ErrGone = errors.New("drive: it is not there any more")

// Anchor holds on to a folder of a drive while something is written there. When the drive goes, its mount point is an empty folder of
// the system's own disk: whoever goes on writing by the old path fills that. What is written by the path of an Anchor does not get
// there: on Linux never, since it goes by the open folder; elsewhere as long as Check is asked before each new name.
type Anchor struct {
	path string
	file *os.File
	info os.FileInfo
}

// Hold holds on to a folder. Close lets go of it, and must be called before the drive can be unmounted.
func Hold(path string) (*Anchor, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("drive: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no folder", path)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("drive: %w", err)
	}
	return &Anchor{path, file, info}, nil
}

// Path is the path to write by.
func (a *Anchor) Path() string { return a.writePath() }

// Check returns an error that wraps ErrGone if another folder is at the path now.
func (a *Anchor) Check() error {
	info, err := os.Stat(a.path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	if !os.SameFile(info, a.info) {
		return fmt.Errorf("%w: %s is another folder now", ErrGone, a.path)
	}
	return nil
}

// Close lets go.
func (a *Anchor) Close() error { return a.file.Close() }
