package membership

import (
	"slices"

	"muster.example/internal/keys"
)

// Rendezvous is the event that names the node that orders the roll, and where it is reached. The second entry is one:
// without it nobody could sign a checkpoint. A later one moves the duty: it names the roll that it continues and is the
// new node's first entry. The node's key signs checkpoints and never an event. [ROLL-21]
type Rendezvous struct {
	plain
	Node      keys.PublicKey `cbor:"1,keyasint"`
	Addresses []string       `cbor:"2,keyasint"`           // multiaddrs, 1 to MaxAddresses
	Term      uint64         `cbor:"3,keyasint"`           // of sequencing: 1 for the first node
	Size      uint64         `cbor:"4,keyasint,omitzero"`  // of the roll that it continues; absent in term 1
	Root      []byte         `cbor:"5,keyasint,omitempty"` // of that roll, 32 bytes
}

// MaxTerm bounds the number of a term, so that another always follows.
const MaxTerm = 1 << 53

// Term is a time in which one node orders the roll.
type Term struct {
	Number uint64
	Node   keys.PublicKey
	From   uint64         // the index of the entry that began it
	By     keys.PublicKey // who signed that entry
	ByRoot bool           // that is the root key
}

func (*Rendezvous) kind() *kind { return &rendezvousKind }

func (r *Rendezvous) form() error {
	if err := checkAddresses(r.Addresses); err != nil {
		return refuse(ReasonMalformed, "%v", err)
	}
	if r.Term == 0 || r.Term > MaxTerm || (r.Term == 1) != (r.Size == 0) || (r.Term == 1) != (len(r.Root) == 0) ||
		len(r.Root) != 0 && len(r.Root) != len(Hash{}) {
		return refuse(ReasonMalformed, "a move names term, size and root of the roll, the first node none")
	}
	return nil
}

func (r Rendezvous) clone() Rendezvous {
	r.Addresses, r.Root = slices.Clone(r.Addresses), slices.Clone(r.Root)
	return r
}

var rendezvousKind = kind{
	rules: []rule{byAdmin, counted, nextTerm, continues, nodeKey},
	apply: func(s *State, c *change) {
		sequencer := c.event.Rendezvous.clone()
		if s.sequencer != nil {
			s.swapNodes(s.sequencer, &sequencer)
		}
		s.sequencer = &sequencer
		s.takeNodeKey(sequencer.Node)
		s.terms = append(s.terms, Term{Number: sequencer.Term, Node: sequencer.Node, From: s.size, By: c.by.Signer, ByRoot: c.root})
	},
}

// nextTerm: terms follow each other; the root key, which settles a quarrel, may leave some out. [ROLL-21] [ROLL-58]
func nextTerm(s *State, c *change) error {
	due := uint64(1)
	if s.sequencer != nil {
		due = s.sequencer.Term + 1
	}
	if term := c.event.Rendezvous.Term; term < due || term > due && !c.root || s.sequencer == nil && term != 1 {
		return refuse(ReasonTerm, "term %d where %d is due", term, due)
	}
	return nil
}

// continues: a move is the entry after the roll that it names. [ROLL-58]
func continues(s *State, c *change) error {
	if s.sequencer == nil {
		return nil
	}
	root, err := c.head()
	if err != nil {
		return err
	}
	if move := c.event.Rendezvous; move.Size != s.size || Hash(move.Root) != root {
		return refuse(ReasonMove, "it continues size %d, the roll has %d", move.Size, s.size)
	}
	return nil
}

// nodeKey: a node's key is nobody's device or recovery key; a node may come back to the duty. Whose key a member named as
// an invitation's, so that the node could have no duty, may have it: the invitation ends. [ROLL-9]
func nodeKey(s *State, c *change) error { return s.mayBeNode(c.event.Rendezvous.Node) }

func (s *State) mayBeNode(node keys.PublicKey) error {
	if use := s.keys[node].use; use == useNode || use == useInvitation {
		return nil
	}
	return s.newKeys(node)
}

// Terms returns the times of sequencing, in order.
func (s *State) Terms() []Term { return slices.Clone(s.terms) }
