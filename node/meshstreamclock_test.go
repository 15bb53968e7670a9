package node

import (
	"testing"
	"testing/synctest"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/testnet"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
)

// TestSimAClockAYearAheadWritesToWhoIsInReach has two devices in reach write to each other though the clock of one became a year ahead without a
// rendezvous node, so that each takes the other's prekey for one of another year. [MSH-70]
func TestSimAClockAYearAheadWritesToWhoIsInReach(t *testing.T) {
	testnet.Run(t, 69, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben")
		a, b, ann, ben := n.pair()
		right := a.node.config.Clock
		a.node.config.Clock = func() time.Time { return right().Add(365 * 24 * time.Hour) }
		n.call(a, b)
		ids := map[string]*organization{a.say(t, "from a year ahead", ben): a, b.say(t, "to a year ahead", ann): b}
		n.await(2*time.Minute, "both came", func() bool { return len(a.texts(t)) == 1 && len(b.texts(t)) == 1 })
		for id, from := range ids {
			n.await(time.Minute, "its author knows", func() bool { return from.states(t, id)[0].State == api.StateDelivered })
		}
		kept, err := b.signedPrekeys([]keys.PublicKey{a.device})
		if err != nil || len(kept) > 0 {
			t.Errorf("a prekey of another year is handed on: %v, %v", kept, err)
		}
		n.hosts[a.device].Network().ClosePeer(n.hosts[b.device].ID())
		n.await(time.Minute, "they have lost each other", func() bool { return b.mesh.peer(a.device) == nil })
		known, err := b.knownPrekeys([]keys.PublicKey{a.device})
		if err != nil || len(known) > 0 {
			t.Errorf("a prekey of another year is kept: %v", err)
		}
	})
}

// TestOldEntriesEnd shows new entries, handed over by another device, under a checkpoint that is older than the offline grace: that somebody was
// suspended counts, and nobody is let in, not beside it either. [NEAR-7]
func TestOldEntriesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		policy := membership.DefaultPolicy()
		policy.OfflineGrace = 2 * 60 * 60
		org := newRollWith(t, membershiptest.Config{Seed: 1, Policy: &policy}, "bob", "carol")
		o := newDevice(t, org, org.Founder)
		size := org.Roll.Size()
		org.Suspend(org.Founder.Device(), org.Members[1])
		ends := newPage(org, size)
		org.Suspend(org.Founder.Device(), org.Members[2])
		org.Join("late")
		both := newPage(org, size)
		time.Sleep(time.Duration(policy.OfflineGrace) * time.Second)
		if err := o.takeRoll(both); err == nil || o.roll.Size() != size {
			t.Errorf("the roll has %d entries, %v", o.roll.Size(), err)
		}
		if err := o.takeRoll(ends); err != nil || o.roll.Size() != size+1 {
			t.Errorf("the roll has %d entries, %v", o.roll.Size(), err)
		}
	})
}
