package vault

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"
)

// Names in the folder that are the vault's.
const (
	lockName     = "LOCK"
	formatName   = "FORMAT"
	keyslotsName = "keyslots"
)

// The one line of FORMAT: what the folder is, and the version of its layout.
const (
	formatPrefix            = "muster node "
	formatVersion           = 2
	formatVersionFirst      = 1
	formatVersionGeneration = 2 // the data key was replaced, or was about to be [STO-74]
)

// Unlock is how to unlock a folder. With both, a new folder gets both, and an old one is unlocked by the key file if
// it has one.
type Unlock struct {
	// KeyFile is the path of a key file, made with 0600 if the folder is new and there is none.
	KeyFile string
	// Passphrase returns the passphrase, which Open overwrites with zeros. first says that the folder is new, so a
	// person should type it twice. It is called at most once, with the folder locked, and only when it is needed.
	Passphrase func(first bool) ([]byte, error)
	// Keyring returns the secret that lies in the system's keyring for this folder, which Open overwrites with zeros. It is asked
	// only if the folder has a slot for it and neither of the others was given.
	Keyring func() ([]byte, error)
	// Parameters are the cost of the passphrase of a new folder. Nil: Measure on this machine.
	Parameters *Parameters
}

// Vault is an open folder. The lock on it is held until Close.
type Vault struct {
	folder     folder
	lock       *lock
	dataKey    []byte
	generation uint64
	created    bool

	changing sync.Mutex // held while the key slots are read and replaced
}

// Open makes dir private, locks it, and unlocks the data key; in a new folder it makes one. ErrInUse: another program
// has it. ErrWrongPassphrase, ErrWrongKeyFile, ErrNoKeyFile, ErrKeyFile, ErrNoSlot, ErrNoUnlock, ErrPassphrase: not
// unlocked. ErrDamaged, ErrNewer: not readable; nothing was changed. ErrFolder: see PrivateFolder.
func Open(dir string, unlock Unlock) (*Vault, error) { return open(dir, unlock, nil) }

func open(dir string, unlock Unlock, crash func(string) error) (*Vault, error) {
	h, err := hold(dir, crash, takeLock)
	if err != nil {
		return nil, err
	}
	v, err := h.Open(unlock)
	if err != nil {
		h.Close() //nolint:errcheck // the first error is the one to tell
		return nil, err
	}
	return v, nil
}

// Dir returns the folder, as it was given to Open.
func (v *Vault) Dir() string { return v.folder.path }

// Created reports whether Open made the data key: the folder is new.
func (v *Vault) Created() bool { return v.created }

// Key returns the key for one use, a constant of the caller's such as "store": HKDF-SHA256 over the data key with the
// store's domain, a zero byte and the use. Two uses have unrelated keys.
func (v *Vault) Key(use string) [32]byte { return derive(v.dataKey, "use "+use) }

// Close forgets the data key and gives the lock back. Closing twice is no error.
func (v *Vault) Close() error {
	clear(v.dataKey)
	v.dataKey = nil
	return v.lock.Close()
}

// HandOver returns the descriptor that holds the folder for this program, to be left to the one that takes its place: see TakeOver.
// It is the vault's: who hands it over does not Close the vault. errors.ErrUnsupported where no program can take another's place.
func (v *Vault) HandOver() (*os.File, error) { return v.lock.handOver() }

// String implements fmt.Stringer without showing the key.
func (v *Vault) String() string { return "[vault " + v.folder.path + "]" }

// GoString keeps %#v from showing the key.
func (v *Vault) GoString() string { return v.String() }

// LogValue implements slog.LogValuer without showing the key.
func (v *Vault) LogValue() slog.Value { return slog.StringValue(v.String()) }

// checkFormat reports whether there is a FORMAT, and refuses one that this version does not know.
func (f folder) checkFormat() (bool, error) {
	path := filepath.Join(f.path, formatName)
	data, err := f.read(formatName, maxFormat)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", formatName, err)
	}
	number, found := strings.CutPrefix(strings.TrimSuffix(string(data), "\n"), formatPrefix)
	version, err := strconv.ParseUint(number, 10, 31)
	if !found || err != nil || version == 0 {
		return false, fmt.Errorf("%w: %s does not say that this is the folder of a Muster node", ErrDamaged, path)
	}
	if version > formatVersion {
		return false, fmt.Errorf("%w: %s has format %d, this program knows %d", ErrNewer, f.path, version, formatVersion)
	}
	return true, nil
}

// open returns the data key of the key slots in data, read from path, and its generation.
func (u Unlock) open(path string, data []byte) ([]byte, uint64, error) {
	k, err := parseKeyslots(data)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	dataKey, err := u.unlock(k)
	if err != nil {
		return nil, 0, err
	}
	if !k.authentic(dataKey) {
		clear(dataKey)
		return nil, 0, fmt.Errorf("%s: %w: it was changed by somebody without the key", path, ErrDamaged)
	}
	return dataKey, k.body.Generation, nil
}

// unlock returns the data key that the slots of k yield.
func (u Unlock) unlock(k *keyslots) ([]byte, error) {
	if u.KeyFile == "" && u.Passphrase == nil && u.Keyring == nil {
		return nil, ErrNoUnlock
	}
	switch {
	case u.KeyFile != "" && k.has(slotKeyFile):
		secret, err := readKeyFile(u.KeyFile)
		if err != nil {
			return nil, err
		}
		defer clear(secret)
		return k.unwrap(slotKeyFile, secret, ErrWrongKeyFile)
	case u.Passphrase != nil && k.has(slotPassphrase):
		secret, err := u.passphrase(false)
		if err != nil {
			return nil, err
		}
		defer clear(secret)
		return k.unwrap(slotPassphrase, secret, ErrWrongPassphrase)
	case u.Keyring != nil && k.has(slotKeyring):
		secret, err := u.Keyring()
		if err != nil {
			return nil, err
		}
		defer clear(secret)
		return k.unwrap(slotKeyring, secret, ErrWrongKeyring)
	case u.Keyring != nil && u.KeyFile == "" && u.Passphrase == nil:
		return nil, fmt.Errorf("%w: nothing of it lies in the keyring", ErrNoSlot)
	case k.has(slotPassphrase):
		return nil, fmt.Errorf("%w: it has a passphrase and no key file", ErrNoSlot)
	}
	return nil, fmt.Errorf("%w: it has a key file and no passphrase", ErrNoSlot)
}

func (k *keyslots) has(kind slotKind) bool {
	for _, s := range k.body.Slots {
		if h, err := s.header(); err == nil && h.Kind == kind {
			return true
		}
	}
	return false
}

func (k *keyslots) unwrap(kind slotKind, secret []byte, wrong error) ([]byte, error) {
	for _, s := range k.body.Slots {
		if h, err := s.header(); err != nil || h.Kind != kind {
			continue
		}
		if dataKey, ok := s.unwrap(k.body.ID, secret); ok {
			return dataKey, nil
		}
	}
	return nil, wrong
}

// create makes a data key and the slots that u asks for. It returns once they are durable.
func (u Unlock) create(f folder) ([]byte, error) {
	var slots []slot
	var id [16]byte
	rand.Read(id[:]) //nolint:errcheck // never fails
	dataKey := make([]byte, keySize)
	rand.Read(dataKey) //nolint:errcheck // never fails
	add := func(h slotHeader, secret []byte) error {
		defer clear(secret)
		s, err := wrap(rand.Reader, id, h, secret, dataKey)
		slots = append(slots, s)
		return err
	}
	if u.KeyFile != "" {
		secret, err := readOrMakeKeyFile(u.KeyFile, f.crash)
		if err != nil {
			return nil, err
		}
		if err := add(slotHeader{Kind: slotKeyFile}, secret); err != nil {
			return nil, fmt.Errorf("making the key slot: %w", err)
		}
	}
	if u.Passphrase != nil {
		cost, err := u.Parameters.orMeasured()
		if err != nil {
			return nil, err
		}
		secret, err := u.passphrase(true)
		if err != nil {
			return nil, err
		}
		if err := add(slotHeader{Kind: slotPassphrase, Cost: &cost}, secret); err != nil {
			return nil, fmt.Errorf("making the key slot: %w", err)
		}
	}
	if len(slots) == 0 {
		return nil, ErrNoUnlock
	}
	if err := f.write(keyslotsName, encodeKeyslots(slotsBody{ID: id, Slots: slots}, dataKey)); err != nil {
		return nil, fmt.Errorf("writing the key slots: %w", err)
	}
	return dataKey, nil
}

// passphrase returns the passphrase in NFC, so that it is the same whatever keyboard it was typed on.
func (u Unlock) passphrase(first bool) ([]byte, error) {
	raw, err := u.Passphrase(first)
	if err != nil {
		return nil, err
	}
	defer clear(raw)
	secret := norm.NFC.Append(nil, raw...)
	if len(secret) == 0 || len(secret) > MaxPassphrase {
		clear(secret)
		return nil, fmt.Errorf("%w: it must have 1 to %d bytes", ErrPassphrase, MaxPassphrase)
	}
	return secret, nil
}

// Exists reports whether dir has been made a node's folder before. It changes nothing.
func Exists(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, keyslotsName))
	return err == nil
}
