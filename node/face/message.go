package face

import (
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
)

const (
	maxName = 256 // bytes of a name
)

// Message is what is sealed; exactly one is set. [FACE-4]
type Message struct {
	Invitation *Invitation `cbor:"1,keyasint,omitempty"`
	Card       *Card       `cbor:"2,keyasint,omitempty"`
	Yes        bool        `cbor:"3,keyasint,omitempty"` // the person at this side says yes
	Link       *Link       `cbor:"4,keyasint,omitempty"`
	Grant      []byte      `cbor:"5,keyasint,omitempty"` // a signed grant to the other
	Done       bool        `cbor:"6,keyasint,omitempty"` // what was given is kept
	No         *No         `cbor:"7,keyasint,omitempty"` // the conversation ends
	Join       []byte      `cbor:"8,keyasint,omitempty"` // done, and this is the join that the visitor signed by the invitation
	Ask        *Ask        `cbor:"9,keyasint,omitempty"` // who gave a join asks for the roll that it is ahead of
	Piece      *Piece      `cbor:"10,keyasint,omitempty"`
}

// Invitation is what the visitor's person is asked about: nothing of it can be used. [FACE-5]
type Invitation struct {
	Org     keys.OrgID      `cbor:"1,keyasint"`
	OrgName string          `cbor:"2,keyasint"`
	By      string          `cbor:"3,keyasint"` // the inviter's name there
	Role    membership.Role `cbor:"4,keyasint"`
	Name    string          `cbor:"5,keyasint,omitempty"` // that the joiner must take
	Apply   bool            `cbor:"6,keyasint,omitempty"` // members decide
}

// Link is the invitation itself, a secret.
type Link struct {
	Text    string `cbor:"1,keyasint"`           // as membership.ParseInvitation reads it
	Waiting bool   `cbor:"2,keyasint,omitempty"` // it is not on the roll yet
	Ahead   bool   `cbor:"3,keyasint,omitempty"` // the host takes a join that is ahead of the roll
}

// MaxRoll is the most that a roll may have in bytes to be handed over, and MaxPiece how many come at once. [FACE-9]
const (
	MaxRoll  = 4 << 20
	MaxPiece = 32 << 10
)

// Ask asks for a piece of the roll, from a byte on.
type Ask struct {
	From uint64 `cbor:"1,keyasint"`
}

// Piece is one of the roll.
type Piece struct {
	Size uint64 `cbor:"1,keyasint"` // of the whole in bytes
	Data []byte `cbor:"2,keyasint"`
}

// Roll is what the pieces come to: the roll, as the host knows it and as the visitor may read it. [FACE-9]
type Roll struct {
	Checkpoint []byte   `cbor:"1,keyasint"`
	Entries    [][]byte `cbor:"2,keyasint"`
	Invite     []byte   `cbor:"3,keyasint,omitempty"` // the signed event of the invitation, if the roll lacks that
}

// Encode returns the bytes of which pieces are made.
func (r Roll) Encode() []byte { return encode(r) }

// ReadRoll reads what pieces came to.
func ReadRoll(data []byte) (r Roll, err error) {
	if len(data) > MaxRoll {
		return r, frameError("a roll of %d bytes", len(data))
	}
	if err := wire.Decode(data, &r); err != nil {
		return r, frameError("a roll: %v", err)
	}
	return r, nil
}

// No ends a conversation.
type No struct {
	Reason Reason `cbor:"1,keyasint"`
}

func encode(object any) []byte { return wire.Encode(object) }

// turn is a kind of message.
type turn uint8

const (
	invitation turn = 1 + iota
	card
	yes
	link
	grant
	done
	no
	join
	ask
	piece
)

// kind returns which one is set; 0 unless it is exactly one.
func (m Message) kind() (kind turn) {
	set := 0
	for one, there := range map[turn]bool{
		invitation: m.Invitation != nil, card: m.Card != nil, yes: m.Yes, link: m.Link != nil, grant: len(m.Grant) > 0, done: m.Done, no: m.No != nil, join: len(m.Join) > 0,
		ask: m.Ask != nil, piece: m.Piece != nil,
	} {
		if there {
			kind = one
			set++
		}
	}
	if set != 1 {
		return 0
	}
	return kind
}

// decode reads a message and holds it against the caps.
func decode(plain []byte) (m Message, err error) {
	if err := wire.Decode(plain, &m); err != nil {
		return m, frameError("%v", err)
	}
	switch m.kind() {
	case 0:
		return m, frameError("not one message")
	case invitation:
		return m, m.Invitation.form()
	case card:
		if m.Card.Org.IsZero() || m.Card.Member.IsZero() || m.Card.Device.IsZero() || m.Card.Size == 0 || m.Card.Size > membership.MaxSize {
			return m, frameError("a card of nobody")
		}
	case link:
		if _, err := membership.ParseInvitation(m.Link.Text); err != nil {
			return m, frameError("no invitation")
		}
	case grant:
		if len(m.Grant) > membership.MaxGrant {
			return m, frameError("a grant of %d bytes", len(m.Grant))
		}
	case join:
		if event, err := membership.ReadEvent(m.Join); err != nil || event.Join == nil {
			return m, frameError("no join")
		}
	case ask:
		if m.Ask.From >= MaxRoll {
			return m, frameError("a piece from byte %d", m.Ask.From)
		}
	case piece:
		if m.Piece.Size > MaxRoll || len(m.Piece.Data) == 0 || len(m.Piece.Data) > MaxPiece {
			return m, frameError("a piece of %d bytes, of %d", len(m.Piece.Data), m.Piece.Size)
		}
	}
	return m, nil
}

func (i *Invitation) form() error {
	if i.Org.IsZero() || membership.CheckName(i.OrgName) != nil || len(i.By) > maxName || len(i.Name) > maxName {
		return frameError("an invitation to nowhere")
	}
	if i.Name != "" && membership.CheckName(i.Name) != nil {
		return frameError("an invitation for no name")
	}
	return nil
}
