package reconcile

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"slices"

	"muster.example/internal/keys"
)

// PrintSize is the length of a fingerprint in bytes.
const PrintSize = 16

// Print is the fingerprint of a range: equal for equal ranges, and different for others but with a probability that nobody
// who does not know the key can raise. [SYNC-2]
type Print [PrintSize]byte

// Set is a set of items in order, with what it takes to fingerprint any range of it at once. It does not change; it takes 56
// bytes an item. Safe for concurrent use.
type Set struct {
	key   [32]byte
	items []Item
	sums  []sum // at place i, of all items before it
}

// NewSet returns the set of the items, each once, under a key that both sides agreed on for one session. It takes over the
// slice. [SYNC-2]
func NewSet(key [32]byte, items []Item) *Set {
	slices.SortFunc(items, Item.Compare)
	s := &Set{key: key, items: slices.Compact(items)}
	s.sums = make([]sum, len(s.items)+1)
	for i, item := range s.items {
		s.sums[i+1] = s.sums[i].plus(s.hash(item))
	}
	return s
}

// Len returns the number of items.
func (s *Set) Len() int { return len(s.items) }

// Slice returns the items from a bound to another, in order. It must not be changed.
func (s *Set) Slice(from, to Bound) []Item {
	a, b := s.span(from, to)
	return s.items[a:b]
}

// span returns the places of the first item of a range and of the one after its last.
func (s *Set) span(from, to Bound) (a, b int) {
	a = s.search(from)
	return a, max(a, s.search(to))
}

// search returns the place of the first item that is not before the bound.
func (s *Set) search(b Bound) int {
	if b.end {
		return len(s.items)
	}
	i, _ := slices.BinarySearchFunc(s.items, b.item, Item.Compare)
	return i
}

// print fingerprints the items from place a to before place b. [SYNC-2]
func (s *Set) print(a, b int) Print {
	total := s.sums[b].minus(s.sums[a])
	var data [24]byte
	binary.LittleEndian.PutUint64(data[:], total.low)
	binary.LittleEndian.PutUint64(data[8:], total.high)
	binary.LittleEndian.PutUint64(data[16:], uint64(b-a))
	id := keys.Hash[Set](keys.DomainReconcile, data[:])
	return Print(id[:PrintSize])
}

// hash is what an item adds to the sum: a keyed hash, so that nobody who does not know the key in time can make up items
// whose sums are equal. [SYNC-2]
func (s *Set) hash(item Item) sum {
	var data [2 * IDSize]byte
	copy(data[:], s.key[:])
	copy(data[IDSize:], item.ID[:])
	digest := sha256.Sum256(data[:])
	return sum{low: binary.LittleEndian.Uint64(digest[:]), high: binary.LittleEndian.Uint64(digest[8:])}
}

// sum is a number modulo 2^128.
type sum struct{ low, high uint64 }

func (s sum) plus(other sum) sum {
	low, carry := bits.Add64(s.low, other.low, 0)
	high, _ := bits.Add64(s.high, other.high, carry)
	return sum{low, high}
}

func (s sum) minus(other sum) sum {
	low, borrow := bits.Sub64(s.low, other.low, 0)
	high, _ := bits.Sub64(s.high, other.high, borrow)
	return sum{low, high}
}
