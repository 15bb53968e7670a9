package sim

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"muster.example/node/api"
	"muster.example/rendezvous"
)

// secondPlace is where the second rendezvous node is; people take the places from 1 on.
const secondPlace = 50

// moveTo has a person, an admin, move the sequencing duty.
func (p *person) moveTo(s *server) string {
	p.world.t.Helper()
	result, err := p.node.MoveRendezvous(p.world.t.Context(), api.MoveRequest{Claim: s.claim()})
	if err != nil {
		p.world.t.Fatalf("%s moves the sequencing duty: %v", p.name, err)
	}
	return result.Link
}

// at reports whether a person's device is connected to a rendezvous node.
func (p *person) at(s *server) bool {
	node := p.status().Rendezvous[0]
	return node.Connected && node.Node == s.key().Public().String()
}

// TestSimMoveOfTheDuty moves the sequencing duty while both nodes are up: everybody follows, nothing is lost.
func TestSimMoveOfTheDuty(t *testing.T) {
	simulate(t, 31, func(w *world) {
		t := w.t
		alice, bob, carol := w.trio()
		second := w.server(secondPlace)
		second.start()
		defer second.stop()
		bob.crash()
		alice.send("before the move", bob)
		w.await(time.Minute, "it is queued at the first node", func() bool { return w.node.queued() > 0 })
		alice.moveTo(second)
		w.await(time.Hour, "carol follows", func() bool { return carol.at(second) })
		carol.send("after the move", alice)
		bob.start()
		w.await(time.Hour, "bob follows", func() bool { return bob.at(second) })
		w.await(12*time.Hour, "bob gets what only the first node had", func() bool { return slices.Contains(bob.inbox(), "before the move") })
		w.await(time.Hour, "alice hears carol", func() bool { return slices.Contains(alice.inbox(), "after the move") })
		dave := w.person("dave")
		dave.join(alice.invite(api.InviteRequest{}))
		bob.follow(dave)
		for _, p := range []*person{alice, bob, carol, dave} {
			if alarms := p.status().Alarms; len(alarms) != 0 {
				t.Errorf("%s is alarmed: %q", p.name, alarms)
			}
		}
	})
}

// TestSimMoveFromALostNode moves the duty when the first node is gone, with a member whom only some devices had seen join
// there. The first node then comes back and signs on as if nothing had happened.
func TestSimMoveFromALostNode(t *testing.T) {
	simulate(t, 32, func(w *world) {
		t := w.t
		alice, bob, carol := w.trio()
		second := w.server(secondPlace)
		second.start()
		defer second.stop()

		alice.crash() // she does not see the last entries of the first node
		dave := w.person("dave")
		dave.join(bob.invite(api.InviteRequest{}))
		bob.follow(dave)
		carol.follow(dave)
		w.node.crash()
		alice.start()
		link := alice.moveTo(second)
		for _, p := range []*person{bob, carol, dave} { // the first node cannot tell them
			// Dave's joining was lost: he gets in when another has handed that in again.
			if _, err := p.node.Follow(t.Context(), api.FollowRequest{Link: link}); err != nil && p != dave {
				t.Fatalf("%s follows: %v", p.name, err)
			}
		}
		for _, p := range []*person{alice, bob, carol, dave} {
			w.await(3*time.Hour, p.name+" is at the second node", func() bool { return p.at(second) })
		}
		w.await(time.Hour, "dave's joining is on the roll again", func() bool { return alice.contact(dave) != "" })

		w.node.start() // and knows nothing
		time.Sleep(2 * time.Hour)
		carol.send("all is well", bob)
		w.await(time.Hour, "messages go on", func() bool { return slices.Contains(bob.inbox(), "all is well") })
		for _, p := range []*person{alice, bob, carol, dave} {
			if !p.at(second) || p.status().Roll.Distrusted {
				t.Errorf("%s has left the second node: %q", p.name, p.status().Alarms)
			}
		}
	})
}

// TestSimRestoredNode makes the rendezvous node anew of an old backup. That is not taken for a fork: devices show the node what
// it had signed, and everything goes on.
func TestSimRestoredNode(t *testing.T) {
	simulate(t, 33, func(w *world) {
		t := w.t
		alice, bob, carol := w.trio()
		w.node.stop()
		var backup bytes.Buffer
		if err := rendezvous.Backup(t.Context(), w.node.dir, &backup); err != nil {
			t.Fatal(err)
		}
		w.node.start()
		time.Sleep(2 * time.Minute)                               // until everybody has noticed
		w.await(10*time.Minute, "alice is back", alice.connected) // an invitation made before that is not on the roll at once
		dave := w.person("dave")
		dave.join(alice.invite(api.InviteRequest{}))
		bob.follow(dave)
		carol.follow(dave)

		w.node.crash()
		w.node.dir = t.TempDir()
		if err := rendezvous.Restore(w.node.dir, &backup); err != nil {
			t.Fatal(err)
		}
		w.node.start()
		time.Sleep(2 * time.Minute) // until everybody has noticed
		for _, p := range []*person{alice, bob, carol, dave} {
			w.await(3*time.Hour, p.name+" is connected again", func() bool { return p.connected() })
		}
		erin := w.person("erin")
		erin.join(bob.invite(api.InviteRequest{}))
		for _, p := range []*person{alice, bob, carol, dave} {
			p.follow(erin)
			if p.status().Roll.Distrusted || len(p.status().Alarms) != 0 {
				t.Errorf("%s is alarmed: %q", p.name, p.status().Alarms)
			}
		}
	})
}
