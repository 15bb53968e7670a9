package segment

import (
	"crypto/hpke"
	"encoding/binary"
	"fmt"

	"muster.example/internal/keys"
)

// Read is a segment whose index and head are of valid form and belong together, and whose signature holds for the service
// that it names. Of its items nothing is checked yet.
type Read struct {
	Index
	Head SignedHead

	items []byte // as many as are there
	start []int  // where each begins
}

// Parse reads a segment. It says nothing of its items, which may be damaged or cut off, and nothing of its place in a chain.
// Errors: ErrForm, ErrSignature. [ARC-40] [ARC-41] [ARC-44]
func Parse(data []byte) (*Read, error) {
	const fixed = len(magic) + 8
	if len(data) > MaxBytes || len(data) < fixed || string(data[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: %d bytes that are no segment", ErrForm, len(data))
	}
	indexSize, headSize := binary.BigEndian.Uint32(data[len(magic):]), binary.BigEndian.Uint32(data[len(magic)+4:])
	rest := data[fixed:]
	if indexSize > maxIndex || headSize > maxHead || int(indexSize)+int(headSize) > len(rest) {
		return nil, fmt.Errorf("%w: an index of %d bytes and a head of %d", ErrForm, indexSize, headSize)
	}
	encoded, head, items := rest[:indexSize], rest[indexSize:indexSize+headSize], rest[indexSize+headSize:]
	signed, err := OpenHead(head)
	if err != nil {
		return nil, err
	}
	if signed.Segment != hashOf(encoded) {
		return nil, fmt.Errorf("%w: the index is not the one that the head names", ErrForm)
	}
	index, err := parseIndex(encoded)
	if err != nil {
		return nil, err
	}
	want := Head{Org: index.Org, Service: index.Service, Number: index.Number, Segment: signed.Segment, Items: index.Last(), Made: index.Made}
	if signed.Head != want {
		return nil, fmt.Errorf("%w: index and head differ", ErrForm)
	}
	read := &Read{Index: index, Head: signed, items: items}
	for at, i := 0, 0; i < len(index.Items); i++ {
		read.start = append(read.start, at)
		at += int(index.Items[i].Size)
	}
	return read, nil
}

// Sealed returns an item as it lies there, by its place from 0. Errors: ErrMissing if the segment ends before the end of it,
// ErrDamaged. [ARC-42]
func (r *Read) Sealed(place int) ([]byte, error) {
	end := r.start[place] + int(r.Items[place].Size)
	if end > len(r.items) {
		return nil, ErrMissing
	}
	sealed := r.items[r.start[place]:end]
	if hashItem(sealed) != r.Items[place].Hash {
		return nil, ErrDamaged
	}
	return sealed, nil
}

// Surplus returns how many bytes lie behind the last item, which nothing accounts for. [ARC-40]
func (r *Read) Surplus() int {
	last := len(r.Items) - 1
	return max(0, len(r.items)-r.start[last]-int(r.Items[last].Size))
}

// Follows returns nil if the segment is the next one of the chain that a head ends, else ErrChain. [ARC-45]
func (r *Read) Follows(h Head) error {
	switch {
	case r.Org != h.Org || r.Service != h.Service:
		return fmt.Errorf("%w: it is of another organization or service", ErrChain)
	case r.Before != h.Number || r.Previous != h.Segment:
		return fmt.Errorf("%w: it names segment %d with hash %s, not segment %d with hash %s", ErrChain,
			r.Before, r.Previous.Short(), h.Number, h.Segment.Short())
	case r.First != h.Items+1:
		return fmt.Errorf("%w: its first item is number %d, not %d", ErrChain, r.First, h.Items+1)
	}
	return nil
}

// Opener opens the items of one segment.
type Opener struct {
	read *Read
	key  itemKey
}

// Opener returns what opens the segment's items with the private half of the archive's key. Errors: ErrKey if they are
// sealed to another. [ARC-43]
func (r *Read) Opener(private hpke.PrivateKey) (*Opener, error) {
	if KeyIDOf(private.PublicKey().Bytes()) != r.Key {
		return nil, fmt.Errorf("%w: %s", ErrKey, r.Key.Short())
	}
	key, err := findItemKey(private, r.Encapsulation, sealInfo(r.Org, r.Service, r.Number, r.Previous))
	if err != nil {
		return nil, err
	}
	return &Opener{read: r, key: key}, nil
}

// Open returns an item by its place from 0. Errors: ErrMissing, ErrDamaged, ErrOpen, ErrForm. [ARC-42]
func (o *Opener) Open(place int) (Named, error) {
	sealed, err := o.read.Sealed(place)
	if err != nil {
		return Named{}, err
	}
	id := o.read.Items[place].ID
	plain, err := o.key.open(place, id, sealed)
	if err != nil {
		return Named{}, err
	}
	item, err := parseItem(plain)
	return Named{ID: id, Item: item}, err
}

// Of reads a segment of a service in an organization, false if data is none.
func Of(data []byte, org keys.OrgID, service keys.PublicKey) (*Read, bool) {
	read, err := Parse(data)
	if err != nil || read.Org != org || read.Service != service {
		return nil, false
	}
	return read, true
}
