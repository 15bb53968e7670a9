package rendezvous

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"muster.example/internal/keys"
)

const identityFile = "identity"

// openFolder makes or narrows the folder and returns the node's key, made if the folder has none.
func openFolder(dir string, random io.Reader) (key keys.PrivateKey, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return key, fmt.Errorf("making the folder: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return key, fmt.Errorf("narrowing the folder: %w", err)
	}
	path := filepath.Join(dir, identityFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return writeIdentity(path, random)
	}
	if err != nil {
		return key, fmt.Errorf("reading the identity: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return key, fmt.Errorf("narrowing the identity file: %w", err)
	}
	seed, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(string(text), "\n"))
	if err != nil || len(seed) != keys.SeedSize {
		return key, fmt.Errorf("%w: %s", ErrIdentity, path)
	}
	return keys.FromSeed([keys.SeedSize]byte(seed)), nil
}

// writeIdentity makes the key. The file appears whole or not at all.
func writeIdentity(path string, random io.Reader) (keys.PrivateKey, error) {
	key := keys.GenerateFrom(random)
	seed := key.Seed()
	text := base64.StdEncoding.EncodeToString(seed[:]) + "\n"
	if err := writeDurably(path+".new", []byte(text)); err != nil {
		return keys.PrivateKey{}, fmt.Errorf("writing the identity: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return keys.PrivateKey{}, fmt.Errorf("writing the identity: %w", err)
	}
	return key, syncFolder(filepath.Dir(path))
}

func writeDurably(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncFolder makes a rename durable. A system that cannot sync folders says so, and needs none.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	_ = f.Sync()
	return nil
}

// storeKey derives the key of the store from the identity: a backup of the store alone is sealed.
func storeKey(key keys.PrivateKey) [32]byte {
	seed := key.Seed()
	raw, err := hkdf.Key(sha256.New, seed[:], nil, string(keys.DomainStore)+"\x00rendezvous", 32)
	if err != nil {
		panic(fmt.Sprintf("rendezvous: HKDF of 32 bytes: %v", err))
	}
	return [32]byte(raw)
}
