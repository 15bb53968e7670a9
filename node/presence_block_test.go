package node

import (
	"slices"
	"testing"

	"muster.example/membership"
	"muster.example/rendezvous/rvclient"
)

// TestBlockHidesPresence blocks a member to whom the policy lets one write freely: nobody looks for when they are there, and
// nobody is told that they type.
func TestBlockHidesPresence(t *testing.T) {
	policy := membership.DefaultPolicy()
	policy.Contact.Set(membership.RoleAdmin, membership.RoleMember, membership.ContactFree)
	policy.Contact.Set(membership.RoleMember, membership.RoleAdmin, membership.ContactFree)
	p := newPartiesWith(t, policy, 1, "bob")
	ada, bob := p.all[0], p.all[1]
	shows := func(want bool) {
		t.Helper()
		if wanted, _ := ada.wantedPresence(); slices.Contains(wanted, bob.member) != want {
			t.Errorf("watched: %v, want %v", !want, want)
		}
		events := ada.node.hub.watch(t.Context(), "")
		ada.heardPresence(rvclient.Incoming{Typist: bob.member})
		if got := len(told(events)); got > 0 != want {
			t.Errorf("%d events, want %v", got, want)
		}
	}
	shows(true)
	if _, err := ada.block(bob.member); err != nil {
		t.Fatal(err)
	}
	shows(false)
}
