package rendezvous

import (
	"sync/atomic"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// disk is a volume of which a test says how much is free.
type disk struct{ free atomic.Int64 }

func (d *disk) volume(string) (free, size uint64, err error) {
	return uint64(d.free.Load()), 1 << 40, nil
}

// fillTo makes what waits take so many percent of what may.
func (d *disk) fillTo(n *Node, percent int64) {
	all, _, _ := n.queue.Usage(keys.OrgID{}, keys.MemberID{})
	d.leave(n, all.Bytes*100/percent-all.Bytes)
}

// leave makes so much room for more.
func (d *disk) leave(n *Node, room int64) {
	d.free.Store(room + n.cfg.Quotas.reserve(1<<40))
	n.room.mu.Lock()
	defer n.room.mu.Unlock()
	n.room.looked = time.Time{}
}

// TestWhatIsShedFirst fills a node step by step: guests and strangers are refused first, then introductions, members' posts
// last. Receipts pass, and when there is room, all do. [RV-131]
func TestWhatIsShedFirst(t *testing.T) {
	var d disk
	d.free.Store(1 << 40)
	s := newSite(t, func(c *Config) {
		c.OpenQueue, c.Volume = nil, d.volume
		c.Quotas = Quotas{OrgShare: 100, MemberShare: 100}
	})
	anna := s.found("Acme")
	change := hosting(100, 1000, 1<<20)
	change.Policy.IntroductionsPerDay, change.Policy.IntroductionsPerPair = 100, 100
	wantStatus(t, "policy", anna.submit(membership.Event{Policy: change}, nil), wire.StatusOK)
	phone, ben := anna.add("phone"), anna.join("Ben")
	desk, guest := anna.joinAs(membership.RoleDesk, "Desk"), anna.joinAs(membership.RoleGuest, "guest")
	entrance, trial := anna.inviteAs(membership.RoleGuest, 10), anna.invite2(t, time.Now())
	for range 20 {
		wantAnswer(t, "before", anna.post(anna.sealed(16_000), phone), wire.StatusOK)
	}
	newcomer := 0
	steps := []struct {
		percent                                  int64
		applied, joined, guests, introduced, all wire.Status
	}{
		{70, wire.StatusPending, wire.StatusOK, wire.StatusOK, wire.StatusOK, wire.StatusOK},
		{85, wire.StatusFull, wire.StatusFull, wire.StatusFull, wire.StatusOK, wire.StatusOK},
		{92, wire.StatusFull, wire.StatusFull, wire.StatusFull, wire.StatusFull, wire.StatusOK},
		{97, wire.StatusFull, wire.StatusFull, wire.StatusFull, wire.StatusFull, wire.StatusFull},
		{60, wire.StatusPending, wire.StatusOK, wire.StatusOK, wire.StatusOK, wire.StatusOK},
	}
	for _, step := range steps {
		d.fillTo(s.node, step.percent)
		newcomer++
		name := string(rune('A' + newcomer))
		stranger, visitor := s.device("stranger "+name), s.device("visitor "+name)
		stranger.Org, visitor.Org = anna.Org, anna.Org
		wantStatus(t, "an application", stranger.Apply(s.ctx(), trial, stranger.joinEvent(trial, name, anna.rollSize()), "me"), step.applied)
		wantStatus(t, "a guest's join", visitor.SubmitJoin(s.ctx(), entrance, visitor.joinEventAs(entrance, "", name, anna.rollSize())), step.joined)
		wantAnswer(t, "a guest's post", guest.post(guest.made(envelope.KindMessage, envelope.Leave{Kind: envelope.LeaveDesk, ID: guest.member}, 1), desk), step.guests)
		wantAnswer(t, "an introduction", ben.post(introduction(ben, twoDays), desk), step.introduced)
		wantAnswer(t, "a member's post", anna.post(anna.sealed(1), phone), step.all)
		if used := int64(s.node.room.used()); used < step.percent-1 || used > step.percent+5 {
			t.Errorf("it says that %d %% are used", used)
		}
		if t.Failed() {
			t.Fatalf("at %d %%", step.percent)
		}
	}

	d.leave(s.node, 0)
	stream := phone.openDeliver()
	first := nextDeliver(t, stream)
	e, err := envelope.View(first.Body, rvproto.MaxEnvelope)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Ack(rvproto.AckFrame{Receipts: [][]byte{phone.receipt(anna, e.ID())}}); err != nil {
		t.Fatal(err)
	}
	if got := nextDeliver(t, anna.openDeliver()); got.Kind != rvproto.KindReceipt {
		t.Errorf("the sender gets %v", got.Kind)
	}
}

// TestAHostileMemberLeavesRoom has one member post until the node takes no more: the others are served as ever, after a
// restart too. [RV-130]
func TestAHostileMemberLeavesRoom(t *testing.T) {
	s := newSite(t, func(c *Config) {
		c.OpenQueue = nil
		c.Quotas = Quotas{Bytes: 4 << 20}
	})
	anna := s.found("Acme")
	mallory := anna.join("Mallory")
	own := mallory.add("Mallory's second")
	fill := func() (took int) {
		for {
			answer := mallory.post(mallory.sealed(16_000), own)
			if answer.Status == wire.StatusFull {
				return took
			}
			wantAnswer(t, "a flood", answer, wire.StatusOK)
			if took++; took > 100 {
				t.Fatal("no end of it")
			}
		}
	}
	if took := fill(); took < 10 {
		t.Fatalf("only %d were taken", took)
	}
	s.restart()
	s.follow(anna, mallory, own)
	if took := fill(); took != 0 {
		t.Errorf("%d more were taken after a restart", took)
	}
	wantAnswer(t, "another member's", anna.post(anna.sealed(50_000), anna.add("phone")), wire.StatusOK)
	wantAnswer(t, "from the other device", own.post(own.sealed(16_000), mallory), wire.StatusFull)
	for _, d := range own.takeAll() {
		_ = s.node.queue.Ack(s.ctx(), own.key.Public(), []keys.EnvelopeID{d.ID})
	}
	if took := fill(); took < 10 {
		t.Errorf("only %d were taken when all was delivered", took)
	}
}

// What stands for envelopes that go nowhere, since their receiver has ended leave, has its place in the sender's share: an
// accomplice cannot let a member fill the node.
func TestSilenceTakesItsSendersRoom(t *testing.T) { // [RV-58] [RV-130]
	s := newSite(t, func(c *Config) {
		c.OpenQueue = nil
		c.Quotas = Quotas{Bytes: 4 << 20}
	})
	mallory := s.found("Acme")
	accomplice := mallory.join("Moriarty")
	for n, open := range []bool{true, false} {
		if err := accomplice.grant(mallory, uint64(n+1), open); err != nil {
			t.Fatal(err)
		}
	}
	fill := func() (took int) {
		stream := mallory.openPost()
		for range 5_000 {
			answer := stream.post(t, mallory.sealed(1_000), accomplice)
			if answer.Status == wire.StatusFull {
				return took
			}
			wantAnswer(t, "a flood", answer, wire.StatusOK)
			took++
		}
		t.Fatal("no end of it")
		return took
	}
	if took := fill(); took < 10 {
		t.Fatalf("only %d were taken", took)
	}
	s.restart()
	s.follow(mallory)
	if took := fill(); took != 0 {
		t.Errorf("%d more were taken after a restart", took)
	}
}

// takeAll returns what waits for a device at its node.
func (d *device) takeAll() []queue.Delivery {
	d.t.Helper()
	all, err := d.site.node.queue.Next(d.site.ctx(), d.key.Public(), 0, 1000, 1<<30)
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}
