package rendezvous

import (
	"context"
	"errors"
	"testing"
	"time"

	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// An admin learns how the node is; nobody else does.
func TestHealthForAdmins(t *testing.T) { // [RV-140] [RV-141]
	var d disk
	d.free.Store(1 << 40)
	s := newSite(t, func(c *Config) {
		c.OpenQueue, c.Version, c.Volume = nil, "v1", d.volume
		c.Quotas = Quotas{OrgShare: 90}
	})
	anna := s.found("Acme")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	if err := ben.grant(anna, 1, true); err != nil {
		t.Fatal(err)
	}
	before := time.Now().Add(-time.Second)
	wantAnswer(t, "a post", anna.post(anna.sealed(100), ben, carl), wire.StatusOK,
		rvproto.Refusal{Device: carl.key.Public(), Status: wire.StatusNoLeave})
	carl.openDeliver()
	h, err := anna.Health(s.ctx())
	if err != nil {
		t.Fatal(err)
	}
	if h.Version != "v1" || h.Entries != 1 || h.Bodies != 1 || h.Bytes < 100 || h.Online != 1 || h.Disk == 0 || h.Damaged != 0 ||
		h.Oldest < seconds(before) || h.Signed < h.Since || h.Now < h.Since || h.Free != 1<<40 ||
		h.Share != 0 || h.Room != 0 || h.Shared || h.Troubles != 0 {
		t.Errorf("it is %+v", h)
	}
	if want := (rvproto.Tally{Leave: 1}); h.Day != want || h.Week != want {
		t.Errorf("the day had %+v, the week %+v", h.Day, h.Week)
	}
	_, err = ben.Health(s.ctx())
	wantStatus(t, "a member", err, wire.StatusRefused)
	_, err = s.device("zoe").Health(s.ctx())
	wantStatus(t, "a stranger", err, wire.StatusNotMember)

	// How full it is, and what keeps it from its work.
	d.fillTo(s.node, 50)
	if h, err = anna.Health(s.ctx()); err != nil || h.Room != 50 || h.Share != 55 || h.Troubles != 0 {
		t.Errorf("half full it is %+v, %v", h, err)
	}
	s.node.queueFails.Store(true)
	d.leave(s.node, 0)
	d.free.Store(kv.MinFree - 1)
	if h, err = anna.Health(s.ctx()); err != nil || h.Room != 100 || h.Troubles != rvproto.TroubleDisk|rvproto.TroubleQueue {
		t.Errorf("in trouble it is %+v, %v", h, err)
	}
	s.node.queueFails.Store(false)

	// Where another organization is, its part is not told, and how full it is only as refusals show it.
	d.leave(s.node, 1<<30)
	s.found("Other")
	d.fillTo(s.node, 83)
	h, err = anna.Health(s.ctx())
	if err != nil || h.Entries != 1 || h.Oldest != 0 || h.Disk != 0 || h.Damaged != 0 || !h.Shared || h.Room != 80 || h.Share != 90 {
		t.Errorf("beside another organization it is %+v, %v", h, err)
	}
	d.fillTo(s.node, 50)
	if h, err = anna.Health(s.ctx()); err != nil || h.Room != 0 || h.Share != 0 {
		t.Errorf("beside another organization, half full, it is %+v, %v", h, err)
	}
}

// A queue that cannot be looked at is told, with what is known all the same.
func TestHealthOfAQueueThatFails(t *testing.T) {
	s := newSite(t, func(c *Config) {
		open := c.OpenQueue
		c.OpenQueue = func() (Queue, error) {
			q, err := open()
			return unreported{q}, err
		}
	})
	anna := s.found("Acme")
	if h, err := anna.Health(s.ctx()); err != nil || h.Troubles != rvproto.TroubleQueue || h.Since == 0 {
		t.Errorf("it is %+v, %v", h, err)
	}
}

// unreported is a queue whose report fails.
type unreported struct{ Queue }

func (unreported) Report(context.Context) (queue.Report, error) {
	return queue.Report{}, errors.New("input/output error")
}

// The steps that are told are those at which posts are refused. [RV-131] [RV-141]
func TestFillSteps(t *testing.T) {
	for _, step := range []uint64{shedGuests, shedIntroductions, shedPosts, shedNothing} {
		if rvproto.FillStep(step) != step || rvproto.FillStep(step-1) == step-1 {
			t.Errorf("%d is told as %d, one less as %d", step, rvproto.FillStep(step), rvproto.FillStep(step-1))
		}
	}
}

func TestTallies(t *testing.T) {
	var sums tally
	now := time.Unix(1_790_000_000, 0)
	expired := func(sum *rvproto.Tally) { giveUp(sum, rvproto.ReasonTime, 1) }
	for _, ago := range []time.Duration{0, 23 * time.Hour, 25 * time.Hour, 6 * 24 * time.Hour} {
		sums.note(now.Add(-ago), expired)
	}
	for reason, pairs := range map[rvproto.Reason]uint64{rvproto.ReasonParked: 5, rvproto.ReasonBarred: 3, rvproto.ReasonRemoved: 4} {
		sums.note(now, func(sum *rvproto.Tally) { giveUp(sum, reason, pairs) })
	}
	sums.answered(now, []rvproto.AnswerFrame{
		{}, {Status: wire.StatusFull}, {Status: wire.StatusLimit}, {Status: wire.StatusTooLarge},
		{Refused: []rvproto.Refusal{{Status: wire.StatusNoLeave}, {Status: wire.StatusRefused}, {Status: wire.StatusFull}}},
	})
	day := rvproto.Tally{Expired: 2, Full: 2, Leave: 2, Allowance: 1, Other: 1, Parked: 5, Shut: 7}
	week := day
	week.Expired = 4
	for hours, want := range map[int64]rvproto.Tally{24: day, tallyHours: week} {
		if got := sums.last(now, hours); got != want {
			t.Errorf("in %d hours: %+v, want %+v", hours, got, want)
		}
	}
	later := now.Add(tallyHours * time.Hour)
	sums.note(later, expired)
	if got := sums.last(later, tallyHours); got != (rvproto.Tally{Expired: 1}) {
		t.Errorf("a week later: %+v", got)
	}
	if got := sums.last(now.Add(-time.Hour), 24); got.Full != 0 {
		t.Errorf("before it was: %+v", got)
	}
}

// What was given up is counted for the organization that it was of, by why: over, for a device that is parked, for one that is
// barred, for one of who was removed. [RV-141]
func TestReturnsAreTold(t *testing.T) {
	s, clock := returnSite(t)
	anna := s.found("Acme")
	ben, carl, phone := anna.join("Ben"), anna.join("Carl"), anna.add("phone")
	tablet := ben.add("tablet")
	wantStatus(t, "leave", ben.grant(anna, 1, true), wire.StatusOK)
	wantStatus(t, "leave", carl.grant(anna, 1, true), wire.StatusOK)
	want := func(when string, want rvproto.Tally) {
		t.Helper()
		waitHeld(t, func() int {
			if h, err := anna.Health(s.ctx()); err == nil {
				return int(h.Week.Returned())
			}
			return -1
		}, int(want.Returned()))
		if h, err := anna.Health(s.ctx()); err != nil || h.Week != want || h.Day != want {
			t.Errorf("%s: the week %+v, the day %+v, want %+v, %v", when, h.Week, h.Day, want, err)
		}
	}
	for range 2 {
		wantAnswer(t, "a post", anna.post(anna.sealed(100), ben), wire.StatusOK)
	}
	clock.move(2 * time.Hour)
	s.expire()
	want("over", rvproto.Tally{Expired: 2})

	wantAnswer(t, "a post", anna.post(anna.lasting(clock), ben, tablet, carl), wire.StatusOK)
	wantAnswer(t, "a post", anna.post(anna.lasting(clock), carl), wire.StatusOK)
	ben.bar(tablet, ben.size())
	want("barred", rvproto.Tally{Expired: 2, Shut: 1})
	if err := anna.submit(membership.Event{Remove: &membership.Remove{Member: carl.member}}, nil); err != nil {
		t.Fatal(err)
	}
	want("removed", rvproto.Tally{Expired: 2, Shut: 3})

	// Of who is blocked as much is told as of others.
	wantStatus(t, "an end", ben.grant(anna, 2, false), wire.StatusOK)
	wantAnswer(t, "to who has blocked", anna.post(sealedBy(t, anna.key, anna.Org, anna.member, clock.now().Add(time.Hour), 1), ben), wire.StatusOK)
	clock.move(2 * time.Hour)
	s.expire()
	want("blocked", rvproto.Tally{Expired: 3, Shut: 3})

	for _, d := range []*device{anna, ben} {
		d.openDeliver()
	}
	s.pass(clock, parkDays-10)
	wantAnswer(t, "a post", anna.post(anna.lasting(clock), phone), wire.StatusOK)
	s.pass(clock, 12)
	want("parked", rvproto.Tally{Parked: 1})
}

func TestTextsAreCut(t *testing.T) {
	for text, want := range map[string]string{"abc": "abc", "abcdef": "abcd", "abcé": "abc", "a\xffb": "ab"} {
		if got := cut(text, 4); got != want {
			t.Errorf("%q is cut to %q", text, got)
		}
	}
}
