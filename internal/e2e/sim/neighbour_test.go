package sim

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/nearby"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/internal/testnet"
	"muster.example/node/api"
)

// touches reports whether a direct connection stands between two devices.
func (p *person) touches(other *person) bool {
	for _, c := range p.host.Network().ConnsToPeer(other.host.ID()) {
		if !p2p.IsRelayed(c.RemoteMultiaddr()) {
			return true
		}
	}
	return false
}

// policy has an admin change the policy.
func (p *person) policy(set ...string) {
	p.world.t.Helper()
	if _, err := p.node.SetPolicy(p.world.t.Context(), api.PolicyRequest{Set: set}); err != nil {
		p.world.t.Fatal(err)
	}
}

// TestSimNeighboursOnALAN has devices of members who do not know each other, one of which is alone in its account, find each other while
// the rendezvous node is away; what nothing uses is closed after two minutes, and a policy that wants no direct connections ends them.
func TestSimNeighboursOnALAN(t *testing.T) {
	simulate(t, 81, func(w *world) {
		t := w.t
		w.direct(true)
		ann := w.person("ann")
		ann.found("Harbour")
		ben, cleo := w.person("ben"), w.person("cleo")
		ben.join(ann.invite(api.InviteRequest{}))
		cleo.join(ann.invite(api.InviteRequest{}))
		ann.follow(cleo)
		ben.follow(cleo)
		all := func() bool { return ann.touches(ben) && ben.touches(cleo) && cleo.touches(ann) }
		w.await(20*time.Second, "all reach each other", all)
		w.await(5*time.Minute, "what nothing uses is closed", func() bool { return !ann.touches(ben) && !ben.touches(cleo) && !cleo.touches(ann) })

		w.alone()
		for _, p := range w.all {
			p.crash()
		}
		for _, p := range w.all {
			p.start()
		}
		w.await(time.Minute, "all reach each other without the rendezvous node", all)
		w.net.Heal()
		w.await(10*time.Minute, "they are back", w.together)

		for _, p := range w.all { // connections anew
			p.crash()
			p.start()
		}
		w.await(time.Minute, "all reach each other once more", all)
		ann.policy("direct=never")
		w.await(20*time.Second, "connections end", func() bool { return !ann.touches(ben) && !ben.touches(cleo) && !cleo.touches(ann) })
		time.Sleep(time.Hour)
		if ann.touches(ben) || ben.touches(cleo) || cleo.touches(ann) {
			t.Error("somebody called though the policy lets nobody")
		}
		ann.policy("direct=local")
		w.await(2*time.Minute, "all reach each other again", all)
	})
}

// again restarts devices, so that connections begin.
func (w *world) again(all ...*person) {
	for _, p := range all {
		p.crash()
	}
	for _, p := range all {
		p.start()
	}
}

// TestSimBarredNeighbour bars a device that is connected with one of another member which does not reach the rendezvous node: that one hears
// of the bar on the local network, and ends the connection. The same of a member who is suspended, where the rendezvous node is reached.
func TestSimBarredNeighbour(t *testing.T) {
	simulate(t, 83, func(w *world) {
		t := w.t
		w.direct(true)
		accounts := w.crowd(2, 2, func(int, *person) {})
		w.assemble(func(*person) {})
		desk, phone, ben, bens := accounts[0].devices[0], accounts[0].devices[1], accounts[1].devices[0], accounts[1].devices[1]
		bens.crash()
		w.net.Partition([]string{testnet.Address(serverPlace)}, []string{ben.address(), phone.address()})
		w.again(ben, phone, desk)
		w.await(time.Minute, "they reach each other", func() bool { return ben.touches(phone) && ben.touches(desk) && phone.touches(desk) })
		if plan, err := desk.node.Bar(t.Context(), api.BarRequest{Devices: []string{phone.ownDevice()}, Words: accounts[0].words}); err != nil || !plan.Done {
			t.Fatalf("barring the phone: %+v, %v", plan, err)
		}
		w.await(20*time.Second, "ben ends the connection with the phone", func() bool { return !ben.touches(phone) })
		time.Sleep(time.Hour)
		if ben.touches(phone) || desk.touches(phone) {
			t.Error("the phone is connected after its bar")
		}
		if ben.status().Rendezvous[0].Connected {
			t.Error("ben was not cut off")
		}

		w.net.Heal()
		w.await(10*time.Minute, "ben is back", func() bool { return ben.status().Rendezvous[0].Connected })
		w.again(ben, desk)
		w.await(time.Minute, "ben and the desk reach each other", func() bool { return ben.touches(desk) })
		if _, err := desk.node.Decide(t.Context(), api.DecideRequest{Do: api.DecideSuspend, Member: ben.id}); err != nil {
			t.Fatal(err)
		}
		w.await(20*time.Second, "the connection with who is suspended ends", func() bool { return !desk.touches(ben) })
	})
}

// TestSimRepeatedBeacons has somebody who is no member repeat a member's beacon from a place of their own, again and again and with ever
// new ports: they are sent a bounded number of packets, and what the two members say to each other goes on.
func TestSimRepeatedBeacons(t *testing.T) {
	simulate(t, 84, func(w *world) {
		t := w.t
		w.direct(true)
		ann := w.person("ann")
		ann.found("Harbour")
		ben := w.person("ben")
		ben.join(ann.invite(api.InviteRequest{}))
		w.await(time.Minute, "they reach each other", func() bool { return ann.touches(ben) })
		place := len(w.all) + 1
		stranger := w.net.Host(t, w.net.Config(place, keys.Generate()))
		defer stranger.Close()

		air, group := w.net.Nearby(place), task.New(context.Background())
		defer func() {
			group.Stop()
			_ = group.Wait() // it ends with its context
		}()
		var mu sync.Mutex
		var payloads [][]byte
		group.Go("overhearing", func(ctx context.Context) error {
			return air.Browse(ctx, nearby.Devices, func(found nearby.Found) {
				mu.Lock()
				defer mu.Unlock()
				payloads = append(payloads, found.Payload)
			})
		})
		const times = 400
		group.Go("repeating", func(ctx context.Context) error {
			for i := range times {
				mu.Lock()
				heard := slices.Clone(payloads)
				mu.Unlock()
				turn, cancel := context.WithTimeout(ctx, 9*time.Second)
				all := task.New(turn)
				for _, payload := range heard {
					all.Go("repeat", func(ctx context.Context) error {
						return air.Announce(ctx, nearby.Announcement{Kind: nearby.Devices, Port: uint16(8000 + i), Payload: payload})
					})
				}
				<-turn.Done()
				cancel()
				_ = all.Wait() // it ends with its context
			}
			return nil
		})
		time.Sleep(times * 9 * time.Second)
		sent := w.net.Packets(ann.address(), testnet.Address(place)) + w.net.Packets(ben.address(), testnet.Address(place))
		t.Logf("%d packets were sent to who repeated beacons %d times", sent, times)
		if sent == 0 || sent > 3000 {
			t.Errorf("%d packets were sent to who repeated beacons %d times", sent, times)
		}
		for _, p := range w.all {
			if len(p.host.Network().ConnsToPeer(stranger.ID())) > 0 {
				t.Errorf("the stranger is connected with %s", p.name)
			}
		}
		w.again(ann, ben)
		w.await(time.Minute, "they reach each other again", func() bool { return ann.touches(ben) })
	})
}

// TestLongSimIdleLAN is eight hours in which nothing happens on a local network with some members' devices: what it costs one of them, with
// each of the others, in bytes on the network between devices; beacons, which are multicast, are not in it.
func TestLongSimIdleLAN(t *testing.T) {
	long(t)
	simulate(t, 85, func(w *world) {
		t := w.t
		w.direct(true)
		first := w.person("first")
		first.found("Harbour")
		invitation := first.invite(api.InviteRequest{Uses: 20})
		for len(w.all) < 5 {
			w.person(fmt.Sprintf("member %d", len(w.all))).join(invitation)
		}
		time.Sleep(time.Hour)
		all := func() (sum traffic) {
			for _, other := range w.all[1:] {
				now := w.traffic(first.address(), other.address())
				sum.packets, sum.bytes = sum.packets+now.packets, sum.bytes+now.bytes
			}
			return sum
		}
		before := all()
		time.Sleep(8 * time.Hour)
		now, others := all(), len(w.all)-1
		packets, bytes := 3*(now.packets-before.packets)/others, 3*(now.bytes-before.bytes)/others
		t.Logf("a day with a device of another member: %d packets, %d bytes", packets, bytes)
		if bytes > idleNeighbour {
			t.Errorf("an idle device exchanged %d bytes in a day with a neighbour", bytes)
		}
	})
}

// idleNeighbour is the most that a device with nothing to do may exchange in a day with another member's device on its network.
const idleNeighbour = 256 << 10
