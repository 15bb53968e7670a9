package sim

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/rendezvous"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// atDevice returns how a sent message stands with one device of its receivers.
func (p *person) atDevice(id string, device string) (r api.Recipient) {
	p.world.t.Helper()
	message, err := p.node.Read(context.Background(), api.ReadRequest{ID: id})
	if err != nil {
		p.world.t.Fatal(err)
	}
	for _, r := range message.States {
		if r.Device == device {
			return r
		}
	}
	return r
}

// TestSimParkedDevice is one person with two devices, of which one lies in a drawer for longer than the policy says. Who writes learns
// at once that it is parked, without alarm, since the other device has everything; the node keeps nothing for it; and when it is back
// it has all that came meanwhile from the other device, and says so.
func TestSimParkedDevice(t *testing.T) {
	simulate(t, 71, func(w *world) {
		t := w.t
		accounts := w.crowd(2, 2, func(int, *person) {})
		w.assemble(func(*person) {})
		desk, phone, writer, idle := accounts[0].devices[0], accounts[0].devices[1], accounts[1].devices[0], accounts[1].devices[1]
		if _, err := desk.node.SetPolicy(t.Context(), api.PolicyRequest{Set: []string{"park=4d"}}); err != nil {
			t.Fatal(err)
		}
		writer.send("first", desk)
		w.await(time.Minute, "it is on both", func() bool { return len(desk.inbox()) == 1 && len(phone.inbox()) == 1 })
		idle.stop() // it would only cost time
		drawer := phone.ownDevice()
		phone.crash()

		away := writer.send("while the phone is away", desk)
		desk.send("an answer", writer)
		w.await(time.Minute, "the desk has it", func() bool { return len(desk.inbox()) == 2 && len(writer.inbox()) == 1 })
		if r := writer.atDevice(away, drawer); r.State != api.StateQueued {
			t.Fatalf("to the phone: %+v", r)
		}
		desk.stop()
		writer.stop()
		for day := range 7 { // the node is there for an hour a day, the desk every other day: that is enough, and costs no time
			w.node.stop()
			time.Sleep(22 * time.Hour)
			w.node.start()
			if day%2 == 0 {
				desk.start()
				w.await(10*time.Minute, "the desk is back", desk.connected)
				desk.stop()
			}
			time.Sleep(time.Hour + time.Minute)
		}
		desk.start()
		writer.start()
		w.await(time.Hour, "it came back from the phone", func() bool { return writer.atDevice(away, drawer).State == api.StateReturned })
		if r := writer.atDevice(away, drawer); r.Reason != api.ReasonParked {
			t.Errorf("it came back for %q", r.Reason)
		}
		later := writer.send("while it is parked", desk)
		w.await(time.Minute, "that is known at once", func() bool { return writer.atDevice(later, drawer).Reason == api.ReasonParked })
		w.await(time.Minute, "the desk has it", func() bool {
			m, err := writer.node.Read(t.Context(), api.ReadRequest{ID: later})
			return err == nil && m.Delivery[0].State == api.StateDelivered && m.Delivery[0].Returned == 1
		})
		status := writer.status()
		if len(status.Alarms) > 0 || slices.ContainsFunc(status.Notices, func(n api.Notice) bool { return n.Returned != nil }) {
			t.Errorf("told %v, alarms %v, though the desk has everything", status.Notices, status.Alarms)
		}

		phone.start()
		w.alike(10*time.Minute, desk, phone)
		if !slices.Equal(phone.inbox(), []string{"first", "while it is parked", "while the phone is away"}) || !strings.Contains(phone.seen(), "an answer") {
			t.Errorf("the phone shows\n%s", phone.seen())
		}
		w.await(10*time.Minute, "the phone says that it was parked", func() bool {
			parked := phone.status().Parked
			return parked != nil && parked.Came == 3 && parked.CaughtUp
		})
		if parked := phone.status().Parked; !parked.From.Before(parked.Until) {
			t.Errorf("from %v to %v", parked.From, parked.Until)
		}
		if phone.status().Missing > 0 {
			t.Errorf("%d are missing", phone.status().Missing)
		}
		again := writer.send("now that it is back", desk)
		w.await(time.Minute, "it has come", func() bool { return writer.atDevice(again, drawer).State == api.StateDelivered })

		// What came back is not for nothing: it can be sent again, and is shown once.
		if _, err := writer.node.SendAgain(t.Context(), api.AgainRequest{ID: away}); err != nil {
			t.Fatal(err)
		}
		w.await(time.Minute, "it was sent again", func() bool { return writer.atDevice(away, drawer).State == api.StateDelivered })
		if len(phone.inbox()) != 4 {
			t.Errorf("the phone has %q", phone.inbox())
		}
	})
}

// swallower is what a node threw away and has not returned yet.
type swallower struct {
	mu     sync.Mutex // guards the following
	due    []keys.EnvelopeID
	number uint64
}

// TestSimNodeThatReturnsTooEarly has the node throw messages away, say that it has them, and then return them at once, for every reason
// that there is. The sender's device believes none of it, raises an alarm, and goes on offering: everything comes.
func TestSimNodeThatReturnsTooEarly(t *testing.T) {
	simulate(t, 72, func(w *world) {
		t := w.t
		alice, bob, _ := w.trio()
		w.node.stop()
		liar := w.node.corrupt()
		corrupt := w.node.change
		from, to := alice.device(), bob.device()
		var lost swallower
		swallowed := 0
		w.node.change = func(cfg *rendezvous.Config) {
			corrupt(cfg)
			dir := filepath.Join(cfg.Dir, "queue")
			cfg.OpenQueue = func() (rendezvous.Queue, error) {
				engine, err := queue.Open(dir, queue.Options{})
				return &hostileQueue{Queue: engine, put: func(items []queue.Item) []queue.Item {
					return slices.DeleteFunc(slices.Clone(items), func(item queue.Item) bool {
						if item.Kind != queue.Envelope || !slices.Equal(item.Recipients, []keys.PublicKey{to}) || swallowed >= 12 {
							return false
						}
						swallowed++
						lost.mu.Lock()
						defer lost.mu.Unlock()
						lost.due = append(lost.due, item.ID)
						return true
					})
				}}, err
			}
		}
		w.node.start()
		key, org := w.node.key(), alice.org()
		reasons := []rvproto.Reason{rvproto.ReasonTime, rvproto.ReasonParked, rvproto.ReasonBarred, rvproto.ReasonRemoved}
		liar.say(func(on protocol.ID, peer keys.PublicKey, frame []byte) []byte {
			lost.mu.Lock()
			defer lost.mu.Unlock()
			if on != rvproto.DeliverPieces || peer != from || len(lost.due) == 0 || !rvproto.IsPong(frame) {
				return frame
			}
			lost.number++
			r := rvproto.Return{Org: org, Sender: from, Time: uint64(time.Now().Unix()), Lots: []rvproto.Lot{{
				Device: to, Reason: reasons[int(lost.number)%len(reasons)], IDs: []keys.EnvelopeID{lost.due[0]},
			}}}
			signed, err := rvproto.SignReturn(r, key)
			if err != nil {
				t.Error(err)
				return frame
			}
			if lost.number%uint64(len(reasons)) == 0 {
				lost.due = lost.due[1:]
			}
			return rvproto.AppendDeliver(nil, rvproto.DeliverFrame{Number: 1<<60 + lost.number, Kind: rvproto.KindReturn, Body: signed})
		})
		w.await(10*time.Minute, "everybody is back", func() bool { return alice.connected() && bob.connected() })
		bob.stop()
		var ids, texts []string
		for _, text := range []string{"one", "three", "two"} {
			ids, texts = append(ids, alice.send(text, bob)), append(texts, text)
		}
		w.await(2*time.Hour, "the node has lied", func() bool {
			return slices.ContainsFunc(alice.status().Raised, func(a api.Alarm) bool { return a.Kind == "returns" })
		})
		time.Sleep(time.Hour)
		for i, id := range ids {
			if r := alice.atDevice(id, to.String()); r.State != api.StateQueued {
				t.Errorf("%q is %s for %q", texts[i], r.State, r.Reason)
			}
		}
		if notices := alice.status().Notices; len(notices) > 0 {
			t.Errorf("alice is told %+v", notices)
		}
		bob.start()
		w.await(2*time.Hour, "everything has come", func() bool { return slices.Equal(bob.inbox(), texts) })
		w.await(time.Hour, "alice knows", func() bool {
			return !slices.ContainsFunc(ids, func(id string) bool { return alice.atDevice(id, to.String()).State != api.StateDelivered })
		})
		if swallowed == 0 {
			t.Error("nothing was thrown away")
		}
	})
}
