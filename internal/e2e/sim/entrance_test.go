package sim

import (
	"context"
	"testing"

	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/rendezvous/rvproto"
)

// TestSimEntranceSurvivesALostAnswer loses the rendezvous node's answer to a claim and to a join, which it has carried
// out, and ends the device. The same request then finishes what it began: nothing is used up twice, and the words are
// shown.
func TestSimEntranceSurvivesALostAnswer(t *testing.T) {
	simulate(t, 1, func(w *world) {
		t := w.t
		w.node.stop()
		l := w.node.corrupt()
		w.node.start()
		lost := 0
		lose := func(on protocol.ID, _ keys.PublicKey, frame []byte) []byte {
			answer, err := rvproto.Parse[rvproto.RollAnswer](frame)
			if on == rvproto.Join && err == nil && len(answer.Entries) == 0 { // not to a view
				lost++
				return []byte("lost")
			}
			return frame
		}
		ctx := context.Background()
		alice, bob := w.person("alice"), w.person("bob")

		claim := api.CreateOrgRequest{Claim: w.node.claim(), Name: "Harbour", As: "alice"}
		l.say(lose)
		if _, err := alice.node.CreateOrg(ctx, claim); err == nil || lost != 1 {
			t.Fatalf("the answer was not lost: %v", err)
		}
		alice.stop()
		alice.start()
		l.say(nil)
		created, err := alice.node.CreateOrg(ctx, claim)
		if err != nil || len(created.RootWords) != 24 || len(created.RecoveryWords) != 24 {
			t.Fatalf("the claim again: %+v, %v", created, err)
		}

		join := api.JoinRequest{Invitation: alice.invite(api.InviteRequest{}), As: "bob"}
		l.say(lose)
		if _, err := bob.node.Join(ctx, join); err == nil || lost != 2 {
			t.Fatalf("the answer was not lost: %v", err)
		}
		bob.stop()
		bob.start()
		l.say(nil)
		joined, err := bob.node.Join(ctx, join)
		if err != nil || len(joined.RecoveryWords) != 24 {
			t.Fatalf("the join again: %+v, %v", joined, err)
		}
		bob.id, alice.id = joined.Member, created.Member
		if again, err := bob.node.Join(ctx, join); err != nil || len(again.RecoveryWords) != 0 || again.Member != joined.Member {
			t.Errorf("a join of who is in: %+v, %v", again, err)
		}
		alice.acquaint(bob)
	})
}
