package node

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/testnet"
	"muster.example/node/api"
	"muster.example/node/mesh"
	"muster.example/node/store"
)

// dishonest returns walkers, and members' devices that carry as a test likes.
func dishonest(t *testing.T, net *testnet.Net, count int) (w *walkers, all []*speaker) {
	var names []string
	for i := range count {
		names = append(names, fmt.Sprint("mallory ", i))
	}
	w = newWalkersAmong(t, net, count, names...)
	for i, m := range w.org.Members[len(w.org.Members)-count:] {
		all = append(all, w.speaker(20+i, m.Device()))
	}
	return w, all
}

// visit begins to speak as a carrier with a device.
func (s *speaker) visit(to *organization) {
	s.t.Helper()
	s.open(to)
	size := s.n.org.Roll.Size()
	if !s.say(mesh.Hello{Version: mesh.Version, Size: size, Can: mesh.CanCarry}.Frame(), mesh.Known{Size: size}.Frame()) {
		s.t.Fatal("the stream ended at a greeting")
	}
}

// leave ends a visit.
func (s *speaker) leave(from *organization) {
	s.n.t.Helper()
	_ = s.stream.Reset()
	_ = s.local.Network().ClosePeer(s.n.hosts[from.device].ID())
	s.n.await(time.Minute, "the visit is over", func() bool { return from.mesh.peer(s.self.Public()) == nil })
}

// next returns the next frame of a kind that comes within a while; false if none does.
func (s *speaker) next(kind mesh.Kind, within time.Duration) (mesh.Frame, bool) {
	for end := time.Now().Add(within); time.Now().Before(end); {
		if err := s.stream.SetReadDeadline(end); err != nil {
			s.t.Fatal(err)
		}
		data, err := s.heard.Read()
		if err != nil {
			return mesh.Frame{}, false
		}
		if f, err := mesh.Parse(data); err == nil && f.Kind == kind {
			return mesh.Frame{Kind: f.Kind, Body: bytes.Clone(f.Body)}, true
		} else if err == nil && f.Kind == mesh.KindPing {
			s.say(mesh.Ping{Number: 1, Answer: true}.Frame())
		}
	}
	return mesh.Frame{}, false
}

// loot is an envelope as a carrier has it.
type loot struct {
	offer     mesh.Offer
	bytes     []byte
	signature keys.Signature
}

// custody takes all that a device offers, with all copies that it gives, and says that it carries it.
func (s *speaker) custody(from *organization) (all []loot) {
	s.t.Helper()
	s.visit(from)
	defer s.leave(from)
	for {
		f, ok := s.next(mesh.KindOffers, 40*time.Second)
		if !ok {
			return all
		}
		offers, err := mesh.ReadOffers(f)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, offer := range offers.List {
			s.say(mesh.Wants{List: []mesh.Want{{ID: offer.ID, Share: offer.Share}}}.Frame())
			got := loot{offer: offer}
			for uint64(len(got.bytes)) < offer.Size {
				f, ok := s.next(mesh.KindHanding, time.Minute)
				if !ok {
					s.t.Fatal("what was offered does not come")
				}
				h, err := mesh.ReadHanding(f)
				if err != nil {
					s.t.Fatal(err)
				}
				if got.bytes = append(got.bytes, h.Piece...); h.Last != nil {
					got.signature = h.Last.Signature
				}
			}
			s.say(mesh.Done{List: []mesh.Outcome{{ID: offer.ID, Taken: true}}}.Frame())
			all = append(all, got)
		}
	}
}

// press offers an envelope with more copies than there are, and hands it over if it is wanted. It reports both, and that it is carried.
func (s *speaker) press(l loot, change func(*mesh.Offer)) (wanted, taken bool) {
	s.t.Helper()
	offer := l.offer
	offer.Share, offer.Age, offer.Hops = math.MaxUint32, 0, 0
	if change != nil {
		change(&offer)
	}
	if !s.say(mesh.Offers{List: []mesh.Offer{offer}}.Frame()) {
		return false, false
	}
	f, ok := s.next(mesh.KindWants, 3*time.Second)
	if !ok {
		return false, false
	}
	wants, err := mesh.ReadWants(f)
	if err != nil {
		s.t.Fatal(err)
	}
	for rest := l.bytes[wants.List[0].Offset:]; len(rest) > 0; {
		size := min(len(rest), mesh.MaxPiece)
		h := mesh.Handing{ID: offer.ID, Offset: uint64(len(l.bytes) - len(rest)), Piece: rest[:size]}
		if rest = rest[size:]; len(rest) == 0 {
			h.Last = &mesh.LastPiece{Signature: l.signature, Share: wants.List[0].Share}
		}
		if !s.say(h.Frame()) {
			return true, false
		}
	}
	f, ok = s.next(mesh.KindDone, 10*time.Second)
	if !ok {
		return true, false
	}
	done, err := mesh.ReadDone(f)
	return true, err == nil && done.List[0].Taken
}

// TestSimCarriersWhoClaim has hostile devices take all copies, say that they carry them, and let them go: the author still holds the message,
// says by whom it is carried, and hands it over itself. [MSH-44] [MSH-48] [CAR-25]
func TestSimCarriersWhoClaim(t *testing.T) {
	testnet.Run(t, 68, func(t *testing.T, net *testnet.Net) {
		w, thieves := dishonest(t, net, 6)
		w.together(w.ann, w.cat, 30*time.Second) // prekeys are exchanged
		id := w.ann.say(t, "for cat", w.members[w.cat])
		copies := make([]uint64, len(thieves))
		for i, thief := range thieves {
			for range 2 { // it tries again
				for _, l := range thief.custody(w.ann) {
					copies[i] += l.offer.Share
				}
			}
		}
		// Each is one member's: half of what is left, of the announcement and the message.
		if want := []uint64{12, 6, 4, 2, 0, 0}; !slices.Equal(copies, want) {
			t.Errorf("they got %v copies, want %v", copies, want)
		}
		to := w.ann.states(t, id)[0]
		if to.State != api.StateCarried || to.Carriers != 4 || w.ann.outbox(t) != 2 || len(w.ann.seeAround(t).Carriers) != 4 {
			t.Errorf("its author holds %d and says %q by %d carriers, which are %v", w.ann.outbox(t), to.State, to.Carriers, w.ann.seeAround(t).Carriers)
		}
		time.Sleep(12 * time.Hour)
		w.meet(w.ann, w.cat, "it came by its author", func() bool { return slices.Equal(w.cat.texts(t), []string{"for cat"}) && w.ann.outbox(t) == 0 })
		if to := w.ann.states(t, id)[0]; to.State != api.StateDelivered || to.Via != api.ViaDirect {
			t.Errorf("in the end it is %q by %q", to.State, to.Via)
		}
	})
}

// TestSimCarriersWhoDuplicate has three devices press the same envelopes on a carrier and on the receiver, again and again, with copies without
// number: one carries it once, the other shows it once, and nothing is fetched twice. [MSH-44] [MSH-46] [MSH-51]
func TestSimCarriersWhoDuplicate(t *testing.T) {
	testnet.Run(t, 69, func(t *testing.T, net *testnet.Net) {
		w, peers := dishonest(t, net, 3)
		w.together(w.ann, w.cat, 30*time.Second) // prekeys are exchanged
		w.together(w.ann, w.ben, 30*time.Second)
		id := w.ann.say(t, "once", w.members[w.cat])
		all := peers[0].custody(w.ann)
		if len(all) != 2 {
			t.Fatalf("%d envelopes were handed over", len(all))
		}
		press := func(on *organization) (wanted int) {
			for _, peer := range peers {
				peer.visit(on)
				for range 20 {
					for _, l := range all {
						if wants, _ := peer.press(l, nil); wants {
							wanted++
						}
					}
				}
				peer.leave(on)
			}
			return wanted
		}
		if wanted := press(w.ben); wanted != 2 || len(w.ben.carries(t)) != 2 {
			t.Errorf("ben fetched %d envelopes and carries %d", wanted, len(w.ben.carries(t)))
		}
		for _, kept := range w.ben.carries(t) {
			if most := uint64(w.ben.bounds().Copies); kept.Copies > most {
				t.Errorf("ben believes in %d copies", kept.Copies)
			}
		}
		if wanted := press(w.cat); wanted != 2 || !slices.Equal(w.cat.texts(t), []string{"once"}) || len(w.cat.carries(t)) != 0 {
			t.Errorf("cat fetched %d envelopes, shows %q, carries %d", wanted, w.cat.texts(t), len(w.cat.carries(t)))
		}
		w.meet(w.ben, w.cat, "ben hears that it came", func() bool { return len(w.ben.carries(t)) == 0 })
		if wanted := press(w.ben); wanted != 0 || len(w.ben.carries(t)) != 0 {
			t.Errorf("after the receipt ben fetched %d envelopes", wanted)
		}
		w.meet(w.ben, w.ann, "its author knows", func() bool { return w.ann.outbox(t) == 0 })
		if states := w.ann.states(t, id); len(states) != 1 || states[0].State != api.StateDelivered {
			t.Errorf("in the end it is %+v", states)
		}
	})
}

// TestSimCarrierWhoHoards has a device keep what it was given until after the receipt and hand it over then, or when it is over, or with
// another expiry in its offer than the envelope has: who knows better takes nothing, what was not offered so is not kept, and nothing shows twice or too
// late. What comes late, but in time, shows. [MSH-46] [MSH-48] [MSH-51] [CAR-5]
func TestSimCarrierWhoHoards(t *testing.T) {
	testnet.Run(t, 75, func(t *testing.T, net *testnet.Net) {
		w, hoarders := dishonest(t, net, 1)
		hoarder := hoarders[0]
		w.together(w.ann, w.cat, 30*time.Second) // prekeys are exchanged
		w.together(w.ann, w.ben, 30*time.Second)
		say := func(text string) (id string, hoard []loot) {
			id = w.ann.say(t, text, w.members[w.cat])
			return id, hoarder.custody(w.ann)
		}
		pressed := func(on *organization, hoard []loot, change func(*mesh.Offer)) (wanted, taken int) {
			hoarder.visit(on)
			defer hoarder.leave(on)
			for _, l := range hoard {
				wants, takes := hoarder.press(l, change)
				wanted, taken = wanted+oneIf(wants), taken+oneIf(takes)
			}
			return wanted, taken
		}
		_, old := say("in time by its author")
		w.meet(w.ann, w.cat, "it came", func() bool { return len(w.cat.texts(t)) == 1 && w.ann.outbox(t) == 0 })
		time.Sleep(24 * time.Hour)
		if wanted, _ := pressed(w.cat, old, nil); wanted != 0 {
			t.Errorf("cat fetches %d envelopes that it has", wanted)
		}
		// Ben has not heard of the receipt, and carries until he does.
		if _, taken := pressed(w.ben, old, nil); taken != len(old) {
			t.Errorf("ben, who cannot know better, carries %d of %d", taken, len(old))
		}
		w.meet(w.ben, w.ann, "ben hears the receipt", func() bool { return len(w.ben.carries(t)) == 0 })

		late, hoard := say("late, in time")
		time.Sleep(24 * time.Hour)
		if wanted, _ := pressed(w.cat, hoard, nil); wanted != len(hoard) || len(w.cat.texts(t)) != 2 {
			t.Errorf("what comes late, but in time, is fetched %d times of %d and shows %q", wanted, len(hoard), w.cat.texts(t))
		}
		w.meet(w.cat, w.ann, "its author knows", func() bool { return w.ann.outbox(t) == 0 && w.ann.states(t, late)[0].State == api.StateDelivered })

		_, hoard = say("over, by what is offered")
		for _, on := range []*organization{w.ben, w.cat} {
			if wanted, _ := pressed(on, hoard, func(o *mesh.Offer) { o.Expires = time.Now().Add(-49 * time.Hour).Unix() }); wanted != 0 {
				t.Errorf("%d envelopes that are over are fetched", wanted)
			}
			wanted, taken := pressed(on, hoard, func(o *mesh.Offer) { o.Expires += 3600 })
			if wanted == 0 || taken != 0 || len(on.carries(t)) != 0 {
				t.Errorf("of envelopes of another expiry than was offered %d are fetched and %d carried", wanted, taken)
			}
		}
		if got := w.cat.texts(t); len(got) != 2 || w.ann.outbox(t) == 0 {
			t.Errorf("in the end cat has %q", got)
		}
	})
}

func oneIf(is bool) int {
	if is {
		return 1
	}
	return 0
}

// TestSimCarrierWithoutRoom has a carrier's disk fill up, before it is offered anything and while something comes: it takes nothing, nor says
// that it does, the author holds it, and what is for the carrier itself it takes. [CAR-24] [MSH-49]
func TestSimCarrierWithoutRoom(t *testing.T) {
	testnet.Run(t, 76, func(t *testing.T, net *testnet.Net) {
		w, givers := dishonest(t, net, 1)
		w.together(w.ann, w.cat, 30*time.Second) // prekeys are exchanged
		w.together(w.ann, w.ben, 30*time.Second)
		full := true
		w.ben.node.free = func() (uint64, error) {
			if full {
				return carriedRoom - 1, nil
			}
			return carriedRoom, nil
		}
		id := w.ann.say(t, "for cat", w.members[w.cat])
		w.ann.say(t, "for ben", w.members[w.ben])
		w.meet(w.ann, w.ben, "what is for ben came", func() bool { return slices.Equal(w.ben.texts(t), []string{"for ben"}) })
		w.together(w.ann, w.ben, 3*time.Minute)
		if state := w.ann.states(t, id)[0].State; len(w.ben.carries(t)) != 0 || state != api.StateHeld || w.ann.outbox(t) == 0 {
			t.Errorf("without room ben carries %d, and the message is %q", len(w.ben.carries(t)), state)
		}
		all := givers[0].custody(w.ann)
		full = false
		givers[0].visit(w.ben)
		givers[0].say(mesh.Offers{List: []mesh.Offer{all[0].offer}}.Frame())
		if _, ok := givers[0].next(mesh.KindWants, 10*time.Second); !ok {
			t.Fatal("ben wants nothing, though he has room")
		}
		full = true
		givers[0].say(mesh.Handing{ID: all[0].offer.ID, Piece: all[0].bytes, Last: &mesh.LastPiece{Signature: all[0].signature, Share: 1}}.Frame())
		f, ok := givers[0].next(mesh.KindDone, 10*time.Second)
		if done, err := mesh.ReadDone(f); !ok || err != nil || done.List[0].Taken || len(w.ben.carries(t)) != 0 {
			t.Errorf("once the room is gone ben carries %d, and says %+v", len(w.ben.carries(t)), done)
		}
		givers[0].leave(w.ben)
		full = false
		w.meet(w.ann, w.ben, "with room ben carries", func() bool { return len(w.ben.carries(t)) > 0 })
		w.meet(w.ben, w.cat, "it came", func() bool { return slices.Equal(w.cat.texts(t), []string{"for cat"}) })
		view(t, w.ben.node.store, func(tx *store.Tx) error {
			return tx.CarriedParts(w.ben.org, func(of store.PartOf, _ store.CarriedPart) (bool, error) {
				t.Errorf("something came of %v is kept", of)
				return true, nil
			})
		})
	})
}
