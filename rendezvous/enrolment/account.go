package enrolment

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
	"muster.example/internal/kv"
	"muster.example/internal/wire"
)

// What is in the folder.
const (
	keyFile     = "enrolment.key"
	storeFolder = "store"
	statusFile  = "status.json"
)

// Errors of the enrolment key of a folder. ErrKey: there is none where one has to be, or one where one is to be made.
var (
	ErrKey        = errors.New("enrolment: the enrolment key of the folder")
	ErrDamagedKey = errors.New("enrolment: the enrolment key is damaged")
)

// GenerateKey makes the enrolment key of a folder, which has none, and returns its public half.
func GenerateKey(dir string) (keys.PublicKey, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return keys.PublicKey{}, err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return keys.PublicKey{}, err
	}
	key := keys.GenerateFrom(rand.Reader)
	seed := key.Seed()
	f, err := os.OpenFile(filepath.Join(dir, keyFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return keys.PublicKey{}, fmt.Errorf("%w: there is one already: %s", ErrKey, filepath.Join(dir, keyFile))
	}
	if err != nil {
		return keys.PublicKey{}, err
	}
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(seed[:]) + "\n")
	return key.Public(), errors.Join(err, f.Sync(), f.Close(), durable.Folder(dir))
}

// readKey reads the enrolment key of a folder.
func readKey(dir string) (key keys.PrivateKey, err error) {
	text, err := os.ReadFile(filepath.Join(dir, keyFile))
	if errors.Is(err, fs.ErrNotExist) {
		return key, fmt.Errorf("%w: there is none: %s", ErrKey, dir)
	}
	if err != nil {
		return key, fmt.Errorf("reading the enrolment key: %w", err)
	}
	seed, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(string(text), "\n"))
	if err != nil || len(seed) != keys.SeedSize {
		return key, fmt.Errorf("%w: %s", ErrDamagedKey, filepath.Join(dir, keyFile))
	}
	return keys.FromSeed([keys.SeedSize]byte(seed)), nil
}

// PublicKey returns the public half of the enrolment key of a folder.
func PublicKey(dir string) (keys.PublicKey, error) {
	key, err := readKey(dir)
	if err != nil {
		return keys.PublicKey{}, err
	}
	return key.Public(), nil
}

// storeKey derives the key under which what the service keeps is sealed: a copy of the store alone opens nothing. [ENR-33]
func storeKey(key keys.PrivateKey) [32]byte {
	seed := key.Seed()
	raw, err := hkdf.Key(sha256.New, seed[:], nil, string(keys.DomainStore)+"\x00enrolment", 32)
	if err != nil {
		panic(fmt.Sprintf("enrolment: HKDF of 32 bytes: %v", err))
	}
	return [32]byte(raw)
}

// tableAccount holds an account for each login that joined, by the hash of issuer and subject. [ENR-33]
var tableAccount = []byte{120}

// account is what the service keeps of a login that joined.
type account struct {
	Subject  string         `cbor:"1,keyasint"`
	Device   keys.PublicKey `cbor:"2,keyasint"`           // the first device: by it the member is found on the roll
	Refresh  string         `cbor:"3,keyasint"`           // by which the provider is asked again; "" while there is none
	Joined   int64          `cbor:"4,keyasint"`           // when the join was signed, Unix seconds
	Checked  int64          `cbor:"5,keyasint,omitempty"` // when the provider last answered
	Refusals uint64         `cbor:"6,keyasint,omitempty"` // in a row
	Barred   bool           `cbor:"7,keyasint,omitempty"` // the service has suspended the member
	Groups   []keys.GroupID `cbor:"8,keyasint,omitempty"` // into which it took the member
}

// accounts are those of a store.
type accounts struct {
	issuer string
	store  *kv.Store
}

func (a *accounts) key(subject string) []byte {
	sum := sha256.Sum256(wire.Encode([]string{a.issuer, subject}))
	return kv.Key(tableAccount, sum[:])
}

// get returns the account of a subject; false if it has none.
func (a *accounts) get(subject string) (account account, found bool, err error) {
	err = a.store.View(func(tx *kv.Tx) error {
		data, err := tx.Get(a.key(subject))
		if errors.Is(err, kv.ErrNotFound) {
			return nil
		}
		if err == nil {
			found = true
			err = wire.Decode(data, &account)
		}
		return err
	})
	return account, found, err
}

func (a *accounts) put(one account) error {
	return a.store.Update(func(tx *kv.Tx) error { return tx.Put(a.key(one.Subject), wire.Encode(one)) })
}

func (a *accounts) drop(subject string) error {
	return a.store.Update(func(tx *kv.Tx) error { return tx.Delete(a.key(subject)) })
}

// all returns every account.
func (a *accounts) all() (list []account, err error) {
	err = a.store.View(func(tx *kv.Tx) error {
		return tx.Range(kv.Key(tableAccount), nil, false, func(_, value []byte) (bool, error) {
			var one account
			if err := wire.Decode(value, &one); err != nil {
				return false, err
			}
			list = append(list, one)
			return true, nil
		})
	})
	return list, err
}
