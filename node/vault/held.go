package vault

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Held is a folder that no other program can use, and that is not unlocked yet.
type Held struct {
	folder    folder
	lock      *lock
	formatted bool
	slots     []byte // what the key slots hold; nil: the folder is new
}

// Hold makes dir private and locks it, and reads what says how it is unlocked. Its errors are those of Open that do not
// come of an Unlock. Who does not open it calls Close.
func Hold(dir string) (*Held, error) { return hold(dir, nil, takeLock) }

// TakeOver is Hold for a program that takes the place of the one that held the folder: left is the descriptor that Vault.HandOver
// gave. It belongs to the Held from then on.
func TakeOver(dir string, left *os.File) (*Held, error) {
	return hold(dir, nil, func(path string) (*lock, error) { return adoptLock(path, left) })
}

func hold(dir string, crash func(string) error, take func(path string) (*lock, error)) (_ *Held, err error) {
	if err := PrivateFolder(dir); err != nil {
		return nil, err
	}
	h := &Held{folder: folder{dir, crash}}
	h.lock, err = take(filepath.Join(dir, lockName))
	switch {
	case errors.Is(err, ErrInUse):
		return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
	case err != nil:
		return nil, err
	}
	defer func() {
		if err != nil {
			h.lock.Close()
		}
	}()
	if err := h.folder.sweep(); err != nil {
		return nil, fmt.Errorf("clearing what a crash left: %w", err)
	}
	if h.formatted, err = h.folder.checkFormat(); err != nil {
		return nil, err
	}
	h.slots, err = h.folder.read(keyslotsName, maxKeyslots)
	switch {
	case err == nil:
		return h, nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("reading the key slots: %w", err)
	case h.formatted:
		return nil, fmt.Errorf("%w: %s is missing: without it nothing in the folder can be read", ErrDamaged, h.slotsPath())
	}
	h.slots = nil
	return h, nil
}

// New reports whether nobody has chosen yet how the folder is unlocked.
func (h *Held) New() bool { return h.slots == nil }

// Ways returns the ways to unlock the folder, none of a new one. ErrDamaged and ErrNewer as Open has them.
func (h *Held) Ways() ([]Way, error) {
	if h.New() {
		return nil, nil
	}
	k, err := parseKeyslots(h.slots)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.slotsPath(), err)
	}
	return k.ways(), nil
}

// ID returns the random name of the folder, 32 hexadecimal digits, which is no secret; empty if it is new or not readable.
func (h *Held) ID() string {
	k, err := parseKeyslots(h.slots)
	if err != nil {
		return ""
	}
	return hex.EncodeToString(k.body.ID[:])
}

// TakesPassphrase returns nil if the folder can be unlocked by a passphrase, or is new; ErrNoSlot or ErrDamaged if not.
func (h *Held) TakesPassphrase() error {
	if h.New() {
		return nil
	}
	k, err := parseKeyslots(h.slots)
	if err != nil {
		return fmt.Errorf("%s: %w", h.slotsPath(), err)
	}
	if !k.has(slotPassphrase) {
		return fmt.Errorf("%w: it has a key file and no passphrase", ErrNoSlot)
	}
	return nil
}

// Open unlocks the folder, which is the vault's from then on. After an error it is held as before, and can be tried again.
func (h *Held) Open(unlock Unlock) (*Vault, error) {
	v := &Vault{folder: h.folder, lock: h.lock, created: h.New()}
	var err error
	if v.created {
		v.dataKey, err = unlock.create(h.folder)
	} else {
		v.dataKey, v.generation, err = unlock.open(h.slotsPath(), h.slots)
	}
	if err != nil {
		return nil, err
	}
	if !h.formatted { // last: a FORMAT says that the key slots are there
		if err := h.folder.mark(formatVersionFirst); err != nil {
			clear(v.dataKey)
			return nil, err
		}
	}
	h.lock = nil
	return v, nil
}

// Close gives back a folder that was not opened. After Open it does nothing.
func (h *Held) Close() error {
	if h.lock == nil {
		return nil
	}
	return h.lock.Close()
}

func (h *Held) slotsPath() string { return filepath.Join(h.folder.path, keyslotsName) }
