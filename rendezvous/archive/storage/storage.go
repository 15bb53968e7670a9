// Package storage says what the archive asks of the place where its segments lie: that an object can be created there and
// read, and nothing else. What takes that place is folder or bucket; storagetest is what both must pass.
//
// It must not know what objects hold.
package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// The errors that callers tell apart.
var (
	ErrExists   = errors.New("storage: an object of this name is there")
	ErrNotFound = errors.New("storage: no object of this name")
	ErrFull     = errors.New("storage: no room")
	ErrName     = errors.New("storage: not a name of an object")
)

// Storage is where segments lie. It is safe for concurrent use.
type Storage interface {
	// Create puts an object there. When it returns nil, the object outlives a loss of power; ErrExists means that there is
	// one of that name, with whatever content, and that nothing was changed. After another error the object may be there.
	Create(ctx context.Context, name string, data []byte) error
	// Read returns what an object of a name was created with, at most max bytes, whatever was done to it later where the
	// storage can tell. Errors: ErrNotFound.
	Read(ctx context.Context, name string, max int64) ([]byte, error)
	// List visits the objects whose names begin with prefix and come behind after, in the order of their names.
	List(ctx context.Context, prefix, after string, visit func(Object) error) error
	// String names the place for people, without anything secret.
	String() string
}

// Object is what List knows of one.
type Object struct {
	Name string
	Size int64 // bytes, of what it was created with
	// Touched says what somebody tried to do to it since, where the storage can tell: "" is nothing.
	Touched string
}

// MaxName is the longest name in bytes.
const MaxName = 128

// CheckName returns nil for a name that every storage takes: parts of letters, digits, dots and hyphens, with one slash
// between two of them, none of which begins with a dot. Else ErrName.
func CheckName(name string) error {
	if len(name) > MaxName {
		return fmt.Errorf("%w: %d bytes", ErrName, len(name))
	}
	for part := range strings.SplitSeq(name, "/") {
		plain := part != "" && part[0] != '.'
		for _, c := range []byte(part) {
			plain = plain && (c == '.' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z')
		}
		if !plain {
			return fmt.Errorf("%w: %q", ErrName, name)
		}
	}
	return nil
}
