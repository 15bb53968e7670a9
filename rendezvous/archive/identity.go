package archive

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"muster.example/internal/durable"
	"muster.example/internal/keys"
)

// What is in the service's folder.
const (
	identityFile = "identity" // seed of the service's key, base64, mode 0600
	indexFolder  = "index"
	statusFile   = "status"

	nodeFile = "VERSION" // in the folder of a rendezvous node alone, whose key is in a file of the same name
)

// Identity returns the service's key from its folder; with create it is made, and the folder, if they are missing.
// fs.ErrNotExist: there is none. ErrFolder: the folder is that of a rendezvous node, whose key is for nothing else. [ARC-52]
func Identity(dir string, create bool) (key keys.PrivateKey, err error) {
	if _, err := os.Lstat(filepath.Join(dir, nodeFile)); err == nil {
		return key, fmt.Errorf("%w: %s", ErrFolder, dir)
	}
	path := filepath.Join(dir, identityFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && create {
		return makeIdentity(dir, path)
	}
	if err != nil {
		return key, fmt.Errorf("reading the identity: %w", err)
	}
	seed, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(string(text), "\n"))
	if err != nil || len(seed) != keys.SeedSize {
		return key, fmt.Errorf("%w: %s", ErrIdentity, path)
	}
	return keys.FromSeed([keys.SeedSize]byte(seed)), os.Chmod(path, 0o600)
}

// makeIdentity makes the key. The file appears whole or not at all.
func makeIdentity(dir, path string) (key keys.PrivateKey, err error) {
	if _, err := os.Stat(filepath.Join(dir, indexFolder)); err == nil {
		return key, fmt.Errorf("%w: %s is missing, and there is an index that it belongs to", ErrIdentity, path)
	}
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o700)); err != nil {
		return key, fmt.Errorf("making the service's folder: %w", err)
	}
	key = keys.GenerateFrom(rand.Reader)
	seed := key.Seed()
	text := base64.StdEncoding.EncodeToString(seed[:]) + "\n"
	if err := replaceFile(path, []byte(text)); err != nil {
		return key, fmt.Errorf("writing the identity: %w", err)
	}
	return key, nil
}

// replaceFile puts a file of mode 0600 in the place of the one by that name, durably.
func replaceFile(path string, data []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return durable.Folder(filepath.Dir(path))
}

// indexKey derives the key of the index from the identity.
func indexKey(key keys.PrivateKey) [32]byte {
	seed := key.Seed()
	raw, err := hkdf.Key(sha256.New, seed[:], nil, string(keys.DomainStore)+"\x00archive", 32)
	if err != nil {
		panic(fmt.Sprintf("archive: HKDF of 32 bytes: %v", err))
	}
	return [32]byte(raw)
}
