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
	RecordVerify  RecordKind = 4
	RecordAct     RecordKind = 5
	RecordSetting RecordKind = 6
	RecordUnread  RecordKind = 7
	RecordTag     RecordKind = 8
	RecordDraft   RecordKind = 9
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
	Verify   *Verify        `cbor:"8,keyasint,omitempty"`
	Act      *Act           `cbor:"9,keyasint,omitempty"`
	Setting  *Setting       `cbor:"10,keyasint,omitempty"`
	Unread   *Read          `cbor:"11,keyasint,omitempty"` // ends a read mark
	Tag      *Tag           `cbor:"12,keyasint,omitempty"`
	Draft    *Draft         `cbor:"13,keyasint,omitempty"`

	Signature keys.Signature `cbor:"14,keyasint,omitzero"`  // by Device, see Sign; absent in what is for no other device
	Was       uint64         `cbor:"15,keyasint,omitempty"` // the number that it had before, which was given twice; see Renumber
}

// Message is a message as it was sent or received: the author's signed bytes travel along, so that every device of the
// account can check them for itself. A message still unsent has no signature yet.
type Message struct {
	Author       keys.PublicKey      `cbor:"1,keyasint"` // the device that wrote it
	Member       keys.MemberID       `cbor:"2,keyasint"` // that device's member
	Conversation keys.ConversationID `cbor:"3,keyasint"`
	Text         Text                `cbor:"4,keyasint"`
	Signed       []byte              `cbor:"5,keyasint,omitempty"` // the signed content, as envelope.Opened has it
	Erased       Erased              `cbor:"6,keyasint,omitempty"` // why nothing is left of what it said
	Report       bool                `cbor:"7,keyasint,omitempty"` // what somebody reported to this account: in Text.Forwarded
}

// Erased says why a message holds nothing more than who wrote it where and when. [HIST-16]
type Erased uint8

// The reasons for which a message is erased.
const (
	ErasedDeleted Erased = 1 // its author took it back
	ErasedExpired Erased = 2 // its lifetime is over
)

// Erase returns the message without anything of what it said, and without the signature, which would prove it. [HIST-16]
func (m Message) Erase(why Erased) Message {
	t := m.Text
	m.Signed, m.Erased = nil, why
	m.Text = Text{Nonce: t.Nonce, To: t.To, Group: t.Group, Guest: t.Guest, Time: t.Time, Reply: t.Reply, Thread: t.Thread, Lifetime: t.Lifetime}
	return m
}

// validate checks a message and, if it is erased, that it says nothing. [HIST-16]
func (m Message) validate() error {
	switch {
	case m.Erased > ErasedExpired:
		return fmt.Errorf("%w: reason %d for erasing is not known", ErrBody, m.Erased)
	case m.Erased != 0 && !bytes.Equal(wire.Encode(m), wire.Encode(m.Erase(m.Erased))):
		return fmt.Errorf("%w: an erased message that says something", ErrBody)
	}
	return m.Text.Validate()
}

// Act is a body that acts on messages, and who acted where. Without a body it is erased: something else took its place, or
// its message is gone. [HIST-4]
type Act struct {
	Author       keys.PublicKey      `cbor:"1,keyasint"` // the device that acted
	Member       keys.MemberID       `cbor:"2,keyasint"` // that device's member
	Conversation keys.ConversationID `cbor:"3,keyasint"`
	Kind         Kind                `cbor:"4,keyasint"`
	Body         []byte              `cbor:"5,keyasint,omitempty"`
	Signed       []byte              `cbor:"6,keyasint,omitempty"` // the signed content; absent in the author's own record
}

// Erase returns the act without its body and signature.
func (a Act) Erase() Act { a.Body, a.Signed = nil, nil; return a }

func (a Act) validate() error {
	switch {
	case !a.Kind.IsAct():
		return fmt.Errorf("%w: a body of kind %d does not act on messages", ErrBody, a.Kind)
	case len(a.Body) == 0 && len(a.Signed) > 0:
		return fmt.Errorf("%w: an erased act with a signature", ErrBody)
	case len(a.Body) == 0:
		return nil
	}
	_, err := a.Open()
	return err
}

// Setting is something that a person chose for the account in this organization. What names there are and what they mean is
// not for this package to know. [HIST-17]
type Setting struct {
	Name  string `cbor:"1,keyasint"`
	Value string `cbor:"2,keyasint"`
}

func (s Setting) validate() error {
	if s.Name == "" || len(s.Name) > MaxSettingName || len(s.Value) > MaxSettingValue {
		return fmt.Errorf("%w: a setting's name or value has no or too many bytes", ErrBody)
	}
	return nil
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
	ContactBlocked  ContactState = 5 // we ended their leave, and hear nothing of them
	ContactDeclined ContactState = 6 // they introduced themselves and we do not answer
)

// Contact is what the account knows of its leave with another member. Grants are bytes of membership.SignGrant.
type Contact struct {
	Member keys.MemberID `cbor:"1,keyasint"`
	State  ContactState  `cbor:"2,keyasint"`
	Text   string        `cbor:"3,keyasint,omitempty"` // of the introduction
	Given  []byte        `cbor:"4,keyasint,omitempty"` // our grant to them
	Got    []byte        `cbor:"5,keyasint,omitempty"` // their grant to us
	Time   int64         `cbor:"6,keyasint"`           // of the last change, unix milliseconds
	// GivenAt and GotAt are the sizes of the roll at which this account first had the two grants: one of a device that was
	// barred since stands if it was there before.
	GivenAt uint64 `cbor:"7,keyasint,omitempty"`
	GotAt   uint64 `cbor:"8,keyasint,omitempty"`
}

// Read marks a message as read, or, in a record of kind RecordUnread, as not read. [HIST-20]
type Read struct {
	Message keys.MessageID `cbor:"1,keyasint"`
}

// Verify marks a member as verified: a person compared the safety number. Speakers is the hash of who could speak for the
// member then (membership.State.Speakers), Size the roll that said so. [HIST-12]
type Verify struct {
	Member   keys.MemberID `cbor:"1,keyasint"`
	Speakers [32]byte      `cbor:"2,keyasint"`
	Size     uint64        `cbor:"3,keyasint"`
	Time     int64         `cbor:"4,keyasint"` // unix milliseconds
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
	case r.Was >= r.Sequence:
		return fmt.Errorf("%w: a record whose number before is not lower", ErrBody)
	case !r.Clock.valid():
		return fmt.Errorf("%w: a record with a clock that cannot be", ErrBody)
	case r.Kind < RecordMessage || r.Kind > RecordDraft:
		return fmt.Errorf("%w: record kind %d is not known", ErrBody, r.Kind)
	case (r.Message != nil) != (r.Kind == RecordMessage), (r.Contact != nil) != (r.Kind == RecordContact),
		(r.Read != nil) != (r.Kind == RecordRead), (r.Verify != nil) != (r.Kind == RecordVerify),
		(r.Act != nil) != (r.Kind == RecordAct), (r.Setting != nil) != (r.Kind == RecordSetting),
		(r.Unread != nil) != (r.Kind == RecordUnread), (r.Tag != nil) != (r.Kind == RecordTag),
		(r.Draft != nil) != (r.Kind == RecordDraft):
		return fmt.Errorf("%w: a record of kind %d does not hold just that", ErrBody, r.Kind)
	case r.Message != nil:
		return r.Message.validate()
	case r.Act != nil:
		return r.Act.validate()
	case r.Setting != nil:
		return r.Setting.validate()
	case r.Tag != nil:
		return CheckTag(r.Tag.Tag)
	case r.Draft != nil:
		return r.Draft.validate()
	case r.Contact != nil:
		return r.Contact.validate()
	case r.Verify != nil && (r.Verify.Size == 0 || r.Verify.Time < 0 || r.Verify.Time > MaxTime):
		return fmt.Errorf("%w: a verification without a roll or a time", ErrBody)
	}
	return nil
}

func (c Contact) validate() error {
	switch {
	case c.State < ContactAsked || c.State > ContactDeclined:
		return fmt.Errorf("%w: contact state %d is not known", ErrBody, c.State)
	case len(c.Text) > MaxContactText || len(c.Given) > MaxGrant || len(c.Got) > MaxGrant:
		return fmt.Errorf("%w: a contact's text or grant is too long", ErrBody)
	case c.Time < 0 || c.Time > MaxTime:
		return fmt.Errorf("%w: the time of a contact is not between 1970 and the year 9999", ErrBody)
	}
	return nil
}

// ID returns what names the record as it is, for reconciliation: the hash of its encoding without signatures. The author's own
// record of a message has none. A record that was erased has another id than before. [HIST-24]
func (r Record) ID() keys.RecordID { return keys.Hash[keys.Record](keys.DomainRecord, r.bare()) }

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
