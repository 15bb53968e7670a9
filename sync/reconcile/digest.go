package reconcile

import (
	"encoding/binary"
	"math/bits"

	"muster.example/internal/keys"
)

// Digest says of a whole set whether it is that of another, and is kept as items come and go. Two sets of one digest are equal
// but if somebody who could choose items made them so: it saves a session, and does not take the place of one for long.
// [SYNC-8]
type Digest struct {
	Count uint64   `cbor:"1,keyasint"`
	Sum   [32]byte `cbor:"2,keyasint"` // of the ids as little-endian numbers, modulo 2^256
}

// Add takes in an item that was not in the set.
func (d *Digest) Add(id [IDSize]byte) {
	var carry uint64
	for i := 0; i < len(d.Sum); i += 8 {
		var word uint64
		word, carry = bits.Add64(binary.LittleEndian.Uint64(d.Sum[i:]), binary.LittleEndian.Uint64(id[i:]), carry)
		binary.LittleEndian.PutUint64(d.Sum[i:], word)
	}
	d.Count++
}

// Remove takes out an item that was in the set.
func (d *Digest) Remove(id [IDSize]byte) {
	var borrow uint64
	for i := 0; i < len(d.Sum); i += 8 {
		var word uint64
		word, borrow = bits.Sub64(binary.LittleEndian.Uint64(d.Sum[i:]), binary.LittleEndian.Uint64(id[i:]), borrow)
		binary.LittleEndian.PutUint64(d.Sum[i:], word)
	}
	d.Count--
}

// Print returns the digest as it is told under a session's key. [SYNC-8]
func (d Digest) Print(key [32]byte) Print {
	id := keys.Hash[Digest](keys.DomainReconcile, key[:], d.Sum[:], binary.LittleEndian.AppendUint64(nil, d.Count))
	return Print(id[:PrintSize])
}
