package sim

import (
	"context"
	"testing"
	"time"

	"muster.example/internal/p2p"
	"muster.example/internal/testnet"
	"muster.example/node/api"
)

// call has a person try to reach another's devices.
func (p *person) call(other *person) error {
	_, err := p.node.CallAround(p.world.t.Context(), api.AroundCall{Member: other.id})
	return err
}

// relayed reports whether a connection through a relay stands between two devices.
func (p *person) relayed(other *person) bool {
	for _, c := range p.host.Network().ConnsToPeer(other.host.ID()) {
		if p2p.IsRelayed(c.RemoteMultiaddr()) {
			return true
		}
	}
	return false
}

// TestSimContactsAcrossNetworks has two people who do not hear each other open a direct path through the rendezvous node once they let
// each other write, and not before; what that costs the node is little; blocking the other ends the path at once, and so does the policy.
func TestSimContactsAcrossNetworks(t *testing.T) {
	simulate(t, 82, func(w *world) {
		t := w.t
		w.direct(false)
		ann, ben := w.person("ann"), w.person("ben")
		ann.found("Harbour")
		ben.join(ann.invite(api.InviteRequest{}))
		ann.follow(ben)
		if err := ann.call(ben); code(err) != api.CodeRefused {
			t.Errorf("calling one who has given no leave: %v", err)
		}
		// One whose program asks nobody is refused by the rendezvous node.
		to, err := p2p.Key(ben.host.ID())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := p2p.Call(ctx, ann.host, w.node.node.Key(), to); err == nil {
			t.Error("the rendezvous node relays a call without leave")
		}

		ann.acquaint(ben)
		time.Sleep(10 * time.Second) // places at the relay
		at := testnet.Address(serverPlace)
		before := w.net.Carried(ann.address(), at) + w.net.Carried(at, ann.address())
		if err := ann.call(ben); err != nil {
			t.Fatal(err)
		}
		w.await(20*time.Second, "a direct path has opened", func() bool { return ann.touches(ben) && ben.touches(ann) })
		w.await(5*time.Second, "the relayed connection has ended", func() bool { return !ann.relayed(ben) })
		cost := w.net.Carried(ann.address(), at) + w.net.Carried(at, ann.address()) - before
		t.Logf("opening a path cost %d bytes between the caller and the rendezvous node", cost)
		if cost > 64<<10 {
			t.Errorf("opening a path cost %d bytes between the caller and the rendezvous node", cost)
		}
		w.await(5*time.Minute, "what nothing uses is closed", func() bool { return !ann.touches(ben) })

		time.Sleep(10 * time.Minute)
		if err := ben.call(ann); err != nil {
			t.Fatal(err)
		}
		w.await(20*time.Second, "a direct path has opened", func() bool { return ann.touches(ben) })
		if _, err := ann.node.Block(t.Context(), api.ContactRequest{Member: ben.id}); err != nil {
			t.Fatal(err)
		}
		w.await(time.Second, "the path ends", func() bool { return !ann.touches(ben) })
		time.Sleep(10 * time.Minute)
		if err := ben.call(ann); err == nil { // ben does not know that he was blocked
			time.Sleep(time.Minute)
		}
		if ann.touches(ben) || ann.relayed(ben) {
			t.Error("who was blocked gets through")
		}
		if _, err := ann.node.Unblock(t.Context(), api.ContactRequest{Member: ben.id}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if err := ann.call(ben); err != nil {
			t.Fatal(err)
		}
		w.await(10*time.Minute, "a direct path has opened again", func() bool { return ann.touches(ben) })
		ann.policy("direct=local")
		w.await(10*time.Second, "the path ends", func() bool { return !ann.touches(ben) })
		if err := ann.call(ben); code(err) != api.CodeRefused {
			t.Errorf("calling across networks, where the policy lets devices meet on local ones alone: %v", err)
		}
	})
}

// placeBytes is the most that a place at the relay may cost a device in a day.
const placeBytes = 300 << 10

// TestLongSimPlaceAtTheRelay is a day on which nothing happens: what it costs a device that it can be called from afar, held against one
// whose owner knows nobody; and at its end it can be.
func TestLongSimPlaceAtTheRelay(t *testing.T) {
	long(t)
	simulate(t, 86, func(w *world) {
		t := w.t
		w.direct(false)
		ann, ben, cleo := w.person("ann"), w.person("ben"), w.person("cleo")
		ann.found("Harbour")
		ben.join(ann.invite(api.InviteRequest{}))
		cleo.join(ann.invite(api.InviteRequest{}))
		ann.acquaint(ben)
		time.Sleep(time.Hour)
		at := testnet.Address(serverPlace)
		before, alone := w.traffic(ben.address(), at), w.traffic(cleo.address(), at)
		time.Sleep(24 * time.Hour)
		place := w.traffic(ben.address(), at).bytes - before.bytes - (w.traffic(cleo.address(), at).bytes - alone.bytes)
		t.Logf("a place at the relay costs %d bytes a day", place)
		if err := ann.call(ben); err != nil {
			t.Fatal(err)
		}
		w.await(20*time.Second, "a direct path has opened", func() bool { return ann.touches(ben) })
		if place > placeBytes { // it may be less than the other's gossip, which is told at random
			t.Errorf("a place at the relay costs %d bytes a day", place)
		}
	})
}
