package sim

import (
	"context"
	"errors"
	"testing"
	"time"

	"muster.example/internal/testnet"
	"muster.example/node/api"
)

// joining returns the states of a person's joinings under way.
func (p *person) joining() (states []api.JoinState) {
	p.world.t.Helper()
	status, err := p.node.Status(context.Background())
	if err != nil {
		p.world.t.Fatal(err)
	}
	for _, c := range status.Joining {
		states = append(states, c.State)
	}
	return states
}

// in reports whether a person is in an organization.
func (p *person) in() bool {
	status, err := p.node.Status(context.Background())
	return err == nil && len(status.Orgs) > 0 && status.Orgs[0].Unconfirmed == ""
}

func (p *person) invitations() []api.AdminInvitation {
	p.world.t.Helper()
	all, err := p.node.AdminInvitations(context.Background(), api.AdminQuery{All: true})
	if err != nil {
		p.world.t.Fatal(err)
	}
	return all
}

// serverAway makes the rendezvous node vanish, and waits until those who were connected know.
func (w *world) serverAway(connected ...*person) {
	w.t.Helper()
	w.node.crash()
	for _, p := range connected {
		w.await(5*time.Minute, p.name+" notices that the node is away", func() bool { return !p.status().Rendezvous[0].Connected })
	}
}

// TestSimJoinWithoutServer makes an invitation and joins by it while the rendezvous node is away; each of the two reaches it
// first, once, and in the end both are members. The words are shown while the person is there, and once. [ROLL-62]
func TestSimJoinWithoutServer(t *testing.T) {
	for _, joinerFirst := range []bool{true, false} {
		simulate(t, 1, func(w *world) {
			t := w.t
			alice, bob := w.person("alice"), w.person("bob")
			alice.found("Harbour")
			w.serverAway(alice)
			made, err := alice.node.Invite(t.Context(), api.InviteRequest{})
			if err != nil || made.State != api.InvitationWaiting {
				t.Fatalf("an invitation without a server: %+v, %v", made, err)
			}
			join := api.JoinRequest{Invitation: made.Invitation, As: "bob"}
			joined, err := bob.node.Join(t.Context(), join)
			if err != nil || joined.State != api.JoinWaiting || len(joined.RecoveryWords) != 24 || joined.Card == "" || joined.OrgName != "Harbour" {
				t.Fatalf("a join without a server: %+v, %v", joined, err)
			}
			bob.stop()
			bob.start()
			alice.stop()
			alice.start()
			if again, err := bob.node.Join(t.Context(), join); err != nil || again.State != api.JoinWaiting || len(again.RecoveryWords) != 0 {
				t.Errorf("the same again: %+v, %v", again, err)
			}
			if joinerFirst {
				w.net.Down(alice.address())
			} else {
				w.net.Down(bob.address())
			}
			w.node.start()
			if joinerFirst {
				w.await(20*time.Minute, "bob hears that the invitation is not known", func() bool {
					status, _ := bob.node.Status(context.Background())
					return len(status.Joining) == 1 && status.Joining[0].Why == "the organization does not know the invitation yet"
				})
				w.net.Up(alice.address())
			} else {
				w.await(20*time.Minute, "the invitation is on the roll", func() bool { return alice.invitations()[0].State == api.InvitationActive })
				w.net.Up(bob.address())
			}
			w.await(30*time.Minute, "bob is in", bob.in)
			w.await(time.Minute, "nothing is under way any more", func() bool { return len(bob.joining()) == 0 })
			bob.id = bob.status().Member
			alice.acquaint(bob)
			bob.send("ahoy", alice)
			w.await(time.Minute, "they write to each other", func() bool { return len(alice.inbox()) == 1 })
			if all := alice.invitations(); len(all) != 1 || all[0].Used != 1 {
				t.Errorf("the invitation: %+v", all)
			}
		})
	}
}

// TestSimJoinGivenUp takes an invitation back that waits, gives a joining up that waits, and tells at once who may not invite.
func TestSimJoinGivenUp(t *testing.T) {
	simulate(t, 2, func(w *world) {
		t := w.t
		alice, bob, carol := w.person("alice"), w.person("bob"), w.person("carol")
		alice.found("Harbour")
		carol.join(alice.invite(api.InviteRequest{}))
		w.serverAway(alice, carol)
		if _, err := carol.node.Invite(t.Context(), api.InviteRequest{Role: "admin"}); code(err) != api.CodeRefused {
			t.Errorf("a member invites an admin without a server: %v", err)
		}
		made, err := alice.node.Invite(t.Context(), api.InviteRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bob.node.Join(t.Context(), api.JoinRequest{Invitation: made.Invitation, As: "bob"}); err != nil {
			t.Fatal(err)
		}
		if _, err := alice.node.Decide(t.Context(), api.DecideRequest{Do: api.DecideRevoke, Key: made.Invitation}); err != nil {
			t.Errorf("taking back what waits: %v", err)
		}
		if all := alice.invitations(); len(all) != 1 {
			t.Errorf("%d invitations, not the used one alone", len(all))
		}
		// Another name takes the place of the first.
		if again, err := bob.node.Join(t.Context(), api.JoinRequest{Invitation: made.Invitation, As: "bobby"}); err != nil || again.State != api.JoinWaiting {
			t.Errorf("under another name: %+v, %v", again, err)
		}
		w.node.start()
		time.Sleep(30 * time.Minute)
		if states := bob.joining(); len(states) != 1 || states[0] != api.JoinWaiting || bob.in() {
			t.Errorf("by an invitation that was taken back: %v", states)
		}
		if _, err := bob.node.GiveUp(t.Context(), api.GiveUpRequest{Org: "Harbour"}); err != nil || len(bob.joining()) != 0 {
			t.Errorf("giving up: %v, %v", err, bob.joining())
		}
		// A plain link that the node does not know is refused at once, as long as nobody says that it may be new.
		join := api.JoinRequest{Invitation: made.Invitation, As: "bob"}
		if _, err := bob.node.Join(t.Context(), join); code(err) != api.CodeRefused || len(bob.joining()) != 0 {
			t.Errorf("an unknown invitation: %v", err)
		}
		join.Wait = true
		if joined, err := bob.node.Join(t.Context(), join); err != nil || joined.State != api.JoinWaiting {
			t.Errorf("an unknown invitation that may be new: %+v, %v", joined, err)
		}
		// One that is good takes its place, and is in at once.
		bob.join(alice.invite(api.InviteRequest{}))
		if !bob.in() || len(bob.joining()) != 0 {
			t.Error("not in by the good one")
		}
	})
}

// TestSimInvitationRefusedLater refuses, once the server is back, what waited: the policy has changed meanwhile. And there is
// a bound to how many wait.
func TestSimInvitationRefusedLater(t *testing.T) {
	simulate(t, 3, func(w *world) {
		t := w.t
		alice, carol := w.person("alice"), w.person("carol")
		alice.found("Harbour")
		carol.join(alice.invite(api.InviteRequest{}))
		alice.acquaint(carol)
		w.net.Cut(testnet.Address(carol.place), testnet.Address(serverPlace))
		w.await(5*time.Minute, "carol is cut off", func() bool { return !carol.status().Rendezvous[0].Connected })
		var err error
		var made api.InviteResult
		for range 32 {
			if made, err = carol.node.Invite(t.Context(), api.InviteRequest{}); err != nil || made.State != api.InvitationWaiting {
				t.Fatalf("%+v, %v", made, err)
			}
		}
		if _, err = carol.node.Invite(t.Context(), api.InviteRequest{}); code(err) != api.CodeRefused {
			t.Errorf("one too many: %v", err)
		}
		if _, err := alice.node.Decide(t.Context(), api.DecideRequest{Do: api.DecideRole, Member: "carol", Role: "desk"}); err != nil {
			t.Fatal(err)
		}
		w.net.Mend(testnet.Address(carol.place), testnet.Address(serverPlace))
		w.await(10*time.Minute, "they are refused", func() bool {
			refused := 0
			for _, i := range carol.invitations() {
				if i.State == api.InvitationRefused && i.Why != "" {
					refused++
				}
			}
			return refused == 32
		})
		if _, err := carol.node.Invite(t.Context(), api.InviteRequest{}); errors.Is(err, nil) {
			t.Error("a desk invites")
		}
	})
}
