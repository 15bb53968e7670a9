package envelope

import (
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Envelope is a sealed message with its header. Envelopes come from Parse, from Chain, SealIntroduction and SealReport,
// never from a literal: the header of each is of valid form. Treat the slices as read-only.
type Envelope struct {
	Header []byte // exact bytes, the associated data of the seal
	Sealed []byte

	parsed Header
}

type envelopeWire struct {
	_      struct{} `cbor:",toarray"`
	Header []byte
	Sealed []byte
}

// newEnvelope joins a header to what was sealed under its exact bytes.
func newEnvelope(header Header, encoded, sealed []byte) Envelope {
	return Envelope{Header: encoded, Sealed: sealed, parsed: header}
}

// Parse reads an envelope of at most max bytes, in memory of its own. It checks form and sizes only: nothing is
// opened or verified. [ENV-1] [ENV-2] [ENV-3]
func Parse(data []byte, max int) (Envelope, error) {
	e, err := View(data, max)
	if err != nil {
		return Envelope{}, err
	}
	own := make([]byte, len(e.Header)+len(e.Sealed))
	n := copy(own, e.Header)
	copy(own[n:], e.Sealed)
	e.Header, e.Sealed = own[:n:n], own[n:]
	return e, nil
}

// View is Parse without memory of its own: the envelope points into data, which must not change while it is in use.
func View(data []byte, max int) (Envelope, error) {
	if len(data) > min(max, MaxEnvelope) {
		return Envelope{}, fmt.Errorf("%w: envelope of %d bytes where at most %d are allowed",
			ErrTooLarge, len(data), min(max, MaxEnvelope))
	}
	encoded, sealed, err := decodeEnvelope(data)
	if err != nil {
		return Envelope{}, err
	}
	header, err := parseHeader(encoded)
	if err != nil {
		return Envelope{}, err
	}
	if !fitsKind(header.Kind, len(sealed)) {
		return Envelope{}, fmt.Errorf("%w: %d sealed bytes cannot be a %v", ErrMalformed, len(sealed), header.Kind)
	}
	return newEnvelope(header, encoded, sealed), nil
}

// HeaderOf returns the header of an encoded envelope, of one that View has read before: it judges neither what the fields say
// nor what is sealed.
func HeaderOf(data []byte) (h Header, err error) {
	c := cursor{data: data}
	c.head(majorArray, 2)
	header := c.bytes()
	if c.fault != "" {
		return Header{}, fmt.Errorf("%w: %w: the header of an envelope: %s", ErrMalformed, wire.ErrDecode, c.fault)
	}
	if err := decodeHeader(header, &h); err != nil {
		return Header{}, err
	}
	return h, nil
}

// fitsKind reports whether the seal of a kind can have so many bytes. [ENV-6]
func fitsKind(kind Kind, sealed int) bool {
	switch kind {
	case KindMessage:
		return isPadded(sealed - bodyTagSize - aeadOverhead)
	case KindAnnounce, KindAttestation:
		return isPadded(sealed - keys.IDSize - encapsulationSize - aeadOverhead)
	case KindReport:
		return reportSlots(sealed) > 0
	default:
		return sealed == IntroductionSize
	}
}

// Bytes returns the one encoding, which Parse reads. [ENV-1]
func (e Envelope) Bytes() []byte {
	return wire.Encode(envelopeWire{Header: e.Header, Sealed: e.Sealed})
}

// ParsedHeader returns the header's fields.
func (e Envelope) ParsedHeader() Header { return e.parsed }

// ID returns the envelope's identifier: the hash of sender, header and sealed bytes. [ENV-7]
func (e Envelope) ID() keys.EnvelopeID {
	return keys.Hash[keys.Envelope](keys.DomainEnvelope, e.parsed.Sender[:], e.Header, e.Sealed)
}

// IsIntroductionSize reports whether e is an introduction of the one allowed size. Parse lets no other pass.
func IsIntroductionSize(e Envelope) bool {
	return e.parsed.Kind == KindIntroduction && len(e.Sealed) == IntroductionSize
}
