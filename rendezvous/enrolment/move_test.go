package enrolment

import (
	"testing"

	"muster.example/membership"
	"muster.example/rendezvous/enrolproto"
)

// move moves the sequencing duty to a new node. The old one goes on, and says where the duty is.
func (w *world) move() {
	w.t.Helper()
	page, err := w.node.Fetch(w.t.Context(), 0)
	if err != nil {
		w.t.Fatal(err)
	}
	roll, claim := w.fold(page), w.runNode()
	root, err := roll.Root(roll.Size())
	if err != nil {
		w.t.Fatal(err)
	}
	named, _ := roll.State().Sequencer()
	w.counter++
	move := membership.SignEvent(membership.Event{Org: w.org, Counter: w.counter, At: roll.Size(), Rendezvous: &membership.Rendezvous{
		Node: claim.Node, Addresses: claim.Addresses, Term: named.Term + 1, Size: roll.Size(), Root: root[:],
	}}, w.founder, nil)
	old := w.node
	w.node = w.client(w.founder, claim.Node, claim.Addresses)
	if err := w.node.HandOver(w.t.Context(), claim.Token, w.org, page.Entries, move); err != nil {
		w.t.Fatal(err)
	}
	if page, err = w.node.Fetch(w.t.Context(), 0); err != nil {
		w.t.Fatal(err)
	}
	if err := old.SubmitMove(w.t.Context(), move, page.Checkpoint); err != nil {
		w.t.Fatal(err)
	}
}

// TestTheDutyMoves has the rendezvous node change twice under a service, which then starts anew with the card of the first: people go
// on to join, and are suspended when they lose their login, at the node that orders the roll then.
func TestTheDutyMoves(t *testing.T) {
	w := newWorld(t, asIs)
	joined, _ := w.joinByCode(zoe)
	w.move()
	w.joinByCode(eve)
	w.move()
	w.stop()
	w.start()
	w.provider.Disable(zoe.ID, true)
	w.pass(w.cfg.Check)
	w.pass(askAgain)
	if m := w.member(joined); !m.Suspended {
		t.Error("who lost the login is not suspended")
	}
	first := w.cfg.Org.Nodes[0].Key
	d := w.newDevice()
	if status := d.begin("", ""); status != enrolproto.OK {
		t.Fatal(status)
	}
	for _, node := range d.offer.Nodes {
		if node.Key == first {
			t.Error("a device is sent to the node of before")
		}
	}
}

// TestTheNodeIsElsewhere has the same rendezvous node named once more, as when its address changes, which begins another term.
func TestTheNodeIsElsewhere(t *testing.T) {
	w := newWorld(t, asIs)
	w.joinByCode(zoe)
	roll := w.roll()
	root, err := roll.Root(roll.Size())
	if err != nil {
		t.Fatal(err)
	}
	named, _ := roll.State().Sequencer()
	w.decide(membership.Event{Rendezvous: &membership.Rendezvous{
		Node: named.Node, Addresses: named.Addresses, Term: named.Term + 1, Size: roll.Size(), Root: root[:],
	}})
	w.joinByCode(eve)
}
