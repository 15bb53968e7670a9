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
	return newWalkersAmong(t, net, 0, others...)
}

// newWalkersAmong is newWalkers, of whom the last so many have no device that keeps to the protocol.
func newWalkersAmong(t *testing.T, net *testnet.Net, strangers int, others ...string) *walkers {
	w := &walkers{neighbourhood: newNeighbourhood(t, net, append([]string{"ben", "cat"}, others...)...), members: make(map[*organization]*membershiptest.Member)}
	var all []*organization
	for _, m := range w.org.Members[:len(w.org.Members)-strangers] {
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

// seeAround returns what a device tells of who is around.
func (o *organization) seeAround(t *testing.T) api.Around {
	t.Helper()
	all, err := o.node.Around(t.Context(), api.AroundQuery{})
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return all[0]
}

// tellWhoCarries holds what ann and ben, who carries ann's two envelopes, say of that against what is so: in reach of each other or not. [API-181]
func (w *walkers) tellWhoCarries() {
	t := w.t
	t.Helper()
	a, b := w.ann.seeAround(t), w.ben.seeAround(t)
	ben := api.Carrier{Member: w.members[w.ben].ID.String(), Name: "ben", Device: w.ben.device.String(), Count: 2}
	if len(a.Devices) != 0 || len(a.Carriers) != 1 || a.Carriers[0] != ben || a.Carried.Count != 0 {
		t.Errorf("apart from ben, ann says %+v", a)
	}
	if c := b.Carried; c.Count != 2 || len(c.From) != 1 || c.Oldest.IsZero() || time.Since(c.Oldest) > time.Hour || len(b.Carriers) != 0 {
		t.Errorf("ben says that he carries %+v", c)
	} else if of := c.From[0]; of.Member != w.members[w.ann].ID.String() || of.Count != 2 || of.Bytes != c.Bytes || of.Oldest != c.Oldest {
		t.Errorf("ben says that he carries %+v", of)
	}
	w.call(w.ann, w.ben)
	w.ann.setHost(w.hosts[w.ann.device])
	if a = w.ann.seeAround(t); len(a.Devices) != 1 || a.Devices[0].Carrying != 2 {
		t.Errorf("with ben in reach, ann says %+v", a.Devices)
	}
	w.cut(w.ann, w.ben)
	w.await(time.Minute, "they part", func() bool { return w.ann.mesh.peer(w.ben.device) == nil && w.ben.mesh.peer(w.ann.device) == nil })
}

// TestSimCarrierWalks has a device walk between two others that never meet: a message, its announcement and the receipt go with it, and
// nothing is left of it in the end. [MSH-42] [MSH-48] [MSH-50] [API-181]
func TestSimCarrierWalks(t *testing.T) {
	testnet.Run(t, 63, func(t *testing.T, net *testnet.Net) {
		w := newWalkers(t, net)
		w.together(w.ben, w.cat, 30*time.Second) // prekeys are exchanged
		id := w.ann.say(t, "by hand", w.members[w.cat])
		w.ann.setHost(w.hosts[w.ann.device])
		w.meet(w.ann, w.ben, "ben carries it, and is said to", func() bool {
			around, err := w.ann.around()
			if err != nil {
				t.Fatal(err)
			}
			return len(w.ben.carries(t)) == 2 && len(around.Devices) == 1 && around.Devices[0].Carrying == 2
		})
		to := w.ann.states(t, id)[0]
		if to.State != api.StateCarried || to.Carriers != 1 {
			t.Errorf("its sender sees %q by %d carriers", to.State, to.Carriers)
		}
		w.tellWhoCarries()
		w.meet(w.ben, w.cat, "it came", func() bool { return slices.Equal(w.cat.texts(t), []string{"by hand"}) && len(w.ben.carries(t)) == 0 })
		w.meet(w.ben, w.ann, "its sender knows", func() bool { return w.ann.outbox(t) == 0 })
		if a := w.ann.seeAround(t); len(a.Carriers) != 0 {
			t.Errorf("once it has come, %+v are said to carry it", a.Carriers)
		}
		if to := w.ann.states(t, id)[0]; to.State != api.StateDelivered || to.Via != api.ViaCarriers {
			t.Errorf("in the end it is %q by %q", to.State, to.Via)
		}
		w.together(w.ben, w.cat, time.Minute)
		if got := w.cat.texts(t); len(got) != 1 || len(w.ben.carries(t)) != 0 {
			t.Errorf("in the end there is %q, and ben carries %d", got, len(w.ben.carries(t)))
		}
	})
}
