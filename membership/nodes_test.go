package membership_test

import (
	"slices"
	"testing"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// A node of the set that takes the duty over changes places with the one that had it; one from elsewhere leaves the set as
// it is. [ROLL-173]
func TestMoveKeepsFurtherNodes(t *testing.T) {
	o := grown(t, 1, 3)
	first, second, third, elsewhere := o.Node, o.Key(), o.Key(), o.Key()
	o.SetNodes(membershiptest.NodeAt(second.Public(), "second"), membershiptest.NodeAt(third.Public(), "third"))
	want := func(what string, sequencer keys.PrivateKey, further ...keys.PrivateKey) {
		t.Helper()
		var keys []keys.PublicKey
		for _, node := range further {
			keys = append(keys, node.Public())
		}
		slices.SortFunc(keys, compareKeys)
		state := o.Roll.State()
		all := state.AllNodes()
		if len(all) != len(keys)+1 || all[0].Key != sequencer.Public() {
			t.Fatalf("%s: %d nodes", what, len(all))
		}
		for i, key := range keys {
			if all[i+1].Key != key || !state.IsFurther(key) || !state.Serves(key) {
				t.Errorf("%s: node %d is another", what, i)
			}
		}
		if state.IsFurther(sequencer.Public()) || !state.Serves(sequencer.Public()) {
			t.Errorf("%s: the sequencer is a further node, or serves nobody", what)
		}
	}
	want("at first", first, second, third)
	o.Move(o.Founder.Device(), second)
	want("moved within the set", second, first, third)
	o.Move(o.Founder.Device(), elsewhere)
	want("moved out of the set", elsewhere, first, third)
	if o.Roll.State().Serves(second.Public()) {
		t.Error("the node that the duty left for one from elsewhere serves still")
	}
	o.Move(o.Founder.Device(), first)
	want("moved back", first, elsewhere, third)
	if got := o.Roll.State().Nodes(); got[0].Addresses[0] == "" {
		t.Error("no address")
	}
	o.SetNodes()
	want("taken away", first)
	o.Append(o.NodesEvent(o.Founder.Device(), membershiptest.NodeAt(third.Public(), "third")))
	got := o.Roll.State().Nodes()
	got[0].Addresses[0] = "/changed"
	if o.Roll.State().Nodes()[0].Addresses[0] == "/changed" {
		t.Error("what Nodes returns is not the caller's own")
	}
	if (membership.Policy{}).Posts() != 1 || (membership.Policy{PostTo: 2}).Posts() != 2 {
		t.Error("to how many nodes messages are posted")
	}
}

func compareKeys(a, b keys.PublicKey) int { return a.Compare(b) }
