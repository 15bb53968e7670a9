package membership

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Hash is a hash of the roll's Merkle tree (RFC 6962, SHA-256). Its text is base64.
type Hash = tlog.Hash

// NonceSize is the length of an entry's nonce in bytes.
const NonceSize = 16

// AudienceKind is the sort of readers of an entry.
type AudienceKind uint8

// The audiences. [ROLL-16]
const (
	AudienceAll   AudienceKind = 0
	AudienceDesks AudienceKind = 1 // admins, desks and one guest: the guest's names
	AudienceGroup AudienceKind = 2 // the people of a group that is not listed, and admins
)

// Audience says who must hold the body of an entry; the tag travels with every leaf. The zero value is everybody.
type Audience struct {
	Kind AudienceKind      `cbor:"1,keyasint"`
	ID   [keys.IDSize]byte `cbor:"2,keyasint,omitzero"` // of the guest or group; absent for everybody
}

// Entry is a line of the roll: an event with what the sequencer adds to it. It travels as the CBOR array of audience,
// nonce, stamp and event; to somebody who is not of its audience as that of audience and opening. [ROLL-16] [ROLL-18]
type Entry struct {
	Audience Audience
	Nonce    [NonceSize]byte // random, so that a leaf tells nothing about an event that is not shown
	Time     int64           // the sequencer's stamp, Unix milliseconds
	Event    []byte          // a SignedEvent; nil in a hidden entry
	Opening  Hash            // of a hidden entry: the hash of the three above
}

// shownEntry and hiddenEntry are the layouts of an entry.
type (
	shownEntry struct {
		_        struct{} `cbor:",toarray"`
		Audience Audience
		Nonce    [NonceSize]byte
		Time     int64
		Event    []byte
	}
	hiddenEntry struct {
		_        struct{} `cbor:",toarray"`
		Audience Audience
		Opening  [keys.IDSize]byte
	}
)

// NewEntry returns the entry of an event for an audience, stamped now (Unix milliseconds), with a nonce from random.
// Roll.AudienceOf says which audience an event has.
func NewEntry(random io.Reader, now int64, audience Audience, event SignedEvent) (Entry, error) {
	e := Entry{Audience: audience, Time: now, Event: slices.Clone(event)}
	if _, err := io.ReadFull(random, e.Nonce[:]); err != nil {
		return Entry{}, fmt.Errorf("membership: no randomness for a nonce: %w", err)
	}
	return e, nil
}

// Hidden reports whether the entry is without its event.
func (e Entry) Hidden() bool { return len(e.Event) == 0 }

// Hide returns the entry as it is shown to somebody who is not of its audience. Its leaf is the same. [ROLL-18]
func (e Entry) Hide() Entry {
	if e.Hidden() {
		return e
	}
	return Entry{Audience: e.Audience, Opening: e.opening()}
}

// Marshal returns the entry as it travels.
func (e Entry) Marshal() []byte {
	if e.Hidden() {
		return wire.Encode(hiddenEntry{Audience: e.Audience, Opening: e.Opening})
	}
	return wire.Encode(shownEntry{Audience: e.Audience, Nonce: e.Nonce, Time: e.Time, Event: e.Event})
}

// arrayOfTwo is the first byte of a hidden entry.
const arrayOfTwo = 0x82

// ParseEntry reads what Marshal wrote. It checks form and caps only; Append judges the content. Errors are *Refusal with
// ReasonMalformed.
func ParseEntry(data []byte) (Entry, error) {
	if len(data) > MaxEntry {
		return Entry{}, refuse(ReasonMalformed, "%d bytes where at most %d are allowed", len(data), MaxEntry)
	}
	if len(data) > 0 && data[0] == arrayOfTwo {
		var hidden hiddenEntry
		if err := wire.Decode(data, &hidden); err != nil {
			return Entry{}, refuse(ReasonMalformed, "reading the hidden entry: %v", err)
		}
		return Entry{Audience: hidden.Audience, Opening: hidden.Opening}, nil
	}
	var e shownEntry
	if err := wire.Decode(data, &e); err != nil {
		return Entry{}, refuse(ReasonMalformed, "reading the entry: %v", err)
	}
	if len(e.Event) == 0 || len(e.Event) > MaxEvent {
		return Entry{}, refuse(ReasonMalformed, "an event of %d bytes", len(e.Event))
	}
	return Entry{Audience: e.Audience, Nonce: e.Nonce, Time: e.Time, Event: e.Event}, nil
}

// Leaf returns the hash of the entry as a leaf of the tree. The audience is readable in the record, nonce, stamp and
// event are behind a hash of their own: a roll can later be shown to somebody without the bodies that are not for
// them. [ROLL-17]
func (e Entry) Leaf() Hash {
	opening := e.opening()
	return tlog.RecordHash(append(wire.Encode(e.Audience), opening[:]...))
}

func (e Entry) opening() Hash {
	if e.Hidden() {
		return e.Opening
	}
	var stamp [8]byte
	binary.BigEndian.PutUint64(stamp[:], uint64(e.Time))
	return Hash(keys.Hash[keys.Event](keys.DomainLeaf, e.Nonce[:], stamp[:], e.Event))
}

// audienceOf returns who an event is for: everybody, but for the name of a guest and what happens in a group that is not
// listed. signed are its bytes, which name the group that it creates. [ROLL-18]
func (s *State) audienceOf(event *Event, signed []byte) Audience {
	switch {
	case event.Name != nil:
		return s.audienceOfName(event)
	case event.Group != nil && !event.Group.Listed:
		return Audience{Kind: AudienceGroup, ID: GroupOf(s.org, signed)}
	}
	id := event.group()
	if g := s.groups[id]; id.IsZero() || g != nil && g.listed {
		return Audience{}
	}
	return Audience{Kind: AudienceGroup, ID: id}
}

// group returns the group that is on the roll already and in which an event acts, zero for none.
func (e *Event) group() keys.GroupID {
	for _, says := range e.bodies() {
		if acts, ok := says.(inGroup); ok {
			return acts.in()
		}
	}
	return keys.GroupID{}
}

func (s *State) audienceOfName(event *Event) Audience {
	target := s.members[event.Name.Member]
	if event.Name.Member.IsZero() {
		target = s.accountOf(event.Signer)
	}
	if target != nil && target.role == RoleGuest {
		return Audience{Kind: AudienceDesks, ID: target.id}
	}
	return Audience{}
}

// forAudience: an event is for the audience of its kind, so that nobody hides a bar as somebody else's affair. [ROLL-18]
func forAudience(s *State, c *change) error {
	if c.audience != s.audienceOf(&c.event, c.data) {
		return refuse(ReasonAudience, "audience %d", c.audience.Kind)
	}
	return nil
}

// Reads reports whether a member must hold what is for an audience and stands at an index of the roll. If they must, they
// must hold all that is for it before. [ROLL-18]
func (s *State) Reads(member keys.MemberID, audience Audience, index uint64) bool {
	a := s.members[member]
	switch {
	case audience == (Audience{}):
		return true
	case a == nil || a.removed:
		return false
	case a.role == RoleAdmin:
		return true
	case audience.Kind == AudienceDesks:
		return a.role == RoleDesk || a.id == audience.ID
	case audience.Kind == AudienceGroup:
		g := s.groups[audience.ID]
		return g != nil && !g.listed && g.acts.Reads(member, index)
	}
	return false
}

// hideable: what is shown without its event is for an audience that there can be, and not for everybody. [ROLL-18]
func (s *State) hideable(audience Audience) error {
	switch audience.Kind {
	case AudienceDesks:
		if guest := s.members[audience.ID]; guest != nil && guest.role == RoleGuest {
			return nil
		}
	case AudienceGroup:
		if g := s.groups[audience.ID]; audience.ID != [keys.IDSize]byte{} && (g == nil || !g.listed) {
			return nil
		}
	}
	return refuse(ReasonAudience, "an entry for audience %d without its event", audience.Kind)
}
