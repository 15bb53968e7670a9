package segment

import (
	"encoding/binary"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// magic begins every segment. [ARC-40]
const magic = "muster archive segment 1\n"

// Begin returns the head before the first segment of a service's chain in an organization.
func Begin(org keys.OrgID, service keys.PublicKey) Head { return Head{Org: org, Service: service} }

// Writing says what segment to write.
type Writing struct {
	After  Head   // where the chain stands
	Number uint64 // of the new one: the next, or a later one where somebody else has taken the name of the next
	Made   int64  // Unix milliseconds
	Key    []byte // public key of the archive
	Items  []Named
}

// Write makes a segment of 1 to MaxItems items, whose bodies have together at most MaxBytes less the index, and the signed
// head of the chain with it. Errors: ErrTooLarge, ErrForm for a key that is none. [ARC-40] [ARC-41] [ARC-43]
func Write(identity keys.PrivateKey, w Writing) ([]byte, SignedHead, error) {
	index := Index{
		Org: w.After.Org, Service: identity.Public(), Number: w.Number, Before: w.After.Number, Previous: w.After.Segment,
		First: w.After.Items + 1, Made: w.Made, Key: KeyIDOf(w.Key),
	}
	if w.After.Service != index.Service {
		return nil, SignedHead{}, fmt.Errorf("%w: a chain of another service", ErrSignature)
	}
	key, encapsulation, err := newItemKey(w.Key, sealInfo(index.Org, index.Service, index.Number, index.Previous))
	if err != nil {
		return nil, SignedHead{}, err
	}
	index.Encapsulation = encapsulation
	var sealed []byte
	for place, item := range w.Items {
		if len(item.Body) > MaxBody {
			return nil, SignedHead{}, fmt.Errorf("%w: an item of %d bytes", ErrTooLarge, len(item.Body))
		}
		before := len(sealed)
		sealed = key.seal(sealed, place, item.ID, wire.Encode(item.Item))
		index.Items = append(index.Items, Entry{ID: item.ID, Hash: hashItem(sealed[before:]), Size: uint32(len(sealed) - before)})
	}
	if err := index.check(); err != nil {
		return nil, SignedHead{}, err
	}
	encoded := wire.Encode(index)
	head := Head{Org: index.Org, Service: index.Service, Number: index.Number, Segment: hashOf(encoded), Items: index.Last(),
		Made: index.Made}.sign(identity)
	data := append([]byte(magic), lengths(encoded, head.Bytes)...)
	data = append(append(data, encoded...), head.Bytes...)
	data = append(data, sealed...)
	if len(data) > MaxBytes {
		return nil, SignedHead{}, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(data))
	}
	return data, head, nil
}

func lengths(index, head []byte) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(len(index))), uint32(len(head)))
}
