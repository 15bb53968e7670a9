package backup

import "errors"

// What may be wrong. Errors of the functions wrap these, and those of the Folder.
var (
	// ErrFull means that the drive has no room left. What was there before is there still.
	ErrFull = errors.New("backup: the drive is full")
	// ErrGone is what a Load answers for an item that is no more.
	ErrGone = errors.New("backup: the item is there no more")
	// ErrNotFound means that there is no repository of that name.
	ErrNotFound = errors.New("backup: there is no such repository")
	// ErrOther means that the keys open nothing of the repository: it belongs to other recovery words.
	ErrOther = errors.New("backup: the repository belongs to other recovery words")
	// ErrNewer means that a newer version of the program has written there.
	ErrNewer = errors.New("backup: written by a newer version: update the program")
	// ErrDamaged means that something on the drive is not what was written.
	ErrDamaged = errors.New("backup: damaged")
	// ErrReadBack means that the drive gave back other bytes than it took: it is broken, or has less room than it says.
	ErrReadBack = errors.New("backup: the drive does not give back what was written to it")
	// ErrItem means that a Source gave an item that cannot be: beyond a limit, or without a kind.
	ErrItem = errors.New("backup: an item that cannot be kept")
)
