package lock

import (
	"errors"
	"strings"
)

// What can be wrong. Every error of this package wraps one of these.
var (
	// ErrKey: a public or private key is malformed or of a kind that is not known.
	ErrKey = errors.New("lock: not a key")
	// ErrPassphrase: a passphrase is too short, too long or wrong.
	ErrPassphrase = errors.New("lock: the passphrase does not fit")
	// ErrNoKey: none of the keys that were tried opens it. It comes as a *NoKeyError.
	ErrNoKey = errors.New("lock: no key opens it")
	// ErrFormat: it is no age file, or damaged.
	ErrFormat = errors.New("lock: not a locked file")
	// ErrCostly: to open it would cost more than is spent.
	ErrCostly = errors.New("lock: too costly to open")
	// ErrTooLong: there are too many keys, or the text is too long.
	ErrTooLong = errors.New("lock: too long")
)

// NoKeyError says for what kinds of key something is locked that no given key opened. It is ErrNoKey.
type NoKeyError struct {
	Info Info // of what was to be opened
}

// Error implements error.
func (e *NoKeyError) Error() string {
	words := make([]string, 0, len(e.Info.Kinds))
	for _, kind := range e.Info.Kinds {
		words = append(words, string(kind))
	}
	return "lock: no key opens it: it is locked for " + strings.Join(words, ", ")
}

// Unwrap returns ErrNoKey.
func (e *NoKeyError) Unwrap() error { return ErrNoKey }
