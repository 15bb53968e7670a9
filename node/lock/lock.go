package lock

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// Lock is what something is locked with: keys, or a passphrase. It can be used any number of times.
type Lock struct {
	recipients []Recipient
	passphrase []byte
	turn       sync.Locker
}

// ForKeys locks for all of some keys: each alone opens it. Errors wrap ErrKey or ErrTooLong.
func ForKeys(recipients ...Recipient) (Lock, error) {
	var distinct []Recipient
	for _, r := range recipients {
		if !slices.ContainsFunc(distinct, func(have Recipient) bool { return have.text == r.text }) {
			distinct = append(distinct, r)
		}
	}
	switch {
	case len(distinct) == 0:
		return Lock{}, fmt.Errorf("%w: there is no key to lock for", ErrKey)
	case len(distinct) > MaxRecipients:
		return Lock{}, fmt.Errorf("%w: %d keys, where one lock is for %d", ErrTooLong, len(distinct), MaxRecipients)
	}
	return Lock{recipients: distinct}, nil
}

// ForPassphrase locks with a passphrase, of which it keeps a copy until Clear. turn, if not nil, is held while scrypt works,
// which takes 256 MiB each time. Errors wrap ErrPassphrase.
func ForPassphrase(passphrase []byte, turn sync.Locker) (Lock, error) {
	switch {
	case len(passphrase) < MinPassphrase || len(passphrase) > MaxPassphrase:
		return Lock{}, fmt.Errorf("%w: it has %d bytes, where %d to %d are allowed", ErrPassphrase, len(passphrase), MinPassphrase, MaxPassphrase)
	case !utf8.Valid(passphrase):
		return Lock{}, fmt.Errorf("%w: it is not UTF-8", ErrPassphrase)
	}
	return Lock{passphrase: bytes.Clone(passphrase), turn: turn}, nil
}

// Clear erases the passphrase. The lock is of no use afterwards.
func (l *Lock) Clear() {
	clear(l.passphrase)
	*l = Lock{}
}

// Copy returns the same lock with a copy of its own of the passphrase, which its user clears.
func (l Lock) Copy() Lock {
	l.passphrase = bytes.Clone(l.passphrase)
	return l
}

// ByPassphrase reports whether it is a passphrase.
func (l Lock) ByPassphrase() bool { return len(l.passphrase) > 0 }

// Recipients returns the keys, none for a passphrase.
func (l Lock) Recipients() []Recipient { return slices.Clone(l.recipients) }

// PostQuantum reports whether all keys are, or it is a passphrase, which is no weaker for that.
func (l Lock) PostQuantum() bool {
	return !slices.ContainsFunc(l.recipients, func(r Recipient) bool { return r.Kind != KindHybrid })
}

// Stream returns the locked form of what src has, as a binary age file.
func (l Lock) Stream(src io.Reader) (io.Reader, error) {
	recipients, err := l.age()
	if err != nil {
		return nil, err
	}
	if l.turn != nil {
		l.turn.Lock()
		defer l.turn.Unlock()
	}
	locked, err := age.EncryptReader(src, recipients...)
	if err != nil {
		return nil, fmt.Errorf("locking: %w", err)
	}
	return locked, nil
}

// Text returns the locked form of a text: an age file in its armor, which stands for the text wherever that would.
func (l Lock) Text(text string) (string, error) {
	locked, err := l.Stream(strings.NewReader(text))
	if err != nil {
		return "", err
	}
	var out strings.Builder
	w := armor.NewWriter(&out)
	if _, err := io.Copy(w, locked); err != nil {
		return "", fmt.Errorf("locking: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("locking: %w", err)
	}
	return out.String(), nil
}

func (l Lock) age() (all []age.Recipient, err error) {
	if len(l.passphrase) > 0 {
		r, err := age.NewScryptRecipient(string(l.passphrase))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
		}
		r.SetWorkFactor(workFactor)
		return []age.Recipient{r}, nil
	}
	if len(l.recipients) == 0 {
		return nil, fmt.Errorf("%w: the lock was erased", ErrKey)
	}
	quantum := l.PostQuantum()
	for _, r := range l.recipients {
		if r.Kind == KindHybrid && !quantum {
			all = append(all, wrapped{r.age})
			continue
		}
		all = append(all, r.age)
	}
	return all, nil
}

// workFactor is WorkFactor but in tests, which lock many times.
var workFactor = WorkFactor
