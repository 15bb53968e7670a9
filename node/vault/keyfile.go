package vault

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// keyFilePrefix begins the one line of a key file; the secret's 43 base64url characters follow.
const keyFilePrefix = "muster:key/"

// readKeyFile returns the secret of a key file: ErrNoKeyFile if there is none, ErrKeyFile if others may read it, if it
// belongs to another user, or if it is something else.
func readKeyFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNoKeyFile, path)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrKeyFile, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrKeyFile, err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrKeyFile, path)
	}
	if !ownedByUs(info) {
		return nil, fmt.Errorf("%w: %s belongs to another user", ErrKeyFile, path)
	}
	if perm := info.Mode().Perm(); runtime.GOOS != "windows" && perm&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s has mode %#o: others may read it (chmod 600 %s)", ErrKeyFile, path, perm, path)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrKeyFile, err)
	}
	defer clear(text)
	encoded, found := strings.CutPrefix(strings.TrimRight(string(text), "\r\n"), keyFilePrefix)
	secret, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if !found || err != nil || len(secret) != keySize {
		return nil, fmt.Errorf("%w: %s holds no key of Muster's", ErrKeyFile, path)
	}
	return secret, nil
}

// makeKeyFile writes a fresh key file and returns its secret. The file is durable when it returns: a folder is never
// locked with a key that a power cut takes away.
func makeKeyFile(path string, crash func(string) error) ([]byte, error) {
	secret := make([]byte, keySize)
	rand.Read(secret) //nolint:errcheck // never fails
	line := []byte(keyFilePrefix + base64.RawURLEncoding.EncodeToString(secret) + "\n")
	defer clear(line)
	if err := (folder{filepath.Dir(path), crash}).write(filepath.Base(path), line); err != nil {
		return nil, fmt.Errorf("making the key file: %w", err)
	}
	return secret, nil
}

// readOrMakeKeyFile returns the secret of the key file at path, which is made if there is none.
func readOrMakeKeyFile(path string, crash func(string) error) ([]byte, error) {
	secret, err := readKeyFile(path)
	if errors.Is(err, ErrNoKeyFile) {
		secret, err = makeKeyFile(path, crash)
	}
	return secret, err
}
