package kv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Compatible says whether this program can open the store in dir, by its marker alone: nil if it can or there is none, else
// ErrFormat. It changes nothing.
func Compatible(dir string) error {
	path := filepath.Join(dir, formatFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("kv: reading %s: %w", path, err)
	}
	return checkVersion(path, data)
}

// checkVersion refuses the marker of a newer program, and leaves what is none to who opens it.
func checkVersion(path string, data []byte) error {
	version, _, _ := strings.Cut(string(data), "\n")
	if version != formatLine && version != oldFormatLine && strings.HasPrefix(version, "muster store ") {
		return fmt.Errorf("%w: %s says %q, this program knows %q", ErrFormat, path, version, formatLine)
	}
	return nil
}
