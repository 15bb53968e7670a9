package queue

import (
	"errors"
	"io/fs"
)

// Compatible says whether this program can open the queue in dir, by its marker alone: nil if it can or there is none, else
// ErrFormat. It changes nothing.
func Compatible(dir string) error {
	_, err := readFormat(readOnly{osFiles(dir)})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
