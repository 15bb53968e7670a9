package sim

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/keys"
	"muster.example/internal/testnet"
	"muster.example/internal/wire"
	"muster.example/node/agreement"
	"muster.example/node/api"
	"muster.example/node/face"
)

// meeting returns how far a meeting is.
func (p *person) meeting() api.Meeting {
	p.world.t.Helper()
	said, err := p.node.Meeting(context.Background(), api.MeetingQuery{})
	if err != nil {
		p.world.t.Fatal(err)
	}
	return said
}

// awaitMeeting waits until a meeting is in a state.
func (p *person) awaitMeeting(state api.MeetingState) (said api.Meeting) {
	p.world.t.Helper()
	p.world.await(15*time.Minute, fmt.Sprintf("%s is at %q", p.name, state), func() bool {
		said = p.meeting()
		if said.Over() && said.State != state {
			p.world.t.Fatalf("%s: the meeting is over: %+v, %v", p.name, said, said.Error)
		}
		return said.State == state
	})
	return said
}

func (p *person) meetToInvite() string {
	p.world.t.Helper()
	made, err := p.node.MeetToInvite(context.Background(), api.InviteRequest{})
	if err != nil {
		p.world.t.Fatalf("%s shows a code: %v", p.name, err)
	}
	return made.Code
}

func (p *person) meetToExchange() string {
	p.world.t.Helper()
	made, err := p.node.MeetToExchange(context.Background(), api.CardRequest{})
	if err != nil {
		p.world.t.Fatalf("%s shows a code: %v", p.name, err)
	}
	return made.Code
}

func (p *person) visit(kind api.MeetingKind, code string) {
	p.world.t.Helper()
	if _, err := p.node.VisitMeeting(context.Background(), api.VisitRequest{Kind: kind, Code: code}); err != nil {
		p.world.t.Fatalf("%s enters a code: %v", p.name, err)
	}
}

// agree answers what is asked with yes.
func (p *person) agree() api.AnswerResult {
	p.world.t.Helper()
	answer, err := p.node.AnswerMeeting(context.Background(), api.AnswerRequest{As: p.name})
	if err != nil {
		p.world.t.Fatalf("%s says yes: %v", p.name, err)
	}
	return answer
}

// TestSimInvitationNearby gives an invitation by a code while no server is reached, and each of the two reaches it first, once; in
// the end both are members. With the server in reach, who joins is in at once. [FACE-1] [FACE-5]
func TestSimInvitationNearby(t *testing.T) {
	for _, first := range []string{"joiner", "inviter", "both"} {
		simulate(t, 1, func(w *world) {
			t := w.t
			w.near = true
			alice, bob := w.person("alice"), w.person("bob")
			alice.found("Harbour")
			if first != "both" {
				w.serverAway(alice)
			}
			spoken := alice.meetToInvite()
			bob.visit(api.MeetInvitation, strings.ToUpper(spoken))
			asked := bob.awaitMeeting(api.MeetingAsked)
			if asked.OrgName != "Harbour" || asked.Who.Name != "alice" || asked.Role != "member" {
				t.Errorf("bob is asked %+v", asked)
			}
			if n := len(alice.invitations()); n != 0 {
				t.Errorf("%d invitations before anybody said yes", n)
			}
			if _, err := bob.node.AnswerMeeting(t.Context(), api.AnswerRequest{}); code(err) != api.CodeUsage {
				t.Errorf("a member without a name: %v", err)
			}
			answer := bob.agree()
			if answer.Joined == nil || len(answer.Joined.RecoveryWords) != 24 || answer.Meeting.State != api.MeetingDone {
				t.Fatalf("after the yes: %+v", answer)
			}
			done := alice.awaitMeeting(api.MeetingDone)
			if done.Unheard {
				t.Error("alice does not hear that bob has it")
			}
			if first == "both" {
				if answer.Joined.State != api.JoinMember || done.Invitation != api.InvitationActive || !bob.in() {
					t.Errorf("with the server in reach: %+v, %+v, in: %v", *answer.Joined, done, bob.in())
				}
				return
			}
			if answer.Joined.State != api.JoinWaiting || done.Invitation != api.InvitationWaiting {
				t.Errorf("without a server: %+v, %+v", answer, done)
			}
			away := alice
			if first == "inviter" {
				away = bob
			}
			w.net.Cut(away.address(), testnet.Address(serverPlace))
			w.node.start()
			time.Sleep(20 * time.Minute)
			w.net.Mend(away.address(), testnet.Address(serverPlace))
			w.await(30*time.Minute, "bob is in", bob.in)
			bob.id = bob.status().Member
			w.await(5*time.Minute, "alice sees bob", func() bool { return alice.contact(bob) != "" })
		})
	}
}

// TestSimJoinAheadOfTheRoll invites by a code while no server is reached, where the policy lets joins travel ahead of the roll: whoever of the two
// reaches the server first, the joiner is on the roll, and finds that on coming back. [FACE-8] [ROLL-193] [ROLL-196]
func TestSimJoinAheadOfTheRoll(t *testing.T) {
	simulate(t, 93, func(w *world) {
		t := w.t
		w.near = true
		alice, bob, carol := w.person("alice"), w.person("bob"), w.person("carol")
		alice.found("Harbour")
		if _, err := alice.node.SetPolicy(t.Context(), api.PolicyRequest{Set: []string{"early-joins=allowed"}}); err != nil {
			t.Fatal(err)
		}
		w.serverAway(alice)
		for _, p := range []*person{bob, carol} { // the second invitation has a counter that the first takes
			p.visit(api.MeetInvitation, alice.meetToInvite())
			p.awaitMeeting(api.MeetingAsked)
			if answer := p.agree(); answer.Joined == nil || answer.Joined.State != api.JoinWaiting {
				t.Fatalf("%s: %+v", p.name, answer)
			}
			if done := alice.awaitMeeting(api.MeetingDone); done.Unheard {
				t.Error("alice does not hear that " + p.name + " has it")
			}
		}
		newcomers := alice.status().Newcomers
		if len(newcomers) != 2 || newcomers[0].By.Name != "alice" || newcomers[0].Clash {
			t.Fatalf("alice knows of %+v", newcomers)
		}
		for _, p := range []*person{bob, carol} {
			w.net.Cut(p.address(), testnet.Address(serverPlace))
		}
		w.node.start()
		w.await(30*time.Minute, "alice has handed in the joins", func() bool { return len(alice.status().Newcomers) == 0 })
		members, err := alice.node.AdminMembers(t.Context(), api.AdminQuery{})
		if err != nil || len(members) != 3 {
			t.Errorf("the roll has %d members, %v", len(members), err)
		}
		if bob.in() || carol.in() {
			t.Error("somebody is in without having reached the server")
		}
		for _, p := range []*person{bob, carol} {
			w.net.Mend(p.address(), testnet.Address(serverPlace))
		}
		w.await(30*time.Minute, "both are in", func() bool { return bob.in() && carol.in() })
		for _, notice := range alice.status().Notices {
			if strings.Contains(notice.Text, "did not become") {
				t.Errorf("alice is told %q", notice.Text)
			}
		}
	})
}

// TestSimCardsNearby exchanges cards while no server is reached: both are verified at once, and each writes to the other once it
// is back. [FACE-6] [FACE-7]
func TestSimCardsNearby(t *testing.T) {
	simulate(t, 2, func(w *world) {
		t := w.t
		w.near = true
		alice, bob := w.person("alice"), w.person("bob")
		alice.found("Harbour")
		bob.join(alice.invite(api.InviteRequest{}))
		alice.follow(bob)
		w.serverAway(alice, bob)
		bob.visit(api.MeetCard, alice.meetToExchange())
		if asked := bob.awaitMeeting(api.MeetingAsked); asked.Who.Name != "alice" || asked.Who.Member != alice.id {
			t.Errorf("bob is asked %+v", asked)
		}
		if asked := alice.awaitMeeting(api.MeetingAsked); asked.Who.Name != "bob" {
			t.Errorf("alice is asked %+v", asked)
		}
		alice.agree()
		time.Sleep(time.Minute)
		if alice.contact(bob) != api.ContactMember || bob.contact(alice) != api.ContactMember {
			t.Error("acquainted before both said yes")
		}
		bob.agree()
		for _, p := range []*person{alice, bob} {
			done := p.awaitMeeting(api.MeetingDone)
			if done.Contact == nil || done.Contact.State != api.ContactAcquainted || !done.Contact.Verified || done.Unheard {
				t.Errorf("%s has %+v", p.name, done.Contact)
			}
		}
		alice.send("to bob", bob)
		bob.send("to alice", alice)
		w.node.start()
		w.await(10*time.Minute, "both have a message", func() bool { return len(alice.inbox()) == 1 && len(bob.inbox()) == 1 })
	})
}

// TestSimMeetingOnDeadLine meets while the way to the rendezvous node loses everything and nobody has noticed, and the connections
// outlive that: an invitation is handed over in time, and what is written after an exchange of cards is refused nowhere. [FACE-5] [FACE-7]
func TestSimMeetingOnDeadLine(t *testing.T) {
	simulate(t, 5, func(w *world) {
		t := w.t
		w.near = true
		alice, bob, carol := w.person("alice"), w.person("bob"), w.person("carol")
		alice.found("Harbour")
		bob.join(alice.invite(api.InviteRequest{}))
		alice.follow(bob)
		line := func(change func(from, to string)) {
			for _, p := range []*person{alice, bob} {
				change(p.address(), testnet.Address(serverPlace))
				change(testnet.Address(serverPlace), p.address())
			}
		}
		online := func() bool { return alice.status().Rendezvous[0].Connected && bob.status().Rendezvous[0].Connected }
		time.Sleep(10 * time.Second)

		line(w.net.Cut)
		bob.visit(api.MeetCard, alice.meetToExchange())
		alice.awaitMeeting(api.MeetingAsked)
		bob.awaitMeeting(api.MeetingAsked)
		alice.agree()
		bob.agree()
		alice.awaitMeeting(api.MeetingDone)
		bob.awaitMeeting(api.MeetingDone)
		if !online() {
			t.Fatal("somebody has noticed")
		}
		line(w.net.Mend)
		alice.send("to bob", bob)
		bob.send("to alice", alice)
		w.await(time.Minute, "both have a message", func() bool { return len(alice.inbox()) == 1 && len(bob.inbox()) == 1 })

		line(w.net.Cut)
		carol.visit(api.MeetInvitation, alice.meetToInvite())
		carol.awaitMeeting(api.MeetingAsked)
		answer := carol.agree()
		if done := alice.awaitMeeting(api.MeetingDone); done.Invitation != api.InvitationWaiting || done.Unheard || !online() {
			t.Errorf("alice gave %+v", done)
		}
		line(w.net.Mend)
		if answer.Joined == nil || answer.Joined.State == api.JoinFailed {
			t.Errorf("carol is told %+v", answer)
		}
		w.await(5*time.Minute, "carol is in", carol.in)
		if n := len(alice.invitations()); n != 2 {
			t.Errorf("%d invitations, not bob's and carol's", n)
		}
	})
}

// TestSimMeetingWrongCode: three wrong tries make a code void, a code for one thing is none for another, and a no at either end
// leaves nothing. [FACE-1] [FACE-4]
func TestSimMeetingWrongCode(t *testing.T) {
	simulate(t, 3, func(w *world) {
		t := w.t
		w.near = true
		alice, bob := w.person("alice"), w.person("bob")
		alice.found("Harbour")
		bob.join(alice.invite(api.InviteRequest{}))
		alice.follow(bob)
		code := alice.meetToExchange()
		slot, _, _ := strings.Cut(code, "-")
		for left := 2; left >= 0; left-- {
			bob.visit(api.MeetCard, slot+"-zoo-zoo-zoo")
			if failed := bob.awaitMeeting(api.MeetingFailed); failed.Error.Code != api.CodeRefused {
				t.Errorf("a wrong code: %v", failed.Error)
			}
			w.await(time.Minute, "a try is counted", func() bool { return alice.meeting().Tries == left })
		}
		if said := alice.awaitMeeting(api.MeetingFailed); said.Error.Code != api.CodeRefused {
			t.Errorf("after three wrong tries: %v", said.Error)
		}
		bob.visit(api.MeetCard, code)
		if failed := bob.awaitMeeting(api.MeetingFailed); failed.Error.Code != api.CodeNotFound {
			t.Errorf("a void code: %v", failed.Error)
		}
		bob.visit(api.MeetInvitation, alice.meetToExchange())
		bob.awaitMeeting(api.MeetingFailed)

		for _, no := range []*person{alice, bob} {
			bob.visit(api.MeetCard, alice.meetToExchange())
			alice.awaitMeeting(api.MeetingAsked)
			bob.awaitMeeting(api.MeetingAsked)
			other := alice
			if no == alice {
				other = bob
			}
			other.agree()
			if _, err := no.node.AnswerMeeting(t.Context(), api.AnswerRequest{No: true}); err != nil {
				t.Errorf("%s says no: %v", no.name, err)
			}
			alice.awaitMeeting(api.MeetingFailed)
			bob.awaitMeeting(api.MeetingFailed)
		}
		if alice.contact(bob) != api.ContactMember || bob.contact(alice) != api.ContactMember {
			t.Errorf("after a no: %s, %s", alice.contact(bob), bob.contact(alice))
		}
		begin := time.Now()
		alice.meetToInvite()
		alice.awaitMeeting(api.MeetingFailed)
		if took := time.Since(begin); took < 10*time.Minute || took > 11*time.Minute {
			t.Errorf("a code lasted %v", took)
		}
		if n := len(alice.invitations()); n != 1 {
			t.Errorf("%d invitations, not bob's alone", n)
		}
	})
}

// TestSimMeetingImpostor: a third device announces the same number in the other's place, and guesses. It learns nothing, the
// visitor finds the one with the code all the same, and no try is counted there. Alone it is noticed. [FACE-2]
func TestSimMeetingImpostor(t *testing.T) {
	simulate(t, 4, func(w *world) {
		t := w.t
		w.near = true
		alice, bob := w.person("alice"), w.person("bob")
		alice.found("Harbour")
		w.net.Cut(alice.address(), bob.address()) // the impostor is heard first
		code := alice.meetToInvite()
		slot, _, _ := strings.Cut(code, "-")
		number, err := strconv.ParseUint(slot, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		guesses := 0
		w.impostor(20, slot, func(_ context.Context, self keys.PublicKey, s network.Stream) error {
			guesses++
			frames := wire.NewFrameReader(s, 4096, agreement.MaxFrame)
			host := agreement.NewHost(rand.Reader, face.Purpose, agreement.Setup{Secret: []byte("zoo-zoo-zoo"), Slot: uint32(number), Own: self})
			_, err := s.Write(wire.AppendFrame(nil, host.Hello()))
			share, _ := frames.Read()
			reply, refused := host.Share(share)
			_, _ = s.Write(wire.AppendFrame(nil, reply))
			tag, _ := frames.Read()
			if _, err := host.Confirm(tag); !errors.Is(err, agreement.ErrCode) {
				t.Errorf("a guess: %v", err)
			}
			_, _ = s.Write(wire.AppendFrame(nil, agreement.RefuseFrame(2)))
			return errors.Join(err, refused)
		})
		bob.visit(api.MeetInvitation, code)
		if failed := bob.awaitMeeting(api.MeetingFailed); failed.Error.Code != api.CodeRefused || guesses != 1 {
			t.Errorf("the impostor alone, after %d guesses: %v", guesses, failed.Error)
		}
		bob.visit(api.MeetInvitation, code)
		time.Sleep(2 * time.Second)
		w.net.Mend(alice.address(), bob.address())
		if asked := bob.awaitMeeting(api.MeetingAsked); asked.Who.Name != "alice" {
			t.Errorf("bob meets %+v", asked)
		}
		if tries := alice.meeting().Tries; tries != agreement.Tries {
			t.Errorf("%d tries left", tries)
		}
		bob.agree()
		if !bob.in() {
			t.Error("bob is not in")
		}
	})
}

// TestSimMeetingBreaks cuts the two off from each other at every moment after they met: what was not finished is nothing, or
// finishes by itself once both are online. [FACE-5] [FACE-7]
func TestSimMeetingBreaks(t *testing.T) {
	for step := range 6 {
		simulate(t, uint64(10+step), func(w *world) {
			t := w.t
			w.near = true
			alice, bob, carol := w.person("alice"), w.person("bob"), w.person("carol")
			alice.found("Harbour")
			bob.join(alice.invite(api.InviteRequest{}))
			alice.follow(bob)
			cut := func(a, b *person, moment int) {
				time.Sleep(time.Duration(moment) * 12 * time.Millisecond)
				w.net.Cut(a.address(), b.address())
				w.await(20*time.Minute, "both have ended", func() bool { return a.meeting().Over() && b.meeting().Over() })
				w.net.Mend(a.address(), b.address())
			}
			bob.visit(api.MeetCard, alice.meetToExchange())
			alice.awaitMeeting(api.MeetingAsked)
			bob.awaitMeeting(api.MeetingAsked)
			alice.agree()
			go bob.node.AnswerMeeting(context.Background(), api.AnswerRequest{}) //nolint:errcheck // the link breaks
			cut(alice, bob, step)
			time.Sleep(10 * time.Minute)
			states := []api.ContactState{alice.contact(bob), bob.contact(alice)}
			none, both := []api.ContactState{api.ContactMember, api.ContactMember}, []api.ContactState{api.ContactAcquainted, api.ContactAcquainted}
			halfway := []api.ContactState{api.ContactAllowed, api.ContactMember} // alice said yes, and bob did not hear it
			if !slices.Equal(states, none) && !slices.Equal(states, both) && !slices.Equal(states, halfway) {
				t.Errorf("step %d: they stand as %v", step, states)
			}
			t.Logf("step %d: cards: %v", step, states)

			carol.visit(api.MeetInvitation, alice.meetToInvite())
			carol.awaitMeeting(api.MeetingAsked)
			joined := make(chan error, 1)
			go func() {
				_, err := carol.node.AnswerMeeting(context.Background(), api.AnswerRequest{As: "carol"})
				joined <- err
			}()
			cut(alice, carol, step)
			err := <-joined
			time.Sleep(10 * time.Minute)
			if in := carol.in(); in != (err == nil) || len(carol.joining()) != 0 {
				t.Errorf("step %d: carol is in: %v, and was told %v; under way: %v", step, in, err, carol.joining())
			}
			open := 0
			for _, i := range alice.invitations() {
				if i.State == api.InvitationActive {
					open++
				}
			}
			if open > 0 && !alice.meeting().Unheard {
				t.Errorf("step %d: an invitation is left, and alice was not told", step)
			}
			t.Logf("step %d: carol: %v, left open: %d", step, err, open)
		})
	}
}
