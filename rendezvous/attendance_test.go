package rendezvous

import (
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// pass lets days go by, of which the node sees each, as its hourly looks do.
func (s *site) pass(clock *shiftedClock, days int) {
	s.t.Helper()
	for range days {
		clock.move(day)
		for _, o := range s.node.directory.all() {
			if err := s.node.park(o); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

const parkDays = membership.DefaultPark / (24 * 3600)

// lasting is an envelope of a device that lives as long as the policy lets it.
func (d *device) lasting(clock *shiftedClock) []byte {
	d.t.Helper()
	return sealedBy(d.t, d.key, d.Org, d.member, clock.now().Add(365*day), 1)
}

// A device that stays away for longer than the policy says is parked: what waits for it is returned, what else is posted to
// it is refused with a status of its own, and when it comes it is told. [RV-56] [RV-57]
func TestParking(t *testing.T) {
	s, clock := returnSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	tablet := ben.add("tablet")
	wantStatus(t, "leave", ben.grant(anna, 1, true), wire.StatusOK)
	for _, d := range []*device{anna, ben, tablet} {
		d.openDeliver()
	}
	s.pass(clock, 1)
	for _, d := range []*device{ben, tablet} {
		_ = d.host.Network().ClosePeer(p2p.PeerID(s.node.Key()))
		s.waitAway(d)
	}
	s.pass(clock, parkDays-20)
	waiting := anna.post(anna.lasting(clock), ben, tablet)
	ben.openDeliver() // it is back in time
	s.pass(clock, 20)
	s.wantReturns("in time", anna)
	s.pass(clock, 1)
	waitHeld(t, func() int { return len(s.queue.held(tablet.key.Public(), queue.Envelope)) }, 0)
	s.wantReturns("parked", anna, returned{tablet.key.Public(), rvproto.ReasonParked, waiting.ID})
	if len(s.queue.held(ben.key.Public(), queue.Envelope)) != 1 {
		t.Error("what waits for the other device is gone")
	}
	for range 2 {
		parked := rvproto.Refusal{Device: tablet.key.Public(), Status: wire.StatusParked}
		wantAnswer(t, "to a parked device", anna.post(anna.lasting(clock), ben, tablet), wire.StatusOK, parked)
		wantAnswer(t, "of a sibling", ben.post(ben.lasting(clock), tablet), wire.StatusOK, parked)
		s.restart()
		s.follow(anna, ben, tablet)
	}
	s.pass(clock, 3)
	today := uint64(clock.now().Unix()) / 86400 * 86400
	for range 2 { // whatever becomes of the first stream
		got := nextParked(t, tablet)
		if got.Until != today || got.From != today-uint64(parkDays+4)*86400 {
			t.Errorf("parked from %d to %d, today is %d", got.From, got.Until, today)
		}
	}
	wantAnswer(t, "to who is back", anna.post(anna.lasting(clock), tablet), wire.StatusOK)
	s.pass(clock, 1)
	if stream := tablet.openDeliver(); nextDeliver(t, stream).Kind != rvproto.KindEnvelope {
		t.Error("no envelope")
	}
}

// nextParked opens a deliver stream and returns what it says of having been parked.
func nextParked(t *testing.T, d *device) rvproto.ParkedFrame {
	t.Helper()
	stream := d.openDeliver()
	for {
		in, err := stream.Next()
		if err != nil {
			t.Fatal(err)
		}
		if in.Parked != nil {
			return *in.Parked
		}
	}
}

// Days on which the node was not there, and those that a clock jumps over, park nobody. [RV-56]
func TestDaysThatDoNotCount(t *testing.T) {
	s, clock := returnSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	s.pass(clock, 1)
	clock.move(3650 * day)
	s.pass(clock, 1)
	clock.move(-3651 * day)
	s.pass(clock, 1)
	s.restart()
	s.follow(anna, phone)
	s.pass(clock, parkDays-10)
	o := s.node.directory.org(anna.Org)
	if o.attendance.isParked(phone.key.Public()) {
		t.Error("parked by a clock that jumped")
	}
	s.pass(clock, 10)
	if !o.attendance.isParked(phone.key.Public()) {
		t.Error("not parked after days that count")
	}
}

// A suspended member's devices cannot come, and are not parked for it.
func TestSuspendedAreNotParked(t *testing.T) {
	s, clock := returnSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	if err := anna.submit(membership.Event{Suspend: &membership.Suspend{Member: ben.member}}, nil); err != nil {
		t.Fatal(err)
	}
	s.pass(clock, 2*parkDays)
	if s.node.directory.org(anna.Org).attendance.isParked(ben.key.Public()) {
		t.Error("parked while suspended")
	}
}

// Whoever may introduce themselves is not to learn that a device is parked, and who is blocked learns it as others do.
// [RV-57] [RV-58]
func TestWhoLearnsOfParking(t *testing.T) {
	s, clock := returnSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	o := s.node.directory.org(anna.Org)
	introduced := anna.post(introduction(anna, twoDays), ben)
	s.pass(clock, parkDays+2)
	if !o.attendance.isParked(ben.key.Public()) {
		t.Fatal("not parked")
	}
	if held := s.queue.held(ben.key.Public(), queue.Envelope); len(held) != 1 || held[0] != introduced.ID {
		t.Errorf("%d introductions wait", len(held))
	}
	wantStatus(t, "leave", ben.grant(anna, 1, true), wire.StatusOK)
	wantStatus(t, "an end", ben.grant(anna, 2, false), wire.StatusOK)
	wantAnswer(t, "to who has blocked", anna.post(anna.lasting(clock), ben), wire.StatusOK,
		rvproto.Refusal{Device: ben.key.Public(), Status: wire.StatusParked})
	header := envelope.Header{Kind: envelope.KindIntroduction}
	v := o.judge(question{sender: anna.member, device: anna.key.Public(), header: header, to: []keys.PublicKey{ben.key.Public()}}, nil)
	if len(v.refused) != 0 || len(v.silent) != 1 {
		t.Errorf("an introduction to a parked device: %+v", v)
	}
}

// waitAway waits until the node has no deliver stream of a device.
func (s *site) waitAway(d *device) {
	s.t.Helper()
	o := s.node.directory.org(d.Org)
	waitHeld(s.t, func() int {
		if o.sessions.has(d.key.Public()) {
			return 1
		}
		return 0
	}, 0)
}

// What the policy does not say is 60 days; with another number that holds.
func TestParkTimeIsThePolicys(t *testing.T) {
	s, clock := returnSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	policy := membership.DefaultPolicy()
	policy.Park = uint64(3 * day / time.Second)
	if err := anna.submit(membership.Event{Policy: &membership.PolicyChange{Policy: policy}}, nil); err != nil {
		t.Fatal(err)
	}
	o := s.node.directory.org(anna.Org)
	s.pass(clock, 4)
	if o.attendance.isParked(phone.key.Public()) {
		t.Error("parked too early")
	}
	s.pass(clock, 1)
	if !o.attendance.isParked(phone.key.Public()) {
		t.Error("not parked")
	}
}

// A group's message leaves parked devices out and names them, whether its sender knows of everybody or not. [RV-45] [RV-57]
func TestGroupWithParkedDevices(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	id := anna.newGroup("Choir", group.Everybody)
	ben.enterGroup(id)
	carl.enterGroup(id)
	early := anna.written(id)
	tablet := ben.add("tablet")
	o := s.node.directory.org(anna.Org)
	o.attendance.mu.Lock()
	for _, d := range []*device{anna, carl} {
		o.attendance.devices[d.key.Public()] = visit{Parked: true}
	}
	o.attendance.noteParkedLocked()
	o.attendance.mu.Unlock()
	parked := rvproto.Refusal{Device: carl.key.Public(), Status: wire.StatusParked}
	for name, body := range map[string][]byte{"at an older size": early, "at the newest": anna.written(id)} {
		answer := anna.post(body)
		wantAnswer(t, name, answer, wire.StatusOK, parked)
		if (len(answer.Newer) == 1) != (name == "at an older size") {
			t.Errorf("%s: newer %v", name, answer.Newer)
		}
	}
	s.wantHeld("in all", map[*device]int{anna: 0, ben: 2, tablet: 1, carl: 0})
}
