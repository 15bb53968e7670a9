package membershiptest

import (
	"slices"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
)

// Branch returns the organization as it was at a size of its roll, to go on from there in another way. Keys and members
// are shared, later ones too; the clock is not set back.
func (o *Org) Branch(size uint64) *Org {
	o.t.Helper()
	branch := *o
	branch.Members, branch.Entries = slices.Clone(o.Members), nil
	branch.Roll = membership.NewRoll(o.ID)
	for _, entry := range o.Entries[:size] {
		if err := branch.Roll.Append(entry); err != nil {
			o.t.Fatalf("appending entry %d again: %v", branch.Roll.Size(), err)
		}
		branch.Entries = append(branch.Entries, entry)
	}
	return &branch
}

// MoveEvent returns the event that moves the sequencing duty to a node, after all entries, in a term.
func (o *Org) MoveEvent(by keys.PrivateKey, node keys.PublicKey, term uint64) membership.SignedEvent {
	size := o.Roll.Size()
	root := o.RootAt(size)
	return o.sign(by, nil, func(e *membership.Event) {
		e.Rendezvous = &membership.Rendezvous{
			Node: node, Addresses: []string{"/ip4/192.0.2.2/udp/4001/quic-v1"}, Term: term, Size: size, Root: root[:],
		}
	})
}

// Move moves the sequencing duty to a node, in the next term: checkpoints are its own from then on. With a size it goes
// on from there and drops the entries beyond; see Branch for what keeps both.
func (o *Org) Move(by, node keys.PrivateKey, size ...uint64) membership.Entry {
	o.t.Helper()
	if len(size) == 1 {
		*o = *o.Branch(size[0])
	}
	term := o.Term() + 1
	entry := o.Append(o.MoveEvent(by, node.Public(), term))
	o.Node = node
	return entry
}

// Term returns the term of sequencing, 0 before the first.
func (o *Org) Term() uint64 {
	sequencer, _ := o.Roll.State().Sequencer()
	return sequencer.Term
}

// After moves the clock by seconds.
func (o *Org) After(seconds uint64) { o.Now = o.Now.Add(time.Duration(seconds) * time.Second) }

// For returns the organization with the test that a step fails which is refused. It shares the roll.
func (o *Org) For(t testing.TB) *Org {
	other := *o
	other.t = t
	return &other
}
