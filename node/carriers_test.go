package node

import (
	"slices"
	"testing"
	"time"

	"muster.example/internal/testnet"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/node/store"
)

// walkers are members' devices of which each is acquainted with all others, that meet when a test has them meet, and know no
// rendezvous node.
type walkers struct {
	*neighbourhood
	members map[*organization]*membershiptest.Member
	ann     *organization
	ben     *organization
	cat     *organization
	others  []*organization
}

func newWalkers(t *testing.T, net *testnet.Net, others ...string) *walkers {
	w := &walkers{neighbourhood: newNeighbourhood(t, net, append([]string{"ben", "cat"}, others...)...), members: make(map[*organization]*membershiptest.Member)}
	var all []*organization
	for _, m := range w.org.Members {
		o := w.device(m)
		for _, other := range w.org.Members {
			if other != m {
				o.acquainted(t, w.org, m, other)
			}
		}
		w.group.Go("carriers", o.carriers.run)
		w.members[o] = m
		all = append(all, o)
	}
	w.ann, w.ben, w.cat, w.others = all[0], all[1], all[2], all[3:]
	return w
}

// meet has two devices be in reach of each other until what is said holds.
func (w *walkers) meet(a, b *organization, what string, until func() bool) {
	w.t.Helper()
	w.call(a, b)
	w.await(5*time.Minute, what, until)
	w.cut(a, b)
	w.await(time.Minute, "they part", func() bool { return a.mesh.peer(b.device) == nil && b.mesh.peer(a.device) == nil })
}

// together has two devices be in reach of each other for a while.
func (w *walkers) together(a, b *organization, long time.Duration) {
	w.t.Helper()
	w.call(a, b)
	time.Sleep(long)
	w.cut(a, b)
	w.await(time.Minute, "they part", func() bool { return a.mesh.peer(b.device) == nil && b.mesh.peer(a.device) == nil })
}

// carries returns what a device carries.
func (o *organization) carries(t *testing.T) (all []store.Carry) {
	t.Helper()
	view(t, o.node.store, func(tx *store.Tx) (err error) { all, err = tx.Carries(o.org); return err })
	return all
}

// TestSimCarrierWalks has a device walk between two others that never meet: a message, its announcement and the receipt go with it, and
// nothing is left of it in the end. [MSH-42] [MSH-48] [MSH-50]
func TestSimCarrierWalks(t *testing.T) {
	testnet.Run(t, 63, func(t *testing.T, net *testnet.Net) {
		w := newWalkers(t, net)
		w.together(w.ben, w.cat, 30*time.Second) // prekeys are exchanged
		id := w.ann.say(t, "by hand", w.members[w.cat])
		w.meet(w.ann, w.ben, "ben carries it", func() bool { return len(w.ben.carries(t)) == 2 })
		to := w.ann.states(t, id)[0]
		if to.State != api.StateCarried || to.Carriers != 1 {
			t.Errorf("its sender sees %q by %d carriers", to.State, to.Carriers)
		}
		w.meet(w.ben, w.cat, "it came", func() bool { return slices.Equal(w.cat.texts(t), []string{"by hand"}) && len(w.ben.carries(t)) == 0 })
		w.meet(w.ben, w.ann, "its sender knows", func() bool { return w.ann.outbox(t) == 0 })
		if to := w.ann.states(t, id)[0]; to.State != api.StateDelivered || to.Via != api.ViaCarriers {
			t.Errorf("in the end it is %q by %q", to.State, to.Via)
		}
		w.together(w.ben, w.cat, time.Minute)
		if got := w.cat.texts(t); len(got) != 1 || len(w.ben.carries(t)) != 0 {
			t.Errorf("in the end there is %q, and ben carries %d", got, len(w.ben.carries(t)))
		}
	})
}
