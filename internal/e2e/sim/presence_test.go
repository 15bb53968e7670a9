package sim

import (
	"context"
	"testing"
	"time"

	"muster.example/internal/testnet"
	"muster.example/node/api"
)

// sees returns what p is shown of another.
func (p *person) sees(other *person) api.Presence {
	p.world.t.Helper()
	result, err := p.node.Presence(context.Background(), api.PresenceQuery{Members: api.List[string]{other.name}})
	if err != nil || len(result.Members) != 1 {
		p.world.t.Fatalf("%s asks for %s: %+v, %v", p.name, other.name, result, err)
	}
	return result.Members[0]
}

// Presence goes by what a person does: used, left alone, told to be away, hidden, out of reach.
func TestPresenceOfPeople(t *testing.T) {
	simulate(t, 60, func(w *world) {
		alice, bob, carol := w.trio()
		t, ctx := w.t, context.Background()
		is := func(what string, want api.PresenceState) {
			t.Helper()
			w.await(time.Minute, what, func() bool { return alice.sees(bob).State == want })
			if got := carol.sees(bob); got.State != api.PresenceOffline || !got.LastSeen.IsZero() {
				t.Errorf("%s: who may not see it sees %+v", what, got)
			}
		}
		is("who shares with nobody", api.PresenceOffline)
		if _, err := bob.node.SharePresence(ctx, api.SharePresenceRequest{
			Share: api.ShareMembers, Members: api.List[string]{alice.name}, LastSeen: api.SeenHour,
		}); err != nil {
			t.Fatal(err)
		}
		bob.node.Used()
		is("who is there", api.PresenceOnline)
		time.Sleep(11 * time.Minute)
		is("who left the device alone", api.PresenceAway)
		if seen := alice.sees(bob).LastSeen; seen.IsZero() || seen.Minute() != 0 || seen.Second() != 0 {
			t.Errorf("last seen %v, want a whole hour", seen)
		}
		bob.node.Used()
		is("who came back", api.PresenceOnline)
		set := func(state api.PresenceState) {
			t.Helper()
			if _, err := bob.node.SetPresence(ctx, api.SetPresenceRequest{State: state}); err != nil {
				t.Fatal(err)
			}
		}
		set(api.PresenceAway)
		is("who says that they are away", api.PresenceAway)
		set(api.PresenceInvisible)
		is("who hides", api.PresenceOffline)
		set(api.PresenceOnline)
		is("who shows themselves", api.PresenceOnline)

		w.net.Down(bob.address())
		is("who is out of reach", api.PresenceOffline)
		w.net.Up(bob.address())
		w.await(5*time.Minute, "who is in reach again", func() bool { return alice.sees(bob).State == api.PresenceOnline })
		w.net.Down(testnet.Address(0))
		w.await(5*time.Minute, "without a rendezvous node", func() bool { return alice.sees(bob).State == api.PresenceUnknown })
		w.net.Up(testnet.Address(0))
		w.await(10*time.Minute, "with one again", func() bool { return alice.sees(bob).State == api.PresenceOnline })
	})
}
