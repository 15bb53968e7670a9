package kv

import (
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"muster.example/internal/keys"
)

// formatFile marks a store's folder: one line with the version, one with a tag of the key. It is also what is locked.
const formatFile = "FORMAT"

// The first line: of a store of today, and of one that no tally was kept of.
const (
	formatLine    = "muster store 2"
	oldFormatLine = "muster store 1"
)

// derive makes one of the store's keys out of the caller's. [STO-2]
func derive(key [32]byte, use string) []byte {
	raw, err := hkdf.Key(sha256.New, key[:], nil, string(keys.DomainStore)+"\x00"+use, 32)
	if err != nil {
		panic(fmt.Sprintf("kv: HKDF of 32 bytes: %v", err))
	}
	return raw
}

// format is what a marker says.
type format int

const (
	fresh format = iota // there is none, and no store
	old                 // of a store without a tally
	current
)

// checkLine derives the second line of a marker from the first, so that the one fits the other. [STO-2]
func checkLine(line string, key [32]byte) []byte {
	if line == oldFormatLine {
		return derive(key, "check")
	}
	return derive(key, "check 2")
}

// checkFormat reads the marker of dir. A new folder has none, or an empty one that the lock made. [STO-1]
func checkFormat(dir string, key [32]byte) (format, error) {
	path := filepath.Join(dir, formatFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
		return fresh, onlyNew(dir)
	}
	if err != nil {
		return fresh, fmt.Errorf("kv: reading %s: %w", path, err)
	}
	version, rest, _ := strings.Cut(string(data), "\n")
	if err := checkVersion(path, data); err != nil {
		return fresh, err
	}
	is := current
	switch version {
	case formatLine:
	case oldFormatLine:
		is = old
	default:
		return fresh, fmt.Errorf("%w: %s is not a format marker", ErrCorrupt, path)
	}
	tag, err := hex.DecodeString(strings.TrimSuffix(rest, "\n"))
	if err != nil || len(tag) != 32 || string(markerText(version, tag)) != string(data) {
		return fresh, fmt.Errorf("%w: %s has no tag of the key", ErrCorrupt, path)
	}
	if subtle.ConstantTimeCompare(tag, checkLine(version, key)) != 1 {
		return fresh, wrongTag(path, version, tag, key)
	}
	return is, nil
}

// wrongTag tells a marker whose first line was changed from one of another key.
func wrongTag(path, version string, tag []byte, key [32]byte) error {
	for _, line := range []string{formatLine, oldFormatLine} {
		if line != version && subtle.ConstantTimeCompare(tag, checkLine(line, key)) == 1 {
			return fmt.Errorf("%w: %s was changed", ErrCorrupt, path)
		}
	}
	return fmt.Errorf("%w: %s", ErrKey, path)
}

func markerText(line string, tag []byte) []byte {
	return []byte(line + "\n" + hex.EncodeToString(tag) + "\n")
}

// onlyNew refuses a folder that holds a store whose marker is gone.
func onlyNew(dir string) error {
	names, err := engineFiles(dir)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return fmt.Errorf("%w: %s holds a store but no %s", ErrCorrupt, dir, formatFile)
	}
	return nil
}

// writeFormat writes the marker in place (the file is locked, so it is not replaced) and makes it durable.
func writeFormat(dir string, key [32]byte) error {
	f, err := os.OpenFile(filepath.Join(dir, formatFile), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(markerText(formatLine, checkLine(formatLine, key))); err != nil {
		return err
	}
	return f.Sync()
}
