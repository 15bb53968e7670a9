package envelope

import (
	"fmt"
	"io"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// announceBody is the signed part of an announcement. [ENV-17]
type announceBody struct {
	Org      keys.OrgID      `cbor:"1,keyasint"`
	Members  []keys.MemberID `cbor:"2,keyasint,omitempty"`
	Chain    keys.ChainID    `cbor:"3,keyasint"`
	Anchor   [keySize]byte   `cbor:"4,keyasint"`
	Position uint64          `cbor:"5,keyasint"`
	Key      chainKey        `cbor:"6,keyasint"`
	Prekey   keys.PrekeyID   `cbor:"7,keyasint"` // of the recipient; names its device
	Group    keys.GroupID    `cbor:"8,keyasint,omitzero"`
	Guest    keys.MemberID   `cbor:"9,keyasint,omitzero"`
}

func (b announceBody) place() Place { return Place{Members: b.Members, Group: b.Group, Guest: b.Guest} }

// Announce seals the chain, as it stands, to one recipient device: the device can open what is sealed from now on. The
// chain does not change. [ENV-17] [ENV-18] [ARC-4]
func (c *Chain) Announce(random io.Reader, device keys.PrivateKey, to Prekey, meta Meta) (Envelope, error) {
	if device.Public() != c.sender {
		return Envelope{}, ErrDevice
	}
	if c.next > MaxPosition {
		return Envelope{}, ErrSpent
	}
	if to.public == nil || to.Org != c.org {
		return Envelope{}, fmt.Errorf("%w: announcing to a prekey of another organization", ErrBinding)
	}
	if !meta.Leave.fits(c.place, c.org) {
		return Envelope{}, ErrPlace
	}
	header, err := newHeader(random, Header{Kind: KindAnnounce, Sender: c.sender, Chain: c.id}, meta)
	if err != nil {
		return Envelope{}, err
	}
	body := wire.Encode(announceBody{Org: c.org, Members: c.place.Members, Chain: c.id, Anchor: c.anchor,
		Position: c.next, Key: c.key, Prekey: to.id, Group: c.place.Group, Guest: c.place.Guest})
	domain := to.announceDomain()
	signed := wire.Encode(signedWire{Body: body, Signature: device.Sign(domain, c.org, body)})
	encoded := wire.Encode(header)
	info := hpkeInfo(domain, c.org, c.id, c.sender, to)
	ciphertext, err := hpkeSeal(to.public, info, encoded, pad(signed, paddedSize(4+len(signed))))
	if err != nil {
		return Envelope{}, err
	}
	return newEnvelope(header, encoded, append(to.id[:], ciphertext...)), nil
}

// OpenAnnounce opens an announcement to the device self in org with one of its private prekeys, and checks that sender
// and self take part in the conversation: admits answers that from the caller's roll. Errors: ErrKind, ErrPrekey, ErrOpen, ErrMalformed, ErrBinding,
// ErrSignature, ErrMember.
//
// A caller that holds an Inbound for the chain keeps that and drops the new one: an announcement that is played again
// would otherwise open messages again. [ENV-18] [ENV-19]
func OpenAnnounce(e Envelope, org keys.OrgID, self keys.PublicKey,
	prekeys func(keys.PrekeyID) (PrekeyPrivate, bool), admits func(Place, keys.PublicKey) bool) (*Inbound, error) {
	if e.parsed.Kind != KindAnnounce {
		return nil, ErrKind
	}
	prekey, ok := prekeys(keys.PrekeyID(e.Sealed[:keys.IDSize]))
	if !ok || prekey.private == nil || prekey.Prekey.id != keys.PrekeyID(e.Sealed[:keys.IDSize]) ||
		prekey.Prekey.Org != org || prekey.Prekey.Device != self {
		return nil, ErrPrekey
	}
	info := hpkeInfo(keys.DomainAnnounce, org, e.parsed.Chain, e.parsed.Sender, prekey.Prekey)
	padded, err := hpkeOpen(prekey.private, info, e.Header, e.Sealed[keys.IDSize:])
	if err != nil {
		return nil, err
	}
	body, err := openAnnounceBody(padded, org, e.parsed, prekey.Prekey.id, keys.DomainAnnounce)
	if err != nil {
		return nil, err
	}
	for _, device := range []keys.PublicKey{e.parsed.Sender, self} {
		if !admits(body.place(), device) {
			return nil, ErrMember
		}
	}
	return newInbound(org, e.parsed.Sender, body), nil
}

// announceDomain keeps what is announced to the archive apart from what is announced to devices. [ARC-2]
func (p Prekey) announceDomain() keys.Domain {
	if p.archive {
		return keys.DomainArchive
	}
	return keys.DomainAnnounce
}

// openAnnounceBody checks the decrypted part: form, then the commitment of the chain's id, then the signature.
func openAnnounceBody(padded []byte, org keys.OrgID, header Header, prekey keys.PrekeyID, domain keys.Domain) (announceBody, error) {
	data, err := unpad(padded, paddedSize)
	if err != nil {
		return announceBody{}, err
	}
	var signed signedWire
	if err := wire.Decode(data, &signed); err != nil {
		return announceBody{}, fmt.Errorf("%w: announcement: %w", ErrMalformed, err)
	}
	var body announceBody
	if err := wire.Decode(signed.Body, &body); err != nil {
		return announceBody{}, fmt.Errorf("%w: announcement: %w", ErrMalformed, err)
	}
	if !body.place().Valid() || body.Position == 0 || body.Position > MaxPosition {
		return announceBody{}, fmt.Errorf("%w: announcement", ErrMalformed)
	}
	if body.Org != org || body.Chain != header.Chain || body.Prekey != prekey {
		return announceBody{}, fmt.Errorf("%w: announcement", ErrBinding)
	}
	if chainID(org, body.place().ID(org), header.Sender, body.Anchor) != body.Chain ||
		body.Position == 1 && body.Key.anchor() != body.Anchor {
		return announceBody{}, fmt.Errorf("%w: the chain's id does not commit to its key", ErrBinding)
	}
	if !header.Leave.fits(body.place(), org) {
		return announceBody{}, fmt.Errorf("%w: announcement with leave for another place", ErrBinding)
	}
	if header.Sender.Verify(domain, org, signed.Body, signed.Signature) != nil {
		return announceBody{}, fmt.Errorf("%w: announcement", ErrSignature)
	}
	return body, nil
}
