package history

import (
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

// DecodeRecord reads a record and checks that it holds what its kind says. Errors wrap ErrBody.
func DecodeRecord(data []byte) (Record, error) {
	var r Record
	if err := wire.Decode(data, &r); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrBody, err)
	}
	held := map[RecordKind]bool{RecordMessage: r.Message != nil, RecordContact: r.Contact != nil, RecordRead: r.Read != nil}
	for kind, present := range held {
		if present != (kind == r.Kind) {
			return Record{}, fmt.Errorf("%w: a record of kind %d does not hold just that", ErrBody, r.Kind)
		}
	}
	if !held[r.Kind] {
		return Record{}, fmt.Errorf("%w: record kind %d is not known", ErrBody, r.Kind)
	}
	if r.Message != nil {
		return r, r.Message.Text.Validate()
	}
	return r, nil
}

// Compare orders records by clock, then by device and sequence: a total order on which every device agrees. [HIST-5]
func (r Record) Compare(other Record) int {
	return cmp.Or(r.Clock.Compare(other.Clock), r.Device.Compare(other.Device), cmp.Compare(r.Sequence, other.Sequence))
}
