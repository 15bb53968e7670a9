package rvproto

import (
	"errors"
	"fmt"
	"slices"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// SignedAck is a device's word that it is done with envelopes, whichever node they wait at: many ids under one signature.
// The rendezvous nodes of an organization hand it to each other. [RV-165]
type SignedAck struct {
	Org    keys.OrgID        `cbor:"1,keyasint"`
	Device keys.PublicKey    `cbor:"2,keyasint"` // who signs
	IDs    []keys.EnvelopeID `cbor:"3,keyasint"` // increasing, 1 to MaxReceiptIDs
}

// signedAck is how it travels: the very bytes that were signed.
type signedAck struct {
	Body      []byte         `cbor:"1,keyasint"`
	Signature keys.Signature `cbor:"2,keyasint"`
}

// ErrAck means that an acknowledgement is not one of the organization, or not signed by the device that it names.
var ErrAck = errors.New("rvproto: not an acknowledgement of this organization's device")

// SignAck signs an acknowledgement of at most MaxReceiptIDs envelopes, in any order. It fills in Device.
func SignAck(a SignedAck, device keys.PrivateKey) ([]byte, error) {
	a.Device, a.IDs = device.Public(), slices.Clone(a.IDs)
	slices.SortFunc(a.IDs, keys.EnvelopeID.Compare)
	a.IDs = slices.Compact(a.IDs)
	if err := a.check(); err != nil {
		return nil, err
	}
	body := wire.Encode(a)
	return wire.Encode(signedAck{Body: body, Signature: device.Sign(keys.DomainAck, a.Org, body)}), nil
}

// OpenAck reads an acknowledgement and verifies it against the device that it names; the caller checks that this is one of
// the organization's. An error wraps wire.ErrDecode or ErrAck. [RV-165]
func OpenAck(data []byte, org keys.OrgID) (SignedAck, error) {
	if len(data) > MaxSignedAck {
		return SignedAck{}, malformed("an acknowledgement beyond its cap")
	}
	var signed signedAck
	if err := wire.Decode(data, &signed); err != nil {
		return SignedAck{}, err
	}
	var a SignedAck
	if err := wire.Decode(signed.Body, &a); err != nil {
		return SignedAck{}, err
	}
	if err := a.check(); err != nil {
		return SignedAck{}, err
	}
	if a.Org != org {
		return SignedAck{}, fmt.Errorf("%w: it is of another organization", ErrAck)
	}
	if a.Device.Verify(keys.DomainAck, org, signed.Body, signed.Signature) != nil {
		return SignedAck{}, fmt.Errorf("%w: its signature does not hold", ErrAck)
	}
	return a, nil
}

func (a SignedAck) check() error {
	if len(a.IDs) == 0 || len(a.IDs) > MaxReceiptIDs {
		return malformed("an acknowledgement of nothing, or beyond its cap")
	}
	for i := 1; i < len(a.IDs); i++ {
		if a.IDs[i-1].Compare(a.IDs[i]) >= 0 {
			return malformed("an acknowledgement whose envelopes are out of order or named twice")
		}
	}
	return nil
}

// AppendSigned appends the frame that hands a signed acknowledgement to the node. [RV-4] [RV-165]
func AppendSigned(b, ack []byte) []byte {
	return appendBytes(append(b, 2|majorArray<<5, byte(FrameSigned)), ack)
}

// ParseSigned reads a Signed frame. What it returns is not verified and points into frame.
func ParseSigned(frame []byte) (ack []byte, err error) {
	c := cursor{data: frame}
	c.frame(FrameSigned, 2)
	ack = c.bytes(MaxSignedAck)
	return ack, c.finish("signed acknowledgement")
}
