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

// AudienceAll is the one audience of the kinds of events that this version has. [ROLL-16]
const AudienceAll AudienceKind = 0

// Audience says who must hold the body of an entry; the tag travels with every leaf. The zero value is everybody.
type Audience struct {
	Kind AudienceKind      `cbor:"1,keyasint"`
	ID   [keys.IDSize]byte `cbor:"2,keyasint,omitzero"` // of the group or desk; absent for all
}

// Entry is a line of the roll: an event with what the sequencer adds to it. It travels as the CBOR array of audience,
// nonce, stamp and event. [ROLL-16]
type Entry struct {
	_        struct{} `cbor:",toarray"`
	Audience Audience
	Nonce    [NonceSize]byte // random, so that a leaf tells nothing about an event that is not shown
	Time     int64           // the sequencer's stamp, Unix milliseconds
	Event    []byte          // a SignedEvent
}

// NewEntry returns the entry of an event for everybody, stamped now (Unix milliseconds), with a nonce from random.
func NewEntry(random io.Reader, now int64, event SignedEvent) (Entry, error) {
	e := Entry{Time: now, Event: slices.Clone(event)}
	if _, err := io.ReadFull(random, e.Nonce[:]); err != nil {
		return Entry{}, fmt.Errorf("membership: no randomness for a nonce: %w", err)
	}
	return e, nil
}

// Marshal returns the entry as it travels.
func (e Entry) Marshal() []byte { return wire.Encode(e) }

// ParseEntry reads what Marshal wrote. It checks form and caps only; Append judges the content. Errors are *Refusal with
// ReasonMalformed.
func ParseEntry(data []byte) (Entry, error) {
	if len(data) > MaxEntry {
		return Entry{}, refuse(ReasonMalformed, "%d bytes where at most %d are allowed", len(data), MaxEntry)
	}
	var e Entry
	if err := wire.Decode(data, &e); err != nil {
		return Entry{}, refuse(ReasonMalformed, "reading the entry: %v", err)
	}
	if len(e.Event) == 0 || len(e.Event) > MaxEvent {
		return Entry{}, refuse(ReasonMalformed, "an event of %d bytes", len(e.Event))
	}
	return e, nil
}

// Leaf returns the hash of the entry as a leaf of the tree. The audience is readable in the record, nonce, stamp and
// event are behind a hash of their own: a roll can later be shown to somebody without the bodies that are not for
// them. [ROLL-17]
func (e Entry) Leaf() Hash {
	var stamp [8]byte
	binary.BigEndian.PutUint64(stamp[:], uint64(e.Time))
	opening := keys.Hash[keys.Event](keys.DomainLeaf, e.Nonce[:], stamp[:], e.Event)
	return tlog.RecordHash(append(wire.Encode(e.Audience), opening[:]...))
}

// forAll: the kinds of events of this version are for everybody. [ROLL-16]
func (e Entry) forAll() error {
	if e.Audience != (Audience{}) {
		return refuse(ReasonAudience, "audience %d", e.Audience.Kind)
	}
	return nil
}
