package node

import (
	"muster.example/internal/keys"
	"muster.example/membership"
)

// guestLocked reports whether this account is a guest's. Callers hold mu.
func (o *organization) guestLocked() bool {
	self, _ := o.roll.State().Member(o.member)
	return self.Role == membership.RoleGuest
}

// groupsLocked returns the groups that this account is shown: none to a guest, who is in none. Callers hold mu.
func (o *organization) groupsLocked() []membership.Group {
	if o.guestLocked() {
		return nil
	}
	return o.roll.State().Groups()
}

// showsLocked reports whether this account lists and names a member: a guest sees themselves, the desks, and whom they have
// dealt with. The roll that a guest's device holds has the others' names all the same, as a device must verify all of it: who
// must not be known to guests belongs into another organization than the desk. Callers hold mu.
func (o *organization) showsLocked(id keys.MemberID) bool {
	if !o.guestLocked() || id == o.member {
		return true
	}
	if _, known := o.view.Contact(id); known {
		return true
	}
	m, ok := o.roll.State().Member(id)
	return ok && m.Role == membership.RoleDesk
}
