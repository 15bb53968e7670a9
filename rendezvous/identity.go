package rendezvous

import (
	"cmp"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"muster.example/internal/durable"
	"muster.example/internal/keys"
)

// What is in the folder.
const (
	identityFile = "identity" // unless Config.Identity says another name
	storeFolder  = "store"
	queueFolder  = "queue"
	versionFile  = "VERSION"
)

// sealedPrefix begins the identity file of a node whose folder is under a key of the program that runs it.
const sealedPrefix = "sealed:"

// openFolder makes or narrows the folder and returns the node's key, made if the folder has none. With a seal the key lies
// sealed under it. [STO-29]
func openFolder(dir, identity string, seal *[32]byte, random io.Reader) (key keys.PrivateKey, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return key, fmt.Errorf("making the folder: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return key, fmt.Errorf("narrowing the folder: %w", err)
	}
	path := filepath.Join(dir, identity)
	key, err = readIdentity(path, seal)
	if !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = os.Chmod(path, 0o600)
		}
		return key, err
	}
	// Made anew it would not open the store, and its organizations would never know it.
	if _, err := os.Stat(filepath.Join(dir, storeFolder)); err == nil {
		return key, fmt.Errorf("%w: %s is missing, and there is a store that it belongs to", ErrIdentity, path)
	}
	return writeIdentity(path, seal, random)
}

// ReadKey returns the public key of the node of a folder, which it opens and changes no further. fs.ErrNotExist: it has none yet.
// identity is the name of the file, empty for the usual one.
func ReadKey(dir, identity string, seal *[32]byte) (keys.PublicKey, error) {
	key, err := readIdentity(filepath.Join(dir, cmp.Or(identity, identityFile)), seal)
	if err != nil {
		return keys.PublicKey{}, err
	}
	return key.Public(), nil
}

// Reseal writes the key of the node of a folder, which does not run, into another file there under another seal, durably. The file
// that it read stays. fs.ErrNotExist: the node has no key yet. [STO-29]
func Reseal(dir, from string, seal [32]byte, to string, next [32]byte) error {
	key, err := readIdentity(filepath.Join(dir, from), &seal)
	if err != nil {
		return err
	}
	return putIdentity(filepath.Join(dir, to), key, &next, rand.Reader)
}

// readIdentity reads the key. Errors: ErrIdentity, ErrSealed, fs.ErrNotExist.
func readIdentity(path string, seal *[32]byte) (key keys.PrivateKey, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return key, fmt.Errorf("reading the identity: %w", err)
	}
	encoded, sealed := strings.CutPrefix(strings.TrimSuffix(string(text), "\n"), sealedPrefix)
	switch {
	case sealed && seal == nil:
		return key, fmt.Errorf("%w: %s", ErrSealed, path)
	case !sealed && seal != nil:
		return key, fmt.Errorf("%w: %s is not sealed", ErrIdentity, path)
	}
	seed, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err == nil && sealed {
		seed, err = unsealSeed(*seal, seed)
	}
	if err != nil || len(seed) != keys.SeedSize {
		return key, fmt.Errorf("%w: %s", ErrIdentity, path)
	}
	return keys.FromSeed([keys.SeedSize]byte(seed)), nil
}

// writeIdentity makes the key.
func writeIdentity(path string, seal *[32]byte, random io.Reader) (keys.PrivateKey, error) {
	key := keys.GenerateFrom(random)
	return key, putIdentity(path, key, seal, random)
}

// putIdentity writes the key, under a seal if there is one. The file appears whole or not at all.
func putIdentity(path string, key keys.PrivateKey, seal *[32]byte, random io.Reader) error {
	seed := key.Seed()
	text := base64.StdEncoding.EncodeToString(seed[:]) + "\n"
	if seal != nil {
		sealed, err := sealSeed(*seal, seed, random)
		if err != nil {
			return fmt.Errorf("sealing the identity: %w", err)
		}
		text = sealedPrefix + base64.StdEncoding.EncodeToString(sealed) + "\n"
	}
	if err := writeDurably(path+".new", []byte(text)); err != nil {
		return fmt.Errorf("writing the identity: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("writing the identity: %w", err)
	}
	return durable.Folder(filepath.Dir(path))
}

// sealSeed returns a nonce and the seed sealed under a key of the program's. [STO-29]
func sealSeed(seal [32]byte, seed [keys.SeedSize]byte, random io.Reader) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(seal[:])
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, err
	}
	return aead.Seal(nonce, nonce, seed[:], sealedIdentity), nil
}

func unsealSeed(seal [32]byte, sealed []byte) ([]byte, error) {
	aead, err := chacha20poly1305.NewX(seal[:])
	if err != nil || len(sealed) < chacha20poly1305.NonceSizeX {
		return nil, ErrIdentity
	}
	nonce, rest := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	return aead.Open(nil, nonce, rest, sealedIdentity)
}

// sealedIdentity is what a sealed identity is bound to.
var sealedIdentity = []byte(string(keys.DomainStore) + "\x00rendezvous identity")

func writeDurably(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
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

// queueSecret derives what the queue's root keys are worth nothing without, of a node whose folder is under a seal.
func queueSecret(key keys.PrivateKey) []byte {
	seed := key.Seed()
	raw, err := hkdf.Key(sha256.New, seed[:], nil, string(keys.DomainStore)+"\x00rendezvous queue", 32)
	if err != nil {
		panic(fmt.Sprintf("rendezvous: HKDF of 32 bytes: %v", err))
	}
	return raw
}
