package vault

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"

	"github.com/gofrs/flock"
)

// Held is a folder that no other program can use, and that is not unlocked yet.
type Held struct {
	folder    folder
	lock      *flock.Flock
	formatted bool
	slots     []byte // what the key slots hold; nil: the folder is new
}

// Hold makes dir private and locks it, and reads what says how it is unlocked. Its errors are those of Open that do not
// come of an Unlock. Who does not open it calls Close.
func Hold(dir string) (*Held, error) { return hold(dir, nil) }

func hold(dir string, crash func(string) error) (_ *Held, err error) {
	if err := PrivateFolder(dir); err != nil {
		return nil, err
	}
	h := &Held{folder: folder{dir, crash}, lock: flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))}
	locked, err := h.lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", dir, err)
	}
	if !locked {
		return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
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
	v := &Vault{dir: h.folder.path, lock: h.lock, created: h.New()}
	var err error
	if v.created {
		v.dataKey, err = unlock.create(h.folder)
	} else {
		v.dataKey, err = unlock.open(h.slotsPath(), h.slots)
	}
	if err != nil {
		return nil, err
	}
	if !h.formatted { // last: a FORMAT says that the key slots are there
		line := formatPrefix + strconv.Itoa(formatVersion) + "\n"
		if err := h.folder.write(formatName, []byte(line)); err != nil {
			clear(v.dataKey)
			return nil, fmt.Errorf("writing %s: %w", formatName, err)
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
