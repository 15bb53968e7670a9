package node

import (
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// A device posts to the near node that answers, and changes only for one that is much nearer.
func TestFleetPostsToTheNearNode(t *testing.T) {
	f, now := newFleet(), time.Unix(1_000_000, 0)
	f.now = func() time.Time { return now }
	a, b, c := keys.PublicKey{1}, keys.PublicKey{2}, keys.PublicKey{3}
	want := func(what string, primary, second keys.PublicKey) {
		t.Helper()
		for node, r := range f.reached {
			if r.posting == nil {
				continue
			}
			if got := f.isPrimary(r.posting); got != (node == primary) {
				t.Errorf("%s: node %d is first: %v", what, node[0], got)
			}
			if got := f.isSecond(r.posting); got != (node == second) {
				t.Errorf("%s: node %d is second: %v", what, node[0], got)
			}
		}
	}
	_, leaveA := f.post(a, 40*time.Millisecond)
	want("alone", a, keys.PublicKey{})
	f.post(b, 25*time.Millisecond)
	want("another is a little nearer", a, b)
	_, leaveC := f.post(c, 5*time.Millisecond)
	want("another is much nearer", c, b)
	leaveC()
	want("the near one is gone", b, a)
	f.asked(b)
	now = now.Add(stalledAfter - time.Millisecond)
	f.look()
	want("it owes an answer for a while", b, a)
	now = now.Add(time.Millisecond)
	f.look()
	want("it owes an answer for too long", a, keys.PublicKey{})
	f.answered(b, false)
	want("it answers after all", a, b)
	leaveA()
	want("the last but one is gone", b, keys.PublicKey{})
}

// What only nodes have that are gone, or serve no more, is offered to another; with one node nothing ever is.
func TestTurnOffersWhatIsDeserted(t *testing.T) {
	f, now := newFleet(), time.Unix(1_000_000, 0)
	f.now = func() time.Time { return now }
	a, b, c, old := keys.PublicKey{1}, keys.PublicKey{2}, keys.PublicKey{3}, keys.PublicKey{4}
	serves := []keys.PublicKey{a, b, c}
	leave := f.connect(&rvclient.Client{Node: a})
	f.connect(&rvclient.Client{Node: b})
	f.connect(&rvclient.Client{Node: c})
	at := func(node keys.PublicKey, which which) turn {
		return turn{which: which, several: true, node: node, home: a, gone: f.gone(serves)}
	}
	has := func(nodes ...keys.PublicKey) store.Waiting { return store.Waiting{Accepted: true, Nodes: nodes} }
	deserted := func(what string, w store.Waiting, want bool) {
		t.Helper()
		if got := at(b, first).deserted(w); got != want {
			t.Errorf("%s: deserted %v", what, got)
		}
	}
	deserted("taken by one that is there", has(a), false)
	deserted("taken while there was one alone", has(), false)
	deserted("taken by one that serves no more", has(old), true)
	deserted("taken by nobody", store.Waiting{}, false)
	leave()
	deserted("taken by one that has just gone", has(a), false)
	now = now.Add(goneAfter)
	deserted("taken by one that is gone", has(a), true)
	deserted("taken by the only one, which is gone", has(), true)
	deserted("taken by another too", has(a, c), false)
	deserted("taken by this one too", has(a, b), false)
	if (turn{which: first, node: b}).deserted(has(a)) {
		t.Error("something is deserted where there is one node")
	}
	for what, c := range map[string]struct {
		w    store.Waiting
		want bool
	}{
		"one has it": {has(c), true}, "two have it": {has(c, b), false}, "nobody has it": {store.Waiting{}, false},
		"one that is gone has it, too": {has(a, c), true},
	} {
		if got := at(b, second).twice(c.w); got != c.want {
			t.Errorf("%s: offered to a second: %v", what, got)
		}
	}
}
