package rendezvous

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
)

func TestApplicationsWaitAndAreDeclined(t *testing.T) { // [RV-90] [RV-92] [RV-93]
	clock := newShiftedClock()
	s := newSite(t, func(c *Config) { c.Now = clock.now })
	anna := s.found("Acme")
	ben := anna.join("Ben")
	invitation := anna.invite2(t, clock.now())
	carl := s.device("carl")
	carl.Org = anna.Org
	event := carl.joinEvent(invitation, "Carl", anna.size())
	apply := func(text string) error { return carl.Apply(s.ctx(), invitation, event, text) }

	wantStatus(t, "a text with a line break", apply("one\ntwo"), wire.StatusMalformed)
	wantStatus(t, "a text of 141 characters", apply(strings.Repeat("a", 141)), wire.StatusMalformed)
	plain := anna.invite(1)
	wantStatus(t, "an invitation to join", carl.Apply(s.ctx(), plain, carl.joinEvent(plain, "Carl", 5), "Carl"), wire.StatusRefused)
	wantStatus(t, "another's event", ben.Apply(s.ctx(), invitation, event, "Carl, really"), wire.StatusRefused)
	stranger := keys.Generate()
	wantStatus(t, "an invitation that nobody made", carl.Apply(s.ctx(), stranger, carl.joinEvent(stranger, "Carl", 4), "Carl"), wire.StatusNotFound)
	wantApplications(t, anna)

	wantStatus(t, "the application", apply("Carl, from the lab"), wire.StatusPending)
	wantStatus(t, "the same again", apply("Carl, from the lab"), wire.StatusPending)
	wantApplications(t, anna, "Carl, from the lab")
	wantStatus(t, "with another text", apply("Carl, from the other lab"), wire.StatusPending)
	s.restart()
	again := s.device("Acme founder")
	again.Org, again.member = anna.Org, anna.member
	wantApplications(t, again, "Carl, from the other lab")
	carl.Addresses, ben.Addresses = s.node.Addresses(), s.node.Addresses()
	_, err := ben.Applications(s.ctx())
	wantStatus(t, "seen by a member", err, wire.StatusRefused)
	id := membership.SignedEvent(event).ID()
	wantStatus(t, "declined by a member", ben.Decline(s.ctx(), id), wire.StatusRefused)
	wantStatus(t, "what is not there, declined", again.Decline(s.ctx(), keys.EventID{1}), wire.StatusNotFound)
	wantStatus(t, "declined", again.Decline(s.ctx(), id), wire.StatusOK)
	wantApplications(t, again)
	wantStatus(t, "after it was declined", apply("Carl, from the lab"), wire.StatusRefused)

	clock.move(applicationTime)
	another := again.invite2(t, clock.now())
	event = carl.joinEvent(another, "Carl", again.size())
	wantStatus(t, "when that is forgotten", carl.Apply(s.ctx(), another, event, "Carl, once more"), wire.StatusPending)
	wantStatus(t, "joining by the application", carl.SubmitJoin(s.ctx(), another, event), wire.StatusRefused)
	wantStatus(t, "an admin's vouch", again.submit(membership.Event{Vouch: &membership.Vouch{Join: event}}, nil), wire.StatusOK)
	wantStatus(t, "who is a member by now", carl.Apply(s.ctx(), another, event, "Carl, once more"), wire.StatusOK)
	wantApplications(t, again)
}

// invite2 makes an invitation that lets people apply, at a time, by a device that does not know its counter.
func (d *device) invite2(t *testing.T, now time.Time) keys.PrivateKey {
	t.Helper()
	d.site.node.directory.org(d.Org).roll.read(func(s *membership.State) { d.counter = s.NextCounter(d.key.Public()) - 1 })
	key := keys.Generate()
	err := d.submit(membership.Event{Invite: &membership.Invite{
		Key: key.Public(), Role: membership.RoleMember, Uses: 5, Expires: now.Add(time.Hour).Unix(), Apply: true,
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func wantApplications(t *testing.T, d *device, texts ...string) {
	t.Helper()
	list, err := d.Applications(d.site.ctx())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range list {
		got = append(got, a.Text)
	}
	if fmt.Sprint(got) != fmt.Sprint(texts) {
		t.Errorf("applications %q, want %q", got, texts)
	}
}

func newTestApplications(t testing.TB) *applications {
	store, err := kv.Open(t.TempDir(), [32]byte{1}, kv.Options{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return newApplications(store, keys.OrgID{7})
}

// Applications are bounded, by address and in all; those that were declined make room. [RV-91]
func TestApplicationsAreBounded(t *testing.T) {
	a := newTestApplications(t)
	now := time.Unix(1_800_000_000, 0)
	site := func(n int) netip.Prefix {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), 32)
	}
	put := func(n int, from netip.Prefix) wire.Status {
		return a.put(keys.PublicKey{1, byte(n >> 8), byte(n)}, fmt.Appendf(nil, "event %d", n), "text", from, now)
	}
	for n := range siteApplications {
		if status := put(n, site(0)); status != wire.StatusPending {
			t.Fatalf("application %d of one address: %v", n, status)
		}
	}
	if status := put(siteApplications, site(0)); status != wire.StatusLimit {
		t.Errorf("one more of one address: %v", status)
	}
	if status := put(0, site(0)); status != wire.StatusPending {
		t.Errorf("the first again: %v", status)
	}
	for n := siteApplications; n < maxApplications; n++ {
		if status := put(n, site(1+n/siteApplications)); status != wire.StatusPending {
			t.Fatalf("application %d: %v", n, status)
		}
	}
	if status := put(maxApplications, site(500)); status != wire.StatusFull {
		t.Errorf("one more in all: %v", status)
	}
	if status := a.decline(membership.SignedEvent("event 7").ID()); status != wire.StatusOK {
		t.Fatalf("declining: %v", status)
	}
	if status := put(maxApplications, site(500)); status != wire.StatusPending {
		t.Errorf("one more after another was declined: %v", status)
	}
	now = now.Add(applicationTime)
	if err := a.drop(func(r *applicationRecord) bool { return r.gone(now) }); err != nil {
		t.Fatal(err)
	}
	if list, err := a.page(keys.EventID{}, now, func(keys.PublicKey) bool { return false }); err != nil || len(list) != 0 {
		t.Errorf("%d applications after their time: %v", len(list), err)
	}
}
