package membership_test

import (
	"testing"

	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// TestStoodAt asks of which sizes of the roll a member was in good standing, by suspensions that count and that a bar voids,
// and since when somebody answers guests. [ROLL-149]
func TestStoodAt(t *testing.T) {
	o := membershiptest.New(t, 1)
	admin := o.Founder.Device()
	ann, guest := o.JoinAs("ann", membership.RoleMember), o.JoinAs("gus", membership.RoleGuest)
	joined := o.Roll.Size()
	o.Suspend(admin, ann)
	suspended := o.Roll.Size()
	if o.Roll.State().StoodAt(ann.ID, joined) {
		t.Error("who is suspended now stands")
	}
	o.Reinstate(admin, ann)
	reinstated := o.Roll.Size()
	o.SetRole(admin, ann, membership.RoleDesk)
	o.Invite(o.Founder, membership.RoleMember, 1)
	for size, want := range map[uint64]bool{1: false, joined: true, suspended: false, reinstated: true, o.Roll.Size(): true} {
		if got := o.Roll.State().StoodAt(ann.ID, size); got != want {
			t.Errorf("at a size of %d, of %d: %v", size, o.Roll.Size(), got)
		}
	}
	if since, ok := o.Roll.State().DeskSince(guest.ID, ann.ID); !ok || since != reinstated {
		t.Errorf("a desk since %d, %v", since, ok)
	}
	if since, ok := o.Roll.State().DeskSince(guest.ID, guest.ID); !ok || since >= joined {
		t.Errorf("a guest since %d, %v", since, ok)
	}
	if _, ok := o.Roll.State().DeskSince(ann.ID, ann.ID); ok {
		t.Error("the desk conversation of who is no guest")
	}
}
