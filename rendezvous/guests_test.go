package rendezvous

import (
	"context"
	"fmt"
	"testing"
	"time"

	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/rendezvous/queue"
)

// hosting is the policy by default with other bounds for guests.
func hosting(perHour, posts, bytes uint64) *membership.PolicyChange {
	policy := membership.DefaultPolicy()
	policy.GuestsPerHour, policy.GuestPosts, policy.GuestBytes = perHour, posts, bytes
	return &membership.PolicyChange{Policy: policy}
}

func TestGuestsPostSoOften(t *testing.T) { // [RV-94]
	clock := newShiftedClock()
	s := newSite(t, func(c *Config) { c.Now = clock.now })
	anna := s.found("Acme")
	desk, guest := anna.joinAs(membership.RoleDesk, "Desk"), anna.joinAs(membership.RoleGuest, "guest")
	other := anna.joinAs(membership.RoleGuest, "other")
	wantStatus(t, "policy", anna.submit(membership.Event{Policy: hosting(100, 4, 1<<20)}, nil), wire.StatusOK)
	stream := guest.openPost()
	for range 3 {
		wantAnswer(t, "a message", stream.post(t, guest.sealed(1), desk), wire.StatusOK)
	}
	for range 4 {
		announce := guest.made(envelope.KindAnnounce, envelope.Leave{Kind: envelope.LeaveDesk, ID: guest.member}, 1)
		wantAnswer(t, "a chain", stream.post(t, announce, desk), wire.StatusOK)
	}
	wantAnswer(t, "one too many", stream.post(t, guest.sealed(1), desk), wire.StatusFull)
	wantAnswer(t, "another guest", other.post(other.sealed(1), desk), wire.StatusOK)
	for range 20 {
		wantAnswer(t, "a member", desk.post(desk.sealed(1), guest), wire.StatusOK)
	}
	clock.move(15 * time.Second)
	wantAnswer(t, "a quarter of a minute later", guest.post(guest.sealed(1), desk), wire.StatusOK)
	wantAnswer(t, "and one too many", guest.post([]byte("nonsense"), desk), wire.StatusFull)
	if held := s.queue.held(desk.key.Public(), queue.Envelope); len(held) != 9 {
		t.Errorf("%d wait for the desk", len(held))
	}
}

func TestGuestsQueueSoMuch(t *testing.T) { // [RV-95]
	clock := newShiftedClock()
	s := newSite(t, func(c *Config) { c.Now = clock.now })
	anna := s.found("Acme")
	desk, guest := anna.joinAs(membership.RoleDesk, "Desk"), anna.joinAs(membership.RoleGuest, "guest")
	second := guest.add("guest's second")
	const least = membership.MinMaxEnvelope
	wantStatus(t, "policy", anna.submit(membership.Event{Policy: hosting(100, 1000, least)}, nil), wire.StatusOK)
	stream := guest.openPost()
	wantAnswer(t, "more than half of it", stream.post(t, guest.sealed(least*5/8), desk), wire.StatusOK)
	wantAnswer(t, "as much again", stream.post(t, guest.sealed(least*5/8), desk), wire.StatusFull)
	wantAnswer(t, "from another device", second.post(second.sealed(least*5/8), desk), wire.StatusFull)
	wantAnswer(t, "a little", stream.post(t, guest.sealed(1), desk), wire.StatusOK)
	_ = s.queue.Ack(s.ctx(), desk.key.Public(), s.queue.held(desk.key.Public(), queue.Envelope))
	clock.move(2 * askAgain)
	wantAnswer(t, "when it was delivered", stream.post(t, guest.sealed(least*5/8), desk), wire.StatusOK)
}

// The guests together leave most of a desk's queue to members, and what waits is counted after a restart too.
func TestGuestsTogetherQueueSoMuch(t *testing.T) { // [RV-95]
	clock := newShiftedClock()
	s := newSite(t, func(c *Config) {
		c.Now, c.OpenQueue, c.Quotas = clock.now, nil, Quotas{DeviceEntries: 3 * guestsShare}
	})
	anna := s.found("Acme")
	desk := anna.joinAs(membership.RoleDesk, "Desk")
	wantStatus(t, "policy", anna.submit(membership.Event{Policy: hosting(100, 1000, 1<<20)}, nil), wire.StatusOK)
	one, two := anna.joinAs(membership.RoleGuest, "one"), anna.joinAs(membership.RoleGuest, "two")
	wantAnswer(t, "the first guest", one.post(one.sealed(1), desk), wire.StatusOK)
	wantAnswer(t, "again", one.post(one.sealed(1), desk), wire.StatusOK)
	s.restart()
	s.follow(anna, desk, one, two)
	wantAnswer(t, "the second guest", two.post(two.sealed(1), desk), wire.StatusOK)
	wantAnswer(t, "one too many", two.post(two.sealed(1), desk), wire.StatusFull)
	wantAnswer(t, "a member", anna.post(anna.sealed(1), anna.add("second")), wire.StatusOK)
	waiting, err := s.node.queue.Next(s.ctx(), desk.key.Public(), 0, 1, 1<<20)
	if err != nil || len(waiting) != 1 {
		t.Fatalf("%d wait, %v", len(waiting), err)
	}
	_ = s.node.queue.Ack(s.ctx(), desk.key.Public(), []keys.EnvelopeID{waiting[0].ID})
	clock.move(2 * askAgain)
	wantAnswer(t, "when one was delivered", two.post(two.sealed(1), desk), wire.StatusOK)
}

func TestGuestsJoinSoOften(t *testing.T) { // [RV-96]
	clock := newShiftedClock()
	s := newSite(t, func(c *Config) {
		c.Now = clock.now
		c.Strangers = StrangerLimits{Burst: 1000, PerSecond: 1000}
	})
	anna := s.found("Acme")
	wantStatus(t, "policy", anna.submit(membership.Event{Policy: hosting(6, 20, 1<<20)}, nil), wire.StatusOK)
	invitation := anna.inviteAs(membership.RoleGuest, 100)
	come := func(n int) error {
		guest := s.device(fmt.Sprint("guest ", n))
		guest.Org = anna.Org
		return guest.SubmitJoin(s.ctx(), invitation, guest.joinEventAs(invitation, "", fmt.Sprint(n), anna.rollSize()))
	}
	for n := range 3 {
		wantStatus(t, "half of an hour's from one address", come(n), wire.StatusOK)
	}
	wantStatus(t, "one too many", come(3), wire.StatusFull)
	anna.join("Ben") // members come as ever
	clock.move(time.Hour)
	wantStatus(t, "in the next hour", come(3), wire.StatusOK)
}

func TestArrivalsFromEverywhere(t *testing.T) { // [RV-96]
	var a arrivals
	now := time.Unix(7200, 0)
	from := func(n int) ma.Multiaddr { return ma.StringCast(fmt.Sprintf("/ip4/10.0.0.%d/tcp/1", n)) }
	for n := range 7 {
		want := wire.StatusOK
		if n == 6 {
			want = wire.StatusFull
		}
		if got := a.take(from(n), 6, now); got != want {
			t.Errorf("guest %d: %v", n, got)
		}
	}
	if got := a.take(from(1), 0, now.Add(time.Hour)); got != wire.StatusFull {
		t.Errorf("where no guests may come: %v", got)
	}
}

func TestGuestsAskSoOften(t *testing.T) { // [RV-94]
	s := newSite(t)
	anna := s.found("Acme")
	guest := anna.joinAs(membership.RoleGuest, "guest")
	refused := 0
	for range guestAsks + 20 {
		_, err := guest.GetPrekeys(s.ctx(), []keys.PublicKey{anna.key.Public()})
		if status(err) == wire.StatusFull {
			refused++
		}
	}
	if refused == 0 {
		t.Error("a guest may ask without end")
	}
	for range guestAsks + 20 {
		if _, err := anna.GetPrekeys(s.ctx(), []keys.PublicKey{guest.key.Public()}); err != nil {
			t.Fatalf("a member: %v", err)
		}
	}
}

func TestGuestsConnectSoOften(t *testing.T) { // [RV-95]
	s := newSite(t, func(c *Config) { c.Strangers = StrangerLimits{SiteGuests: 2} })
	anna := s.found("Acme")
	var guests []*device
	for n := range 3 {
		guest := anna.joinAs(membership.RoleGuest, fmt.Sprint("guest ", n))
		_ = guest.host.Network().Close()
		guests = append(guests, guest)
	}
	connect := func(d *device) error {
		again := s.device(d.Org.Short() + "guest " + fmt.Sprint(indexOf(guests, d)))
		again.Org = d.Org
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		_, err := again.GetPrekeys(ctx, []keys.PublicKey{anna.key.Public()})
		return err
	}
	for n, d := range guests {
		if err := connect(d); (err == nil) != (n < 2) {
			t.Errorf("guest %d: %v", n, err)
		}
	}
	if _, err := anna.join("Ben").Fetch(s.ctx(), 0); err != nil {
		t.Errorf("a member: %v", err)
	}
}

func indexOf(list []*device, d *device) int {
	for i := range list {
		if list[i] == d {
			return i
		}
	}
	return -1
}

func TestInvitationsToGroupsCost(t *testing.T) { // [RV-49]
	s := newSite(t)
	anna := s.found("Acme")
	wantStatus(t, "policy", anna.submit(membership.Event{Policy: introducing(2, 1)}, nil), wire.StatusOK)
	ben, friend, former := anna.join("Ben"), anna.join("Friend"), anna.join("Former")
	one, two, three, blocker := anna.join("One"), anna.join("Two"), anna.join("Three"), anna.join("Blocker")
	for _, d := range []*device{friend, former} {
		wantStatus(t, "leave", d.grant(ben, 1, true), wire.StatusOK)
	}
	wantStatus(t, "an end", former.grant(ben, 2, false), wire.StatusOK)
	wantStatus(t, "a block", blocker.grant(ben, 1, false), wire.StatusOK)
	id := ben.newGroup("Choir", group.Everybody)
	invite := func(doing string, want wire.Status, who ...*device) {
		t.Helper()
		place := envelope.Place{}
		for _, d := range who {
			place.Members = append(place.Members, d.member)
		}
		place = envelope.Among(place.Members...)
		event := membership.Event{GroupInvite: &membership.GroupInvite{Group: id, Members: place.Members}}
		wantStatus(t, doing, ben.submit(event, nil), want)
	}
	invite("more than a day's", wire.StatusLimit, one, two, three)
	invite("acquaintances", wire.StatusOK, friend, former)
	invite("a stranger", wire.StatusOK, one)
	invite("who blocks before they meet costs as much", wire.StatusOK, blocker)
	invite("one too many", wire.StatusLimit, two)
	wantAnswer(t, "an introduction", ben.post(introduction(ben, twoDays), two), wire.StatusLimit)
	one.enterGroup(id)
	invite("after one has come", wire.StatusOK, two)
	invite("and no more", wire.StatusLimit, three)
}
