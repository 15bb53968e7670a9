package vault

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
)

// Kind is what a way to unlock a folder needs.
type Kind string

// The kinds of ways.
const (
	ByPassphrase Kind = "passphrase"
	ByKeyFile    Kind = "key_file"
	ByKeyring    Kind = "keyring"
)

var kinds = map[slotKind]Kind{slotPassphrase: ByPassphrase, slotKeyFile: ByKeyFile, slotKeyring: ByKeyring}

// Way is one way to unlock a folder. It holds nothing secret.
type Way struct {
	Number int // its place, from 1: what Change names it by
	Kind   Kind
	Cost   *Parameters // of a passphrase
}

func (k *keyslots) ways() []Way {
	all := make([]Way, 0, len(k.body.Slots))
	for i, s := range k.body.Slots {
		h, err := s.header()
		if err != nil { // parseKeyslots has looked
			continue
		}
		all = append(all, Way{Number: i + 1, Kind: kinds[h.Kind], Cost: h.Cost})
	}
	return all
}

// Change says what becomes of the ways to unlock a folder. All of it is done, or nothing.
type Change struct {
	// Proof unlocks the folder as it is. Whoever changes its ways has to show one, though it is open.
	Proof Unlock
	// Passphrase, if not nil, is the new one: in place of the old, or beside the other ways. Change overwrites it with zeros.
	Passphrase []byte
	// Parameters are the cost of the new passphrase. Nil: measured on this machine.
	Parameters *Parameters
	// KeyFile, if not empty, is the path of a key file that is to unlock the folder too. It is made if there is none.
	KeyFile string
	// Keyring, if not nil, is the secret that lies in the keyring, in place of an earlier one. Change overwrites it with zeros.
	Keyring []byte
	// Remove are the numbers of ways that go.
	Remove []int
}

// Ways returns the ways to unlock the folder as they are now.
func (v *Vault) Ways() ([]Way, error) {
	v.changing.Lock()
	defer v.changing.Unlock()
	k, err := v.keyslots()
	if err != nil {
		return nil, err
	}
	return k.ways(), nil
}

// ID returns the random name of the folder, 32 hexadecimal digits, which is no secret.
func (v *Vault) ID() (string, error) {
	v.changing.Lock()
	defer v.changing.Unlock()
	k, err := v.keyslots()
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(k.body.ID[:]), nil
}

// Change replaces the key slots by one rename, durably: after a crash there are either the old ones or the new. The data key stays,
// and so does all that is encrypted under it. Errors are those of Open for the proof; ErrLastWay if neither passphrase nor key file
// would be left, ErrNoSlot for a number that there is not, ErrPassphrase, ErrKeyFile, ErrDamaged. After an error nothing has changed, but a key file may
// have been made that opens nothing.
func (v *Vault) Change(c Change) error {
	v.changing.Lock()
	defer v.changing.Unlock()
	defer clear(c.Passphrase)
	defer clear(c.Keyring)
	k, err := v.keyslots()
	if err != nil {
		return err
	}
	if err := v.prove(c.Proof); err != nil {
		return err
	}
	left, err := k.without(c)
	if err != nil {
		return err
	}
	added, err := v.wrapNew(k.body.ID, c)
	if err != nil {
		return err
	}
	slots := slices.Concat(left, added)
	switch {
	case !slices.ContainsFunc(slots, slot.isOwn):
		return ErrLastWay
	case len(slots) > maxSlots:
		return fmt.Errorf("a folder has at most %d ways to unlock it", maxSlots)
	}
	if err := v.folder.write(keyslotsName, encodeKeyslots(slotsBody{ID: k.body.ID, Slots: slots, Generation: v.generation}, v.dataKey)); err != nil {
		return fmt.Errorf("writing the key slots: %w", err)
	}
	return nil
}

// Proves reports by its error whether u unlocks the folder: nil if it does, else an error of Open's.
func (v *Vault) Proves(u Unlock) error {
	v.changing.Lock()
	defer v.changing.Unlock()
	return v.prove(u)
}

func (v *Vault) prove(u Unlock) error {
	data, err := v.folder.read(keyslotsName, maxKeyslots)
	if err != nil {
		return fmt.Errorf("reading the key slots: %w", err)
	}
	path := filepath.Join(v.folder.path, keyslotsName)
	dataKey, _, err := u.open(path, data)
	if err != nil {
		return err
	}
	defer clear(dataKey)
	if subtle.ConstantTimeCompare(dataKey, v.dataKey) != 1 {
		return fmt.Errorf("%s: %w: it is another folder's", path, ErrDamaged)
	}
	return nil
}

// keyslots reads the slots of the open folder, and sees that they are those of its data key.
func (v *Vault) keyslots() (*keyslots, error) {
	path := filepath.Join(v.folder.path, keyslotsName)
	data, err := v.folder.read(keyslotsName, maxKeyslots)
	if err != nil {
		return nil, fmt.Errorf("reading the key slots: %w", err)
	}
	k, err := parseKeyslots(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if k.body.Generation != v.generation || !k.authentic(v.dataKey) {
		return nil, fmt.Errorf("%s: %w: it was changed by somebody without the key", path, ErrDamaged)
	}
	return k, nil
}

// without returns the slots that stay.
func (k *keyslots) without(c Change) ([]slot, error) {
	for _, number := range c.Remove {
		if number < 1 || number > len(k.body.Slots) {
			return nil, fmt.Errorf("%w: there is no way number %d", ErrNoSlot, number)
		}
	}
	var left []slot
	for i, s := range k.body.Slots {
		h, err := s.header()
		if err != nil {
			return nil, err
		}
		replaced := h.Kind == slotPassphrase && c.Passphrase != nil || h.Kind == slotKeyring && c.Keyring != nil
		if !replaced && !slices.Contains(c.Remove, i+1) {
			left = append(left, s)
		}
	}
	return left, nil
}

// isOwn reports whether a slot opens without the keyring, which a system may lose.
func (s slot) isOwn() bool {
	h, err := s.header()
	return err == nil && h.Kind != slotKeyring
}

// wrapNew makes the slots that are added.
func (v *Vault) wrapNew(id [16]byte, c Change) ([]slot, error) {
	var added []slot
	add := func(h slotHeader, secret []byte) error {
		defer clear(secret)
		s, err := wrap(rand.Reader, id, h, secret, v.dataKey)
		if err != nil {
			return fmt.Errorf("making the key slot: %w", err)
		}
		added = append(added, s)
		return nil
	}
	if c.Passphrase != nil {
		cost, err := c.Parameters.orMeasured()
		if err != nil {
			return nil, err
		}
		secret, err := Unlock{Passphrase: func(bool) ([]byte, error) { return c.Passphrase, nil }}.passphrase(true)
		if err != nil {
			return nil, err
		}
		if err := add(slotHeader{Kind: slotPassphrase, Cost: &cost}, secret); err != nil {
			return nil, err
		}
	}
	if c.KeyFile != "" {
		secret, err := readOrMakeKeyFile(c.KeyFile, v.folder.crash)
		if err != nil {
			return nil, err
		}
		if err := add(slotHeader{Kind: slotKeyFile}, secret); err != nil {
			return nil, err
		}
	}
	if c.Keyring != nil {
		if len(c.Keyring) != keySize {
			return nil, fmt.Errorf("%w: a keyring's secret has %d bytes", ErrWrongKeyring, keySize)
		}
		if err := add(slotHeader{Kind: slotKeyring}, slices.Clone(c.Keyring)); err != nil {
			return nil, err
		}
	}
	return added, nil
}
