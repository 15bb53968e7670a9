package rendezvous

import (
	"encoding/binary"
	"slices"
	"sync"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/p2p"
	"muster.example/internal/testnet"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// looking is a deliver stream with what it was told.
type looking struct {
	*rvclient.DeliverStream
	ended chan struct{}

	mu      sync.Mutex // guards the following
	told    []rvproto.PresenceFrame
	typists []keys.MemberID
}

// look opens d's deliver stream and says that somebody is there.
func (d *device) look(watched ...*device) *looking {
	d.t.Helper()
	l := &looking{DeliverStream: d.openDeliver(), ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		for {
			in, err := l.Next()
			if err != nil {
				return
			}
			l.mu.Lock()
			if in.Presence != nil {
				l.told = append(l.told, *in.Presence)
			}
			if !in.Typist.IsZero() {
				l.typists = append(l.typists, in.Typist)
			}
			l.mu.Unlock()
		}
	}()
	d.t.Cleanup(l.close)
	var members []keys.MemberID
	for _, other := range watched {
		members = append(members, other.member)
	}
	l.do(d.t, l.Say(rvproto.StateOnline), l.Watch(members))
	return l
}

func (l *looking) close() {
	l.Close()
	<-l.ended
}

func (l *looking) do(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// take returns what l was told since the last time, when everything has had its time to be told.
func (l *looking) take() []rvproto.PresenceFrame {
	time.Sleep(2*presencePause + time.Second)
	l.mu.Lock()
	defer l.mu.Unlock()
	told := l.told
	l.told = nil
	return told
}

// want fails unless l was told exactly this since the last time.
func (l *looking) want(t *testing.T, what string, frames ...rvproto.PresenceFrame) {
	t.Helper()
	if got := l.take(); !slices.Equal(got, frames) {
		t.Errorf("%s: told %+v, want %+v", what, got, frames)
	}
}

func (l *looking) wantTypists(t *testing.T, what string, want ...keys.MemberID) {
	t.Helper()
	time.Sleep(time.Second)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.typists, want) {
		t.Errorf("%s: %d typists, want %d", what, len(l.typists), len(want))
	}
	l.typists = nil
}

// share puts what d's member shares.
func (d *device) share(share rvproto.Share) {
	d.t.Helper()
	if _, err := d.PutShare(d.site.ctx(), share); err != nil {
		d.t.Fatal(err)
	}
}

func listed(d ...*device) (members []keys.MemberID) {
	for _, one := range d {
		members = append(members, one.member)
	}
	slices.SortFunc(members, keys.MemberID.Compare)
	return members
}

func TestSimPresence(t *testing.T) { // [RV-100] [RV-102] [RV-104] [RV-105]
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		s := simSite(t, net)
		anna := s.found("Acme")
		ben, carl := anna.join("Ben"), anna.join("Carl")
		phone := ben.add("phone")
		is := func(state rvproto.State, seen uint64) rvproto.PresenceFrame {
			return rvproto.PresenceFrame{Member: ben.member, State: state, Seen: seen}
		}
		hour := func() uint64 { return uint64(time.Now().Unix() / 3600 * 3600) }

		sees, blind := anna.look(ben), carl.look(ben)
		one, two := ben.look(), phone.look()
		sees.want(t, "who shares with nobody")
		ben.share(rvproto.Share{Number: 1, With: rvproto.ShareListed, Members: listed(anna), Grain: rvproto.GrainHour})
		sees.want(t, "who shares from now on", is(rvproto.StateOnline, 0))
		one.do(t, one.Say(rvproto.StateAway))
		sees.want(t, "with a second device that is used")
		two.do(t, two.Say(rvproto.StateAway))
		sees.want(t, "with no device that is used", is(rvproto.StateAway, hour()))
		two.do(t, two.Say(rvproto.StateOnline))
		sees.want(t, "with one that is used again", is(rvproto.StateOnline, 0))
		two.close()
		sees.want(t, "whose used device is gone", is(rvproto.StateAway, hour()))
		one.do(t, one.Say(rvproto.StateOnline))
		sees.want(t, "who came back", is(rvproto.StateOnline, 0))
		one.close()
		sees.want(t, "who may only have lost the connection")
		one = ben.look()
		sees.want(t, "who had only lost it")
		one.close()
		time.Sleep(presenceGrace)
		left := hour()
		sees.want(t, "who has gone", is(rvproto.StateOffline, left))

		seen := s.seenOnDisk(ben)
		if seen != left {
			t.Errorf("on disk %d, want the hour %d", seen, left)
		}
		one = ben.look()
		sees.want(t, "who is here", is(rvproto.StateOnline, 0))
		ben.share(rvproto.Share{Number: 2, With: rvproto.ShareListed, Members: listed(anna), Grain: rvproto.GrainHour, Hidden: true})
		sees.want(t, "who hides", is(rvproto.StateOffline, hour()))
		one.do(t, one.Say(rvproto.StateAway))
		sees.want(t, "who goes away in hiding")
		ben.share(rvproto.Share{Number: 3, With: rvproto.ShareListed, Members: listed(anna), Grain: rvproto.GrainNone})
		sees.want(t, "who shares without a time", is(rvproto.StateAway, 0))
		if seen := s.seenOnDisk(ben); seen != 0 {
			t.Errorf("on disk %d, want nothing", seen)
		}
		wantStatus(t, "an old share", second(ben.PutShare(s.ctx(), rvproto.Share{Number: 2, With: rvproto.ShareEverybody, Grain: rvproto.GrainExact})), wire.StatusStale)
		blind.want(t, "who was never allowed to see anything")
	})
}

func second[A any](_ A, err error) error { return err }

// seenOnDisk returns when the node's store says that d's member was last seen, 0 for nothing.
func (s *site) seenOnDisk(d *device) (seen uint64) {
	s.t.Helper()
	err := s.node.store.View(func(tx *kv.Tx) error {
		return visitAll(tx, kv.Key(tableSeen, d.Org[:]), keys.IDSize, func(last, value []byte) error {
			if keys.MemberID(last) == d.member {
				seen = binary.BigEndian.Uint64(value)
			}
			return nil
		})
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return seen
}

// Whoever must not see a member sees what they would see of one who is offline and never was seen. [RV-104]
func TestSimPresenceIsForThoseAllowed(t *testing.T) {
	testnet.Run(t, 2, func(t *testing.T, net *testnet.Net) {
		s := simSite(t, net)
		anna := s.found("Acme")
		ben, carl, guest := anna.join("Ben"), anna.join("Carl"), anna.joinAs(membership.RoleGuest, "guest")
		share := rvproto.Share{With: rvproto.ShareContacts, Grain: rvproto.GrainExact}
		put := func(change func(*rvproto.Share)) {
			share.Number++
			change(&share)
			ben.share(share)
		}
		put(func(*rvproto.Share) {})
		state := func(l *looking, what string, want ...rvproto.State) {
			t.Helper()
			var got []rvproto.State
			for _, frame := range l.take() {
				got = append(got, frame.State)
				if frame.State == rvproto.StateOffline && frame.Seen != 0 {
					t.Errorf("%s: a time of who is not seen", what)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", what, got, want)
			}
		}
		byAnna, byCarl, byGuest := anna.look(ben), carl.look(ben), guest.look(ben)
		there := ben.look()
		state(byAnna, "no contact")
		wantStatus(t, "grant", ben.grant(anna, 1, true), wire.StatusOK)
		state(byAnna, "a contact", rvproto.StateOnline)
		wantStatus(t, "block", ben.grant(anna, 2, false), wire.StatusOK)
		state(byAnna, "who was blocked", rvproto.StateOffline)
		there.do(t, there.Say(rvproto.StateAway))
		state(byAnna, "who is blocked")
		put(func(s *rvproto.Share) { s.With = rvproto.ShareEverybody })
		state(byAnna, "who is blocked, of everybody")
		state(byCarl, "one of everybody", rvproto.StateAway)
		state(byGuest, "a guest, who is not everybody")
		wantStatus(t, "unblock", ben.grant(anna, 3, true), wire.StatusOK)
		state(byAnna, "who is not blocked any more", rvproto.StateAway)

		policy := membership.DefaultPolicy()
		policy.Presence = membership.NotAllowed
		wantStatus(t, "policy", anna.submit(membership.Event{Policy: &membership.PolicyChange{Policy: policy}}, nil), wire.StatusOK)
		state(byCarl, "against the policy", rvproto.StateOffline)
		there.do(t, there.Say(rvproto.StateOnline))
		state(byCarl, "against the policy still")
		wantStatus(t, "policy", anna.submit(membership.Event{Policy: &membership.PolicyChange{Policy: membership.DefaultPolicy()}}, nil), wire.StatusOK)
		state(byCarl, "as the policy allows again", rvproto.StateOnline)
		wantStatus(t, "removal", anna.submit(membership.Event{Remove: &membership.Remove{Member: ben.member}}, nil), wire.StatusOK)
		time.Sleep(presenceGrace)
		state(byCarl, "who was removed", rvproto.StateOffline)
		if share := s.node.directory.org(anna.Org).presence.get(ben.member); share != nil {
			t.Error("the share of who was removed is kept")
		}
	})
}

// However often a member comes and goes, their onlookers are told once in a pause, and those of a node that was started
// anew begin with what is on disk. [RV-102]
func TestSimPresenceIsCoalesced(t *testing.T) {
	testnet.Run(t, 3, func(t *testing.T, net *testnet.Net) {
		s := simSite(t, net)
		anna := s.found("Acme")
		ben := anna.join("Ben")
		ben.share(rvproto.Share{Number: 1, With: rvproto.ShareEverybody, Grain: rvproto.GrainExact})
		sees, there := anna.look(ben), ben.look()
		sees.take()
		const flips = 201
		for i := range flips {
			there.do(t, there.Say(rvproto.State(1+i%2)), sees.Watch(listed(ben)))
			time.Sleep(50 * time.Millisecond)
		}
		if told := len(sees.take()); told > flips/20/3+3 {
			t.Errorf("told %d times within %d s", told, flips/20)
		}
		there.do(t, there.Say(rvproto.StateAway))
		sees.take()
		left := uint64(time.Now().Unix() / 60 * 60)
		sees.close()
		there.close()
		s.restart()
		for _, d := range []*device{anna, ben} {
			_ = d.host.Network().ClosePeer(p2p.PeerID(d.Node))
		}
		sees = anna.look(ben)
		sees.want(t, "after a restart", rvproto.PresenceFrame{Member: ben.member, Seen: left})
		sees.do(t, sees.Watch(nil))
		there = ben.look()
		sees.want(t, "who is not watched any more")
		if p := s.node.directory.org(anna.Org).presence; p.pairs != 0 {
			t.Errorf("%d pairs, want none", p.pairs)
		}
		there.close()
	})
}

func TestSimTyping(t *testing.T) { // [RV-106]
	testnet.Run(t, 4, func(t *testing.T, net *testnet.Net) {
		s := simSite(t, net)
		anna := s.found("Acme")
		ben := anna.join("Ben")
		share := func(d *device, number uint64, with rvproto.Sharing, typing, hidden bool) {
			d.share(rvproto.Share{Number: number, With: with, Grain: rvproto.GrainNone, Typing: typing, Hidden: hidden})
		}
		byAnna, byBen := anna.look(), ben.look()
		typing := func() {
			time.Sleep(typingPause)
			byBen.do(t, byBen.Typing([]keys.MemberID{anna.member}))
		}
		share(ben, 1, rvproto.ShareEverybody, true, false)
		typing()
		byAnna.wantTypists(t, "one side allows it")
		share(anna, 1, rvproto.ShareNobody, true, false)
		typing()
		byAnna.wantTypists(t, "one side sees the other")
		share(anna, 2, rvproto.ShareEverybody, false, false)
		typing()
		byAnna.wantTypists(t, "one side takes no part")
		share(anna, 3, rvproto.ShareEverybody, true, false)
		typing()
		byAnna.wantTypists(t, "both allow it", ben.member)
		typing()
		byBen.do(t, byBen.Typing([]keys.MemberID{anna.member}))
		byAnna.wantTypists(t, "twice at once", ben.member)
		share(ben, 2, rvproto.ShareEverybody, true, true)
		typing()
		byAnna.wantTypists(t, "who hides")
		share(ben, 3, rvproto.ShareEverybody, true, false)
		wantStatus(t, "block", anna.grant(ben, 1, false), wire.StatusOK)
		typing()
		byAnna.wantTypists(t, "who is blocked")
	})
}
