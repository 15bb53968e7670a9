package rvproto

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Reason says why an envelope was not delivered. The numbers are part of the wire format.
type Reason uint8

// The reasons. [RV-54]
const (
	ReasonTime    Reason = 1 // its time was over before the device came
	ReasonParked  Reason = 2 // the device was silent for longer than the policy says
	ReasonBarred  Reason = 3 // the device is barred, or was ended by a re-admission
	ReasonRemoved Reason = 4 // the device's member was removed
)

// Return is a node's signed word to a sender's device that envelopes of its were removed and not delivered. [RV-54]
type Return struct {
	Org    keys.OrgID     `cbor:"1,keyasint"`
	Node   keys.PublicKey `cbor:"2,keyasint"` // who signs
	Sender keys.PublicKey `cbor:"3,keyasint"` // whose envelopes, and who gets the return
	Time   uint64         `cbor:"4,keyasint"` // of the node's clock, Unix seconds
	Lots   []Lot          `cbor:"5,keyasint"` // by device and reason, increasing
}

// Lot is what one device did not get, for one reason.
type Lot struct {
	Device keys.PublicKey    `cbor:"1,keyasint"`
	Reason Reason            `cbor:"2,keyasint"`
	IDs    []keys.EnvelopeID `cbor:"3,keyasint"` // increasing
}

// signedReturn is how a return travels: the very bytes that were signed.
type signedReturn struct {
	Body      []byte         `cbor:"1,keyasint"`
	Signature keys.Signature `cbor:"2,keyasint"`
}

// ErrReturn means that a return is not one of the organization or of the node that it names.
var ErrReturn = errors.New("rvproto: not a return of this organization's node")

// SignReturn signs a return of at most MaxReturned pairs of an envelope and a device. It fills in Node and puts lots and
// ids in order.
func SignReturn(r Return, node keys.PrivateKey) ([]byte, error) {
	r.Node, r.Lots = node.Public(), slices.Clone(r.Lots)
	for i := range r.Lots {
		r.Lots[i].IDs = slices.Clone(r.Lots[i].IDs)
		slices.SortFunc(r.Lots[i].IDs, keys.EnvelopeID.Compare)
	}
	slices.SortFunc(r.Lots, compareLots)
	if err := r.check(); err != nil {
		return nil, err
	}
	body := wire.Encode(r)
	return wire.Encode(signedReturn{Body: body, Signature: node.Sign(keys.DomainReturn, r.Org, body)}), nil
}

// OpenReturn reads a return and verifies it against the node that it names; the caller checks that this is one of the
// organization's. An error wraps wire.ErrDecode or ErrReturn. [RV-54]
func OpenReturn(data []byte, org keys.OrgID) (Return, error) {
	if len(data) > MaxReturn {
		return Return{}, malformed("a return beyond its cap")
	}
	var signed signedReturn
	if err := wire.Decode(data, &signed); err != nil {
		return Return{}, err
	}
	var r Return
	if err := wire.Decode(signed.Body, &r); err != nil {
		return Return{}, err
	}
	if err := r.check(); err != nil {
		return Return{}, err
	}
	if r.Org != org {
		return Return{}, fmt.Errorf("%w: it is of another organization", ErrReturn)
	}
	if r.Node.Verify(keys.DomainReturn, org, signed.Body, signed.Signature) != nil {
		return Return{}, fmt.Errorf("%w: its signature does not hold", ErrReturn)
	}
	return r, nil
}

// check applies the rules of form. [RV-54]
func (r Return) check() error {
	pairs := 0
	for i, lot := range r.Lots {
		pairs += len(lot.IDs)
		switch {
		case len(lot.IDs) == 0:
			return malformed("a return of nothing")
		case lot.Reason < ReasonTime || lot.Reason > ReasonRemoved:
			return malformed("a return for no known reason")
		case i > 0 && compareLots(r.Lots[i-1], lot) >= 0:
			return malformed("a return whose devices are out of order or named twice")
		}
		for j := 1; j < len(lot.IDs); j++ {
			if lot.IDs[j-1].Compare(lot.IDs[j]) >= 0 {
				return malformed("a return whose envelopes are out of order or named twice")
			}
		}
	}
	switch {
	case pairs == 0:
		return malformed("a return of nothing")
	case pairs > MaxReturned:
		return malformed("a return beyond its cap")
	case r.Time > 1<<40:
		return malformed("a return of no time that there is")
	}
	return nil
}

func compareLots(a, b Lot) int {
	return cmp.Or(bytes.Compare(a.Device[:], b.Device[:]), cmp.Compare(a.Reason, b.Reason))
}

// ReturnID is the id under which a return is queued and acknowledged: the hash of its bytes. [RV-12]
func ReturnID(data []byte) keys.EnvelopeID {
	return keys.Hash[keys.Envelope](keys.DomainReturn, data)
}

// ParkedFrame tells a device that it was parked: what was sent to it meanwhile was returned. [RV-57]
type ParkedFrame struct {
	From  uint64 // the day from which on nothing was kept for it, as Unix seconds
	Until uint64 // the day on which it came back
}

// AppendParked appends the canonical encoding of f to b. [RV-57]
func AppendParked(b []byte, f ParkedFrame) []byte {
	b = append(b, 3|majorArray<<5, byte(FrameParked))
	return appendHead(appendHead(b, majorUint, f.From), majorUint, f.Until)
}

// ParseParked reads a Parked frame.
func ParseParked(frame []byte) (ParkedFrame, error) {
	c := cursor{data: frame}
	c.frame(FrameParked, 3)
	f := ParkedFrame{From: c.head(majorUint, 1<<40), Until: c.head(majorUint, 1<<40)}
	if f.Until < f.From {
		c.fail("a time that ends before it begins")
	}
	return f, c.finish("parked")
}
