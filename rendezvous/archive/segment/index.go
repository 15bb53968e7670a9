package segment

import (
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Segment marks the identifier of a segment: the hash of its index, which names every item by its hash.
type Segment struct{}

// Hash identifies a segment.
type Hash = keys.ID[Segment]

// ItemHash is the hash of a sealed item.
type ItemHash = keys.ID[sealedItem]

type sealedItem struct{}

// Index is what a segment says of itself in the clear: its place in the chain, and what it holds. [ARC-41]
type Index struct {
	Org           keys.OrgID     `cbor:"1,keyasint"`
	Service       keys.PublicKey `cbor:"2,keyasint"`          // who wrote it
	Number        uint64         `cbor:"3,keyasint"`          // from 1
	Before        uint64         `cbor:"4,keyasint"`          // the number of the one before, 0 for the first
	Previous      Hash           `cbor:"5,keyasint,omitzero"` // its hash
	First         uint64         `cbor:"6,keyasint"`          // the number of the first item, from 1
	Made          int64          `cbor:"7,keyasint"`          // Unix milliseconds by the service's clock
	Key           KeyID          `cbor:"8,keyasint"`          // the archive's key
	Encapsulation []byte         `cbor:"9,keyasint"`          // of the key of the items
	Items         []Entry        `cbor:"10,keyasint"`         // at least one
}

// Entry is what an index says of one item.
type Entry struct {
	_    struct{} `cbor:",toarray"`
	ID   keys.EnvelopeID
	Hash ItemHash
	Size uint32 // sealed, in bytes
}

// hashOf returns the hash of an index's exact bytes. [ARC-41]
func hashOf(index []byte) Hash { return keys.Hash[Segment](keys.DomainArchiveSegment, index) }

func hashItem(sealed []byte) ItemHash {
	return keys.Hash[sealedItem](keys.DomainArchiveItem, sealed)
}

func parseIndex(data []byte) (Index, error) {
	var index Index
	if err := wire.Decode(data, &index); err != nil {
		return Index{}, fmt.Errorf("%w: index: %w", ErrForm, err)
	}
	return index, index.check()
}

// check applies the rules of form. [ARC-41]
func (x *Index) check() error {
	total := uint64(0)
	for _, entry := range x.Items {
		if entry.Size < overhead {
			return fmt.Errorf("%w: index with an item of %d bytes", ErrForm, entry.Size)
		}
		total += uint64(entry.Size)
	}
	switch {
	case x.Number == 0 || x.Number > MaxNumber || x.Before >= x.Number:
		return fmt.Errorf("%w: index of segment %d behind %d", ErrForm, x.Number, x.Before)
	case (x.Before == 0) != x.Previous.IsZero(), x.First == 0, (x.Before == 0) != (x.First == 1), x.First > MaxNumber:
		return fmt.Errorf("%w: index whose first item is %d, behind segment %d", ErrForm, x.First, x.Before)
	case x.Service.IsZero() || x.Org.IsZero() || x.Key.IsZero() || len(x.Encapsulation) != encapsulationSize:
		return fmt.Errorf("%w: index without organization, service or key", ErrForm)
	case len(x.Items) == 0 || len(x.Items) > MaxItems || total > MaxBytes:
		return fmt.Errorf("%w: index of %d items with %d bytes", ErrForm, len(x.Items), total)
	}
	return nil
}

// Last returns the number of the last item.
func (x *Index) Last() uint64 { return x.First + uint64(len(x.Items)) - 1 }
