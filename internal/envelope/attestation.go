package envelope

import (
	"fmt"
	"io"
	"slices"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Attestation is a device's signed word to the archive of what it opened: so that the archive's reader finds a sender who
// sealed something else to the archive, or nothing that opens. [ARC-5]
type Attestation struct {
	Org    keys.OrgID     `cbor:"1,keyasint"`
	Device keys.PublicKey `cbor:"2,keyasint"` // who opened, and signs
	Seen   []Attested     `cbor:"3,keyasint"` // 1 to MaxAttested, by envelope, increasing
}

// Attested is one envelope as its receiver opened it.
type Attested struct {
	_        struct{} `cbor:",toarray"`
	Envelope keys.EnvelopeID
	Content  keys.ContentID // of a message its content's; of an introduction or report what its ContentID says
}

// MaxAttested bounds the envelopes that one attestation speaks of.
const MaxAttested = 256

// check applies the rules of form. [ARC-5]
func (a Attestation) check() error {
	if len(a.Seen) == 0 || len(a.Seen) > MaxAttested {
		return fmt.Errorf("%w: an attestation of %d envelopes", ErrMalformed, len(a.Seen))
	}
	for i := range a.Seen {
		if i > 0 && a.Seen[i-1].Envelope.Compare(a.Seen[i].Envelope) >= 0 {
			return fmt.Errorf("%w: an attestation whose envelopes are not an increasing list", ErrMalformed)
		}
	}
	return nil
}

// SealAttestation seals what a device opened, 1 to MaxAttested envelopes in any order, to the archive. Of several entries
// about one envelope the first counts. [ARC-5] [ARC-6]
func SealAttestation(random io.Reader, device keys.PrivateKey, to ArchiveKey, seen []Attested, meta Meta) (Envelope, error) {
	if to.prekey.public == nil {
		return Envelope{}, fmt.Errorf("%w: attesting to no archive", ErrBinding)
	}
	a := Attestation{Org: to.prekey.Org, Device: device.Public(), Seen: slices.Clone(seen)}
	slices.SortStableFunc(a.Seen, func(x, y Attested) int { return x.Envelope.Compare(y.Envelope) })
	a.Seen = slices.CompactFunc(a.Seen, func(x, y Attested) bool { return x.Envelope == y.Envelope })
	if err := a.check(); err != nil {
		return Envelope{}, err
	}
	header, err := newHeader(random, Header{Kind: KindAttestation, Sender: device.Public()}, meta)
	if err != nil {
		return Envelope{}, err
	}
	body := wire.Encode(a)
	signed := wire.Encode(signedWire{Body: body, Signature: device.Sign(keys.DomainAttestation, a.Org, body)})
	encoded := wire.Encode(header)
	info := hpkeInfo(keys.DomainAttestation, a.Org, keys.ChainID{}, header.Sender, to.prekey)
	ciphertext, err := hpkeSeal(to.prekey.public, info, encoded, pad(signed, paddedSize(4+len(signed))))
	if err != nil {
		return Envelope{}, err
	}
	id := to.ID()
	return newEnvelope(header, encoded, append(id[:], ciphertext...)), nil
}

// Attestation opens a receiver's word. Errors: ErrKind, ErrPrekey (for another archive), ErrOpen, ErrMalformed, ErrBinding,
// ErrSignature. [ARC-5] [ARC-6]
func (o ArchiveOpener) Attestation(e Envelope) (Attestation, error) {
	padded, err := o.open(e, KindAttestation)
	if err != nil {
		return Attestation{}, err
	}
	data, err := unpad(padded, paddedSize)
	if err != nil {
		return Attestation{}, err
	}
	var signed signedWire
	if err := wire.Decode(data, &signed); err != nil {
		return Attestation{}, fmt.Errorf("%w: attestation: %w", ErrMalformed, err)
	}
	var a Attestation
	if err := wire.Decode(signed.Body, &a); err != nil {
		return Attestation{}, fmt.Errorf("%w: attestation: %w", ErrMalformed, err)
	}
	if err := a.check(); err != nil {
		return Attestation{}, err
	}
	if a.Org != o.org || a.Device != e.parsed.Sender {
		return Attestation{}, fmt.Errorf("%w: attestation", ErrBinding)
	}
	if a.Device.Verify(keys.DomainAttestation, o.org, signed.Body, signed.Signature) != nil {
		return Attestation{}, fmt.Errorf("%w: attestation", ErrSignature)
	}
	return a, nil
}
