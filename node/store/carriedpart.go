package store

import (
	"errors"
	"fmt"

	"muster.example/internal/keys"
)

// CarriedPart is how much has come of an envelope that a carrier was handing over when the link broke. Nothing of it is verified: another
// carrier's pieces are never put behind it. [CAR-23]
type CarriedPart struct {
	Bytes uint64 `cbor:"1,keyasint"`
	Last  int64  `cbor:"2,keyasint"` // when something of it came last, unix milliseconds
}

// PartOf names what came of an envelope by one device.
type PartOf struct {
	ID   keys.EnvelopeID
	From keys.PublicKey
}

var (
	carriedParts  = bucket[CarriedPart]{145, "how much has come of an envelope from a carrier"}
	carriedPieces = bucket[[]byte]{146, "what has come of an envelope from a carrier"}
)

// CarriedPart returns how much has come of an envelope; the zero value if nothing has.
func (tx *Tx) CarriedPart(org keys.OrgID, of PartOf) (CarriedPart, error) {
	p, err := carriedParts.get(tx, org[:], of.ID[:], of.From[:])
	if errors.Is(err, ErrNotFound) {
		return CarriedPart{}, nil
	}
	return p, err
}

// AddCarriedPiece puts what came behind what is there. Callers know how much that is: an offset that is not its end is an error, and
// nothing is changed.
func (tx *Tx) AddCarriedPiece(org keys.OrgID, of PartOf, offset uint64, piece []byte, now int64) error {
	p, err := tx.CarriedPart(org, of)
	if err != nil {
		return err
	}
	if p.Bytes != offset {
		return fmt.Errorf("a piece at %d of an envelope of which %d bytes are there", offset, p.Bytes)
	}
	p = CarriedPart{Bytes: offset + uint64(len(piece)), Last: now}
	return errors.Join(carriedPieces.put(tx, piece, org[:], of.ID[:], of.From[:], number(offset)), carriedParts.put(tx, p, org[:], of.ID[:], of.From[:]))
}

// CarriedPieces returns the first bytes of what has come of an envelope; ErrNotFound if that many are not there.
func (tx *Tx) CarriedPieces(org keys.OrgID, of PartOf, size uint64) (data []byte, err error) {
	err = carriedPieces.each(tx, nil, func(_ []byte, piece []byte) (bool, error) {
		data = append(data, piece...)
		return uint64(len(data)) < size, nil
	}, org[:], of.ID[:], of.From[:])
	if err != nil {
		return nil, err
	}
	if uint64(len(data)) < size {
		return nil, ErrNotFound
	}
	return data[:size], nil
}

// DeleteCarriedPart forgets what has come of an envelope.
func (tx *Tx) DeleteCarriedPart(org keys.OrgID, of PartOf) error {
	var at [][]byte
	err := carriedPieces.each(tx, nil, func(rest, _ []byte) (bool, error) {
		at = append(at, append([]byte(nil), rest...))
		return true, nil
	}, org[:], of.ID[:], of.From[:])
	for _, offset := range at {
		err = errors.Join(err, carriedPieces.delete(tx, org[:], of.ID[:], of.From[:], offset))
	}
	return errors.Join(err, carriedParts.delete(tx, org[:], of.ID[:], of.From[:]))
}

// CarriedParts visits how much has come of which envelopes, until visit returns false.
func (tx *Tx) CarriedParts(org keys.OrgID, visit func(of PartOf, p CarriedPart) (more bool, err error)) error {
	return carriedParts.each(tx, nil, func(rest []byte, p CarriedPart) (bool, error) {
		if len(rest) != keys.IDSize+keys.PublicKeySize {
			return true, nil
		}
		return visit(PartOf{keys.EnvelopeID(rest[:keys.IDSize]), keys.PublicKey(rest[keys.IDSize:])}, p)
	}, org[:])
}
