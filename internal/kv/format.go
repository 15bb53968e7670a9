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

const formatLine = "muster store 1"

// derive makes one of the store's keys out of the caller's. [STO-2]
func derive(key [32]byte, use string) []byte {
	raw, err := hkdf.Key(sha256.New, key[:], nil, string(keys.DomainStore)+"\x00"+use, 32)
	if err != nil {
		panic(fmt.Sprintf("kv: HKDF of 32 bytes: %v", err))
	}
	return raw
}

// checkFormat reads the marker of dir. A new folder has none, or an empty one that the lock made: then fresh is true.
// [STO-1]
func checkFormat(dir string, key [32]byte) (fresh bool, err error) {
	path := filepath.Join(dir, formatFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
		return true, onlyNew(dir)
	}
	if err != nil {
		return false, fmt.Errorf("kv: reading %s: %w", path, err)
	}
	version, rest, _ := strings.Cut(string(data), "\n")
	if version != formatLine {
		if strings.HasPrefix(version, "muster store ") {
			return false, fmt.Errorf("%w: %s says %q, this program knows %q", ErrFormat, path, version, formatLine)
		}
		return false, fmt.Errorf("%w: %s is not a format marker", ErrCorrupt, path)
	}
	tag, err := hex.DecodeString(strings.TrimSuffix(rest, "\n"))
	if err != nil || len(tag) != 32 {
		return false, fmt.Errorf("%w: %s has no tag of the key", ErrCorrupt, path)
	}
	if subtle.ConstantTimeCompare(tag, derive(key, "check")) != 1 {
		return false, fmt.Errorf("%w: %s", ErrKey, dir)
	}
	return false, nil
}

// onlyNew refuses a folder that holds a store whose marker is gone.
func onlyNew(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "MANIFEST")); err == nil {
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
	if _, err := f.WriteString(formatLine + "\n" + hex.EncodeToString(derive(key, "check")) + "\n"); err != nil {
		return err
	}
	return f.Sync()
}
