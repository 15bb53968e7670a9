package membership

import (
	"slices"

	"muster.example/internal/keys"
)

// Rendezvous is the event by which an admin names the node that orders the roll, and where it is reached. It is the
// second entry: without it nobody could sign a checkpoint. The node's key signs checkpoints and never an event. [ROLL-21]
type Rendezvous struct {
	Node      keys.PublicKey `cbor:"1,keyasint"`
	Addresses []string       `cbor:"2,keyasint"` // multiaddrs, 1 to MaxAddresses
	Term      uint64         `cbor:"3,keyasint"` // of sequencing: 1 for the first node
}

func (r *Rendezvous) form() error {
	if err := checkAddresses(r.Addresses); err != nil {
		return refuse(ReasonMalformed, "%v", err)
	}
	return nil
}

func (r Rendezvous) clone() Rendezvous {
	r.Addresses = slices.Clone(r.Addresses)
	return r
}

var rendezvousKind = kind{
	rules: []rule{authored, counted, byAdmin, notMoved, firstTerm, nodeKey},
	apply: func(s *State, c *change) {
		sequencer := c.event.Rendezvous.clone()
		s.sequencer = &sequencer
		s.keys[sequencer.Node] = holding{use: useNode}
	},
}

// notMoved: this version names a sequencer once; it knows no rule by which the duty moves. [ROLL-21]
func notMoved(s *State, _ *change) error {
	if s.sequencer != nil {
		return refuse(ReasonMove, "")
	}
	return nil
}

// firstTerm: the first node's term is 1. [ROLL-21]
func firstTerm(_ *State, c *change) error {
	if term := c.event.Rendezvous.Term; term != 1 {
		return refuse(ReasonTerm, "term %d where 1 is due", term)
	}
	return nil
}

// nodeKey: a node's key is nobody's device or recovery key. [ROLL-9]
func nodeKey(s *State, c *change) error { return s.newKeys(c.event.Rendezvous.Node) }
