package rendezvous

import (
	"bytes"
	"context"
	"testing"
	"time"

	"muster.example/internal/testnet"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

func (d *device) openSlot() *rvclient.Slot {
	d.t.Helper()
	slot, err := d.OpenSlot(d.site.ctx())
	if err != nil {
		d.t.Fatalf("opening a slot: %v", err)
	}
	d.t.Cleanup(slot.Close)
	return slot
}

func (d *device) visit(number uint32) *rvclient.Slot {
	d.t.Helper()
	visit, err := d.VisitSlot(d.site.ctx(), number)
	if err != nil {
		d.t.Fatalf("visiting slot %d: %v", number, err)
	}
	d.t.Cleanup(visit.Close)
	return visit
}

func wantPair(t *testing.T, s *rvclient.Slot, want rvproto.PairFrame) {
	t.Helper()
	got, err := s.Next()
	if err != nil || got.Event != want.Event || !bytes.Equal(got.Data, want.Data) {
		t.Fatalf("next is event %d with %d bytes, %v; want event %d with %d bytes", got.Event, len(got.Data), err, want.Event, len(want.Data))
	}
}

// wantEnd reads to the end of a stream, before which a visitor may be said to have gone.
func wantEnd(t *testing.T, what string, s *rvclient.Slot) {
	t.Helper()
	f, err := s.Next()
	if err == nil && f.Event == rvproto.PairGone {
		f, err = s.Next()
	}
	if err == nil {
		t.Errorf("%s: it goes on with event %d and %d bytes", what, f.Event, len(f.Data))
	}
}

var (
	came = rvproto.PairFrame{Event: rvproto.PairCame}
	gone = rvproto.PairFrame{Event: rvproto.PairGone}
)

// TestSlot has three visits, one at a time, of strangers, and ends with the third. [RV-120] [RV-121]
func TestSlot(t *testing.T) {
	s := newSite(t)
	slot := s.found("Acme").openSlot()
	first := s.device("first").visit(slot.Number())
	wantPair(t, slot, came)
	_, err := s.device("second").VisitSlot(s.ctx(), slot.Number())
	wantStatus(t, "a visit during another", err, wire.StatusFull)
	for range 3 {
		say(t, slot, first, "to the visitor")
		say(t, first, slot, "to the device")
	}
	first.Close()
	wantPair(t, slot, gone)

	second := s.device("second").visit(slot.Number())
	wantPair(t, slot, came)
	if err := slot.Dismiss(); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, "a visitor who was sent away", second)
	wantPair(t, slot, gone)

	third := s.device("third").visit(slot.Number())
	wantPair(t, slot, came)
	say(t, third, slot, "still")
	third.Close()
	wantEnd(t, "a slot after three visits", slot)
	_, err = s.device("fourth").VisitSlot(s.ctx(), slot.Number())
	wantStatus(t, "a fourth visit", err, wire.StatusNotFound)
}

func say(t *testing.T, from, to *rvclient.Slot, text string) {
	t.Helper()
	if err := from.Send([]byte(text)); err != nil {
		t.Fatal(err)
	}
	wantPair(t, to, rvproto.PairFrame{Data: []byte(text)})
}

// TestSlotCaps: more than 64 KiB of one visit are passed on neither way, and the next visit has its own. [RV-121]
func TestSlotCaps(t *testing.T) {
	s := newSite(t)
	slot := s.found("Acme").openSlot()
	half := bytes.Repeat([]byte{7}, rvproto.MaxPairData/2)
	for what, visitorSends := range map[string]bool{"the visitor": true, "the device": false} {
		visit := s.device(what).visit(slot.Number())
		wantPair(t, slot, came)
		from, to := slot, visit
		if visitorSends {
			from, to = visit, slot
		}
		for range 2 {
			if err := from.Send(half); err != nil {
				t.Fatal(err)
			}
			wantPair(t, to, rvproto.PairFrame{Data: half})
		}
		if err := from.Send([]byte{1}); err != nil {
			t.Fatal(err)
		}
		wantEnd(t, what+" sent too much", visit)
		wantPair(t, slot, gone)
	}
}

// TestSlotRefusals: who may not open one, what is no slot, and what no visitor may say. [RV-121] [RV-122]
func TestSlotRefusals(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	_, err := s.device("stranger").OpenSlot(s.ctx())
	wantStatus(t, "a stranger opens a slot", err, wire.StatusNotMember)
	if err := anna.submit(membership.Event{Bar: &membership.Bar{Device: phone.key.Public(), After: anna.size()}}, nil); err != nil {
		t.Fatal(err)
	}
	refused := func() bool { _, err = phone.OpenSlot(s.ctx()); return status(err) == wire.StatusBarred }
	if !await(refused) { // the connection with which it comes may be one that the bar ends
		t.Errorf("a barred device opens a slot: %v", err)
	}

	before := anna.openSlot()
	slot := anna.openSlot()
	wantEnd(t, "the slot that a device had before", before)
	_, err = s.device("stranger").VisitSlot(s.ctx(), before.Number())
	wantStatus(t, "a visit to it", err, wire.StatusNotFound)

	rude := s.device("rude").visit(slot.Number())
	wantPair(t, slot, came)
	if err := rude.Dismiss(); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, "a visitor who sends an event", rude)
	wantPair(t, slot, gone)
	slot.Close()
	if !await(func() bool { return s.node.slots.find(slot.Number()) == nil }) {
		t.Error("a slot outlives the stream that opened it")
	}
}

// TestSlotsCostPatience: who looks for slots is soon not answered. [RV-122]
func TestSlotsCostPatience(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Strangers = StrangerLimits{Burst: 8, PerSecond: 0.001} })
	anna := s.found("Acme")
	anna.openSlot()
	stranger := s.device("stranger")
	for range 8 {
		_, err := stranger.VisitSlot(s.ctx(), 0)
		if status(err) == wire.StatusLimit {
			return
		}
		wantStatus(t, "looking for a slot", err, wire.StatusNotFound)
	}
	t.Error("a stranger looks for slots without end")
}

// TestSimSlotOutlastsStrangers: a visitor stays beyond what a stranger may, and until the slot ends, but no longer. [RV-121] [RV-122]
func TestSimSlotOutlastsStrangers(t *testing.T) {
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		s := simSite(t, net)
		begin := time.Now()
		slot, err := s.found("Acme").OpenSlot(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		visit, err := s.device("stranger").VisitSlot(context.Background(), slot.Number())
		if err != nil {
			t.Fatal(err)
		}
		wantPair(t, slot, came)
		time.Sleep(9 * time.Minute)
		say(t, visit, slot, "still here")
		wantEnd(t, "a slot", slot)
		wantEnd(t, "a visit", visit)
		if took := time.Since(begin); took < rvproto.PairTime || took > rvproto.PairTime+slotTime {
			t.Errorf("the slot lasted %v", took)
		}
	})
}
