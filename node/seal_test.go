package node

import (
	"context"
	"errors"
	"testing"

	"muster.example/internal/envelope"
	"muster.example/membership/group"
	"muster.example/node/api"
)

// TestNobodyIsLeftToSealFor has all others leave the places of jobs that a chain stands for already. Each job ends: else the
// first would be tried again and again, and nothing after it be sent.
func TestNobodyIsLeftToSealFor(t *testing.T) {
	org := newRoll(t, "bob", "carol")
	crew := org.Group(org.Founder.Device(), "Crew", group.Open)
	org.EnterGroup(org.Members[1].Device(), crew)
	p := newPartiesOf(t, org, 1)
	ada, bob, carol := p.all[0], p.all[1], p.all[2]
	write := func(to target) {
		t.Helper()
		d, err := ada.draft(api.SendRequest{Text: "hello"}, to, nil)
		if err == nil {
			err = ada.save(d, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	places := []target{{place: envelope.InGroup(crew)}, {place: ada.with(bob.member)}, {place: ada.with(carol.member)}}
	for _, to := range places {
		write(to)
	}
	p.exchange(t, ada)
	for _, to := range places {
		write(to)
	}
	org.Remove(org.Founder.Device(), org.Members[1])
	if err := ada.adopt(newPage(org, ada.roll.Size())); err != nil {
		t.Fatal(err)
	}

	for rounds := 0; ; rounds++ {
		more, err := ada.sealNext(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
		if rounds > 10*len(places) {
			t.Fatalf("%d jobs never end", len(ada.jobs(t)))
		}
	}
	if sealed := ada.waiting(t, envelope.KindMessage); len(sealed) != 1 || sealed[0].Pending[0] != carol.device {
		t.Errorf("%d messages are sealed, want that for Carol", len(sealed))
	}
	write(places[2])
	ended, end := context.WithCancel(t.Context())
	end()
	if err := ada.keepSealing(ended, nil); !errors.Is(err, context.Canceled) || len(ada.jobs(t)) != 1 {
		t.Errorf("sealing after the end of a session: %v, %d jobs left of 1", err, len(ada.jobs(t)))
	}
}
