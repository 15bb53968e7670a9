package membership

import (
	"slices"

	"muster.example/internal/keys"
)

// Nodes is the event by which an admin or the root key says which further rendezvous nodes serve the organization, beside
// the one that orders its roll. It replaces the set before it as a whole. A further node signs nothing that counts as
// membership: no event and no checkpoint. [ROLL-170]
type Nodes struct {
	plain
	Further []NodeAddress `cbor:"1,keyasint,omitempty"` // at most MaxFurther, by keys, increasing
}

func (*Nodes) kind() *kind { return &nodesKind }

func (n *Nodes) form() error {
	if len(n.Further) > MaxFurther {
		return refuse(ReasonMalformed, "%d further nodes, at most %d are allowed", len(n.Further), MaxFurther)
	}
	for i, node := range n.Further {
		if err := checkAddresses(node.Addresses); err != nil {
			return refuse(ReasonMalformed, "%v", err)
		}
		if i > 0 && n.Further[i-1].Key.Compare(node.Key) >= 0 {
			return refuse(ReasonMalformed, "nodes out of order or named twice")
		}
	}
	return nil
}

var nodesKind = kind{
	rules: []rule{sequenced, byAdmin, counted, furtherKeys, furtherChanged},
	apply: func(s *State, c *change) {
		for _, node := range c.event.Nodes.Further {
			s.takeNodeKey(node.Key)
		}
		s.nodes = cloneNodes(c.event.Nodes.Further)
	},
}

// furtherKeys: a further node is not the sequencer, and its key is a new one, one that was a node's, or one that somebody
// named as an invitation's. [ROLL-171]
func furtherKeys(s *State, c *change) error {
	for _, node := range c.event.Nodes.Further {
		if node.Key == s.sequencer.Node {
			return refuse(ReasonDuplicateKey, "%s orders the roll", node.Key.Short())
		}
		if err := s.mayBeNode(node.Key); err != nil {
			return err
		}
	}
	return nil
}

// furtherChanged: the set is another than it was. [ROLL-172]
func furtherChanged(s *State, c *change) error {
	if slices.EqualFunc(s.nodes, c.event.Nodes.Further, NodeAddress.equal) {
		return refuse(ReasonAlready, "")
	}
	return nil
}

// swapNodes keeps the set when the duty moves: a node of the set that takes it over changes places with the one that had
// it. A node from elsewhere leaves the set as it is, and the one before it out of it. [ROLL-173]
func (s *State) swapNodes(from, to *Rendezvous) {
	at := slices.IndexFunc(s.nodes, func(n NodeAddress) bool { return n.Key == to.Node })
	if at < 0 {
		return
	}
	s.nodes = slices.Delete(cloneNodes(s.nodes), at, at+1)
	if from.Node != to.Node {
		s.nodes = append(s.nodes, NodeAddress{Key: from.Node, Addresses: slices.Clone(from.Addresses)})
		slices.SortFunc(s.nodes, func(a, b NodeAddress) int { return a.Key.Compare(b.Key) })
	}
}

// takeNodeKey notes that a key is a node's from here on.
func (s *State) takeNodeKey(key keys.PublicKey) {
	if invitation, ok := s.invitations[key]; ok {
		invitation.Revoked = true
	}
	s.keys[key] = holding{use: useNode}
}

// Nodes returns the further rendezvous nodes, by their keys.
func (s *State) Nodes() []NodeAddress { return cloneNodes(s.nodes) }

// IsFurther reports whether a key is that of a further rendezvous node now.
func (s *State) IsFurther(key keys.PublicKey) bool {
	return slices.ContainsFunc(s.nodes, func(n NodeAddress) bool { return n.Key == key })
}

// Serves reports whether a key is that of a rendezvous node of the organization now: the sequencer's, or a further one's.
func (s *State) Serves(key keys.PublicKey) bool {
	return s.sequencer != nil && s.sequencer.Node == key || s.IsFurther(key)
}

// AllNodes returns the sequencer and then the further nodes; nothing before the roll names one.
func (s *State) AllNodes() []NodeAddress {
	if s.sequencer == nil {
		return nil
	}
	first := NodeAddress{Key: s.sequencer.Node, Addresses: slices.Clone(s.sequencer.Addresses)}
	return append([]NodeAddress{first}, cloneNodes(s.nodes)...)
}

func (n NodeAddress) equal(other NodeAddress) bool {
	return n.Key == other.Key && slices.Equal(n.Addresses, other.Addresses)
}

func cloneNodes(nodes []NodeAddress) []NodeAddress {
	if len(nodes) == 0 {
		return nil
	}
	all := slices.Clone(nodes)
	for i := range all {
		all[i].Addresses = slices.Clone(all[i].Addresses)
	}
	return all
}
