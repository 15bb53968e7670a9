package kv

import "errors"

// The errors that callers tell apart.
var (
	ErrNotFound = errors.New("kv: no such key")
	ErrKey      = errors.New("kv: this is not the key of the store")
	ErrLocked   = errors.New("kv: another process has the store open")
	ErrCorrupt  = errors.New("kv: damaged store")
	ErrFormat   = errors.New("kv: unknown store format")
	ErrFull     = errors.New("kv: disk full")
	ErrTooLarge = errors.New("kv: more than one update can hold")
	ErrClosed   = errors.New("kv: store is closed")
	ErrReadOnly = errors.New("kv: write in a view")
)
