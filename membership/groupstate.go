package membership

import (
	"cmp"
	"slices"
	"strings"

	"muster.example/internal/keys"
	"muster.example/membership/group"
)

// Group is a group as its readers know it.
type Group struct {
	ID        keys.GroupID
	Name      string
	Admission group.Admission
	Writers   group.Writers
	Listed    bool
	Closed    bool // nobody acts in it any more; its people are those that it had
	Created   uint64
	Creator   keys.MemberID
	Members   []GroupMember   // in the order of their ids, suspended ones too
	Invited   []keys.MemberID // in the order of their ids
	Applied   []keys.MemberID
}

// GroupMember is a member of a group.
type GroupMember struct {
	Member    keys.MemberID
	Since     uint64 // the index of the entry by which they became one
	Moderator bool
}

// GroupDevice is a device to which goes what is written in a group or to the desks.
type GroupDevice struct {
	Device keys.PublicKey
	Member keys.MemberID
	Joined uint64 // the index of the entry by which the member came in
	Since  uint64 // the index of the entry that added the device
}

// Group returns a group, closed or not; false for one that is not on the roll, or of which this reader holds nothing.
func (s *State) Group(id keys.GroupID) (Group, bool) { return s.groups[id].snapshot() }

// Groups returns all groups that the reader of this roll knows, in the order of their names without regard to case, then
// of their ids.
func (s *State) Groups() []Group {
	groups := make([]Group, 0, len(s.groups))
	for _, g := range s.groups {
		known, _ := g.snapshot()
		groups = append(groups, known)
	}
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), a.ID.Compare(b.ID))
	})
	return groups
}

// snapshot returns a copy that shares nothing with the state; false for nil.
func (g *heldGroup) snapshot() (Group, bool) {
	if g == nil {
		return Group{}, false
	}
	known := Group{
		ID: g.id, Name: g.name, Admission: g.acts.Admission(), Writers: g.acts.Writers(), Listed: g.listed,
		Closed: g.acts.Closed(), Created: g.created, Creator: g.creator,
		Invited: g.acts.People(group.IsInvited), Applied: g.acts.People(group.IsApplied),
	}
	for _, id := range g.acts.People(group.IsMember) {
		_, since := g.acts.Status(id)
		known.Members = append(known.Members, GroupMember{Member: id, Since: since, Moderator: g.acts.Moderator(id)})
	}
	return known, true
}

// inGood returns an account that is neither suspended nor removed, nil for others.
func (s *State) inGood(member keys.MemberID) *account {
	a := s.members[member]
	if a == nil || a.removed || a.devices.Suspended() {
		return nil
	}
	return a
}

// InGroup reports whether a member in good standing is in a group that is open for business, and since which index. Who
// was re-admitted with other keys has to enter anew.
func (s *State) InGroup(id keys.GroupID, member keys.MemberID) (since uint64, ok bool) {
	g := s.groups[id]
	if g == nil || g.acts.Closed() || s.inGood(member) == nil {
		return 0, false
	}
	status, since := g.acts.Status(member)
	if status != group.IsMember {
		return 0, false
	}
	return since, true
}

// GroupsOf returns the groups that a member is in, in the order in which they were created.
func (s *State) GroupsOf(member keys.MemberID) (groups []keys.GroupID) {
	a := s.members[member]
	if a == nil {
		return nil
	}
	var in []*heldGroup
	for _, g := range a.groups {
		if _, ok := s.InGroup(g.id, member); ok {
			in = append(in, g)
		}
	}
	slices.SortFunc(in, func(a, b *heldGroup) int { return cmp.Compare(a.created, b.created) })
	for _, g := range in {
		groups = append(groups, g.id)
	}
	return groups
}

// Moderates reports whether a member in good standing may decide about a group: its moderators, and every admin.
func (s *State) Moderates(id keys.GroupID, member keys.MemberID) bool {
	g, a := s.groups[id], s.inGood(member)
	return g != nil && a != nil && !g.acts.Closed() && (a.role == RoleAdmin || g.acts.Moderator(member))
}

// MayWriteIn reports whether a member may write in a group now.
func (s *State) MayWriteIn(id keys.GroupID, member keys.MemberID) bool {
	if _, ok := s.InGroup(id, member); !ok {
		return false
	}
	return s.groups[id].acts.Writers() == group.Everybody || s.Moderates(id, member)
}

// WroteIn reports whether a member was in a group, with leave to write there, when the roll had a size: for a message that
// was written then and comes late. It says the same of who has left, was removed or re-admitted since. [ROLL-149]
func (s *State) WroteIn(id keys.GroupID, member keys.MemberID, size uint64) bool {
	g, a := s.groups[id], s.members[member]
	if g == nil || a == nil || size > s.size {
		return false
	}
	in, moderator := g.acts.WasIn(member, size)
	role, _ := s.roleAt(a, size)
	return in && (moderator || g.acts.WritersAt(size) == group.Everybody || role == RoleAdmin)
}

// LeftGroup returns the index at which a member left a group or lost their place in it, and the stamp of that in Unix
// milliseconds, or of what everybody reads before it; false for who is in it or never was. Of a group that is closed it
// speaks as if all were in it still.
func (s *State) LeftGroup(id keys.GroupID, member keys.MemberID) (index uint64, stamp int64, ok bool) {
	g := s.groups[id]
	if g == nil {
		return 0, 0, false
	}
	if index, ok = g.acts.Left(member); !ok {
		return 0, 0, false
	}
	return index, s.stamps[index], true
}

// GroupDevices returns the active devices of a group's members in good standing, in the order of their members' ids and
// then of the roll; none of a closed group.
func (s *State) GroupDevices(id keys.GroupID) (devices []GroupDevice) {
	g := s.groups[id]
	if g == nil || g.acts.Closed() {
		return nil
	}
	for _, member := range g.acts.People(group.IsMember) {
		_, since := g.acts.Status(member)
		devices = s.members[member].activeDevices(devices, since)
	}
	return devices
}

// activeDevices adds the active devices of an account to a list.
func (a *account) activeDevices(list []GroupDevice, joined uint64) []GroupDevice {
	for _, d := range a.devices.Devices() {
		if a.standing(d) == StandingActive {
			list = append(list, GroupDevice{Device: d.Key, Member: a.id, Joined: joined, Since: d.Since})
		}
	}
	return list
}

// DeskMembers returns the members in good standing whose role is desk, in the order of their ids.
func (s *State) DeskMembers() (members []keys.MemberID) {
	for id, a := range s.members {
		if a.role == RoleDesk && s.inGood(id) != nil {
			members = append(members, id)
		}
	}
	slices.SortFunc(members, keys.MemberID.Compare)
	return members
}

// DeskDevices returns the active devices that share the desk conversation of a guest: those of the guest and of all desks,
// who joined it when they took the role. None for somebody who is no guest in good standing.
func (s *State) DeskDevices(guest keys.MemberID) []GroupDevice {
	a := s.inGood(guest)
	if a == nil || a.role != RoleGuest {
		return nil
	}
	devices := a.activeDevices(nil, a.joined)
	since := s.desksSince()
	for _, id := range s.DeskMembers() {
		desk := s.members[id]
		devices = desk.activeDevices(devices, max(desk.joined, since[desk]))
	}
	return devices
}

// DeskSince returns since which index a member in good standing shares the desk conversation of a guest; false for who does
// not, and if there is none.
func (s *State) DeskSince(guest, member keys.MemberID) (since uint64, ok bool) {
	g, a := s.inGood(guest), s.inGood(member)
	switch {
	case g == nil || a == nil || g.role != RoleGuest:
		return 0, false
	case g == a:
		return a.joined, true
	case a.role == RoleDesk:
		return max(a.joined, s.desksSince()[a]), true
	}
	return 0, false
}

// StoodAt reports whether a member who is in good standing was so when the roll had a size, and is the same since: who was
// re-admitted with other keys after that was not. [ROLL-149]
func (s *State) StoodAt(member keys.MemberID, size uint64) bool {
	a := s.inGood(member)
	if a == nil || a.joined >= size || a.entered > 0 && a.entered >= size {
		return false
	}
	return !slices.ContainsFunc(a.suspended, func(t absence) bool { return t.from < size && (t.to == 0 || t.to >= size) })
}

// desksSince returns the index of the decision by which each desk is one.
func (s *State) desksSince() map[*account]uint64 {
	since, role := make(map[*account]uint64), make(map[*account]Role)
	for i := range s.decisions {
		d := &s.decisions[i]
		if d.role == 0 || d.void {
			continue
		}
		if d.role != role[d.target] {
			since[d.target], role[d.target] = d.index, d.role
		}
	}
	return since
}
