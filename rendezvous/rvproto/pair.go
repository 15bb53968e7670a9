package rvproto

import (
	"time"

	"muster.example/internal/wire"
)

// Limits of a slot. [RV-121]
const (
	MaxPairData  = 64 << 10 // bytes of one frame's data, and of all that goes one way in one visit
	MaxPairFrame = MaxPairData + 64
	PairTime     = 10 * time.Minute // that a slot lasts
	PairVisits   = 3                // that a slot has, one after another
	PairSlots    = 100_000          // numbers of slots
)

// PairRequest is the first frame on a stream of /muster/pair/1; exactly one is set. [RV-120]
type PairRequest struct {
	Open  *PairOpen  `cbor:"1,keyasint,omitempty"`
	Visit *PairVisit `cbor:"2,keyasint,omitempty"`
}

// PairOpen asks for a slot, for a device of a member.
type PairOpen struct{}

// PairVisit asks to be let speak to the device that has a slot; anybody may.
type PairVisit struct {
	Slot uint32 `cbor:"1,keyasint"`
}

// PairAnswer answers a PairRequest. Under StatusOK frames follow; Slot is the number of a slot that was opened.
type PairAnswer struct {
	Status wire.Status `cbor:"1,keyasint"`
	Slot   uint32      `cbor:"2,keyasint,omitzero"`
	Move   []byte      `cbor:"3,keyasint,omitempty"` // as in RollAnswer
}

// PairEvent is what happens beside data in a slot.
type PairEvent uint8

// The events. The list is append-only.
const (
	PairCame PairEvent = 1 // node → device: a visitor is there
	PairGone PairEvent = 2 // node → device: the visitor has left; device → node: send the visitor away
)

// PairFrame is one of those that follow; exactly one is set. A visitor sends and gets data alone. [RV-120]
type PairFrame struct {
	Data  []byte    `cbor:"1,keyasint,omitempty"`
	Event PairEvent `cbor:"2,keyasint,omitzero"`
}

// Check returns nil if exactly one request is set and within its caps, else an error that wraps wire.ErrDecode.
func (r PairRequest) Check() error {
	if (r.Open != nil) == (r.Visit != nil) || r.Visit != nil && r.Visit.Slot >= PairSlots {
		return malformed("not exactly one request for a slot that can be")
	}
	return nil
}

// Check returns nil if the answer is within its caps, else an error that wraps wire.ErrDecode.
func (a PairAnswer) Check() error {
	if a.Slot >= PairSlots || len(a.Move) > MaxEvent {
		return malformed("a slot that cannot be, or a move beyond the cap")
	}
	return nil
}

// Check returns nil if the frame holds exactly one thing within its caps, else an error that wraps wire.ErrDecode.
func (f PairFrame) Check() error {
	if (len(f.Data) > 0) == (f.Event != 0) || len(f.Data) > MaxPairData || f.Event > PairGone {
		return malformed("not exactly one thing within its caps")
	}
	return nil
}
