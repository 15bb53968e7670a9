package node

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/testnet"
	"muster.example/node/api"
	"muster.example/node/mesh"
	"muster.example/node/store"
)

// handed has ann's message be carried by ben.
func (w *walkers) handed(text string) (id string) {
	w.t.Helper()
	w.together(w.ben, w.cat, 30*time.Second) // prekeys are exchanged
	id = w.ann.say(w.t, text, w.members[w.cat])
	before := len(w.ben.carries(w.t))
	w.meet(w.ann, w.ben, "ben carries it", func() bool { return len(w.ben.carries(w.t)) >= before+2 })
	return id
}

// forge changes the bytes of everything that a device carries.
func (o *organization) forge(t *testing.T, change func(carried []byte) []byte) {
	t.Helper()
	for _, kept := range o.carries(t) {
		update(t, o.node.store, func(tx *store.Tx) error {
			carried, err := tx.Carried(o.org, kept.ID)
			if err != nil {
				return err
			}
			return tx.PutCarry(o.org, kept, change(bytes.Clone(carried)))
		})
	}
}

// resigned returns a carried envelope with a signature of somebody else.
func resigned(t *testing.T, org keys.OrgID, carried []byte, by keys.PrivateKey) []byte {
	t.Helper()
	c, err := envelope.ParseCarried(carried, envelope.MaxEnvelope)
	if err != nil {
		t.Fatal(err)
	}
	again, err := envelope.Carry(c.Envelope, c.EnvelopeBytes(), org, c.Label.Wanted, by)
	if err != nil {
		t.Fatal(err)
	}
	return again.Bytes()
}

// TestSimFaithlessCarrier has a carrier let go, or alter, what it took: nothing wrong comes, and the message comes by its sender. [MSH-48]
func TestSimFaithlessCarrier(t *testing.T) {
	tests := map[string]func(t *testing.T, w *walkers){
		"drops": func(t *testing.T, w *walkers) {
			for _, kept := range w.ben.carries(t) {
				update(t, w.ben.node.store, func(tx *store.Tx) error { return tx.DeleteCarry(w.ben.org, kept) })
			}
		},
		"signs itself": func(t *testing.T, w *walkers) {
			w.ben.forge(t, func(carried []byte) []byte { return resigned(t, w.ben.org, carried, w.ben.self) })
		},
		"alters": func(t *testing.T, w *walkers) {
			w.ben.forge(t, func(carried []byte) []byte { carried[len(carried)-1] ^= 1; return carried })
		},
	}
	for name, wrong := range tests {
		t.Run(name, func(t *testing.T) {
			testnet.Run(t, 64, func(t *testing.T, net *testnet.Net) {
				w := newWalkers(t, net)
				id := w.handed("in good faith")
				wrong(t, w)
				w.together(w.ben, w.cat, 3*time.Minute)
				if got := w.cat.texts(t); len(got) != 0 || len(w.cat.carries(t)) != 0 {
					t.Errorf("there came %q", got)
				}
				if w.ann.outbox(t) == 0 {
					t.Fatal("its sender kept nothing")
				}
				w.meet(w.ann, w.cat, "it came by its sender", func() bool { return slices.Equal(w.cat.texts(t), []string{"in good faith"}) && w.ann.outbox(t) == 0 })
				if state := w.ann.states(t, id)[0].State; state != api.StateDelivered {
					t.Errorf("in the end it is %q", state)
				}
			})
		})
	}
}

// TestSimLateCopies has a carrier that kept its copies for itself hand them over again after everything has come: nobody takes them. The
// receipt has gone about meanwhile. [MSH-46] [MSH-50] [MSH-51]
func TestSimLateCopies(t *testing.T) {
	testnet.Run(t, 65, func(t *testing.T, net *testnet.Net) {
		w := newWalkers(t, net)
		w.handed("once")
		hoard := make(map[keys.EnvelopeID][]byte)
		kept := w.ben.carries(t)
		for _, k := range kept {
			view(t, w.ben.node.store, func(tx *store.Tx) error {
				data, err := tx.Carried(w.ben.org, k.ID)
				hoard[k.ID] = bytes.Clone(data)
				return err
			})
		}
		w.meet(w.ben, w.cat, "it came", func() bool { return len(w.cat.texts(t)) == 1 && len(w.ben.carries(t)) == 0 })
		w.meet(w.cat, w.ann, "its sender knows", func() bool { return w.ann.outbox(t) == 0 })
		again := func() {
			for _, k := range kept {
				k.Copies = 12
				update(t, w.ben.node.store, func(tx *store.Tx) error { return tx.PutCarry(w.ben.org, k, hoard[k.ID]) })
			}
		}
		again()
		w.together(w.ben, w.cat, 2*time.Minute)
		again()
		w.together(w.ben, w.ann, 2*time.Minute)
		if got := w.cat.texts(t); len(got) != 1 || len(w.cat.carries(t)) != 0 || len(w.ann.carries(t)) != 0 {
			t.Errorf("there are %q, and copies are carried again", got)
		}
	})
}

// TestSimBarredCarry has the sender, or the receiver, of what is carried be barred: the carrier that hears of it lets it go at once, and
// takes no more. [MSH-46] [MSH-51]
func TestSimBarredCarry(t *testing.T) {
	for _, sender := range []bool{true, false} {
		t.Run(fmt.Sprintf("the sender: %v", sender), func(t *testing.T) {
			testnet.Run(t, 66, func(t *testing.T, net *testnet.Net) {
				w := newWalkers(t, net)
				// The founder bars: so that the sender can be barred it is cat that sends.
				w.together(w.ben, w.ann, 30*time.Second)
				from, to := w.cat, w.ann
				if !sender {
					from, to = w.ann, w.cat
					w.together(w.ben, w.cat, 30*time.Second)
				}
				from.say(t, "too late", w.members[to])
				w.meet(from, w.ben, "ben carries it", func() bool { return len(w.ben.carries(t)) == 2 })
				bar := w.org.BarEvent(w.org.Founder.Device(), w.cat.device, 0)
				if err := w.ben.hearBar(bar); err != nil {
					t.Fatal(err)
				}
				w.await(time.Minute, "ben carries nothing", func() bool { return len(w.ben.carries(t)) == 0 })
				if !sender {
					w.together(from, w.ben, time.Minute)
					if len(w.ben.carries(t)) != 0 {
						t.Error("ben carries for a device that is barred")
					}
				}
			})
		})
	}
}

// TestSimBarredNeighbourOfACarrier has a device that was barred, and no roll says so yet, come to a carrier that has heard of the bar: before it
// was told what there is, it now hears nothing and is handed nothing, neither to carry nor for itself. [MSH-17] [MSH-46]
func TestSimBarredNeighbourOfACarrier(t *testing.T) {
	testnet.Run(t, 77, func(t *testing.T, net *testnet.Net) {
		w, strangers := dishonest(t, net, 1)
		barred := strangers[0]
		w.handed("for cat")
		barred.visit(w.ben)
		if _, ok := barred.next(mesh.KindOffers, 10*time.Second); !ok {
			t.Fatal("before its bar it is offered nothing: this proves nothing")
		}
		w.ann.say(t, "for cat too", w.members[w.cat])
		if err := w.ben.hearBar(w.org.BarEvent(w.org.Founder.Device(), barred.self.Public(), 0)); err != nil {
			t.Fatal(err)
		}
		w.together(w.ann, w.ben, 2*time.Minute) // there is more to offer, and ann hears of the bar
		for _, on := range []*organization{w.ben, w.ann} {
			if _, ok := barred.next(mesh.KindOffers, time.Minute); ok {
				t.Error("on the stream that stood it is offered something")
			}
			_ = barred.local.Network().ClosePeer(w.hosts[on.device].ID())
			barred.open(on)
			size := w.org.Roll.Size()
			barred.say(mesh.Hello{Version: mesh.Version, Size: size, Can: mesh.CanCarry}.Frame(), mesh.Known{Size: size}.Frame())
			for _, kept := range w.ben.carries(t) {
				barred.say(mesh.Wants{List: []mesh.Want{{ID: kept.ID, Share: 1}}}.Frame())
			}
			if data, err := barred.hears(time.Minute); err == nil {
				t.Errorf("it hears %d bytes", len(data))
			}
		}
		w.meet(w.ben, w.cat, "for others all is as ever", func() bool { return len(w.cat.texts(t)) == 2 })
	})
}

// hears returns the first frame that comes within a while.
func (s *speaker) hears(within time.Duration) ([]byte, error) {
	if err := s.stream.SetReadDeadline(time.Now().Add(within)); err != nil {
		s.t.Fatal(err)
	}
	return s.heard.Read()
}

// TestSimFloodOfOne has a member hand over far more than a carrier has room for, after another's message: what goes is the flood's alone, and
// the carrier is told. [MSH-52]
func TestSimFloodOfOne(t *testing.T) {
	testnet.Run(t, 67, func(t *testing.T, net *testnet.Net) {
		w := newWalkers(t, net, "dan")
		dan := w.others[0]
		w.ben.keepsWithin(carriedBounds{bytes: 1 << 20, count: 12, age: maxCarriedAge})
		w.together(w.cat, dan, 30*time.Second)
		w.cat.say(t, "one of another", w.members[dan])
		w.meet(w.cat, w.ben, "ben carries it", func() bool { return len(w.ben.carries(t)) == 2 })
		w.together(w.ben, w.cat, 30*time.Second)
		for i := range 30 {
			w.ann.say(t, fmt.Sprintf("flood %d", i), w.members[w.cat])
		}
		w.together(w.ann, w.ben, 3*time.Minute)
		of := make(map[keys.PublicKey]int)
		for _, kept := range w.ben.carries(t) {
			of[kept.Sender]++
		}
		if of[w.cat.device] != 2 || of[w.ann.device] == 0 || of[w.ann.device]+of[w.cat.device] > 12 {
			t.Errorf("of the flood %d are carried, of the other member %d", of[w.ann.device], of[w.cat.device])
		}
		w.ben.keepsWithin(carriedBounds{bytes: 1 << 20, count: 6, age: maxCarriedAge}) // the person wants less from now on
		w.ben.carriers.changed()
		w.await(time.Minute, "it is less", func() bool { return len(w.ben.carries(t)) == 6 })
		status, err := w.ben.node.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(status.Orgs[0].Notices, func(n api.Notice) bool { return strings.Contains(n.Text, "carried for others") }) {
			t.Errorf("the person is told %+v", status.Orgs[0].Notices)
		}
		of = make(map[keys.PublicKey]int)
		for _, kept := range w.ben.carries(t) {
			of[kept.Sender]++
		}
		if of[w.cat.device] != 2 {
			t.Errorf("of the other member %d are left", of[w.cat.device])
		}
		if w.ann.outbox(t) < 30 {
			t.Errorf("of the flood's %d envelopes are left with its sender", w.ann.outbox(t))
		}
	})
}
