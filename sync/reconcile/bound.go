package reconcile

import (
	"bytes"
	"math"
)

// Bound is a place between items: before every item that is not less than it. The zero value is before all. [SYNC-3]
type Bound struct {
	item Item // the least item that it could be before
	end  bool // after all items
}

// At returns the bound before all items of a time and later ones.
func At(time uint64) Bound { return Bound{item: Item{Time: time}} }

// Time returns the time of the least item that could lie behind the bound: the last of all times at the end.
func (b Bound) Time() uint64 {
	if b.end {
		return math.MaxUint64
	}
	return b.item.Time
}

// Least returns the least item that could lie behind the bound, or that there is none.
func (b Bound) Least() (item Item, isEnd bool) { return b.item, b.end }

// Before reports whether an item lies behind the bound.
func (b Bound) Before(item Item) bool { return !b.end && b.item.Compare(item) <= 0 }

// End is the bound after all items.
var End = Bound{end: true}

// Compare orders bounds.
func (b Bound) Compare(other Bound) int {
	switch {
	case b.end && other.end:
		return 0
	case b.end:
		return 1
	case other.end:
		return -1
	}
	return b.item.Compare(other.item)
}

// between returns the bound between two items that follow one another, with as few bytes as tell them apart.
func between(last, next Item) Bound {
	if last.Time < next.Time {
		return Bound{item: Item{Time: next.Time}}
	}
	b := Bound{item: Item{Time: next.Time}}
	for i := range next.ID {
		b.item.ID[i] = next.ID[i]
		if last.ID[i] != next.ID[i] {
			break
		}
	}
	return b
}

// prefix returns the id's bytes up to the last that is not zero: as a bound travels.
func (b Bound) prefix() []byte { return bytes.TrimRight(b.item.ID[:], "\x00") }
