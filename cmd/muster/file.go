package main

import (
	"errors"
	"io/fs"
	"os"

	"muster.example/node/api"
)

// openFile opens a file that a person named, to read it. What is no plain file is refused: a pipe to which nobody writes
// would be waited for without an end, and no signal interrupts that.
func openFile(path string) (*os.File, error) {
	if _, err := plainFile(path); err != nil {
		return nil, err
	}
	return os.Open(path)
}

// plainFile looks at what a person named, and says if it is not there or no plain file.
func plainFile(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, api.Errorf(api.CodeNotFound, "there is no file %s", path)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, usage("%s is not a file", path)
	}
	return info, nil
}
