package queue

import (
	"errors"
	"fmt"

	"muster.example/internal/keys"
)

// The errors that callers tell apart.
var (
	// ErrFull means that there is no room now: a quota or the disk. The same Put may succeed later.
	ErrFull = errors.New("queue: full")
	// ErrItem means that an item has no recipient or is beyond a limit: it can never be put.
	ErrItem = errors.New("queue: not an item that can be queued")
	// ErrUnavailable means that the engine cannot be reached, or cannot make anything durable now. The same Put may succeed later.
	ErrUnavailable = errors.New("queue: unavailable")
	// ErrClosed means that Run has ended or Close was called.
	ErrClosed = errors.New("queue: closed")
	// ErrLocked means that another process has the folder open.
	ErrLocked = errors.New("queue: another process has the queue open")
	// ErrFormat means that the folder was written by a newer program, or is not a queue's.
	ErrFormat = errors.New("queue: unknown queue format")
	// ErrCorrupt is in every error that names damage on disk.
	ErrCorrupt = errors.New("queue: damaged")
)

// FullError is an ErrFull for some of an item's recipients: without them the item may be accepted.
type FullError struct{ Devices []keys.PublicKey }

// Error implements error.
func (e *FullError) Error() string {
	return fmt.Sprintf("queue: full for %d of the recipients", len(e.Devices))
}

// Unwrap makes the error match ErrFull.
func (e *FullError) Unwrap() error { return ErrFull }
