package envelope

import (
	"fmt"
	"io"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Introduction is first contact between two members. [ENV-42]
type Introduction struct {
	Org   keys.OrgID    `cbor:"1,keyasint"`
	From  keys.MemberID `cbor:"2,keyasint"`
	To    keys.MemberID `cbor:"3,keyasint"`
	Text  string        `cbor:"4,keyasint"`           // NFC, CheckText
	Grant []byte        `cbor:"5,keyasint"`           // From's grant to To: opaque here, at most MaxGrant bytes
	Head  []byte        `cbor:"6,keyasint,omitempty"` // the roll as the author knows it: opaque here, at most MaxHead bytes
}

func (in Introduction) checkSizes() error {
	switch {
	case len(in.Grant) > MaxGrant:
		return fmt.Errorf("%w: grant of %d bytes", ErrTooLarge, len(in.Grant))
	case len(in.Head) > MaxHead:
		return fmt.Errorf("%w: head of %d bytes", ErrTooLarge, len(in.Head))
	}
	return nil
}

// introductionBody is what is signed: the salt of the header ties it to one envelope.
type introductionBody struct {
	_            struct{} `cbor:",toarray"`
	Introduction Introduction
	Salt         [saltSize]byte
}

// MemberOf says which member a device belongs to, if it is an active device of one. The caller answers from its roll.
type MemberOf func(device keys.PublicKey) (keys.MemberID, bool)

// SealIntroduction seals an introduction for 1 to IntroductionSlots prekeys: the devices of in.To, and an archive.
// The text is normalized. Every introduction has IntroductionSize sealed bytes, and the slots that are not used cannot
// be told from the others. [ENV-40] to [ENV-43]
func SealIntroduction(random io.Reader, device keys.PrivateKey, in Introduction, slots []Prekey,
	meta Meta) (Envelope, error) {
	if err := CheckText(in.Text); err != nil {
		return Envelope{}, err
	}
	in.Text = NormalText(in.Text)
	if err := in.checkSizes(); err != nil {
		return Envelope{}, err
	}
	header, err := newHeader(random, Header{Kind: KindIntroduction, Sender: device.Public()}, meta)
	if err != nil {
		return Envelope{}, err
	}
	var key messageKey
	if err := fill(random, key[:]); err != nil {
		return Envelope{}, err
	}
	encoded := wire.Encode(header)
	sealed, err := sealSlots(random, key, in.Org, header, encoded, slots)
	if err != nil {
		return Envelope{}, err
	}
	body := wire.Encode(introductionBody{Introduction: in, Salt: header.Salt})
	signed := wire.Encode(signedWire{Body: body, Signature: device.Sign(keys.DomainIntroduction, in.Org, body)})
	sealed = append(sealed, key.seal(header.Salt, encoded, pad(signed, introductionPlain))...)
	return newEnvelope(header, encoded, sealed), nil
}

// sealSlots wraps the one key to each prekey, and fills up with true encapsulations to a key that nobody has: random
// bytes could be told apart, as not every string is an X25519 share. The used slots come first. [ENV-41]
func sealSlots(random io.Reader, key messageKey, org keys.OrgID, header Header, encoded []byte,
	slots []Prekey) ([]byte, error) {
	if len(slots) == 0 || len(slots) > IntroductionSlots {
		return nil, ErrSlots
	}
	decoy, err := hpkeKEM.GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("envelope: filling unused slots: %w", err)
	}
	var nothing messageKey
	if err := fill(random, nothing[:]); err != nil {
		return nil, err
	}
	sealed := make([]byte, 0, IntroductionSize)
	for i := range IntroductionSlots {
		wrapped, to := nothing, Prekey{Org: org, public: decoy.PublicKey()}
		if i < len(slots) {
			wrapped, to = key, slots[i]
		}
		slot, err := sealSlot(wrapped, keys.DomainIntroduction, org, header.Sender, encoded, to)
		if err != nil {
			return nil, err
		}
		sealed = append(sealed, slot...)
	}
	return sealed, nil
}

// sealSlot wraps a key to one prekey. [ENV-41]
func sealSlot(key messageKey, domain keys.Domain, org keys.OrgID, sender keys.PublicKey, header []byte,
	to Prekey) ([]byte, error) {
	if to.public == nil || to.Org != org {
		return nil, ErrSlots
	}
	return hpkeSeal(to.public, hpkeInfo(domain, org, keys.ChainID{}, sender, to), header, key[:])
}

// OpenIntroduction opens an introduction to the device self in org with one of its private prekeys, likeliest first, and
// checks that the sender belongs to From and self to To, or to From as well: so the author's other devices learn of it.
// Slots do not name prekeys, so each costs up to IntroductionSlots tries of 0.1 ms. Errors: ErrKind, ErrPrekey (no slot is for self), ErrOpen, ErrMalformed,
// ErrTooLarge, ErrBinding, ErrSignature, ErrMember, ErrText. [ENV-41] to [ENV-44]
func OpenIntroduction(e Envelope, org keys.OrgID, self keys.PublicKey, prekeys []PrekeyPrivate,
	memberOf MemberOf) (Introduction, error) {
	if e.parsed.Kind != KindIntroduction {
		return Introduction{}, ErrKind
	}
	key, err := openSlot(e, keys.DomainIntroduction, IntroductionSlots, org, self, prekeys)
	if err != nil {
		return Introduction{}, err
	}
	padded, err := key.open(e.parsed.Salt, e.Header, e.Sealed[IntroductionSlots*slotSize:])
	if err != nil {
		return Introduction{}, err
	}
	in, err := openIntroductionBody(padded, org, e.parsed)
	if err != nil {
		return Introduction{}, err
	}
	from, knownFrom := memberOf(e.parsed.Sender)
	to, knownTo := memberOf(self)
	if !knownFrom || !knownTo || in.From != from || in.To != to && in.From != to || in.From == in.To {
		return Introduction{}, ErrMember
	}
	return in, nil
}

// openSlot tries the slots at the front of the sealed bytes, with each prekey in turn.
func openSlot(e Envelope, domain keys.Domain, slots int, org keys.OrgID, self keys.PublicKey,
	prekeys []PrekeyPrivate) (messageKey, error) {
	for _, prekey := range prekeys {
		if prekey.private == nil || prekey.Prekey.Org != org || prekey.Prekey.Device != self {
			continue
		}
		info := hpkeInfo(domain, org, keys.ChainID{}, e.parsed.Sender, prekey.Prekey)
		for i := range slots {
			raw, err := hpkeOpen(prekey.private, info, e.Header, e.Sealed[i*slotSize:(i+1)*slotSize])
			if err == nil {
				return messageKey(raw), nil // a slot's length leaves room for nothing else
			}
		}
	}
	return messageKey{}, ErrPrekey
}

func openIntroductionBody(padded []byte, org keys.OrgID, header Header) (Introduction, error) {
	data, err := unpad(padded, func(int) int { return introductionPlain })
	if err != nil {
		return Introduction{}, err
	}
	var signed signedWire
	if err := wire.Decode(data, &signed); err != nil {
		return Introduction{}, fmt.Errorf("%w: introduction: %w", ErrMalformed, err)
	}
	var body introductionBody
	if err := wire.Decode(signed.Body, &body); err != nil {
		return Introduction{}, fmt.Errorf("%w: introduction: %w", ErrMalformed, err)
	}
	in := body.Introduction
	if in.Org != org || body.Salt != header.Salt {
		return Introduction{}, fmt.Errorf("%w: introduction", ErrBinding)
	}
	if header.Sender.Verify(keys.DomainIntroduction, org, signed.Body, signed.Signature) != nil {
		return Introduction{}, fmt.Errorf("%w: introduction", ErrSignature)
	}
	if err := in.checkSizes(); err != nil {
		return Introduction{}, err
	}
	if NormalText(in.Text) != in.Text {
		return Introduction{}, fmt.Errorf("%w: not in NFC", ErrText)
	}
	if err := CheckText(in.Text); err != nil {
		return Introduction{}, err
	}
	return in, nil
}
