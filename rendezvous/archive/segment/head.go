package segment

import (
	"encoding/base64"
	"fmt"
	"strings"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Head says how far a chain goes: it names the last segment by its hash, and by that all before it. The service signs one
// with each segment. Whoever keeps one elsewhere sees that a chain was cut off. [ARC-44]
type Head struct {
	Org     keys.OrgID     `cbor:"1,keyasint"`
	Service keys.PublicKey `cbor:"2,keyasint"`
	Number  uint64         `cbor:"3,keyasint"`          // of the last segment, 0 before the first
	Segment Hash           `cbor:"4,keyasint,omitzero"` // its hash
	Items   uint64         `cbor:"5,keyasint"`          // how many items there are up to here
	Made    int64          `cbor:"6,keyasint"`          // Unix milliseconds by the service's clock
}

// SignedHead is a head with its exact bytes, as it is kept and shown.
type SignedHead struct {
	Head
	Bytes []byte
}

type signedWire struct {
	_         struct{} `cbor:",toarray"`
	Body      []byte
	Signature keys.Signature
}

// headPrefix begins the text form of a signed head.
const headPrefix = "muster:archive-head/"

// sign signs a head. [ARC-44]
func (h Head) sign(identity keys.PrivateKey) SignedHead {
	body := wire.Encode(h)
	signature := identity.Sign(keys.DomainArchiveHead, h.Org, body)
	return SignedHead{Head: h, Bytes: wire.Encode(signedWire{Body: body, Signature: signature})}
}

// OpenHead reads a signed head and verifies it against the service that it names: the caller checks that this is the one that
// it expects. Errors: ErrForm, ErrSignature. [ARC-44]
func OpenHead(data []byte) (SignedHead, error) {
	if len(data) > maxHead {
		return SignedHead{}, fmt.Errorf("%w: head of %d bytes", ErrForm, len(data))
	}
	var signed signedWire
	if err := wire.Decode(data, &signed); err != nil {
		return SignedHead{}, fmt.Errorf("%w: head: %w", ErrForm, err)
	}
	var h Head
	if err := wire.Decode(signed.Body, &h); err != nil {
		return SignedHead{}, fmt.Errorf("%w: head: %w", ErrForm, err)
	}
	if h.Number == 0 || h.Number > MaxNumber || h.Items == 0 || h.Items > MaxNumber || h.Segment.IsZero() || h.Org.IsZero() {
		return SignedHead{}, fmt.Errorf("%w: head of segment %d with %d items", ErrForm, h.Number, h.Items)
	}
	if h.Service.Verify(keys.DomainArchiveHead, h.Org, signed.Body, signed.Signature) != nil {
		return SignedHead{}, fmt.Errorf("%w: head of segment %d", ErrSignature, h.Number)
	}
	return SignedHead{Head: h, Bytes: data}, nil
}

// Text returns the head as one word, which ParseHead reads.
func (h SignedHead) Text() string {
	return headPrefix + base64.RawURLEncoding.EncodeToString(h.Bytes)
}

// ParseHead reads the text form of a signed head, and verifies it as OpenHead does. [ARC-44]
func ParseHead(text string) (SignedHead, error) {
	encoded, ok := strings.CutPrefix(text, headPrefix)
	if !ok {
		return SignedHead{}, fmt.Errorf("%w: a head begins with %s", ErrForm, headPrefix)
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return SignedHead{}, fmt.Errorf("%w: head: %v", ErrForm, err)
	}
	return OpenHead(data)
}
