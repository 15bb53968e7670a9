package reader

import (
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/sync/history"
)

// Kind is what an entry is, in one word that programs may rely on.
type Kind string

// The kinds of entry.
const (
	KindMessage      Kind = "message"
	KindEdit         Kind = "edit"
	KindDeletion     Kind = "deletion"
	KindReaction     Kind = "reaction"
	KindRead         Kind = "read"
	KindIntroduction Kind = "introduction"
	KindReport       Kind = "report"
	KindOther        Kind = "other" // grants, keys to lock for, requests between devices
	kindPart         Kind = "part"  // a piece of a file
)

// Entry is one thing that was said, as a line of JSON. Fields are added, never taken away.
type Entry struct {
	Schema       int                 `json:"schema"` // 1
	Item         uint64              `json:"item"`   // its number in the store
	Kind         Kind                `json:"kind"`
	ID           keys.MessageID      `json:"id,omitzero"` // of a message
	About        []keys.MessageID    `json:"about,omitempty"`
	Conversation keys.ConversationID `json:"conversation,omitzero"`
	From         Person              `json:"from"`
	Device       keys.PublicKey      `json:"device"`
	To           []Person            `json:"to"`
	Group        *Person             `json:"group,omitempty"`
	Guest        *Person             `json:"guest,omitempty"`
	Arrived      time.Time           `json:"arrived"`       // at the archive
	Time         time.Time           `json:"time,omitzero"` // by its author's clock
	Subject      string              `json:"subject,omitempty"`
	Text         string              `json:"text,omitempty"`
	Emoji        string              `json:"emoji,omitempty"`
	Thread       keys.MessageID      `json:"thread,omitzero"`
	Reply        keys.MessageID      `json:"reply,omitzero"`
	Attachments  []Attachment        `json:"attachments,omitempty"`
	Forwarded    int                 `json:"forwarded,omitempty"` // how many messages of others it carries
	Again        bool                `json:"again,omitempty"`     // it was sealed anew: the same message is there before
	Envelope     keys.EnvelopeID     `json:"envelope"`
	Content      keys.ContentID      `json:"content"`

	part  history.Chunk
	nonce []history.File
}

// Person is a member or group: its id, and its name as the roll has it now.
type Person struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// Attachment is a file of a message.
type Attachment struct {
	Name   string `json:"name"`
	Size   uint64 `json:"size"`
	SHA256 string `json:"sha256"`
	File   string `json:"file,omitempty"` // where it is exported to
}

// names is what the roll says of ids; nothing without a roll.
type names struct{ state *membership.State }

func (n names) member(id keys.MemberID) Person {
	p := Person{ID: id.String()}
	if n.state != nil {
		if member, ok := n.state.Member(id); ok {
			p.Name = member.Name
		}
	}
	return p
}

func (n names) group(id keys.GroupID) *Person {
	p := &Person{ID: id.String()}
	if n.state != nil {
		if group, ok := n.state.Group(id); ok {
			p.Name = group.Name
		}
	}
	return p
}

// author returns whose device it is; an empty person if the roll does not say.
func (n names) author(device keys.PublicKey) (id keys.MemberID, p Person) {
	if n.state == nil {
		return id, p
	}
	id, ok := n.state.AccountOf(device)
	if !ok {
		return id, p
	}
	return id, n.member(id)
}

// place sets to whom an entry is.
func (e *Entry) place(n names, place envelope.Place, author keys.MemberID) {
	e.To = []Person{}
	switch {
	case !place.Group.IsZero():
		e.Group = n.group(place.Group)
	case !place.Guest.IsZero():
		guest := n.member(place.Guest)
		e.Guest = &guest
	}
	for _, id := range place.Members {
		if id != author {
			e.To = append(e.To, n.member(id))
		}
	}
}
