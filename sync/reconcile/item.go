package reconcile

import (
	"bytes"
	"cmp"
)

// IDSize and NameSize are the bytes of an item's id, and of the part of it that names the item in a frame.
const (
	IDSize   = 32
	NameSize = 16
)

// Item is one element of a set: a hash of what it stands for, and a time, in any unit, which only orders. Items that come
// into being together should have times that are close: differences are then few ranges. [SYNC-1]
type Item struct {
	Time uint64
	ID   [IDSize]byte
}

// Name names an item within a range: the first bytes of its id. [SYNC-6]
type Name [NameSize]byte

// Name returns the item's name.
func (i Item) Name() Name { return Name(i.ID[:NameSize]) }

// Compare orders items by time, then by id. [SYNC-1]
func (i Item) Compare(other Item) int {
	return cmp.Or(cmp.Compare(i.Time, other.Time), bytes.Compare(i.ID[:], other.ID[:]))
}
