package keys

import (
	"bytes"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"fmt"
)

// IDSize is the length of every identifier in bytes.
const IDSize = 32

// ID is a 32-byte SHA-256 identifier. The type parameter exists only at compile time: it keeps an organization
// from being passed where a member is meant. The zero value means "none".
type ID[Kind any] [IDSize]byte

// The kinds of identifier. They carry no data.
type (
	// Org marks the identifier of an organization: the hash of its founding event.
	Org struct{}
	// Member marks the identifier of an account in one organization: the hash of the event that admitted it.
	Member struct{}
	// Conversation marks the identifier of a conversation: the hash of its place.
	Conversation struct{}
	// Chain marks the identifier of a sender's chain: a hash that commits to its first key.
	Chain struct{}
	// Envelope marks the identifier of an envelope: the hash of its sealed bytes and sender.
	Envelope struct{}
	// Event marks the hash of a signed event.
	Event struct{}
	// Prekey marks the hash of a device's public prekey.
	Prekey struct{}
	// Message marks the identifier of a message: the hash of its author's device and a random nonce.
	Message struct{}
	// Content marks the hash of the signed content of a message, which the author's next message names.
	Content struct{}
	// Record marks the hash of a record of history.
	Record struct{}
	// Group marks the identifier of a group: the hash of the event that created it.
	Group struct{}
)

// Names for the identifiers, one a kind.
type (
	OrgID          = ID[Org]
	MemberID       = ID[Member]
	ConversationID = ID[Conversation]
	ChainID        = ID[Chain]
	EnvelopeID     = ID[Envelope]
	EventID        = ID[Event]
	PrekeyID       = ID[Prekey]
	ContentID      = ID[Content]
	MessageID      = ID[Message]
	RecordID       = ID[Record]
	GroupID        = ID[Group]
)

// textEncoding is the one text form of identifiers: RFC 4648 base32, lower case, unpadded, 52 characters. [KEY-2]
var textEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Hash returns the identifier of parts under domain: SHA-256 over the domain, a zero byte, and each part with its
// length before it as eight big-endian bytes, so that no two lists of parts collide. [KEY-4]
func Hash[Kind any](domain Domain, parts ...[]byte) ID[Kind] {
	h := sha256.New()
	h.Write([]byte(domain))
	h.Write([]byte{0})
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write(part)
	}
	var id ID[Kind]
	h.Sum(id[:0])
	return id
}

// ParseID reads the text form of an identifier. It accepts exactly what String writes.
func ParseID[Kind any](text string) (ID[Kind], error) {
	var id ID[Kind]
	if len(text) != textSize {
		return id, fmt.Errorf("keys: %d characters are not an identifier, which has %d", len(text), textSize)
	}
	raw, err := textEncoding.DecodeString(text)
	if err != nil || len(raw) != IDSize {
		return id, fmt.Errorf("keys: %q is not an identifier of base32 characters", text)
	}
	copy(id[:], raw)
	if id.String() != text {
		return ID[Kind]{}, fmt.Errorf("keys: %q has stray bits in its last character", text)
	}
	return id, nil
}

// BytesOfPrefix returns bytes with which every identifier begins whose text form begins with text: of each eight characters
// five. ok is false if no identifier's does.
func BytesOfPrefix(text string) (raw []byte, ok bool) {
	raw, err := textEncoding.DecodeString(text[:len(text)/8*8])
	return raw, err == nil
}

// String returns the text form: 52 lower-case base32 characters.
func (id ID[Kind]) String() string { return textEncoding.EncodeToString(id[:]) }

// Short returns the first eight characters of the text form, for people to tell two apart; never for looking up
// without checking that it is unique.
func (id ID[Kind]) Short() string { return id.String()[:8] }

// IsZero reports whether the identifier is the zero value, which names nothing.
func (id ID[Kind]) IsZero() bool { return id == ID[Kind]{} }

// Compare orders identifiers by their bytes.
func (id ID[Kind]) Compare(other ID[Kind]) int { return bytes.Compare(id[:], other[:]) }

// MarshalText implements encoding.TextMarshaler with String.
func (id ID[Kind]) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler with ParseID.
func (id *ID[Kind]) UnmarshalText(text []byte) error {
	parsed, err := ParseID[Kind](string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
