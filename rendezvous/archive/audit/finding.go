package audit

import (
	"fmt"

	"muster.example/internal/keys"
)

// Kind says what is wrong, in one word that programs may rely on.
type Kind string

// The kinds of finding.
const (
	Missing   Kind = "missing"   // a segment or an item that the chain names is not there
	Altered   Kind = "altered"   // it is not what the service wrote
	Reordered Kind = "reordered" // a segment under the name of another
	Truncated Kind = "truncated" // the chain ends before a head that the service signed
	Forked    Kind = "forked"    // the service signed two chains that cannot both be the one
	Foreign   Kind = "foreign"   // something that the service did not write
	Touched   Kind = "touched"   // somebody tried to change or remove it; what was written is still there
)

// Finding is one thing that is not as it should be.
type Finding struct {
	Kind    Kind           `json:"kind"`
	Service keys.PublicKey `json:"service"`
	// Object is the name of what it is about, where there is or should be one.
	Object string `json:"object,omitempty"`
	// FirstSegment to LastSegment and FirstItem to LastItem are numbers, 0 where none is known.
	FirstSegment uint64          `json:"first_segment,omitempty"`
	LastSegment  uint64          `json:"last_segment,omitempty"`
	FirstItem    uint64          `json:"first_item,omitempty"`
	LastItem     uint64          `json:"last_item,omitempty"`
	Envelope     keys.EnvelopeID `json:"envelope,omitzero"` // the id of the one item that it is about
	What         string          `json:"what"`
}

// String says it in one line.
func (f Finding) String() string {
	text := string(f.Kind)
	text += span("segment", f.FirstSegment, f.LastSegment) + span("item", f.FirstItem, f.LastItem)
	if !f.Envelope.IsZero() {
		text += " (" + f.Envelope.String() + ")"
	}
	if f.Object != "" {
		text += " in " + f.Object
	}
	return text + ": " + f.What
}

func span(what string, first, last uint64) string {
	switch {
	case first == 0 && last == 0:
		return ""
	case last <= first:
		return fmt.Sprintf(" %s %d", what, first)
	}
	return fmt.Sprintf(" %ss %d to %d", what, first, last)
}
