package envelope

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Chain is a sender device's forward-moving key for one conversation and one set of devices. Not safe for concurrent
// use. The caller saves it (Marshal) with its Line before anything that it sealed leaves the device; many messages may
// be sealed for one save. It prints and logs as a placeholder.
type Chain struct {
	org          keys.OrgID
	place        Place
	conversation keys.ConversationID
	sender       keys.PublicKey
	id           keys.ChainID
	anchor       [keySize]byte
	next         uint64 // position of the next message
	key          chainKey
	created      int64
	rollSize     uint64
}

// NewChain starts a chain of the device sender at a place where its member takes part, which the caller ensures, announced
// to the devices of the roll at rollSize. [ENV-16]
func NewChain(random io.Reader, org keys.OrgID, place Place, sender keys.PublicKey,
	now time.Time, rollSize uint64) (*Chain, error) {
	if !place.Valid() {
		return nil, ErrPlace
	}
	c := &Chain{org: org, place: place.clone(), conversation: place.ID(org), sender: sender,
		next: 1, created: now.Unix(), rollSize: rollSize}
	if err := fill(random, c.key[:]); err != nil {
		return nil, err
	}
	c.anchor = c.key.anchor()
	c.id = chainID(org, c.conversation, sender, c.anchor)
	return c, nil
}

// chainID commits to the place of a chain and, through the anchor, to its first key. [ENV-16]
func chainID(org keys.OrgID, conversation keys.ConversationID, sender keys.PublicKey, anchor [keySize]byte) keys.ChainID {
	return keys.Hash[keys.Chain](keys.DomainChain, org[:], conversation[:], sender[:], anchor[:])
}

// ID returns the chain's identifier.
func (c *Chain) ID() keys.ChainID { return c.id }

// Org returns the organization.
func (c *Chain) Org() keys.OrgID { return c.org }

// Conversation returns the conversation.
func (c *Chain) Conversation() keys.ConversationID { return c.conversation }

// Place returns what the conversation is of.
func (c *Chain) Place() Place { return c.place.clone() }

// Position returns the position of the next message, from 1.
func (c *Chain) Position() uint64 { return c.next }

// RollSize returns the roll size that NewChain was given: whose devices the chain was announced to.
func (c *Chain) RollSize() uint64 { return c.rollSize }

// Due reports whether the chain is to be replaced at now, by count or by age. A chain from the future is due too: the
// clock was wrong once. Replace it as well when the set of recipient devices changes.
func (c *Chain) Due(now time.Time) bool {
	age := now.Sub(time.Unix(c.created, 0))
	return c.next > ChainMessages || age >= ChainAge || age < -ChainAge
}

// Seal seals content for every device that the chain was announced to, moves chain and line on, and returns what it signed
// too: nobody sends it to its author. On error both are as before. [ENV-20] to [ENV-24]
func (c *Chain) Seal(random io.Reader, device keys.PrivateKey, line *Line, content Content,
	meta Meta) (Envelope, Quote, error) {
	if device.Public() != c.sender {
		return Envelope{}, Quote{}, ErrDevice
	}
	if c.next > MaxPosition {
		return Envelope{}, Quote{}, ErrSpent
	}
	content.Org, content.Conversation, content.Chain, content.Position = c.org, c.conversation, c.id, c.next
	content.Sequence, content.Previous = line.Sequence+1, line.Previous
	if !meta.Leave.fits(c.place, c.org) {
		return Envelope{}, Quote{}, ErrPlace
	}
	if err := content.check(); err != nil {
		return Envelope{}, Quote{}, err
	}
	header, err := newHeader(random, Header{Kind: KindMessage, Sender: c.sender, Chain: c.id, Position: c.next}, meta)
	if err != nil {
		return Envelope{}, Quote{}, err
	}
	data := wire.Encode(content)
	quote := Quote{Device: c.sender, Content: data, Signature: device.Sign(keys.DomainContent, c.org, data)}
	signed := wire.Encode(signedWire{Body: data, Signature: quote.Signature})
	encoded := wire.Encode(header)
	sealed := c.key.message().seal(header.Salt, encoded, pad(signed, paddedSize(4+len(signed))))

	c.key, c.next = c.key.next(), c.next+1
	line.Sequence, line.Previous = content.Sequence, quote.ID()
	return newEnvelope(header, encoded, sealed), quote, nil
}

// newHeader completes h with version, meta and fresh salt, and checks it.
func newHeader(random io.Reader, h Header, meta Meta) (Header, error) {
	h.Version, h.RollSize, h.Expires, h.Leave = Version, meta.RollSize, meta.Expires, meta.Leave
	if err := fill(random, h.Salt[:]); err != nil {
		return Header{}, err
	}
	return h, h.check()
}

type chainWire struct {
	Version  uint64          `cbor:"1,keyasint"`
	Org      keys.OrgID      `cbor:"2,keyasint"`
	Members  []keys.MemberID `cbor:"3,keyasint,omitempty"`
	Sender   keys.PublicKey  `cbor:"4,keyasint"`
	Anchor   [keySize]byte   `cbor:"5,keyasint"`
	Next     uint64          `cbor:"6,keyasint"`
	Key      chainKey        `cbor:"7,keyasint"`
	Created  int64           `cbor:"8,keyasint"`
	RollSize uint64          `cbor:"9,keyasint"`
	Group    keys.GroupID    `cbor:"10,keyasint,omitzero"`
	Guest    keys.MemberID   `cbor:"11,keyasint,omitzero"`
}

// Marshal returns the secret form for the store at rest: about 190 bytes and 34 a member. [ENV-50]
func (c *Chain) Marshal() []byte {
	return wire.Encode(chainWire{Version: Version, Org: c.org, Members: c.place.Members, Sender: c.sender, Anchor: c.anchor,
		Next: c.next, Key: c.key, Created: c.created, RollSize: c.rollSize, Group: c.place.Group, Guest: c.place.Guest})
}

// UnmarshalChain reads what Marshal wrote.
func UnmarshalChain(data []byte) (*Chain, error) {
	var w chainWire
	if err := wire.Decode(data, &w); err != nil {
		return nil, fmt.Errorf("%w: chain: %w", ErrMalformed, err)
	}
	place := Place{Members: w.Members, Group: w.Group, Guest: w.Guest}
	if w.Version != Version || !place.Valid() || w.Next == 0 || w.Next > MaxPosition+1 {
		return nil, fmt.Errorf("%w: chain", ErrMalformed)
	}
	if w.Next == 1 && w.Key.anchor() != w.Anchor {
		return nil, fmt.Errorf("%w: chain whose id does not commit to its key", ErrMalformed)
	}
	conversation := place.ID(w.Org)
	return &Chain{org: w.Org, place: place, conversation: conversation, sender: w.Sender,
		id: chainID(w.Org, conversation, w.Sender, w.Anchor), anchor: w.Anchor, next: w.Next, key: w.Key,
		created: w.Created, rollSize: w.RollSize}, nil
}

// String implements fmt.Stringer without showing the key.
func (c Chain) String() string { return "[chain]" }

// GoString keeps %#v from showing the key.
func (c Chain) GoString() string { return c.String() }

// LogValue implements slog.LogValuer without showing the key.
func (c Chain) LogValue() slog.Value { return slog.StringValue(c.String()) }
