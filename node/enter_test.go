package node

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/rendezvous/rvproto"
)

// rollAnswer is the whole roll of an organization as its rendezvous node answers.
func rollAnswer(org *membershiptest.Org) rvproto.RollAnswer {
	answer := rvproto.RollAnswer{Checkpoint: org.Checkpoint()}
	for _, entry := range org.Entries {
		answer.Entries = append(answer.Entries, entry.Marshal())
	}
	return answer
}

// TestJoiningAForkedRoll meets a rendezvous node that shows the roll that the invitation speaks of until the join is
// handed in, and then admits the device to another.
func TestJoiningAForkedRoll(t *testing.T) {
	cfg := membershiptest.Config{Seed: 1, Start: time.Now().Add(-time.Hour), Node: keys.Generate()}
	here, err := p2p.NewHost(p2p.Config{Identity: cfg.Node, Listen: []string{"/ip4/127.0.0.1/tcp/0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	cfg.Addresses = p2p.Addresses(here)
	shown, forked := membershiptest.NewWith(t, cfg), membershiptest.NewWith(t, cfg)
	key := shown.Invite(shown.Founder, membership.RoleMember, 9)
	forked.Invite(forked.Founder, membership.RoleMember, 9)
	shown.JoinBy(key, "Bob")
	forked.JoinBy(key, "Mallory")

	var mu sync.Mutex // the handlers run one after another, in goroutines of their own
	defer p2p.Serve(t.Context(), here, rvproto.Join, p2p.ServeLimits{Request: rvproto.MaxJoinRequest},
		func(_ context.Context, _ keys.PublicKey, request rvproto.JoinRequest) (rvproto.RollAnswer, error) {
			mu.Lock()
			defer mu.Unlock()
			if request.View != nil {
				return rollAnswer(shown), nil
			}
			forked.Append(request.Submit.Event)
			return rvproto.RollAnswer{Checkpoint: forked.Checkpoint()}, nil
		})()
	defer p2p.Serve(t.Context(), here, rvproto.Roll, p2p.ServeLimits{Request: rvproto.MaxRollRequest},
		func(context.Context, keys.PublicKey, rvproto.RollRequest) (rvproto.RollAnswer, error) {
			mu.Lock()
			defer mu.Unlock()
			return rollAnswer(forked), nil
		})()

	n, err := New(Config{Dir: t.TempDir(), Key: [32]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // only bounds a failing test
	defer cancel()
	_, err = n.Join(ctx, api.JoinRequest{Invitation: shown.Invitation(key).Link(), As: "Anna"})
	if _, fork := errors.AsType[*membership.ForkError](err); !fork {
		t.Errorf("joining: %v, want the fork", err)
	}
	if _, entered := n.entered(shown.ID); entered {
		t.Error("the organization is entered")
	}
}

// TestAbandonGivesBackOnlyItsOwnKey gives up a create that another one, begun later, has overtaken.
func TestAbandonGivesBackOnlyItsOwnKey(t *testing.T) {
	n, err := New(Config{Dir: t.TempDir(), Key: [32]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	resume := func(name string) *entry {
		t.Helper()
		e, err := n.resume(requestID(name))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	begin := func(name string) (e *entry, recovery keys.PublicKey) {
		t.Helper()
		e = resume(name)
		recovery = e.recoveryKey()
		e.found(api.CreateOrgRequest{Name: name, As: "Anna"}, rvproto.Claim{}, keys.RecoverySeed{})
		if err := n.begin(e); err != nil {
			t.Fatal(err)
		}
		return e, recovery
	}
	_, first := begin("first")
	second, taken := begin("second")
	if err := n.shown(second); err != nil {
		t.Fatal(err)
	}
	if err := n.abandon(resume("first")); err != nil {
		t.Fatal(err)
	}
	third, next := begin("third")
	if next == taken || next == first {
		t.Error("a recovery key is taken for two organizations")
	}
	if err := n.abandon(third); err != nil {
		t.Fatal(err)
	}
	if _, again := begin("fourth"); again != next {
		t.Error("a key that nobody has is not given back")
	}
}
