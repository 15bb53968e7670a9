package envelope

import (
	"fmt"
	"math/bits"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Carried is an envelope as it travels through others: its exact bytes, who still wants it, and the word of the device that
// sealed it, or of the rendezvous node that has it from there, that these bytes are that device's. Treat the slices as
// read-only.
type Carried struct {
	Label     Label
	Signature keys.Signature // over id and header. [CAR-2]
	Envelope  Envelope

	encoded []byte // the envelope's exact bytes
}

// Label is what is said of a carried envelope outside of it. Nobody signs it: who carries takes off whoever has the envelope
// by now. It gives nobody leave: who is named and was not meant cannot open what comes. [CAR-3]
type Label struct {
	ID      keys.EnvelopeID  `cbor:"1,keyasint"`
	Wanted  []keys.PublicKey `cbor:"2,keyasint"` // devices, increasing; none: whoever the group of the header's leave has
	Expires int64            `cbor:"3,keyasint"` // unix seconds, as in the header
	Class   uint8            `cbor:"4,keyasint"` // SizeClass of the envelope
}

// SizeClass returns in which power of two a size in bytes lies: 10 for 513 to 1,024.
func SizeClass(size int) uint8 { return uint8(bits.Len(uint(max(size, 1) - 1))) }

// Carry signs an envelope, of which encoded are the exact bytes, to travel through others to the devices that want it: at most
// MaxWanted, in any order; repeats count once. The signer is its sender, or a rendezvous node that has it from its sender.
// Errors: ErrMalformed, ErrTooLarge.
func Carry(e Envelope, encoded []byte, org keys.OrgID, wanted []keys.PublicKey, signer keys.PrivateKey) (Carried, error) {
	return CarryOn(e, encoded, wanted, signer.Sign(keys.DomainCarried, org, outer(e.ID(), e.Header)))
}

// CarryOn makes the same of an envelope, of which encoded are the exact bytes, with a signature that was made before: whose word it
// is, Verify says. Errors: ErrMalformed, ErrTooLarge.
func CarryOn(e Envelope, encoded []byte, wanted []keys.PublicKey, signature keys.Signature) (Carried, error) {
	c := Carried{Envelope: e, encoded: encoded, Signature: signature}
	c.Label = Label{ID: e.ID(), Expires: e.parsed.Expires, Class: SizeClass(len(encoded))}
	c = c.For(wanted)
	return c, c.Label.check(e.parsed, len(encoded))
}

// For returns the same envelope with another label.
func (c Carried) For(wanted []keys.PublicKey) Carried {
	c.Label.Wanted = ascending(wanted)
	return c
}

// outer lays out what the outer signature is over. [CAR-2]
func outer(id keys.EnvelopeID, header []byte) []byte {
	return append(append(make([]byte, 0, len(id)+len(header)), id[:]...), header...)
}

// EnvelopeBytes returns the envelope exactly as it was sealed.
func (c Carried) EnvelopeBytes() []byte { return c.encoded }

// Bytes returns the one encoding, which ParseCarried reads. [CAR-1]
func (c Carried) Bytes() []byte {
	return wire.Encode(carriedWire{Label: wire.Encode(c.Label), Signature: c.Signature, Envelope: c.encoded})
}

type carriedWire struct {
	_         struct{} `cbor:",toarray"`
	Label     []byte
	Signature keys.Signature
	Envelope  []byte
}

// ParseCarried reads a carried envelope whose envelope has at most max bytes. It checks form, sizes and that the label is the
// envelope's; whose word it is, Verify says. The result points into data, which must not change while it is in use. Errors:
// ErrTooLarge, ErrMalformed. [CAR-1] [CAR-3] [CAR-4]
func ParseCarried(data []byte, max int) (c Carried, err error) {
	if len(data) > MaxCarried {
		return c, fmt.Errorf("%w: carried envelope of %d bytes", ErrTooLarge, len(data))
	}
	in := cursor{data: data}
	if in.head(majorArray, 3) != 3 {
		in.fail("an array of the wrong length")
	}
	label := in.bytes()
	in.fill(c.Signature[:])
	c.encoded = in.bytes()
	if err := in.finish("carried envelope"); err != nil {
		return Carried{}, err
	}
	if len(label) > maxLabel {
		return Carried{}, fmt.Errorf("%w: label of %d bytes", ErrTooLarge, len(label))
	}
	if err := wire.Decode(label, &c.Label); err != nil {
		return Carried{}, fmt.Errorf("%w: label: %w", ErrMalformed, err)
	}
	if c.Envelope, err = View(c.encoded, max); err != nil {
		return Carried{}, err
	}
	if c.Label.ID != c.Envelope.ID() {
		return Carried{}, fmt.Errorf("%w: label of another envelope", ErrMalformed)
	}
	return c, c.Label.check(c.Envelope.parsed, len(c.encoded))
}

// Verify returns nil if the device that the header names as sender says so itself, or one of the rendezvous nodes that the
// organization's roll names. [CAR-2]
func (c Carried) Verify(org keys.OrgID, nodes ...keys.PublicKey) error {
	body := outer(c.Label.ID, c.Envelope.Header)
	for _, signer := range append([]keys.PublicKey{c.Envelope.parsed.Sender}, nodes...) {
		if signer.Verify(keys.DomainCarried, org, body, c.Signature) == nil {
			return nil
		}
	}
	return fmt.Errorf("%w: carried envelope", ErrSignature)
}

// check applies the rules of form. [CAR-3] [CAR-4]
func (l Label) check(h Header, size int) error {
	switch {
	case len(l.Wanted) > MaxWanted:
		return fmt.Errorf("%w: label for %d devices", ErrTooLarge, len(l.Wanted))
	case len(l.Wanted) == 0 && h.Leave.Kind != LeaveGroup:
		return fmt.Errorf("%w: label for nobody", ErrMalformed)
	case l.Expires != h.Expires:
		return fmt.Errorf("%w: label whose time is not the header's", ErrMalformed)
	case l.Class != SizeClass(size):
		return fmt.Errorf("%w: label of another size", ErrMalformed)
	}
	for i, device := range l.Wanted {
		if device.IsZero() || i > 0 && l.Wanted[i-1].Compare(device) >= 0 {
			return fmt.Errorf("%w: label whose devices are out of order or named twice", ErrMalformed)
		}
	}
	return nil
}
