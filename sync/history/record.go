package history

import (
	"bytes"
	"cmp"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// RecordKind says what a record holds. The numbers are part of the disk format.
type RecordKind uint8

// The kinds of record. Exactly the field of the same name is set.
const (
	RecordMessage RecordKind = 1
	RecordContact RecordKind = 2
	RecordRead    RecordKind = 3
)

// Record is one immutable entry of an account's history. Device and Sequence name it; Clock orders it. [HIST-4]
type Record struct {
	Device   keys.PublicKey `cbor:"1,keyasint"` // the own device that made the record
	Sequence uint64         `cbor:"2,keyasint"` // that device's count of records, from 1
	Clock    Clock          `cbor:"3,keyasint"`
	Kind     RecordKind     `cbor:"4,keyasint"`
	Message  *Message       `cbor:"5,keyasint,omitempty"`
	Contact  *Contact       `cbor:"6,keyasint,omitempty"`
	Read     *Read          `cbor:"7,keyasint,omitempty"`
}

// Message is a message as it was sent or received: the author's signed bytes travel along, so that every device of the
// account can check them for itself. A message still unsent has no signature yet.
type Message struct {
	Author       keys.PublicKey      `cbor:"1,keyasint"` // the device that wrote it
	Member       keys.MemberID       `cbor:"2,keyasint"` // that device's member
	Conversation keys.ConversationID `cbor:"3,keyasint"`
	Text         Text                `cbor:"4,keyasint"`
	Signed       []byte              `cbor:"5,keyasint,omitempty"` // the signed content, as envelope.Opened has it
}

// ID returns the message's id.
func (m Message) ID() keys.MessageID { return MessageID(m.Author, m.Text.Nonce) }

// ContactState says how far two members have come.
type ContactState uint8

// The states of a contact.
const (
	ContactAsked    ContactState = 1 // we introduced ourselves and wait
	ContactAsking   ContactState = 2 // they introduced themselves and wait for us
	ContactAccepted ContactState = 3 // both may write
	ContactRefused  ContactState = 4 // our introduction was refused; Text says why
)

// Contact is what the account knows of its leave with another member. Grants are bytes of membership.SignGrant.
type Contact struct {
	Member keys.MemberID `cbor:"1,keyasint"`
	State  ContactState  `cbor:"2,keyasint"`
	Text   string        `cbor:"3,keyasint,omitempty"` // of the introduction
	Given  []byte        `cbor:"4,keyasint,omitempty"` // our grant to them
	Got    []byte        `cbor:"5,keyasint,omitempty"` // their grant to us
	Time   int64         `cbor:"6,keyasint"`           // of the last change, unix milliseconds
}

// Read marks a message as read.
type Read struct {
	Message keys.MessageID `cbor:"1,keyasint"`
}

// DecodeRecord reads a record and checks that it holds what its kind says, within the caps. Errors wrap ErrBody.
// [HIST-4]
func DecodeRecord(data []byte) (Record, error) {
	var r Record
	if err := wire.Decode(data, &r); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrBody, err)
	}
	if err := r.Validate(); err != nil {
		return Record{}, err
	}
	return r, nil
}

// Validate checks that a record holds what its kind says, within the caps: what DecodeRecord takes. Errors wrap ErrBody.
// [HIST-4]
func (r Record) Validate() error {
	switch {
	case r.Sequence == 0:
		return fmt.Errorf("%w: a record without a number", ErrBody)
	case !r.Clock.valid():
		return fmt.Errorf("%w: a record with a clock that cannot be", ErrBody)
	case r.Kind < RecordMessage || r.Kind > RecordRead:
		return fmt.Errorf("%w: record kind %d is not known", ErrBody, r.Kind)
	case (r.Message != nil) != (r.Kind == RecordMessage), (r.Contact != nil) != (r.Kind == RecordContact),
		(r.Read != nil) != (r.Kind == RecordRead):
		return fmt.Errorf("%w: a record of kind %d does not hold just that", ErrBody, r.Kind)
	case r.Message != nil:
		return r.Message.Text.Validate()
	case r.Contact != nil:
		return r.Contact.validate()
	}
	return nil
}

func (c Contact) validate() error {
	switch {
	case c.State < ContactAsked || c.State > ContactRefused:
		return fmt.Errorf("%w: contact state %d is not known", ErrBody, c.State)
	case len(c.Text) > MaxContactText || len(c.Given) > MaxGrant || len(c.Got) > MaxGrant:
		return fmt.Errorf("%w: a contact's text or grant is too long", ErrBody)
	case c.Time < 0 || c.Time > MaxTime:
		return fmt.Errorf("%w: the time of a contact is not between 1970 and the year 9999", ErrBody)
	}
	return nil
}

// Compare orders records by clock, then by device and sequence: an order on which every device agrees. Two records that
// a device made under one name, which only a copied folder or a hostile device does, are told apart by their bytes.
// [HIST-5]
func (r Record) Compare(other Record) int {
	order := cmp.Or(r.Clock.Compare(other.Clock), r.Device.Compare(other.Device), cmp.Compare(r.Sequence, other.Sequence))
	if order != 0 {
		return order
	}
	return bytes.Compare(wire.Encode(r), wire.Encode(other))
}
