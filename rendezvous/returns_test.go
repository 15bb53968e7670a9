package rendezvous

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// returnSite is a node with a clock of the test.
func returnSite(t *testing.T) (*site, *shiftedClock) {
	clock := newShiftedClock()
	return newSite(t, func(c *Config) { c.Now = clock.now }), clock
}

// bodiesOf returns the bodies of one kind that wait for a device.
func (q *memQueue) bodiesOf(device keys.PublicKey, kind queue.Kind) (bodies [][]byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range q.waiting[device] {
		if d.Kind == kind {
			bodies = append(bodies, d.Body)
		}
	}
	return bodies
}

// returned is one pair of a return.
type returned struct {
	Device keys.PublicKey
	Reason rvproto.Reason
	ID     keys.EnvelopeID
}

// returnsOf opens the returns that wait for a device and counts what they say. It forgets them.
func (s *site) returnsOf(d *device) map[returned]int {
	s.t.Helper()
	said := make(map[returned]int)
	for _, body := range s.queue.bodiesOf(d.key.Public(), queue.Return) {
		r, err := rvproto.OpenReturn(body, d.Org)
		if err != nil || r.Node != s.node.Key() || r.Sender != d.key.Public() || r.Time != uint64(s.node.cfg.Now().Unix()) {
			s.t.Errorf("a return of %v to %s at %d: %v", r.Node, r.Sender.Short(), r.Time, err)
		}
		for _, lot := range r.Lots {
			for _, id := range lot.IDs {
				said[returned{lot.Device, lot.Reason, id}]++
			}
		}
	}
	_ = s.queue.Ack(s.ctx(), d.key.Public(), s.queue.held(d.key.Public(), queue.Return))
	return said
}

func (s *site) wantReturns(doing string, d *device, want ...returned) {
	s.t.Helper()
	all := make(map[returned]int)
	for _, r := range want {
		all[r] = 1
	}
	if diff := cmp.Diff(all, s.returnsOf(d)); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", doing, diff)
	}
}

func (s *site) expire() {
	s.t.Helper()
	if err := s.node.returnExpired(s.ctx()); err != nil {
		s.t.Fatal(err)
	}
}

// What is over goes, and each sender is told of all of theirs at once, announcements among it. [RV-53] [RV-54]
func TestWhatIsOverIsReturned(t *testing.T) {
	s, clock := returnSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	phone, tablet := anna.add("phone"), anna.add("tablet")
	var want []returned
	for range 3 {
		answer := anna.post(anna.sealed(1), phone, tablet)
		for _, d := range []*device{phone, tablet} {
			want = append(want, returned{d.key.Public(), rvproto.ReasonTime, answer.ID})
		}
	}
	if err := anna.grant(ben, 1, true); err != nil {
		t.Fatal(err)
	}
	answer := ben.post(ben.made(envelope.KindAnnounce, envelope.Leave{}, 1), tablet)
	late := anna.post(sealedBy(t, anna.key, anna.Org, anna.member, time.Now().Add(10*time.Hour), 1), phone)

	s.expire()
	s.wantReturns("before their time", anna)
	clock.move(2 * time.Hour)
	s.expire()
	s.wantReturns("to one", anna, want...)
	s.wantReturns("to another", ben, returned{tablet.key.Public(), rvproto.ReasonTime, answer.ID})
	if diff := cmp.Diff([]keys.EnvelopeID{late.ID}, s.queue.held(phone.key.Public(), queue.Envelope)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	s.expire()
	s.wantReturns("again", anna)
}

// Returns that nobody fetched go without a word when their time is over, as receipts do.
func TestReturnsAreNotReturned(t *testing.T) {
	s, clock := returnSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	anna.post(anna.sealed(1), phone)
	clock.move(2 * time.Hour)
	s.expire()
	if got := s.queue.held(anna.key.Public(), queue.Return); len(got) != 1 {
		t.Fatalf("%d returns", len(got))
	}
	clock.move(time.Duration(membership.DefaultPolicy().QueueTime+1) * time.Second)
	s.expire()
	s.wantReturns("in the end", anna)
	s.wantReturns("to who did not fetch one", phone)
}

// A return is on disk before what it is about goes: a fault or a crash in between returns it again, and nothing goes
// without one. [RV-53]
func TestNothingGoesWithoutItsReturn(t *testing.T) {
	s, clock := returnSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	answer := anna.post(anna.sealed(1), phone)
	clock.move(2 * time.Hour)
	s.queue.setFail(errors.New("the disk is gone"))
	if err := s.node.returnExpired(s.ctx()); err == nil {
		t.Error("no error")
	}
	if len(s.queue.held(phone.key.Public(), queue.Envelope)) != 1 {
		t.Fatal("the envelope is gone and nobody was told")
	}
	s.queue.setFail(nil)
	s.expire()
	s.wantReturns("when the disk is back", anna, returned{phone.key.Public(), rvproto.ReasonTime, answer.ID})
}

// Whose own queue is full is told by their own clock: they hold up nobody. [RV-55]
func TestFullSendersGetNoReturn(t *testing.T) {
	s, clock := returnSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	anna.post(anna.sealed(1), phone)
	clock.move(2 * time.Hour)
	s.queue.setFail(&queue.FullError{Devices: []keys.PublicKey{anna.key.Public()}})
	s.expire()
	if len(s.queue.held(phone.key.Public(), queue.Envelope)) != 0 || s.node.counters.returnsGivenUp.Load() != 1 {
		t.Errorf("given up %d", s.node.counters.returnsGivenUp.Load())
	}
}

// One return holds at most MaxReturned pairs.
func TestManyReturns(t *testing.T) {
	lots := map[lot][]keys.EnvelopeID{}
	for n := range 3 {
		for i := range 900 {
			l := lot{device: keys.PublicKey{byte(n)}, reason: rvproto.ReasonTime}
			lots[l] = append(lots[l], keys.EnvelopeID{byte(n), byte(i >> 8), byte(i)})
		}
	}
	pairs := 0
	for i, part := range portions(lots) {
		signed, err := rvproto.SignReturn(rvproto.Return{Lots: part}, keyOf("node"))
		if err != nil {
			t.Fatalf("part %d: %v", i, err)
		}
		r, err := rvproto.OpenReturn(signed, keys.OrgID{})
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range r.Lots {
			pairs += len(l.IDs)
		}
	}
	if pairs != 2700 {
		t.Errorf("%d pairs", pairs)
	}
}

// What waits for a device that may not come any more is returned, also if the node ends in between. [RV-14] [RV-53]
func TestBarReturnsTheQueue(t *testing.T) {
	s, _ := returnSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	tablet := ben.add("tablet")
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	first := anna.post(anna.sealed(1), ben, tablet)
	own := ben.post(ben.sealed(1), tablet)
	s.queue.setFail(errors.New("the disk is gone"))
	ben.bar(tablet, ben.size())
	s.restart()
	if len(s.queue.held(tablet.key.Public(), queue.Envelope)) != 2 {
		t.Fatal("what nobody was told of is gone")
	}
	s.queue.setFail(nil)
	s.restart()
	s.follow(anna, ben)
	waitHeld(t, func() int { return len(s.queue.held(tablet.key.Public(), queue.Envelope)) }, 0)
	s.wantReturns("to another", anna, returned{tablet.key.Public(), rvproto.ReasonBarred, first.ID})
	s.wantReturns("to a sibling", ben, returned{tablet.key.Public(), rvproto.ReasonBarred, own.ID})
	if err := anna.submit(membership.Event{Remove: &membership.Remove{Member: ben.member}}, nil); err != nil {
		t.Fatal(err)
	}
	waitHeld(t, func() int { return len(s.queue.held(ben.key.Public(), queue.Envelope)) }, 0)
	s.wantReturns("of a removed member", anna, returned{ben.key.Public(), rvproto.ReasonRemoved, first.ID})
}

// A sender whom the receiver has blocked, or whose message the receiver's device dropped without a word, is returned it as
// one whose receiver stayed away is. [RV-58]
func TestBlockedSendersAreToldAsOthers(t *testing.T) {
	s, clock := returnSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	wantStatus(t, "leave", ben.grant(anna, 1, true), wire.StatusOK)
	dropped := anna.post(anna.sealed(1), ben)
	stream := ben.openDeliver()
	nextDeliver(t, stream)
	if err := stream.Ack(rvproto.AckFrame{IDs: []keys.EnvelopeID{dropped.ID}}); err != nil {
		t.Fatal(err)
	}
	waitHeld(t, func() int { return len(s.queue.held(ben.key.Public(), queue.Envelope)) }, 0)
	stream.Close()
	wantStatus(t, "an end", ben.grant(anna, 2, false), wire.StatusOK)
	blocked := anna.post(anna.sealed(1), ben)
	if blocked.Status != wire.StatusOK || len(blocked.Refused) > 0 || len(s.queue.held(ben.key.Public(), queue.Envelope)) > 0 {
		t.Fatalf("the answer to who is blocked: %+v", blocked)
	}
	s.expire()
	s.wantReturns("before its time", anna)
	clock.move(2 * time.Hour)
	s.expire()
	s.wantReturns("to who is blocked", anna,
		returned{ben.key.Public(), rvproto.ReasonTime, dropped.ID}, returned{ben.key.Public(), rvproto.ReasonTime, blocked.ID})
}

// Programs of before get no returns and everything else. [RV-1]
func TestReturnsAreForWhoKnowsOfThem(t *testing.T) {
	s, clock := returnSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	gone := anna.post(anna.sealed(1), phone)
	clock.move(2 * time.Hour)
	s.expire()
	later := phone.post(sealedBy(t, phone.key, phone.Org, phone.member, clock.now().Add(time.Hour), 1), anna)

	before := s.rawDeliver(anna, rvproto.DeliverOne)
	if d := before(); d.Kind != rvproto.KindEnvelope {
		t.Errorf("a delivery of kind %d to a program of before", d.Kind)
	}
	stream := anna.openDeliver()
	first := nextDeliver(t, stream)
	r, err := rvproto.OpenReturn(first.Body, anna.Org)
	if first.Kind != rvproto.KindReturn || err != nil || r.Lots[0].IDs[0] != gone.ID {
		t.Fatalf("kind %d, %v", first.Kind, err)
	}
	second := nextDeliver(t, stream)
	if second.Kind != rvproto.KindEnvelope || second.Number <= first.Number {
		t.Errorf("kind %d", second.Kind)
	}
	ack := rvproto.AckFrame{IDs: []keys.EnvelopeID{rvproto.ReturnID(first.Body)}, Receipts: [][]byte{anna.receipt(phone, later.ID)}}
	if err := stream.Ack(ack); err != nil {
		t.Fatal(err)
	}
	waitHeld(t, func() int {
		return len(s.queue.held(anna.key.Public(), queue.Return)) + len(s.queue.held(anna.key.Public(), queue.Envelope))
	}, 0)
}

// rawDeliver opens a deliver stream of one protocol and returns what reads its next delivery.
func (s *site) rawDeliver(d *device, id string) func() rvproto.DeliverFrame {
	s.t.Helper()
	if err := d.Connect(s.ctx()); err != nil {
		s.t.Fatal(err)
	}
	stream, err := d.host.NewStream(s.ctx(), p2p.PeerID(s.node.Key()), protocol.ID(id))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = stream.Reset() })
	frames := wire.NewFrameReader(stream, 1<<10, rvproto.MaxDeliverFrame)
	return func() rvproto.DeliverFrame {
		for {
			frame, err := frames.Read()
			if err != nil {
				s.t.Fatal(err)
			}
			if kind, _ := rvproto.TypeOf(frame); kind != rvproto.FrameDeliver {
				continue
			}
			got, err := rvproto.ParseDeliver(frame)
			if err != nil {
				s.t.Fatal(err)
			}
			return got
		}
	}
}

// A node that gave the duty up signs nothing: what is not delivered there is offered to the node that has it. [RV-72]
func TestAMovedNodeReturnsNothing(t *testing.T) {
	s, clock := returnSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	anna.post(anna.sealed(1), phone)
	move := []byte("move")
	s.node.directory.org(anna.Org).move.Store(&move)
	clock.move(2 * time.Hour)
	s.expire()
	s.wantReturns("by a node that has moved", anna)
	if len(s.queue.held(phone.key.Public(), queue.Envelope)) != 0 {
		t.Error("what is over is kept")
	}
}
