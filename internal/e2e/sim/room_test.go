package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"muster.example/node"
	"muster.example/node/api"
	"muster.example/rendezvous"
)

// recipients returns how a sent message stands, one a device, with what it lacks.
func (p *person) recipients(id string) []api.Recipient {
	message, err := p.node.Read(context.Background(), api.ReadRequest{ID: id})
	if err != nil {
		p.world.t.Fatal(err)
	}
	return message.States
}

// lacks reports whether a message is held for want of something, for all devices.
func (p *person) lacks(id string, lack api.Lack) bool {
	return !slices.ContainsFunc(p.recipients(id), func(r api.Recipient) bool { return r.State != api.StateHeld || r.Lack != lack })
}

// delivered reports whether all devices have a message, and nothing is said to be lacking.
func (p *person) delivered(id string) bool {
	return !slices.ContainsFunc(p.recipients(id), func(r api.Recipient) bool { return r.State != api.StateDelivered || r.Lack != "" })
}

// TestSimDeviceWithoutRoom writes to somebody who is away until there is no more room for their device. What goes to others,
// also in the same message, is not kept waiting, and when the device is back it gets everything. [RV-130]
func TestSimDeviceWithoutRoom(t *testing.T) {
	simulate(t, 1, func(w *world) {
		w.node.stop()
		w.node.change = func(cfg *rendezvous.Config) {
			cfg.Quotas = rendezvous.Quotas{DeviceEntries: 24, MemberBodies: 1000}
		}
		w.node.start()
		alice, bob, carol := w.trio()
		bob.stop()
		var sent, ids []string
		for n := range 40 {
			sent = append(sent, fmt.Sprintf("number %03d", n))
			ids = append(ids, alice.send(sent[n], bob))
		}
		last := ids[len(ids)-1]
		w.await(5*time.Minute, "the last message has no room", func() bool { return alice.lacks(last, api.LackDevice) })
		both := alice.send("to both", bob, carol)
		w.await(time.Minute, "it has reached who is there", func() bool { return slices.Equal(carol.inbox(), []string{"to both"}) })
		w.await(time.Minute, "and is said to be held for who has no room", func() bool {
			delivered, lacking := 0, 0
			for _, r := range alice.recipients(both) {
				if r.State == api.StateDelivered {
					delivered++
				} else if r.State == api.StateHeld && r.Lack == api.LackDevice {
					lacking++
				}
			}
			return delivered == 1 && lacking == 1
		})
		bob.start()
		sent = append(sent, "to both")
		w.await(30*time.Minute, "everything has come", func() bool { return slices.Equal(bob.inbox(), sent) })
		w.await(time.Minute, "and its author knows", func() bool { return alice.delivered(both) && alice.delivered(last) })
	})
}

// TestSimNodeWithoutRoom takes all room from the node for an hour: what is written meanwhile is held, offered few times, and
// goes out by itself once there is room. [RV-130] [RV-131]
func TestSimNodeWithoutRoom(t *testing.T) {
	simulate(t, 1, func(w *world) {
		var full atomic.Bool
		w.node.stop()
		w.node.change = func(cfg *rendezvous.Config) {
			cfg.Volume = func(string) (free, size uint64, err error) {
				if full.Load() {
					return 0, 1 << 40, nil
				}
				return 0, 0, errors.ErrUnsupported
			}
		}
		w.node.start()
		w.change = func(_ *person, config *node.Config) { config.NoDirect = true } // what goes directly needs no room there
		alice, bob, carol := w.trio()
		full.Store(true)
		time.Sleep(2 * time.Second)
		var sent, ids []string
		for n := range 30 {
			sent = append(sent, fmt.Sprintf("number %03d", n))
			ids = append(ids, alice.send(sent[n], bob))
		}
		w.await(5*time.Minute, "they are held for want of room", func() bool {
			return alice.lacks(ids[0], api.LackNode)
		})
		time.Sleep(time.Hour)
		if got := bob.inbox(); len(got) > 0 {
			t.Errorf("a node without room delivered %q", got)
		}
		full.Store(false)
		w.await(15*time.Minute, "everything has come", func() bool { return slices.Equal(bob.inbox(), sent) })
		w.await(time.Minute, "and its author knows", func() bool { return alice.delivered(ids[0]) && alice.delivered(ids[29]) })
		carol.send("as ever", alice)
		w.await(time.Minute, "all is as before", func() bool { return slices.Equal(alice.inbox(), []string{"as ever"}) })
	})
}
