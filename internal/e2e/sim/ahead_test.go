package sim

import (
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/p2p"
	"muster.example/internal/testnet"
	"muster.example/node"
	"muster.example/node/api"
)

// freely are the policy's keys by which members write to each other at once.
var freely = []string{"contact.admin.member=free", "contact.member.admin=free", "contact.member.member=free"}

// unconfirmed returns what is said of the roll's word on the other one of a person's conversations, of the messages with a text.
func (p *person) unconfirmed(text string) (all []api.Unconfirmed) {
	p.world.t.Helper()
	page, err := p.node.Inbox(p.world.t.Context(), api.InboxQuery{})
	if err != nil {
		p.world.t.Fatal(err)
	}
	for _, m := range page.Messages {
		if m.Text == text {
			all = append(all, m.Unconfirmed)
		}
	}
	return all
}

// face has devices meet face to face as well as be called directly, on a network where all hear each other.
func (w *world) face() {
	w.direct(true)
	directly := w.change
	w.change = func(p *person, config *node.Config) {
		meeting := config.NewHost
		directly(p, config)
		calls := config.NewHost
		config.NewHost = func(cfg p2p.Config) (host.Host, error) {
			if len(cfg.Listen) > 0 || !cfg.Relayed {
				return meeting(cfg)
			}
			return calls(cfg)
		}
	}
}

// invitedBy has a person join at a meeting, with no server in reach, and waits until they are in ahead of the roll.
func (p *person) invitedBy(inviter *person) {
	p.world.t.Helper()
	p.visit(api.MeetInvitation, inviter.meetToInvite())
	p.awaitMeeting(api.MeetingAsked)
	if answer := p.agree(); answer.Joined == nil || answer.Joined.State != api.JoinWaiting {
		p.world.t.Fatalf("%s joins: %+v", p.name, answer)
	}
	p.world.await(time.Minute, p.name+" runs ahead of the roll", func() bool {
		orgs, err := p.node.Orgs(p.world.t.Context())
		return err == nil && len(orgs) == 1
	})
	status := p.status()
	p.id = status.Member
	if status.Unconfirmed != api.UnconfirmedYet || status.MemberName != p.name || len(status.Newcomers) != 0 {
		p.world.t.Errorf("%s is told %+v", p.name, status)
	}
}

// TestSimTalkAheadOfTheRoll has somebody who was invited face to face, with no server in reach, and two members on the same network write to
// each other at once; and go on once the roll has the join, with everything there once. [ROLL-197] [MSH-25] [FACE-9]
func TestSimTalkAheadOfTheRoll(t *testing.T) {
	simulate(t, 141, func(w *world) {
		t := w.t
		w.face()
		ada, cara, ben := w.person("ada"), w.person("cara"), w.person("ben")
		ada.found("Harbour")
		ada.policy(append(freely, "early-joins=allowed")...)
		cara.join(ada.invite(api.InviteRequest{}))
		ada.follow(cara)
		w.alone()
		w.again(ada, cara)
		w.await(time.Minute, "the two reach each other", func() bool { return ada.touches(cara) })
		ben.invitedBy(ada)
		w.await(time.Minute, "cara has heard of ben", func() bool { return len(cara.status().Newcomers) == 1 })

		want, sent := make(map[*person][]string), make(map[string]*person)
		say := func(when string) {
			for _, pair := range [][2]*person{{ada, ben}, {ben, ada}, {ben, cara}, {cara, ben}} {
				text := when + ": " + pair[0].name + " to " + pair[1].name
				sent[pair[0].send(text, pair[1])] = pair[0]
				want[pair[1]] = append(want[pair[1]], text)
			}
		}
		everything := func() bool {
			for p, texts := range want {
				slices.Sort(texts)
				if !slices.Equal(p.inbox(), texts) {
					return false
				}
			}
			return true
		}
		delivered := func() bool {
			for id, from := range sent {
				if _, all := from.ways(id); !all {
					return false
				}
			}
			return true
		}
		say("ahead")
		w.await(5*time.Minute, "everything came ahead of the roll", everything)
		w.await(time.Minute, "the senders know", delivered)
		for p, text := range map[*person]string{ada: "ahead: ben to ada", cara: "ahead: ben to cara"} {
			if got := p.unconfirmed(text); !slices.Equal(got, []api.Unconfirmed{api.UnconfirmedYet}) {
				t.Errorf("%s is told %q of who is not on the roll", p.name, got)
			}
		}
		if _, err := ben.node.Send(t.Context(), api.SendRequest{To: []string{ada.id, cara.id}, Text: "to both"}); code(err) != api.CodeRefused {
			t.Errorf("who is not on the roll writes to several: %v", err)
		}
		if _, err := cara.node.Send(t.Context(), api.SendRequest{To: []string{ada.id, ben.id}, Text: "to both"}); code(err) != api.CodeRefused {
			t.Errorf("somebody writes to several of whom one is not on the roll: %v", err)
		}

		// It is so after restarts, too, with something that nobody could take meanwhile.
		ben.crash()
		id := ada.send("while ben is away", ben)
		sent[id], want[ben] = ada, append(want[ben], "while ben is away")
		ben.start()
		w.again(ada, cara)
		say("once more")
		w.await(5*time.Minute, "everything came after restarts", everything)

		ben.crash() // the roll has the join before ben hears of it, and something waits that was written before
		id = cara.send("across the roll's word", ben)
		sent[id], want[ben] = cara, append(want[ben], "across the roll's word")
		w.net.Heal()
		w.await(30*time.Minute, "the roll has the join", func() bool { return len(ada.status().Newcomers) == 0 && len(cara.status().Newcomers) == 0 })
		ben.start()
		w.await(30*time.Minute, "ben is a member", func() bool {
			status, err := ben.node.Status(t.Context())
			return err == nil && len(status.Orgs) == 1 && status.Orgs[0].Unconfirmed == "" && len(status.Joining) == 0
		})
		if got := ben.status(); got.Member != ben.id || got.MemberName != "ben" {
			t.Errorf("ben is %s, %q now", got.Member, got.MemberName)
		}
		say("confirmed")
		w.await(10*time.Minute, "everything came once the roll has the join", everything)
		w.await(10*time.Minute, "the senders know", delivered)
		for p, text := range map[*person]string{ada: "ahead: ben to ada", ben: "ahead: ada to ben"} {
			if got := p.unconfirmed(text); !slices.Equal(got, []api.Unconfirmed{""}) {
				t.Errorf("%s is told %q of who is on the roll", p.name, got)
			}
		}
		for _, p := range w.all {
			if status := p.status(); len(status.Alarms) > 0 || status.Outbox > 0 || status.Missing > 0 {
				t.Errorf("%s: alarms %q, outbox %d, missing %d", p.name, status.Alarms, status.Outbox, status.Missing)
			}
		}
	})
}

// TestSimTalkWithWhoIsRefused has the roll not take the join: what was said ahead of it stays, marked as with somebody who was never a member,
// and nothing more is said. [ROLL-198]
func TestSimTalkWithWhoIsRefused(t *testing.T) {
	for name, refuse := range map[string]func(w *world, ann, ada *person){
		"the inviter is suspended": func(w *world, ann, ada *person) {
			if _, err := ann.node.Decide(w.t.Context(), api.DecideRequest{Do: api.DecideSuspend, Member: ada.id}); err != nil {
				w.t.Fatal(err)
			}
		},
		"the name is taken": func(w *world, ann, _ *person) {
			other := w.person("BEN")
			other.join(ann.invite(api.InviteRequest{}))
			other.stop()
		},
	} {
		simulate(t, 142, func(w *world) {
			t := w.t
			w.face()
			ann, ada, cara, ben := w.person("ann"), w.person("ada"), w.person("cara"), w.person("ben")
			ann.found("Harbour")
			ann.policy(append(freely, "early-joins=allowed")...)
			ada.join(ann.invite(api.InviteRequest{}))
			cara.join(ann.invite(api.InviteRequest{}))
			for _, p := range []*person{ann, ada} {
				p.follow(cara)
			}
			w.net.Partition([]string{testnet.Address(serverPlace), ann.address()}, []string{ada.address(), cara.address(), ben.address()})
			w.again(ada, cara)
			w.await(time.Minute, "the two reach each other", func() bool { return ada.touches(cara) })
			ben.invitedBy(ada)
			w.await(time.Minute, "cara has heard of ben", func() bool { return len(cara.status().Newcomers) == 1 })
			ben.send("hello", cara)
			cara.send("hello to you", ben)
			w.await(5*time.Minute, "both have it", func() bool { return len(ben.inbox()) == 1 && len(cara.inbox()) == 1 })

			refuse(w, ann, ada)
			w.net.Heal()
			w.await(30*time.Minute, "cara does not take the join any more: "+name, func() bool { return len(cara.status().Newcomers) == 0 })
			if got := cara.unconfirmed("hello"); !slices.Equal(got, []api.Unconfirmed{api.UnconfirmedNever}) {
				t.Errorf("%s: what came stays as of %q", name, got)
			}
			if err := cara.sendError(ben); code(err) != api.CodeNotFound && code(err) != api.CodeRefused {
				t.Errorf("%s: somebody writes to who was never a member: %v", name, err)
			}
			_ = ben.sendError(cara) // who may not have heard of it
			time.Sleep(time.Hour)
			if cara.touches(ben) || len(cara.inbox()) != 1 {
				t.Errorf("%s: something goes on with who was never a member", name)
			}

			// A rendezvous node says which joins it never takes, if it knows the invitation. Else the offline grace ends it.
			if name == "the inviter is suspended" { // before the invitation was on the roll: no node says that it never will be
				return
			}
			w.await(time.Hour, "ben is told: "+name, func() bool { return ben.status().Unconfirmed == api.UnconfirmedNever })
			if err := ben.sendError(cara); code(err) != api.CodeRefused {
				t.Errorf("%s: who was never a member writes: %v", name, err)
			}
			if got := ben.unconfirmed("hello to you"); len(got) != 1 {
				t.Errorf("%s: what came is gone", name)
			}
			if _, err := ben.node.GiveUp(t.Context(), api.GiveUpRequest{Org: "Harbour"}); err != nil {
				t.Fatalf("%s: giving up: %v", name, err)
			}
			w.await(time.Minute, "what was here is gone", func() bool { orgs, err := ben.node.Orgs(t.Context()); return err == nil && len(orgs) == 0 })
			result, err := ben.node.Join(t.Context(), api.JoinRequest{Invitation: ann.invite(api.InviteRequest{}), As: "benjamin"})
			if err != nil || result.State != api.JoinMember || !ben.in() {
				t.Errorf("%s: by a new invitation: %+v, %v", name, result, err)
			}
		})
	}
}
