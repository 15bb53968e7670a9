package vault

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
)

// Secrets are what unlocks a folder now, one for each way that is to unlock it under a new data key too. The vault overwrites none.
type Secrets struct {
	Passphrase []byte   // nil: it was not given
	KeyFiles   []string // their paths
	Keyring    []byte   // nil: it was not given
}

// Renewal is a new data key of an open folder, which counts from Commit on.
type Renewal struct {
	v          *Vault
	id         [16]byte
	dataKey    []byte
	generation uint64
	slots      []slot
	dropped    []Way
}

// Renew makes a new data key, and wraps it for each way whose secret was given. Nothing is written. Errors: ErrWrongPassphrase,
// ErrWrongKeyFile, ErrWrongKeyring for a secret that unlocks nothing; ErrNoKeyFile, ErrKeyFile, ErrPassphrase; ErrLastWay if neither
// passphrase nor key file would be left; ErrDamaged. Who does not commit it calls Forget.
func (v *Vault) Renew(s Secrets) (_ *Renewal, err error) {
	v.changing.Lock()
	defer v.changing.Unlock()
	k, err := v.keyslots()
	if err != nil {
		return nil, err
	}
	if k.body.Generation == math.MaxUint64 {
		return nil, fmt.Errorf("%w: there is no generation after the last", ErrDamaged)
	}
	given, err := s.read()
	if err != nil {
		return nil, err
	}
	defer given.forget()
	r := &Renewal{v: v, id: k.body.ID, generation: k.body.Generation + 1, dataKey: make([]byte, keySize)}
	rand.Read(r.dataKey) //nolint:errcheck // never fails
	defer func() {
		if err != nil {
			r.Forget()
		}
	}()
	for i, way := range k.ways() {
		if err := r.add(k.body.Slots[i], way, given); err != nil {
			return nil, err
		}
	}
	return r, r.check(given)
}

// secret is one of Secrets, and whether a slot opened by it.
type secret struct {
	kind  slotKind
	bytes []byte
	wrong error
	used  bool
}

type secrets []*secret

// read gets the secrets in the form in which slots take them.
func (s Secrets) read() (all secrets, err error) {
	defer func() {
		if err != nil {
			all.forget()
		}
	}()
	if s.Passphrase != nil {
		text, err := Unlock{Passphrase: func(bool) ([]byte, error) { return append([]byte(nil), s.Passphrase...), nil }}.passphrase(false)
		if err != nil {
			return all, err
		}
		all = append(all, &secret{kind: slotPassphrase, bytes: text, wrong: ErrWrongPassphrase})
	}
	for _, path := range s.KeyFiles {
		text, err := readKeyFile(path)
		if err != nil {
			return all, err
		}
		all = append(all, &secret{kind: slotKeyFile, bytes: text, wrong: fmt.Errorf("%w: %s", ErrWrongKeyFile, path)})
	}
	if s.Keyring != nil {
		all = append(all, &secret{kind: slotKeyring, bytes: append([]byte(nil), s.Keyring...), wrong: ErrWrongKeyring})
	}
	return all, nil
}

func (all secrets) forget() {
	for _, s := range all {
		clear(s.bytes)
	}
}

// add wraps the new key as a slot has the old one wrapped, or notes that the slot is dropped.
func (r *Renewal) add(old slot, way Way, given secrets) error {
	h, err := old.header()
	if err != nil {
		return err
	}
	for _, s := range given {
		if s.kind != h.Kind {
			continue
		}
		dataKey, opens := old.unwrap(r.id, s.bytes)
		same := opens && subtle.ConstantTimeCompare(dataKey, r.v.dataKey) == 1
		clear(dataKey)
		if !same {
			continue
		}
		s.used = true
		made, err := wrap(rand.Reader, r.id, slotHeader{Kind: h.Kind, Cost: h.Cost}, s.bytes, r.dataKey)
		if err != nil {
			return fmt.Errorf("making the key slot: %w", err)
		}
		r.slots = append(r.slots, made)
		return nil
	}
	r.dropped = append(r.dropped, way)
	return nil
}

// check refuses secrets that unlock nothing, and slots that a lost keyring would make useless.
func (r *Renewal) check(given secrets) error {
	for _, s := range given {
		if !s.used {
			return s.wrong
		}
	}
	for _, s := range r.slots {
		if s.isOwn() {
			return nil
		}
	}
	return ErrLastWay
}

// Dropped returns the ways that do not unlock the folder any more once the renewal is committed, as they are numbered now.
func (r *Renewal) Dropped() []Way { return r.dropped }

// Generation returns that of the new key.
func (r *Renewal) Generation() uint64 { return r.generation }

// Key returns the key for one use as Vault.Key does, of the new data key.
func (r *Renewal) Key(use string) [32]byte { return derive(r.dataKey, "use "+use) }

// Path returns where something lies that is under the new data key.
func (r *Renewal) Path(name string) string {
	return filepath.Join(r.v.folder.path, filepath.FromSlash(Named(name, r.generation)))
}

// WriteSealed is Vault.WriteSealed under the new data key. What is there under the old one stays.
func (r *Renewal) WriteSealed(name string, plain []byte) error {
	return r.v.folder.writeSealed(name, r.generation, r.Key("file "+name), plain)
}

// Forget gives up a renewal that was not committed.
func (r *Renewal) Forget() { clear(r.dataKey) }

// Commit replaces the key slots by one rename, durably: after a crash either the old data key counts with everything under it, or the
// new one. What lies under the new one must be durable before. The vault is of the new key from then on. step, if not nil, is
// called before each step; its error stops as a crash would. After an error of another kind the old key counts, or it is not known which.
func (r *Renewal) Commit(step func(string) error) error {
	r.v.changing.Lock()
	defer r.v.changing.Unlock()
	f := folder{path: r.v.folder.path, crash: step}
	if err := f.mark(formatVersionGeneration); err != nil { // before what older programs cannot read
		return err
	}
	replaced := f.openReplaced(keyslotsName)
	body := slotsBody{ID: r.id, Slots: r.slots, Generation: r.generation}
	if err := f.write(keyslotsName, encodeKeyslots(body, r.dataKey)); err != nil {
		if replaced != nil {
			replaced.Close() //nolint:errcheck // nothing was written
		}
		return fmt.Errorf("writing the key slots: %w", err)
	}
	copy(r.v.dataKey, r.dataKey)
	r.v.generation = r.generation
	clear(r.dataKey)
	return f.zero(replaced, keyslotsName)
}

// openReplaced opens a file that is about to be replaced, to be overwritten then; nil where the system has no such thing.
func (f folder) openReplaced(name string) *os.File {
	if runtime.GOOS == "windows" { // an open file cannot be replaced there
		return nil
	}
	file, err := os.OpenFile(filepath.Join(f.path, name), os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	return file
}

// zero overwrites a file that has been replaced. Nothing hangs on it: many disks write elsewhere.
func (f folder) zero(file *os.File, name string) error {
	if file == nil {
		return nil
	}
	if err := f.at("zero " + name); err != nil {
		return errors.Join(err, file.Close())
	}
	old, err := file.Stat()
	var now os.FileInfo
	if err == nil {
		now, err = os.Lstat(filepath.Join(f.path, name))
	}
	if err == nil && !os.SameFile(old, now) {
		if _, err := io.CopyN(io.NewOffsetWriter(file, 0), zeroes{}, old.Size()); err == nil {
			file.Sync() //nolint:errcheck // it is done as well as the disk lets it be
		}
	}
	file.Close() //nolint:errcheck // it is nobody's any more
	return nil
}

// zeroes is an endless row of them.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
