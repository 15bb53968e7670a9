package bundle

import (
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Kind says what an item is.
type Kind uint8

// The kinds. What a reader does not know it passes over. [CAR-14]
const (
	KindAbout   Kind = 1 // first in each part: who made it, when, for whom
	KindCarried Kind = 2 // an envelope, as envelope.Carried encodes it
	KindReceipt Kind = 3 // a device's receipt, as it signed it
	KindRoll    Kind = 4 // a checkpoint and entries of the roll
	KindBar     Kind = 5 // a signed bar that may not be on the roll yet
	KindPrekey  Kind = 6 // a device's signed prekey
	KindEnd     Kind = 7 // last in each part: how many items there are
)

// Item is one thing that a bundle holds.
type Item struct {
	Kind Kind
	Body []byte
}

// About is what a part says of itself.
type About struct {
	Maker keys.PublicKey  `cbor:"1,keyasint"` // the device that made it, and signs this
	Made  int64           `cbor:"2,keyasint"` // unix seconds, by its clock: decides nothing
	Salt  [saltSize]byte  `cbor:"3,keyasint"` // the same in all parts of one bundle
	Part  uint64          `cbor:"4,keyasint"` // from 1
	For   []keys.MemberID `cbor:"5,keyasint"` // whom it was made for; none: whoever gets it
}

type signedWire struct {
	_         struct{} `cbor:",toarray"`
	Body      []byte
	Signature keys.Signature
}

// Sign makes an item of it. [CAR-16]
func (a About) Sign(org keys.OrgID, maker keys.PrivateKey) (Item, error) {
	a.Maker = maker.Public()
	if a.Part == 0 || len(a.For) > MaxFor {
		return Item{}, fmt.Errorf("%w: part %d for %d members", ErrMalformed, a.Part, len(a.For))
	}
	body := wire.Encode(a)
	return Item{KindAbout, wire.Encode(signedWire{Body: body, Signature: maker.Sign(keys.DomainBundle, org, body)})}, nil
}

// OpenAbout reads what a part says of itself and verifies that its maker says so. [CAR-16]
func OpenAbout(data []byte, org keys.OrgID) (a About, err error) {
	var signed signedWire
	if err := wire.Decode(data, &signed); err != nil {
		return a, fmt.Errorf("%w: about: %w", ErrMalformed, err)
	}
	if err := wire.Decode(signed.Body, &a); err != nil {
		return a, fmt.Errorf("%w: about: %w", ErrMalformed, err)
	}
	if a.Part == 0 || len(a.For) > MaxFor {
		return About{}, fmt.Errorf("%w: part %d for %d members", ErrMalformed, a.Part, len(a.For))
	}
	if a.Maker.Verify(keys.DomainBundle, org, signed.Body, signed.Signature) != nil {
		return About{}, fmt.Errorf("%w: about: not signed by its maker", ErrMalformed)
	}
	return a, nil
}

// End closes a part.
type End struct {
	Items uint64 `cbor:"1,keyasint"` // before it in this part
	Last  bool   `cbor:"2,keyasint"` // no further part follows
}

// Item encodes it.
func (e End) Item() Item { return Item{KindEnd, wire.Encode(e)} }

// OpenEnd reads the end of a part.
func OpenEnd(data []byte) (e End, err error) {
	if err := wire.Decode(data, &e); err != nil {
		return e, fmt.Errorf("%w: end: %w", ErrMalformed, err)
	}
	return e, nil
}

// Roll is a piece of the roll with the checkpoint that it leads to.
type Roll struct {
	Checkpoint []byte   `cbor:"1,keyasint"` // signed note
	First      uint64   `cbor:"2,keyasint"` // index of the first entry
	Entries    [][]byte `cbor:"3,keyasint"` // up to the checkpoint's size
}

// Item encodes it.
func (r Roll) Item() Item { return Item{KindRoll, wire.Encode(r)} }

// OpenRoll reads a piece of the roll. Nothing of it is verified.
func OpenRoll(data []byte) (r Roll, err error) {
	if err := wire.Decode(data, &r); err != nil {
		return r, fmt.Errorf("%w: roll: %w", ErrMalformed, err)
	}
	return r, nil
}

// Prekey is a device's prekey.
type Prekey struct {
	Device keys.PublicKey `cbor:"1,keyasint"`
	Signed []byte         `cbor:"2,keyasint"`
}

// Item encodes it.
func (p Prekey) Item() Item { return Item{KindPrekey, wire.Encode(p)} }

// OpenPrekey reads a prekey. Nothing of it is verified.
func OpenPrekey(data []byte) (p Prekey, err error) {
	if err := wire.Decode(data, &p); err != nil {
		return p, fmt.Errorf("%w: prekey: %w", ErrMalformed, err)
	}
	return p, nil
}
