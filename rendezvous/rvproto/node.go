package rvproto

import (
	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// NodeAsk is what one rendezvous node of an organization asks another, again and again on one stream: what is new of the
// roll, and of what devices have told the other. [RV-160]
type NodeAsk struct {
	Org   keys.OrgID `cbor:"1,keyasint"`
	Size  uint64     `cbor:"2,keyasint"`           // of the roll that the asker has; 0 to be shown all of it
	To    uint64     `cbor:"3,keyasint,omitzero"`  // the size at which to stop: how the pages behind the first are asked for
	Epoch [16]byte   `cbor:"4,keyasint,omitzero"`  // of the other's notes, as its last answer had it
	After uint64     `cbor:"5,keyasint,omitzero"`  // the number of the last note that the asker has of that epoch
	Note  []byte     `cbor:"6,keyasint,omitempty"` // the newest checkpoint that the asker has
}

// NodeAnswer answers a NodeAsk: at once if there is something new, else when there is, or after NodeWait. [RV-160]
type NodeAnswer struct {
	Status     wire.Status `cbor:"1,keyasint"`
	Checkpoint []byte      `cbor:"2,keyasint,omitempty"` // newest, if the asker has another; with entries beyond its size
	Entries    [][]byte    `cbor:"3,keyasint,omitempty"` // none of them hidden
	Proof      [][32]byte  `cbor:"4,keyasint,omitempty"`
	Epoch      [16]byte    `cbor:"5,keyasint,omitzero"` // where to go on from, for the next NodeAsk
	After      uint64      `cbor:"6,keyasint,omitzero"`
	Notes      []NodeNote  `cbor:"7,keyasint,omitempty"`
}

// NoteKind says what a note is. The numbers are part of the wire format.
type NoteKind uint8

// The kinds of notes. [RV-161]
const (
	NoteAck    NoteKind = 1 // a SignedAck
	NoteGrant  NoteKind = 2 // a signed grant; for a conversation with its members
	NotePrekey NoteKind = 3 // a device's signed prekey
	NoteSeen   NoteKind = 4 // a device came on a day
)

// NodeNote is one thing that a device has told a node, or done there. Each but NoteSeen is signed by who says it.
type NodeNote struct {
	Kind    NoteKind        `cbor:"1,keyasint"`
	Signed  []byte          `cbor:"2,keyasint,omitempty"`
	Members []keys.MemberID `cbor:"3,keyasint,omitempty"`
	Device  keys.PublicKey  `cbor:"4,keyasint,omitzero"` // of a prekey, and of NoteSeen
	Day     uint64          `cbor:"5,keyasint,omitzero"` // in days since 1970, UTC, of NoteSeen
}

// Check returns nil if the ask is within its caps, else an error that wraps wire.ErrDecode.
func (a NodeAsk) Check() error {
	if len(a.Note) > MaxCheckpoint || a.To > 0 && a.To <= a.Size {
		return malformed("a checkpoint beyond the cap, or an end before the beginning")
	}
	return nil
}

// Check returns nil if the answer is within its caps, else an error that wraps wire.ErrDecode.
func (a NodeAnswer) Check() error {
	if len(a.Checkpoint) > MaxCheckpoint || len(a.Proof) > MaxProof || len(a.Notes) > MaxNotes {
		return malformed("a node's answer beyond its caps")
	}
	for _, note := range a.Notes {
		if err := note.check(); err != nil {
			return err
		}
	}
	return checkEntries(a.Entries, MaxPageEntries, MaxPageBytes+MaxEntry)
}

func (n NodeNote) check() error {
	most, members, device := 0, 0, false
	switch n.Kind {
	case NoteAck:
		most = MaxSignedAck
	case NoteGrant:
		most, members = MaxGrant, MaxConversation
	case NotePrekey:
		most, device = MaxPrekey, true
	case NoteSeen:
		device = true
	default:
		return malformed("a note of unknown kind")
	}
	switch {
	case len(n.Signed) > most || (most > 0) != (len(n.Signed) > 0):
		return malformed("a note without what is signed, or beyond its cap")
	case len(n.Members) > members, n.Device.IsZero() == device, (n.Day > 0) != (n.Kind == NoteSeen), n.Day > 1<<24:
		return malformed("a note with what its kind does not have, or without what it has")
	}
	return nil
}

// ServeRequest makes the node serve an organization beside the one that orders its roll, on the strength of a claim token:
// the roll was handed over with it, names this node among the further ones, and is that of the checkpoint. [RV-162]
type ServeRequest struct {
	Token      [32]byte   `cbor:"1,keyasint"`
	Org        keys.OrgID `cbor:"2,keyasint"`
	Checkpoint []byte     `cbor:"3,keyasint"` // signed note of the node that orders the roll
}
