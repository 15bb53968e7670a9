package rendezvous

import (
	"fmt"
	"testing"

	"muster.example/internal/envelope"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// A member who never had leave is answered alike whether the other has blocked them or has said nothing: a program of their
// own, which writes without leave, must not find out.
func TestAbuseLookingForABlock(t *testing.T) { // [RV-41] [RV-46]
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl, dora := anna.join("Ben"), anna.join("Carl"), anna.join("Dora")
	want := func(doing string, answer rvproto.AnswerFrame) {
		t.Helper()
		wantAnswer(t, doing, answer, wire.StatusOK, no(ben, wire.StatusNoLeave))
	}
	all := []*device{anna, ben, carl}
	talk := func() []byte { return talkLetter(anna, all...) }
	want("before a word", anna.post(anna.sealed(1), ben))
	want("in a conversation, before a word", anna.post(talk(), ben))
	wantAnswer(t, "introduction", anna.post(introduction(anna, twoDays), ben), wire.StatusOK)
	wantStatus(t, "a block", ben.grant(anna, 1, false), wire.StatusOK)
	want("after a block", anna.post(anna.sealed(1), ben))
	want("in a conversation, after a block", anna.post(talk(), ben))
	s.restart()
	for _, d := range append(all, dora) {
		d.Client.Addresses = s.node.Addresses()
	}
	want("after a restart", anna.post(anna.sealed(1), ben))

	wantStatus(t, "leave", carl.grant(anna, 1, true), wire.StatusOK)
	wantAnswer(t, "with leave", anna.post(anna.sealed(1), carl), wire.StatusOK)
	wantStatus(t, "its end", carl.grant(anna, 2, false), wire.StatusOK)
	wantAnswer(t, "after its end, in silence", anna.post(anna.sealed(1), carl), wire.StatusOK)
	s.wantHeld("in all", map[*device]int{ben: 1, carl: 1})
}

// Who has had leave learns nothing by handing it in once more, nor by what it gives back of an allowance: not even if the node
// never had it before the block, since it was given while no node could be reached.
func TestAbuseOldLeaveAgain(t *testing.T) { // [RV-32] [RV-41] [RV-43]
	s := newSite(t)
	anna := s.found("Acme")
	friend, blocker, hasty := anna.join("Friend"), anna.join("Blocker"), anna.join("Hasty")
	people := map[string]*device{"friend": friend, "blocker": blocker, "blocker before the node had leave": hasty}
	wantStatus(t, "a block", blocker.grant(anna, 1, true), wire.StatusOK)
	wantStatus(t, "leave", friend.grant(anna, 1, true), wire.StatusOK)
	wantStatus(t, "a block", blocker.grant(anna, 2, false), wire.StatusOK)
	wantStatus(t, "a block before leave", hasty.grant(anna, 2, false), wire.StatusOK)
	wantStatus(t, "of one's own, an older one", blocker.grant(anna, 1, true), wire.StatusStale)
	handIn := func(from *device) error {
		return anna.PutGrant(s.ctx(), membership.SignGrant(membership.Grant{
			Org: anna.Org, From: from.member, To: anna.member, Number: 1, Open: true,
		}, from.key))
	}
	wantStatus(t, "leave that the node has not heard of", handIn(hasty), wire.StatusOK)
	for name, to := range people {
		wantAnswer(t, name+", an introduction", anna.post(introduction(anna, twoDays), to), wire.StatusOK)
		wantStatus(t, name+", leave again", handIn(to), wire.StatusOK)
		wantAnswer(t, name+", another introduction", anna.post(introduction(anna, twoDays), to), wire.StatusLimit)
	}
	for range 2 {
		for name, to := range people {
			wantAnswer(t, name+", a message", anna.post(anna.sealed(1), to), wire.StatusOK)
		}
		s.restart()
		for _, d := range []*device{anna, friend, blocker, hasty} {
			d.Client.Addresses = s.node.Addresses()
		}
	}
	s.wantHeld("in all", map[*device]int{friend: 3, blocker: 0, hasty: 0})
}

// The same for conversations of several.
func TestAbuseOldLeaveForAConversation(t *testing.T) { // [RV-46]
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	all := []*device{anna, ben, carl}
	write := func() []byte { return talkLetter(anna, all...) }
	wantStatus(t, "an end without leave", ben.grantTalk(2, false, ben, all...), wire.StatusOK)
	wantAnswer(t, "to who never gave leave", anna.post(write(), ben), wire.StatusOK, no(ben, wire.StatusNoLeave))
	wantStatus(t, "older leave from another's hands", ben.grantTalk(1, true, anna, all...), wire.StatusOK)
	wantAnswer(t, "to who gave leave, in silence", anna.post(write(), ben), wire.StatusOK)
	wantStatus(t, "leave", carl.grantTalk(1, true, carl, all...), wire.StatusOK)
	wantStatus(t, "its end", carl.grantTalk(2, false, carl, all...), wire.StatusOK)
	wantStatus(t, "of one's own, an older one", carl.grantTalk(1, true, carl, all...), wire.StatusStale)
	wantStatus(t, "the older one from another's hands", carl.grantTalk(1, true, anna, all...), wire.StatusOK)
	wantStatus(t, "a second end", carl.grantTalk(3, false, carl, all...), wire.StatusOK)
	wantAnswer(t, "after the end, in silence", anna.post(write(), carl), wire.StatusOK)
	s.wantHeld("in all", map[*device]int{ben: 0, carl: 0})
}

// talkLetter is a message in a conversation of several.
func talkLetter(d *device, members ...*device) []byte {
	place := envelope.Among()
	for _, m := range members {
		place = envelope.Among(append(place.Members, m.member)...)
	}
	return d.made(envelope.KindMessage, envelope.Leave{Kind: envelope.LeaveConversation, ID: place.ID(d.Org)}, 1)
}

// Guests by a published link cost nothing to make, so that no number of them buys introductions to members.
func TestAbuseIntroductionsByFreshGuests(t *testing.T) { // [RV-42] [RV-44]
	s := newSite(t)
	anna := s.found("Acme")
	ben, desk := anna.join("Ben"), anna.joinAs(membership.RoleDesk, "Dora")
	for i := range 8 {
		guest := anna.joinAs(membership.RoleGuest, fmt.Sprint("guest ", i))
		wantAnswer(t, "to a member", guest.post(introduction(guest, twoDays), ben), wire.StatusOK, no(ben, wire.StatusRefused))
		wantAnswer(t, "to an admin", guest.post(introduction(guest, twoDays), anna), wire.StatusOK, no(anna, wire.StatusRefused))
		wantAnswer(t, "a letter", guest.post(guest.sealed(1), ben), wire.StatusOK, no(ben, wire.StatusRefused))
		wantStatus(t, "leave for an answer", guest.grant(ben, 1, true), wire.StatusOK)
		wantAnswer(t, "to a member who may answer", guest.post(introduction(guest, twoDays), ben), wire.StatusOK, no(ben, wire.StatusRefused))
	}
	s.wantHeld("in all", map[*device]int{anna: 0, ben: 0, desk: 0})
}
