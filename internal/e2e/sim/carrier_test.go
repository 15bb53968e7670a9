package sim

import (
	"slices"
	"testing"
	"time"

	"muster.example/internal/testnet"
	"muster.example/node/api"
)

// places puts people on networks of their own, each a group; the rendezvous node is on none of them.
func (w *world) places(groups ...[]*person) {
	all := [][]string{{testnet.Address(serverPlace)}}
	for _, group := range groups {
		var addresses []string
		for _, p := range group {
			addresses = append(addresses, p.address())
		}
		all = append(all, addresses)
	}
	w.net.Heal()
	w.net.Partition(all...)
}

// carrying returns how many envelopes somebody's device carries for others.
func (p *person) carrying() int {
	all, err := p.node.Carrying(p.world.t.Context())
	if err != nil {
		p.world.t.Fatal(err)
	}
	return all[0].Envelopes
}

// TestSimBetweenTwoPlaces has two places without a rendezvous node, and one person who walks between them: everything arrives, receipts ride
// back, and no copy is left. [MSH-42] [MSH-50] [MSH-51]
func TestSimBetweenTwoPlaces(t *testing.T) {
	simulate(t, 121, func(w *world) {
		t := w.t
		w.direct(true)
		alice, bob, carol := w.trio()
		alice.send("by the node", carol)
		w.await(time.Minute, "it came", func() bool { return len(carol.inbox()) == 1 && alice.status().Outbox == 0 })

		w.places([]*person{alice, bob}, []*person{carol})
		var sent []string
		for _, text := range []string{"one", "two", "three"} {
			sent = append(sent, alice.send(text, carol))
		}
		back := carol.send("from the other place", alice)
		w.await(10*time.Minute, "bob carries", func() bool { return bob.carrying() >= 3 })
		for _, id := range sent {
			if states := alice.states(id); !slices.Equal(states, []api.State{api.StateCarried}) {
				t.Errorf("a message that is carried is %v", states)
			}
		}
		w.places([]*person{alice}, []*person{bob, carol})
		w.await(time.Hour, "all came", func() bool {
			return len(carol.inbox()) == 4 && bob.carrying() > 0 && carol.states(back)[0] == api.StateCarried
		})
		w.places([]*person{alice, bob}, []*person{carol})
		w.await(time.Hour, "the answer came, and the receipts", func() bool { return len(alice.inbox()) == 1 && alice.status().Outbox == 0 })
		w.places([]*person{alice}, []*person{bob, carol})
		w.await(time.Hour, "the other receipt came", func() bool { return carol.status().Outbox == 0 })
		if bob.carrying() != 0 || alice.carrying() != 0 || carol.carrying() != 0 {
			t.Errorf("carried are still %d, %d, %d", alice.carrying(), bob.carrying(), carol.carrying())
		}
		for _, id := range append(sent, back) {
			from := alice
			if id == back {
				from = carol
			}
			if states := from.states(id); !slices.Equal(states, []api.State{api.StateDelivered}) {
				t.Errorf("in the end a message is %v", states)
			}
		}
		if got := carol.inbox(); len(got) != 4 {
			t.Errorf("there came %q", got)
		}
	})
}

// TestSimNodeComesBack has the rendezvous node come back while a carrier and the sender both have a message: both post it, it comes once, and
// nobody is told that it did not. [MSH-42] [RV-190]
func TestSimNodeComesBack(t *testing.T) {
	simulate(t, 122, func(w *world) {
		t := w.t
		w.direct(true)
		alice, bob, carol := w.trio()
		alice.send("by the node", carol)
		w.await(time.Minute, "it came", func() bool { return len(carol.inbox()) == 1 && alice.status().Outbox == 0 })
		w.places([]*person{alice, bob}, []*person{carol})
		id := alice.send("by two ways", carol)
		w.await(10*time.Minute, "bob carries", func() bool { return bob.carrying() >= 1 })
		carol.crash()
		w.net.Heal()
		w.await(10*time.Minute, "both have handed it to the node", func() bool {
			return bob.carrying() == 0 && alice.states(id)[0] == api.StateQueued
		})
		carol.start()
		w.await(10*time.Minute, "it came, and its sender knows", func() bool {
			return len(carol.inbox()) == 2 && alice.status().Outbox == 0
		})
		time.Sleep(2 * time.Hour)
		if got := carol.inbox(); !slices.Equal(got, []string{"by the node", "by two ways"}) {
			t.Errorf("there are %q", got)
		}
		if states := alice.states(id); !slices.Equal(states, []api.State{api.StateDelivered}) || len(alice.status().Notices) != 0 {
			t.Errorf("in the end it is %v, and the sender is told %v", states, alice.status().Notices)
		}
		if alice.carrying() != 0 || bob.carrying() != 0 || carol.carrying() != 0 {
			t.Error("copies are left")
		}
	})
}
