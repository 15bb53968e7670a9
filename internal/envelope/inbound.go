package envelope

import (
	"fmt"
	"log/slog"
	"slices"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Inbound is a receiver's side of one chain: the key of the next position, the keys of messages that were passed over,
// and what it takes to judge a message whose position was opened before. Not safe for concurrent use. The caller saves
// it (Marshal) in one transaction with what it opened, before it says so to anyone. It prints and logs as a
// placeholder. [ENV-30]
type Inbound struct {
	org          keys.OrgID
	place        Place
	conversation keys.ConversationID
	sender       keys.PublicKey
	anchor       [keySize]byte
	id           keys.ChainID
	start        uint64 // the announced position: nothing before it opens
	next         uint64 // the lowest position never reached
	key          chainKey
	kept         []keptKey // by position, below next
	recent       []spent   // oldest first
}

type keptKey struct {
	_        struct{} `cbor:",toarray"`
	Position uint64
	Key      messageKey
}

// spent remembers an opened message: its witness can judge other bytes, and cannot open any.
type spent struct {
	_        struct{} `cbor:",toarray"`
	Position uint64
	Witness  witnessKey
	Tag      [16]byte // first half of the message's tag
}

// Opened is a message that opened, and whose signature holds.
type Opened struct {
	Sender       keys.PublicKey
	Content      Content
	ContentBytes []byte         // exact bytes that the sender signed
	Signature    keys.Signature // for OpenContent, by whoever gets the message from this device
	ID           keys.ContentID
}

func newInbound(org keys.OrgID, sender keys.PublicKey, body announceBody) *Inbound {
	return &Inbound{org: org, place: body.place(), conversation: body.place().ID(org), sender: sender,
		anchor: body.Anchor, id: body.Chain, start: body.Position, next: body.Position, key: body.Key}
}

// Chain returns the chain's identifier, which commits to organization, conversation and sender.
func (in *Inbound) Chain() keys.ChainID { return in.id }

// Start returns the position from which on messages open: where the chain stood when it was announced.
func (in *Inbound) Start() uint64 { return in.start }

// Org returns the organization.
func (in *Inbound) Org() keys.OrgID { return in.org }

// Sender returns the sending device.
func (in *Inbound) Sender() keys.PublicKey { return in.sender }

// Conversation returns the conversation.
func (in *Inbound) Conversation() keys.ConversationID { return in.conversation }

// Place returns what the conversation is of.
func (in *Inbound) Place() Place { return in.place.clone() }

// Position returns the position after the highest opened one.
func (in *Inbound) Position() uint64 { return in.next }

// Missing returns how many positions below Position were passed over and can still be opened.
func (in *Inbound) Missing() int { return len(in.kept) }

// Open opens a message of the chain, at whatever position of those not yet opened, and drops its key. On error nothing
// has changed. Errors: ErrKind, ErrChain, ErrBefore, ErrReplayed (as *ReplayError), ErrSkipped, ErrOpen, ErrMalformed,
// ErrBinding, ErrSignature. [ENV-30] to [ENV-34]
func (in *Inbound) Open(e Envelope) (Opened, error) {
	position := e.parsed.Position
	switch {
	case e.parsed.Kind != KindMessage:
		return Opened{}, ErrKind
	case e.parsed.Chain != in.id || e.parsed.Sender != in.sender:
		return Opened{}, ErrChain
	case position < in.start:
		return Opened{}, ErrBefore
	case !e.parsed.Leave.fits(in.place, in.org):
		return Opened{}, fmt.Errorf("%w: message with leave for another place", ErrBinding)
	case position >= in.next:
		return in.openAhead(e)
	}
	at, kept := slices.BinarySearchFunc(in.kept, position, func(k keptKey, position uint64) int {
		return int(int64(k.Position) - int64(position))
	})
	if !kept {
		return Opened{}, in.judgeReplay(e)
	}
	opened, err := in.openWith(in.kept[at].Key, e)
	if err != nil {
		return Opened{}, err
	}
	in.remember(in.kept[at].Key, e)
	in.kept = slices.Delete(in.kept, at, at+1)
	return opened, nil
}

// openAhead opens a message at or beyond the next position and keeps the keys of those between. [ENV-31] [ENV-32]
func (in *Inbound) openAhead(e Envelope) (Opened, error) {
	ahead := e.parsed.Position - in.next
	if ahead > MaxSkip {
		return Opened{}, fmt.Errorf("%w: position %d after %d", ErrSkipped, e.parsed.Position, in.next)
	}
	key := in.key
	var passed []keptKey
	for position := in.next; position < e.parsed.Position; position++ {
		passed = append(passed, keptKey{Position: position, Key: key.message()})
		key = key.next()
	}
	message := key.message()
	opened, err := in.openWith(message, e)
	if err != nil {
		return Opened{}, err
	}
	in.remember(message, e)
	in.kept = append(in.kept, passed...)
	if excess := len(in.kept) - MaxKept; excess > 0 {
		in.kept = slices.Delete(in.kept, 0, excess)
	}
	in.key, in.next = key.next(), e.parsed.Position+1
	return opened, nil
}

// openWith opens and checks everything and changes nothing. A member who has the chain's keys but is not its sender can
// make bytes that decrypt; the signature stops them, and the key stays for the true message. [ENV-33]
func (in *Inbound) openWith(key messageKey, e Envelope) (Opened, error) {
	padded, err := key.open(e.parsed.Salt, e.Header, e.Sealed)
	if err != nil {
		return Opened{}, err
	}
	data, err := unpad(padded, paddedSize)
	if err != nil {
		return Opened{}, err
	}
	var signed signedWire
	if err := wire.Decode(data, &signed); err != nil {
		return Opened{}, fmt.Errorf("%w: message: %w", ErrMalformed, err)
	}
	content, id, err := OpenContent(signed.Body, signed.Signature, in.org, in.sender)
	if err != nil {
		return Opened{}, err
	}
	if content.Conversation != in.conversation || content.Chain != in.id || content.Position != e.parsed.Position {
		return Opened{}, fmt.Errorf("%w: message", ErrBinding)
	}
	return Opened{Sender: in.sender, Content: content, ContentBytes: signed.Body, Signature: signed.Signature, ID: id}, nil
}

// remember keeps what judgeReplay needs, for the last MaxRecent messages.
func (in *Inbound) remember(key messageKey, e Envelope) {
	if len(in.recent) == MaxRecent {
		in.recent = slices.Delete(in.recent, 0, 1)
	}
	in.recent = append(in.recent, spent{Position: e.parsed.Position, Witness: key.witness(), Tag: [16]byte(e.Sealed)})
}

// judgeReplay tells a repeat from a clone from altered bytes. [ENV-34]
func (in *Inbound) judgeReplay(e Envelope) error {
	for _, s := range in.recent {
		if s.Position != e.parsed.Position {
			continue
		}
		if !s.Witness.verify(e.Header, e.Sealed) {
			return ErrOpen
		}
		if s.Tag == [16]byte(e.Sealed) {
			return &ReplayError{Position: s.Position, Case: ReplayRepeat}
		}
		return &ReplayError{Position: s.Position, Case: ReplayClone}
	}
	return &ReplayError{Position: e.parsed.Position, Case: ReplayForgotten}
}

type inboundWire struct {
	Version uint64          `cbor:"1,keyasint"`
	Org     keys.OrgID      `cbor:"2,keyasint"`
	Members []keys.MemberID `cbor:"3,keyasint,omitempty"`
	Sender  keys.PublicKey  `cbor:"4,keyasint"`
	Anchor  [keySize]byte   `cbor:"5,keyasint"`
	Start   uint64          `cbor:"6,keyasint"`
	Next    uint64          `cbor:"7,keyasint"`
	Key     chainKey        `cbor:"8,keyasint"`
	Kept    []keptKey       `cbor:"9,keyasint,omitempty"`
	Recent  []spent         `cbor:"10,keyasint,omitempty"`
	Group   keys.GroupID    `cbor:"11,keyasint,omitzero"`
	Guest   keys.MemberID   `cbor:"12,keyasint,omitzero"`
}

// Marshal returns the secret form for the store at rest: about 190 bytes, 34 a member, 53 for each of the last MaxRecent
// messages and 37 for each kept key. [ENV-50]
func (in *Inbound) Marshal() []byte {
	return wire.Encode(inboundWire{Version: Version, Org: in.org, Members: in.place.Members, Sender: in.sender,
		Anchor: in.anchor, Start: in.start, Next: in.next, Key: in.key, Kept: in.kept, Recent: in.recent,
		Group: in.place.Group, Guest: in.place.Guest})
}

// UnmarshalInbound reads what Marshal wrote.
func UnmarshalInbound(data []byte) (*Inbound, error) {
	var w inboundWire
	if err := wire.Decode(data, &w); err != nil {
		return nil, fmt.Errorf("%w: inbound chain: %w", ErrMalformed, err)
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	conversation := w.place().ID(w.Org)
	return &Inbound{org: w.Org, place: w.place(), conversation: conversation, sender: w.Sender, anchor: w.Anchor,
		id: chainID(w.Org, conversation, w.Sender, w.Anchor), start: w.Start, next: w.Next, key: w.Key,
		kept: w.Kept, recent: w.Recent}, nil
}

func (w inboundWire) place() Place { return Place{Members: w.Members, Group: w.Group, Guest: w.Guest} }

// check applies the rules that every state of an Inbound keeps.
func (w inboundWire) check() error {
	bad := w.Version != Version || !w.place().Valid() || w.Start == 0 || w.Next < w.Start || w.Next > MaxPosition+1 ||
		len(w.Kept) > MaxKept || len(w.Recent) > MaxRecent
	seen := make(map[uint64]bool, len(w.Kept)+len(w.Recent))
	for i, k := range w.Kept {
		bad = bad || k.Position < w.Start || k.Position >= w.Next || i > 0 && w.Kept[i-1].Position >= k.Position
		seen[k.Position] = true
	}
	for _, s := range w.Recent {
		bad = bad || s.Position < w.Start || s.Position >= w.Next || seen[s.Position]
		seen[s.Position] = true
	}
	if bad {
		return fmt.Errorf("%w: inbound chain", ErrMalformed)
	}
	return nil
}

// String implements fmt.Stringer without showing keys.
func (in Inbound) String() string { return "[inbound chain]" }

// GoString keeps %#v from showing keys.
func (in Inbound) GoString() string { return in.String() }

// LogValue implements slog.LogValuer without showing keys.
func (in Inbound) LogValue() slog.Value { return slog.StringValue(in.String()) }
