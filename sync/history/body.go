package history

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// Kind says what a body is. The numbers are part of the wire format; a kind that is not known is kept and not shown.
type Kind uint8

// The kinds of body.
const (
	KindText  Kind = 1 // Text: a message
	KindChunk Kind = 2 // Chunk: a piece of a file that a message names
	KindLeave Kind = 3 // Leave: a member's grant

	KindEdit     Kind = 4 // Edit: an author's new text of a message
	KindDelete   Kind = 5 // Delete: an author takes messages back
	KindReaction Kind = 6 // Reaction: a member's sign beside a message
	KindSeen     Kind = 7 // Seen: a member has read messages

	KindLack Kind = 8 // Lack: a device asks another for what did not come
	KindGone Kind = 9 // Gone: the answer for what is there no more

	KindLockKey Kind = 10 // LockKey: which key others lock for a member
)

// Anew is added to the kind of a body that was sealed before and goes once more to devices that could not open it. Such a
// body bears the number that it had in its author's line, so that those who have it miss nothing, and what it names as
// the one before is not to be compared. [HIST-11]
const Anew Kind = 0x80

// ErrBody is wrapped by every refusal of a body.
var ErrBody = errors.New("history: body refused")

// NonceSize is the length of the random part of a message or file id in bytes.
const NonceSize = 16

// Text is a message: what its author wrote, to whom, and the files that come with it. Just one of To, Group and Guest says
// in which conversation it belongs. [HIST-1]
type Text struct {
	Nonce   [NonceSize]byte `cbor:"1,keyasint"`
	To      []keys.MemberID `cbor:"2,keyasint,omitempty"` // the members of the conversation but its author
	Subject string          `cbor:"3,keyasint,omitempty"`
	Text    string          `cbor:"4,keyasint,omitempty"`
	Time    int64           `cbor:"5,keyasint"` // the author's clock, unix milliseconds; orders nothing
	Reply   *keys.MessageID `cbor:"6,keyasint,omitempty"`
	Files   []File          `cbor:"7,keyasint,omitempty"`

	Group *keys.GroupID  `cbor:"8,keyasint,omitempty"` // to a group
	Guest *keys.MemberID `cbor:"9,keyasint,omitempty"` // in the conversation of this guest with the desks

	Thread    *keys.MessageID `cbor:"10,keyasint,omitempty"` // the first message of the thread; absent in that one
	Mentions  []keys.MemberID `cbor:"11,keyasint,omitempty"`
	Lifetime  uint64          `cbor:"12,keyasint,omitempty"` // seconds after which every device removes it; 0: it stays
	Forwarded []Signed        `cbor:"13,keyasint,omitempty"` // what others wrote, under their own signatures
	Receipts  bool            `cbor:"14,keyasint,omitempty"` // its author takes part in read receipts
	Auto      bool            `cbor:"15,keyasint,omitempty"` // a program wrote it: none answers it by itself
	Added     []keys.MemberID `cbor:"16,keyasint,omitempty"` // who is in the conversation from this message on
}

// Signed is what the device of some member signed in a message of its own: envelope.Content as it was encoded. Whoever has
// it can show it to others, who can verify it. [HIST-13]
type Signed struct {
	Device    keys.PublicKey `cbor:"1,keyasint"`
	Content   []byte         `cbor:"2,keyasint"`
	Signature keys.Signature `cbor:"3,keyasint"`
}

// File names one attachment: its chunks follow as bodies of their own, in the same conversation, by the same device.
// [HIST-8]
type File struct {
	Nonce [NonceSize]byte `cbor:"1,keyasint"`
	Name  string          `cbor:"2,keyasint"`
	Size  uint64          `cbor:"3,keyasint"`
	Hash  [32]byte        `cbor:"4,keyasint"` // SHA-256 of the whole file
}

// Chunks returns how many chunks the file travels in: none for an empty file.
func (f File) Chunks() uint64 { return (f.Size + ChunkSize - 1) / ChunkSize }

// Chunk is one piece of a file: bytes Index*ChunkSize and on. [HIST-8]
type Chunk struct {
	File  [NonceSize]byte `cbor:"1,keyasint"`
	Index uint64          `cbor:"2,keyasint"`
	Data  []byte          `cbor:"3,keyasint"`
}

// Leave carries a member's signed grant to its receiver. The bytes are those of membership.SignGrant. [HIST-9]
type Leave struct {
	Grant []byte `cbor:"1,keyasint"`
}

// MessageID names a message by the device that wrote it and the message's nonce, so that no other device can take its
// place, while the same message sealed anew keeps its name. [HIST-3]
func MessageID(author keys.PublicKey, nonce [NonceSize]byte) keys.MessageID {
	return keys.Hash[keys.Message](keys.DomainMessage, author[:], nonce[:])
}

// DecodeText reads a body of KindText and checks it against the caps. Errors wrap ErrBody.
func DecodeText(data []byte) (Text, error) {
	var t Text
	if err := wire.Decode(data, &t); err != nil {
		return Text{}, fmt.Errorf("%w: %w", ErrBody, err)
	}
	if err := t.Validate(); err != nil {
		return Text{}, err
	}
	return t, nil
}

// Validate checks the caps, the form of the texts and the names of files. Errors wrap ErrBody. [HIST-2]
func (t Text) Validate() error {
	switch {
	case t.Group != nil || t.Guest != nil:
		if len(t.To) > 0 || t.Group != nil && t.Guest != nil {
			return fmt.Errorf("%w: addressed to members, a group or a guest: to more than one of these", ErrBody)
		}
	case len(t.To) == 0 || len(t.To) > MaxRecipients:
		return fmt.Errorf("%w: addressed to %d members, where 1 to %d are allowed", ErrBody, len(t.To), MaxRecipients)
	}
	switch {
	case !distinct(t.To):
		return fmt.Errorf("%w: addressed to a member twice", ErrBody)
	case len(t.Added) > MaxRecipients || !distinct(t.Added):
		return fmt.Errorf("%w: a member is added twice, or more than %d", ErrBody, MaxRecipients)
	case t.Lifetime > MaxLifetime:
		return fmt.Errorf("%w: a lifetime of %d s, where %d are allowed", ErrBody, t.Lifetime, uint64(MaxLifetime))
	}
	if err := validateText(t.Subject, t.Text, t.Mentions, t.Time); err != nil {
		return err
	}
	if err := validateForwarded(t.Forwarded); err != nil {
		return err
	}
	return validateFiles(t.Files)
}

// validateText checks what a message and a new text of it have in common. [HIST-2]
func validateText(subject, text string, mentions []keys.MemberID, time int64) error {
	switch {
	case len(subject) > MaxSubject:
		return fmt.Errorf("%w: a subject of %d bytes, where %d are allowed", ErrBody, len(subject), MaxSubject)
	case !utf8.ValidString(subject) || strings.ContainsFunc(subject, unicode.IsControl):
		return fmt.Errorf("%w: the subject is not one line of text", ErrBody)
	case len(text) > MaxText:
		return fmt.Errorf("%w: a text of %d bytes, where %d are allowed: attach it as a file", ErrBody, len(text), MaxText)
	case !utf8.ValidString(text):
		return fmt.Errorf("%w: the text is not UTF-8", ErrBody)
	case len(mentions) > MaxMentions || !distinct(mentions):
		return fmt.Errorf("%w: it mentions a member twice, or more than %d", ErrBody, MaxMentions)
	}
	return validateTime(time)
}

func validateTime(time int64) error {
	if time < 0 || time > MaxTime {
		return fmt.Errorf("%w: the time is not between 1970 and the year 9999", ErrBody)
	}
	return nil
}

// validateForwarded checks the sizes of what is forwarded, not its signatures. [HIST-13]
func validateForwarded(pieces []Signed) error {
	if len(pieces) > MaxForwarded {
		return fmt.Errorf("%w: %d forwarded messages, where %d are allowed", ErrBody, len(pieces), MaxForwarded)
	}
	for _, piece := range pieces {
		if len(piece.Content) == 0 || len(piece.Content) > MaxSigned {
			return fmt.Errorf("%w: a forwarded message of %d bytes, where 1 to %d are allowed", ErrBody, len(piece.Content), MaxSigned)
		}
	}
	return nil
}

// validateFiles checks the files of a message: two of one nonce would lie in one place. [HIST-2]
func validateFiles(files []File) error {
	if len(files) > MaxFiles {
		return fmt.Errorf("%w: %d files, where %d are allowed", ErrBody, len(files), MaxFiles)
	}
	nonces := make([][NonceSize]byte, 0, len(files))
	for _, file := range files {
		if file.Size > MaxFileSize {
			return fmt.Errorf("%w: file %q of %d bytes, where %d are allowed", ErrBody, file.Name, file.Size, uint64(MaxFileSize))
		}
		if err := ValidateFileName(file.Name); err != nil {
			return err
		}
		nonces = append(nonces, file.Nonce)
	}
	if !distinct(nonces) {
		return fmt.Errorf("%w: one file is named twice", ErrBody)
	}
	return nil
}

// distinct reports whether no value is there twice.
func distinct[T comparable](values []T) bool {
	seen := make(map[T]struct{}, len(values))
	for _, v := range values {
		seen[v] = struct{}{}
	}
	return len(seen) == len(values)
}

// DecodeChunk reads a body of KindChunk. Whether a message names the file, and so how long this chunk must be, its
// reader cannot know yet. Errors wrap ErrBody. [HIST-8]
func DecodeChunk(data []byte) (Chunk, error) {
	var c Chunk
	if err := wire.Decode(data, &c); err != nil {
		return Chunk{}, fmt.Errorf("%w: %w", ErrBody, err)
	}
	switch {
	case len(c.Data) == 0 || len(c.Data) > ChunkSize:
		return Chunk{}, fmt.Errorf("%w: a chunk of %d bytes, where 1 to %d are allowed", ErrBody, len(c.Data), ChunkSize)
	case c.Index >= MaxChunks:
		return Chunk{}, fmt.Errorf("%w: chunk %d of a file, which has %d at most", ErrBody, c.Index, uint64(MaxChunks))
	}
	return c, nil
}

// DecodeLeave reads a body of KindLeave. What the grant says is for membership.OpenGrant to check. Errors wrap ErrBody.
// [HIST-9]
func DecodeLeave(data []byte) (Leave, error) {
	var l Leave
	if err := wire.Decode(data, &l); err != nil {
		return Leave{}, fmt.Errorf("%w: %w", ErrBody, err)
	}
	if len(l.Grant) == 0 || len(l.Grant) > MaxGrant {
		return Leave{}, fmt.Errorf("%w: a grant of %d bytes, where 1 to %d are allowed", ErrBody, len(l.Grant), MaxGrant)
	}
	return l, nil
}
