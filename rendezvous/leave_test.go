package rendezvous

import (
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// newGroup creates a listed group, which everybody may enter.
func (d *device) newGroup(name string, writers group.Writers) keys.GroupID {
	d.t.Helper()
	d.counter++
	event := membership.SignEvent(membership.Event{
		Org: d.Org, Counter: d.counter, At: d.rollSize(),
		Group: &membership.NewGroup{Name: name, Admission: group.Open, Writers: writers, Listed: true},
	}, d.key, nil)
	wantStatus(d.t, "creating a group", d.Submit(d.site.ctx(), event), wire.StatusOK)
	return membership.GroupOf(d.Org, event)
}

func (d *device) enterGroup(id keys.GroupID) {
	d.t.Helper()
	wantStatus(d.t, "entering a group", d.submit(membership.Event{GroupJoin: &membership.GroupJoin{Group: id}}, nil), wire.StatusOK)
}

// made makes an envelope by hand, of a form that the node cannot tell from a true one.
func (d *device) made(kind envelope.Kind, leave envelope.Leave, rollSize uint64) []byte {
	d.t.Helper()
	header := envelope.Header{
		Version: envelope.Version, Kind: kind, Sender: d.key.Public(), RollSize: rollSize,
		Expires: time.Now().Add(time.Hour).Unix(), Leave: leave,
	}
	if kind == envelope.KindMessage || kind == envelope.KindAnnounce {
		header.Chain = keys.ChainID{1}
	}
	if kind == envelope.KindMessage {
		header.Position = 1
	}
	rand.Read(header.Salt[:])
	for size := 64; size < 16<<10; size++ {
		data := envelope.Envelope{Header: wire.Encode(header), Sealed: make([]byte, size)}.Bytes()
		if _, err := envelope.View(data, 1<<20); err == nil {
			return data
		}
	}
	d.t.Fatalf("no size fits a %v", kind)
	return nil
}

func inGroup(id keys.GroupID) envelope.Leave {
	return envelope.Leave{Kind: envelope.LeaveGroup, ID: id}
}

// written is a message to a group, made at the roll of now.
func (d *device) written(id keys.GroupID) []byte {
	d.t.Helper()
	return d.made(envelope.KindMessage, inGroup(id), d.rollSize())
}

// wantHeld: so many envelopes wait for each device, which are then forgotten.
func (s *site) wantHeld(doing string, want map[*device]int) {
	s.t.Helper()
	for d, count := range want {
		if held := s.queue.held(d.key.Public(), queue.Envelope); len(held) != count {
			s.t.Errorf("%s: %d wait for %s, want %d", doing, len(held), d.key.Public().Short(), count)
		}
		_ = s.queue.Drop(s.ctx(), d.key.Public())
	}
}

func no(d *device, status wire.Status) rvproto.Refusal {
	return rvproto.Refusal{Device: d.key.Public(), Status: status}
}

func TestGroupPosts(t *testing.T) { // [RV-45]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	ben, carl, dora := anna.join("Ben"), anna.join("Carl"), anna.join("Dora")
	id := anna.newGroup("Choir", group.Everybody)
	ben.enterGroup(id)
	stream := anna.openPost()
	early := anna.written(id)
	carl.enterGroup(id)
	tablet := ben.add("tablet")

	answer := stream.post(t, early)
	wantAnswer(t, "to all at a roll size", answer, wire.StatusOK)
	if diff := cmp.Diff([]keys.PublicKey{tablet.key.Public()}, answer.Newer); diff != "" {
		t.Errorf("newer devices:\n%s", diff)
	}
	s.wantHeld("to all at a roll size", map[*device]int{anna: 0, phone: 1, ben: 1, tablet: 0, carl: 0, dora: 0})
	wantAnswer(t, "to a newer device", stream.post(t, early, tablet), wire.StatusOK)
	wantAnswer(t, "to who came later, and to who never did", stream.post(t, early, carl, dora), wire.StatusOK,
		no(carl, wire.StatusNoLeave), no(dora, wire.StatusNoLeave))
	s.wantHeld("by name", map[*device]int{tablet: 1, carl: 0, dora: 0})
	wantAnswer(t, "to all", stream.post(t, anna.written(id)), wire.StatusOK)
	s.wantHeld("to all", map[*device]int{anna: 0, phone: 1, ben: 1, tablet: 1, carl: 1, dora: 0})
	wantAnswer(t, "from another of the group", tablet.post(tablet.written(id)), wire.StatusOK)
	s.wantHeld("from another of the group", map[*device]int{anna: 1, phone: 1, ben: 1, tablet: 0, carl: 1, dora: 0})

	announce := anna.made(envelope.KindAnnounce, inGroup(id), 1)
	wantAnswer(t, "a chain for who is in it", stream.post(t, announce, carl, phone, dora), wire.StatusOK, no(dora, wire.StatusNoLeave))
	s.wantHeld("a chain", map[*device]int{carl: 1, phone: 1, dora: 0})
}

func TestGroupPostsThatAreRefused(t *testing.T) { // [RV-45]
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	id, news := anna.newGroup("Choir", group.Everybody), anna.newGroup("News", group.Moderators)
	ben.enterGroup(news)
	before := ben.rollSize()
	ben.enterGroup(id)
	for name, test := range map[string]struct {
		from *device
		body []byte
		to   []*device
		want wire.Status
	}{
		"by who is not in it":            {carl, carl.written(id), nil, wire.StatusNoLeave},
		"by who is not in it, to one":    {carl, carl.written(id), []*device{anna}, wire.StatusNoLeave},
		"a chain by who is not in it":    {carl, carl.made(envelope.KindAnnounce, inGroup(id), 1), []*device{anna}, wire.StatusNoLeave},
		"to no group":                    {ben, ben.written(keys.GroupID{1}), nil, wire.StatusNoLeave},
		"by a reader":                    {ben, ben.written(news), nil, wire.StatusRefused},
		"made at a size not reached":     {ben, ben.made(envelope.KindMessage, inGroup(id), ben.rollSize()+1), nil, wire.StatusStale},
		"made at a size not reached, to": {ben, ben.made(envelope.KindMessage, inGroup(id), 1<<60), []*device{anna}, wire.StatusStale},
		"made before the sender entered": {ben, ben.made(envelope.KindMessage, inGroup(id), before), nil, wire.StatusStale},
		"a chain for nobody":             {ben, ben.made(envelope.KindAnnounce, inGroup(id), before), nil, wire.StatusMalformed},
		"to nobody, without a group":     {ben, ben.sealed(10), nil, wire.StatusMalformed},
	} {
		wantAnswer(t, name, test.from.post(test.body, test.to...), test.want)
	}
	wantAnswer(t, "a chain by a reader", ben.post(ben.made(envelope.KindAnnounce, inGroup(news), 1), anna), wire.StatusOK)
	s.wantHeld("what was refused", map[*device]int{anna: 1, ben: 0, carl: 0})
}

func TestGroupPostsAfterARemoval(t *testing.T) { // [RV-45]
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	id := anna.newGroup("Choir", group.Everybody)
	ben.enterGroup(id)
	carl.enterGroup(id)
	of, by := ben.openPost(), anna.openPost() // what is open notices
	sealedBefore := anna.written(id)
	wantAnswer(t, "before", of.post(t, ben.written(id)), wire.StatusOK)
	s.wantHeld("before", map[*device]int{anna: 1, carl: 1})
	wantStatus(t, "removal", anna.submit(membership.Event{GroupRemove: &membership.GroupRemove{Group: id, Member: ben.member}}, nil), wire.StatusOK)
	wantAnswer(t, "to who was removed", by.post(t, sealedBefore), wire.StatusOK)
	wantAnswer(t, "to who was removed, by name", by.post(t, sealedBefore, ben), wire.StatusOK, no(ben, wire.StatusNoLeave))
	wantAnswer(t, "by who was removed", of.post(t, ben.written(id)), wire.StatusNoLeave)
	wantAnswer(t, "a chain by who was removed", of.post(t, ben.made(envelope.KindAnnounce, inGroup(id), 3), anna), wire.StatusNoLeave)
	s.wantHeld("after", map[*device]int{anna: 0, ben: 0, carl: 1})
	ben.enterGroup(id)
	wantAnswer(t, "what was sealed before, to who is back", by.post(t, sealedBefore), wire.StatusOK)
	s.wantHeld("back", map[*device]int{ben: 0, carl: 1})
	wantStatus(t, "closing", anna.submit(membership.Event{GroupClose: &membership.GroupClose{Group: id}}, nil), wire.StatusOK)
	wantAnswer(t, "when it is closed", by.post(t, anna.written(id)), wire.StatusNoLeave)
	wantStatus(t, "bar", anna.submit(membership.Event{Remove: &membership.Remove{Member: carl.member}}, nil), wire.StatusOK)
}

// A post to a group reaches more devices than one post may name.
func TestGroupIsNoWayToOthers(t *testing.T) { // [RV-45]
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	guest := anna.joinAs(membership.RoleGuest, "guest")
	id := anna.newGroup("Choir", group.Everybody)
	wantAnswer(t, "who shares a group otherwise", anna.post(anna.sealed(5), ben), wire.StatusOK, no(ben, wire.StatusNoLeave))
	ben.enterGroup(id)
	wantAnswer(t, "without saying so", anna.post(anna.sealed(5), ben), wire.StatusOK, no(ben, wire.StatusNoLeave))
	wantAnswer(t, "a stranger in the name of a group", anna.post(anna.written(id), guest), wire.StatusOK, no(guest, wire.StatusNoLeave))
}

func TestDeskConversations(t *testing.T) { // [RV-47]
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	one, two := anna.joinAs(membership.RoleDesk, "One"), anna.joinAs(membership.RoleDesk, "Two")
	guest, other := anna.joinAs(membership.RoleGuest, "guest"), anna.joinAs(membership.RoleGuest, "other")
	at := func(d *device) envelope.Leave { return envelope.Leave{Kind: envelope.LeaveDesk, ID: d.member} }
	write := func(d *device, leave envelope.Leave) []byte { return d.made(envelope.KindMessage, leave, 1) }

	wantAnswer(t, "a guest", guest.post(write(guest, at(guest)), one, two), wire.StatusOK)
	wantAnswer(t, "a desk", one.post(write(one, at(guest)), guest, two), wire.StatusOK)
	s.wantHeld("a question and an answer", map[*device]int{guest: 1, one: 1, two: 2})
	wantAnswer(t, "a guest to members", guest.post(write(guest, at(guest)), anna, ben, one, other), wire.StatusOK,
		no(anna, wire.StatusRefused), no(ben, wire.StatusRefused), no(other, wire.StatusRefused))
	wantAnswer(t, "a desk to members", one.post(write(one, at(guest)), anna, other, two), wire.StatusOK,
		no(anna, wire.StatusRefused), no(other, wire.StatusRefused))
	s.wantHeld("of members nothing", map[*device]int{anna: 0, ben: 0, other: 0, one: 1, two: 1})
	for name, answer := range map[string]rvproto.AnswerFrame{
		"a guest in another's place":  guest.post(write(guest, at(other)), one),
		"a guest to another guest":    guest.post(write(guest, at(other)), other),
		"a member in a guest's place": ben.post(write(ben, at(guest)), guest),
		"an admin":                    anna.post(write(anna, at(guest)), guest, one),
		"a desk for no guest":         one.post(write(one, at(ben)), two, ben),
	} {
		wantAnswer(t, name, answer, wire.StatusRefused)
	}
	wantAnswer(t, "to nobody", guest.post(write(guest, at(guest))), wire.StatusMalformed)
	wantStatus(t, "a block", one.grant(guest, 1, false), wire.StatusOK)
	wantAnswer(t, "blocked by one", guest.post(write(guest, at(guest)), one, two), wire.StatusOK)
	s.wantHeld("blocked by one", map[*device]int{one: 0, two: 1})
	wantStatus(t, "removal", anna.submit(membership.Event{Remove: &membership.Remove{Member: guest.member}}, nil), wire.StatusOK)
	wantAnswer(t, "about a guest who is gone", one.post(write(one, at(guest)), two), wire.StatusRefused)
}

func TestReports(t *testing.T) { // [RV-48]
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl, dora := anna.join("Ben"), anna.join("Carl"), anna.join("Dora")
	guest := anna.joinAs(membership.RoleGuest, "guest")
	phone := ben.add("phone")
	id := carl.newGroup("Choir", group.Everybody)
	ben.enterGroup(id)
	wantStatus(t, "policy", anna.submit(membership.Event{Policy: introducing(5, 1)}, nil), wire.StatusOK)
	report := func(d *device, id keys.GroupID) []byte {
		return d.made(envelope.KindReport, envelope.Leave{Kind: envelope.LeaveReport, ID: id}, 1)
	}
	first := report(ben, keys.GroupID{})
	wantAnswer(t, "to the admins", ben.post(first, anna, phone), wire.StatusOK)
	wantAnswer(t, "to others", ben.post(report(ben, keys.GroupID{}), carl, dora), wire.StatusOK,
		no(carl, wire.StatusRefused), no(dora, wire.StatusRefused))
	wantAnswer(t, "to moderators", ben.post(report(ben, id), carl, anna, dora), wire.StatusOK, no(dora, wire.StatusRefused))
	s.wantHeld("reports", map[*device]int{anna: 2, carl: 1, phone: 1, dora: 0})
	wantAnswer(t, "about a group by who is not in it", dora.post(report(dora, id), carl), wire.StatusRefused)
	wantAnswer(t, "by a guest", guest.post(report(guest, keys.GroupID{}), anna), wire.StatusRefused)
	wantStatus(t, "a block", anna.grant(ben, 1, false), wire.StatusOK)
	wantAnswer(t, "by who is blocked", ben.post(report(ben, keys.GroupID{}), anna), wire.StatusOK)
	s.wantHeld("by who is blocked", map[*device]int{anna: 1})
	wantAnswer(t, "the last", ben.post(report(ben, keys.GroupID{}), anna), wire.StatusOK)
	wantAnswer(t, "one too many", ben.post(report(ben, keys.GroupID{}), anna), wire.StatusLimit)
	wantAnswer(t, "the first again", ben.post(first, anna), wire.StatusOK)
}

// grantTalk gives leave for a conversation of several.
func (d *device) grantTalk(number uint64, open bool, hands *device, members ...*device) error {
	var list []keys.MemberID
	for _, m := range members {
		list = append(list, m.member)
	}
	place := envelope.Among(list...)
	grant := membership.ConversationGrant(d.Org, d.member, place.ID(d.Org), number, open)
	return hands.PutGrant(d.site.ctx(), membership.SignGrant(grant, d.key), place.Members...)
}

func TestConversationsOfSeveral(t *testing.T) { // [RV-46]
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl, dora := anna.join("Ben"), anna.join("Carl"), anna.join("Dora")
	all := []*device{anna, ben, carl}
	place := envelope.Among(anna.member, ben.member, carl.member)
	leave := envelope.Leave{Kind: envelope.LeaveConversation, ID: place.ID(anna.Org)}
	write := func(d *device) []byte { return d.made(envelope.KindMessage, leave, 1) }

	wantAnswer(t, "without leave", anna.post(write(anna), ben, carl), wire.StatusOK, no(ben, wire.StatusNoLeave), no(carl, wire.StatusNoLeave))
	wantStatus(t, "leave", ben.grantTalk(1, true, ben, all...), wire.StatusOK)
	wantAnswer(t, "with leave of one", anna.post(write(anna), ben, carl), wire.StatusOK, no(carl, wire.StatusNoLeave))
	wantAnswer(t, "from the other", carl.post(write(carl), ben, anna), wire.StatusOK, no(anna, wire.StatusNoLeave))
	wantAnswer(t, "from who is not in it", dora.post(write(dora), ben), wire.StatusOK, no(ben, wire.StatusNoLeave))
	wantAnswer(t, "outside it", anna.post(anna.sealed(1), ben), wire.StatusOK, no(ben, wire.StatusNoLeave))
	s.wantHeld("with leave of one", map[*device]int{ben: 2, carl: 0, anna: 0})

	s.restart()
	for _, d := range append(all, dora) {
		d.Client.Addresses = s.node.Addresses()
	}
	wantAnswer(t, "after a restart", anna.post(write(anna), ben), wire.StatusOK)
	wantStatus(t, "an end", ben.grantTalk(2, false, ben, all...), wire.StatusOK)
	wantStatus(t, "the older one again", ben.grantTalk(1, true, anna, all...), wire.StatusOK)
	wantAnswer(t, "after the end, in silence", anna.post(write(anna), ben), wire.StatusOK)
	s.wantHeld("after the end", map[*device]int{ben: 1})
	wantStatus(t, "again", ben.grantTalk(3, true, carl, all...), wire.StatusOK)
	wantStatus(t, "a block of one", ben.grant(anna, 1, false), wire.StatusOK)
	wantAnswer(t, "from who is blocked, in silence", anna.post(write(anna), ben), wire.StatusOK)
	wantAnswer(t, "from who is not", carl.post(write(carl), ben), wire.StatusOK)
	s.wantHeld("a block of one", map[*device]int{ben: 1})
}

func TestGrantsForConversations(t *testing.T) { // [RV-46]
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl, dora := anna.join("Ben"), anna.join("Carl"), anna.join("Dora")
	ids := envelope.Among(anna.member, ben.member, carl.member)
	grant := func(by *device, from keys.MemberID, conversation keys.ConversationID) []byte {
		return membership.SignGrant(membership.ConversationGrant(anna.Org, from, conversation, 1, true), by.key)
	}
	put := func(d *device, signed []byte, members ...keys.MemberID) error {
		return d.PutGrant(s.ctx(), signed, members...)
	}
	good := grant(ben, ben.member, ids.ID(anna.Org))
	pair := membership.SignGrant(membership.Grant{Org: anna.Org, From: ben.member, To: anna.member, Number: 1, Open: true}, ben.key)
	others := envelope.Among(anna.member, carl.member, dora.member)
	two := envelope.Among(anna.member, ben.member)
	wantStatus(t, "without its members", put(ben, good), wire.StatusMalformed)
	wantStatus(t, "with other members", put(ben, good, others.Members...), wire.StatusMalformed)
	wantStatus(t, "of a pair with members", put(ben, pair, ids.Members...), wire.StatusMalformed)
	wantStatus(t, "for two", put(ben, grant(ben, ben.member, two.ID(anna.Org)), two.Members...), wire.StatusMalformed)
	wantStatus(t, "for one that the giver is not in", put(ben, grant(ben, ben.member, others.ID(anna.Org)), others.Members...), wire.StatusRefused)
	wantStatus(t, "by who is not in it", put(dora, good, ids.Members...), wire.StatusRefused)
	wantStatus(t, "of another", put(anna, grant(anna, ben.member, ids.ID(anna.Org)), ids.Members...), wire.StatusNotFound)
	forged := slices.Clone(good)
	forged[len(forged)-1] ^= 1
	wantStatus(t, "with a wrong signature", put(ben, forged, ids.Members...), wire.StatusMalformed)
	wantStatus(t, "as it should be", put(anna, good, ids.Members...), wire.StatusOK)
}

// Nobody fills the disk with leave for conversations that nobody has.
func TestGrantsForConversationsAreBounded(t *testing.T) { // [RV-46]
	s := newSite(t)
	anna := s.found("Acme")
	talks := s.node.directory.org(anna.Org).talks
	talks.counts[anna.member] = maxTalks - 1
	put := func(n byte, number uint64) wire.Status {
		place := envelope.Among(anna.member, keys.MemberID{n}, keys.MemberID{n, 1})
		grant := membership.ConversationGrant(anna.Org, anna.member, place.ID(anna.Org), number, true)
		return talks.put(anna.member, membership.SignGrant(grant, anna.key), place.Members)
	}
	for _, test := range []struct {
		n      byte
		number uint64
		want   wire.Status
	}{{1, 1, wire.StatusOK}, {2, 1, wire.StatusLimit}, {1, 2, wire.StatusOK}} {
		if got := put(test.n, test.number); got != test.want {
			t.Errorf("conversation %d, grant %d: %v, want %v", test.n, test.number, got, test.want)
		}
	}
}
