package rendezvous

import (
	"fmt"
	"testing"
	"time"

	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// terms that tests choose: as by default, but for introductions.
func introducing(perDay, perPair uint64) *membership.PolicyChange {
	policy := membership.DefaultPolicy()
	policy.IntroductionsPerDay, policy.IntroductionsPerPair = perDay, perPair
	return &membership.PolicyChange{Policy: policy}
}

const twoDays = 48 * time.Hour

func TestAllowanceOfIntroductions(t *testing.T) { // [RV-43]
	clock := newShiftedClock()
	s := newSite(t, func(c *Config) { c.Now = clock.now })
	anna := s.found("Acme")
	phone := anna.add("phone")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	const perDay = 3
	wantStatus(t, "policy", anna.submit(membership.Event{Policy: introducing(perDay, perDay)}, nil), wire.StatusOK)
	stream := anna.openPost()
	first := introduction(anna, twoDays)
	for i := range perDay {
		body := introduction(anna, twoDays)
		if i == 0 {
			body = first
		}
		wantAnswer(t, "within the allowance", stream.post(t, body, ben), wire.StatusOK)
		wantAnswer(t, "offered again", stream.post(t, first, ben), wire.StatusOK)
	}
	wantAnswer(t, "one more", stream.post(t, introduction(anna, twoDays), ben), wire.StatusLimit)
	wantAnswer(t, "one more, to another", stream.post(t, introduction(anna, twoDays), carl), wire.StatusLimit)
	wantAnswer(t, "one more from another device of the member",
		phone.post(introduction(phone, twoDays), ben), wire.StatusLimit)
	wantAnswer(t, "to herself", stream.post(t, introduction(anna, twoDays), phone), wire.StatusOK)
	wantAnswer(t, "an old one again", stream.post(t, first, ben), wire.StatusOK)
	wantAnswer(t, "another member's", ben.post(introduction(ben, twoDays), anna), wire.StatusOK)
	if held := s.queue.held(ben.key.Public(), queue.Envelope); len(held) != perDay {
		t.Errorf("%d held for Ben, want %d", len(held), perDay)
	}
	clock.move(24 * time.Hour)
	wantAnswer(t, "the next day", stream.post(t, introduction(anna, twoDays), ben), wire.StatusOK)
}

func TestAllowanceOfAPair(t *testing.T) { // [RV-43]
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl := anna.join("Ben"), anna.join("Carl")
	first := introduction(anna, twoDays)
	wantAnswer(t, "the first", anna.post(first, ben), wire.StatusOK)
	wantAnswer(t, "a second", anna.post(introduction(anna, twoDays), ben), wire.StatusLimit)
	wantAnswer(t, "the first again", anna.post(first, ben), wire.StatusOK)
	wantAnswer(t, "to another", anna.post(introduction(anna, twoDays), carl), wire.StatusOK)
	s.restart()
	anna.Client.Addresses = s.node.Addresses()
	wantAnswer(t, "a second after a restart", anna.post(introduction(anna, twoDays), ben), wire.StatusLimit)
}

// One introduction is for one member: its bytes, offered to another member, are one more.
func TestAllowanceOfOneIntroductionForMany(t *testing.T) { // [RV-43]
	s := newSite(t)
	anna := s.found("Acme")
	ben, carl, dora := anna.join("Ben"), anna.join("Carl"), anna.join("Dora")
	wantStatus(t, "policy", anna.submit(membership.Event{Policy: introducing(2, 1)}, nil), wire.StatusOK)
	body := introduction(anna, twoDays)
	for _, test := range []struct {
		name string
		to   *device
		want wire.Status
	}{
		{"the first", ben, wire.StatusOK}, {"a second", carl, wire.StatusOK}, {"beyond the allowance", dora, wire.StatusLimit},
		{"the first again", ben, wire.StatusOK}, {"the second again", carl, wire.StatusOK},
	} {
		wantAnswer(t, test.name, anna.post(body, test.to), test.want)
	}
	s.wantHeld("in all", map[*device]int{ben: 1, carl: 1, dora: 0})
}

// An introduction costs the same and is answered the same, whatever its receiver thinks of its sender, also beyond the
// allowance.
func TestIntroductionsTellNothingOfTheReceiver(t *testing.T) { // [RV-41] [RV-43]
	s := newSite(t)
	anna := s.found("Acme")
	stranger := s.device("stranger")
	blocker, friend, silent := anna.join("Blocker"), anna.join("Friend"), anna.join("Silent")
	wantStatus(t, "policy", anna.submit(membership.Event{Policy: introducing(4, 1)}, nil), wire.StatusOK)
	wantStatus(t, "a block", blocker.grant(anna, 1, false), wire.StatusOK)
	wantStatus(t, "leave", friend.grant(anna, 1, true), wire.StatusOK)
	all := map[string]*device{"blocked": blocker, "leave": friend, "silence": silent}
	for name, to := range all {
		wantAnswer(t, name, anna.post(introduction(anna, twoDays), to), wire.StatusOK)
		wantAnswer(t, name+", of the pair", anna.post(introduction(anna, twoDays), to), wire.StatusLimit)
	}
	if len(s.queue.held(blocker.key.Public(), queue.Envelope)) != 0 {
		t.Error("an introduction has reached who blocks its sender")
	}
	wantAnswer(t, "unknown", anna.post(introduction(anna, twoDays), stranger), wire.StatusOK,
		rvproto.Refusal{Device: stranger.key.Public(), Status: wire.StatusNotFound})
	gone := anna.join("Gone")
	wantStatus(t, "removal", anna.submit(membership.Event{Remove: &membership.Remove{Member: gone.member}}, nil), wire.StatusOK)
	all["unknown"], all["absent"] = stranger, gone
	for name, to := range all {
		wantAnswer(t, name+", beyond the allowance", anna.post(introduction(anna, twoDays), to), wire.StatusLimit)
	}
}

func TestAcceptedIntroductionsAreGivenBack(t *testing.T) { // [RV-43]
	s := newSite(t)
	anna := s.found("Acme")
	wantStatus(t, "policy", anna.submit(membership.Event{Policy: introducing(2, 1)}, nil), wire.StatusOK)
	var members []*device
	for i := range 4 {
		members = append(members, anna.join(fmt.Sprint("Member ", i)))
	}
	introduce := func(doing string, to *device, want wire.Status) {
		t.Helper()
		wantAnswer(t, doing, anna.post(introduction(anna, twoDays), to), want)
	}
	introduce("the first", members[0], wire.StatusOK)
	introduce("the second", members[1], wire.StatusOK)
	introduce("a third", members[2], wire.StatusLimit)
	wantStatus(t, "a refusal", members[1].grant(anna, 1, false), wire.StatusOK)
	introduce("after a refusal", members[2], wire.StatusLimit)
	wantStatus(t, "the way back", anna.grant(members[1], 1, true), wire.StatusOK)
	introduce("after her own grant", members[2], wire.StatusLimit)
	wantStatus(t, "an acceptance", members[0].grant(anna, 1, true), wire.StatusOK)
	introduce("after an acceptance", members[2], wire.StatusOK)
	introduce("and no more", members[3], wire.StatusLimit)
}
