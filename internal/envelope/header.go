package envelope

import (
	"fmt"

	"muster.example/internal/keys"
)

// Version is the layout and the way of sealing of every envelope that this package makes and opens: chains over
// hybrid HPKE prekeys.
const Version = 1

// Kind says what an envelope is.
type Kind uint8

// The kinds.
const (
	KindMessage      Kind = 1 // a message of a chain
	KindAnnounce     Kind = 2 // a chain, for one recipient device
	KindIntroduction Kind = 3 // first contact, of one fixed size
	KindReport       Kind = 4 // messages shown to those who may act upon them
	KindAttestation  Kind = 5 // what a device opened, for the archive
)

// String returns the kind in one word.
func (k Kind) String() string {
	switch k {
	case KindMessage:
		return "message"
	case KindAnnounce:
		return "announcement"
	case KindIntroduction:
		return "introduction"
	case KindReport:
		return "report"
	case KindAttestation:
		return "attestation"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Header is what whoever carries an envelope may see. Its exact bytes are the associated data of the seal. Nothing in
// it is proved before the seal is open. [ENV-4]
type Header struct {
	Version  uint64         `cbor:"1,keyasint"`
	Kind     Kind           `cbor:"2,keyasint"`
	Sender   keys.PublicKey `cbor:"3,keyasint"`          // device that sealed it
	Chain    keys.ChainID   `cbor:"4,keyasint,omitzero"` // message and announcement only
	Position uint64         `cbor:"5,keyasint,omitzero"` // message only, from 1
	RollSize uint64         `cbor:"6,keyasint"`          // the roll that the sender chose recipients by
	Expires  int64          `cbor:"7,keyasint"`          // unix seconds: nobody keeps it longer
	Salt     [saltSize]byte `cbor:"8,keyasint"`          // fresh randomness, mixed into key and nonce
	Leave    Leave          `cbor:"9,keyasint,omitzero"` // why it may be passed on
}

// Meta is what the caller decides about a header.
type Meta struct {
	RollSize uint64
	Expires  int64 // unix seconds
	Leave    Leave
}

// parseHeader reads a header strictly.
func parseHeader(data []byte) (Header, error) {
	var h Header
	if len(data) > MaxHeader {
		return Header{}, fmt.Errorf("%w: header of %d bytes", ErrMalformed, len(data))
	}
	if err := decodeHeader(data, &h); err != nil {
		return Header{}, err
	}
	if err := h.check(); err != nil {
		return Header{}, err
	}
	return h, nil
}

// check applies the rules of form: which fields each kind has. [ENV-5]
func (h *Header) check() error {
	hasChain, hasPosition := !h.Chain.IsZero(), h.Position != 0
	switch {
	case h.Version != Version:
		return fmt.Errorf("%w: version %d, which this program does not know", ErrMalformed, h.Version)
	case h.Kind < KindMessage || h.Kind > KindAttestation:
		return fmt.Errorf("%w: %v", ErrMalformed, h.Kind)
	case h.Sender.IsZero():
		return fmt.Errorf("%w: no sender", ErrMalformed)
	case hasChain != (h.Kind == KindMessage || h.Kind == KindAnnounce), hasPosition != (h.Kind == KindMessage):
		return fmt.Errorf("%w: chain or position that does not fit the kind", ErrMalformed)
	case h.Position > MaxPosition:
		return fmt.Errorf("%w: position %d", ErrMalformed, h.Position)
	case h.Expires <= 0:
		return fmt.Errorf("%w: no expiry", ErrMalformed)
	}
	return h.Leave.check(h.Kind)
}
