package membership_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

var roles = []membership.Role{membership.RoleAdmin, membership.RoleMember, membership.RoleDesk, membership.RoleGuest}

// Who may write to whom at first: members by introduction, guests and desks at once, guests to nobody else. [ROLL-27]
func TestDefaultMatrix(t *testing.T) {
	const free, ask, never = membership.ContactFree, membership.ContactIntroduction, membership.ContactRefused
	want := [][]membership.Contact{ // by writer, then reader: admin, member, desk, guest
		{ask, ask, ask, never},
		{ask, ask, ask, never},
		{ask, ask, ask, free},
		{never, never, free, never},
	}
	m := membership.DefaultMatrix()
	for i, from := range roles {
		for j, to := range roles {
			if got := m.Get(from, to); got != want[i][j] {
				t.Errorf("%s to %s: %s, want %s", from, to, got, want[i][j])
			}
		}
	}
}

// MayContact asks the matrix of the policy in force by the roles in force; nobody who is out is written to. [ROLL-27]
func TestMayContact(t *testing.T) {
	o := membershiptest.New(t, 1)
	members := make(map[membership.Role]*membershiptest.Member)
	for i, role := range roles {
		members[role] = o.JoinAs("Member "+string(rune('A'+i)), role)
	}
	policy := membership.DefaultPolicy()
	policy.Contact.Set(membership.RoleAdmin, membership.RoleGuest, membership.ContactFree)
	policy.Contact.Set(membership.RoleMember, membership.RoleAdmin, membership.ContactRefused)
	o.SetPolicy(policy)
	s := o.Roll.State()
	for _, from := range roles {
		for _, to := range roles {
			if got, want := s.MayContact(members[from].ID, members[to].ID), policy.Contact.Get(from, to); got != want {
				t.Errorf("%s to %s: %s, want %s", from, to, got, want)
			}
		}
	}
	admin, member, desk := members[membership.RoleAdmin], members[membership.RoleMember], members[membership.RoleDesk]
	o.SetRole(o.Founder.Device(), member, membership.RoleAdmin)
	if got := s.MayContact(member.ID, desk.ID); got != membership.ContactIntroduction {
		t.Errorf("a new admin to a desk: %s", got)
	}
	if got := s.MayContact(member.ID, admin.ID); got != membership.ContactIntroduction {
		t.Errorf("a new admin to an admin: %s, by the role of before", got)
	}
	o.Suspend(o.Founder.Device(), desk)
	o.Remove(admin.Recovery, admin)
	for _, out := range []*membershiptest.Member{desk, admin, stranger(o, "Nobody")} {
		if got := s.MayContact(o.Founder.ID, out.ID); got != membership.ContactRefused {
			t.Errorf("to somebody who is out: %s", got)
		}
	}
	o.Reinstate(o.Founder.Device(), desk)
	if got := s.MayContact(o.Founder.ID, desk.ID); got != membership.ContactIntroduction {
		t.Errorf("to somebody who is in again: %s", got)
	}
}

// A matrix or leave that passes does what it says: guests reach desks only, and only admins make admins. [ROLL-22]
// [ROLL-27]
func TestPolicyBounds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := membership.DefaultPolicy()
		for i := range p.Contact {
			p.Contact[i] = membership.Contact(rapid.IntRange(0, 4).Filter(func(n int) bool { return n > 0 && n < 4 || i == 7 }).Draw(rt, "way"))
		}
		for i := range p.Invite {
			p.Invite[i] = rapid.ByteRange(0, 15).Draw(rt, "leave")
		}
		for _, role := range roles { // mostly as it must be, so that about half pass
			if rapid.IntRange(0, 9).Draw(rt, "kept") > 0 {
				p.Contact.Set(membership.RoleGuest, role, max(p.Contact.Get(membership.RoleGuest, role), membership.ContactRefused))
				p.Invite.Set(role, membership.RoleAdmin, role == membership.RoleAdmin)
			}
		}
		wantErr := p.Contact[7] < 1 || p.Contact[7] > 3 || p.Invite == membership.Leave{}
		for _, role := range roles {
			wantErr = wantErr || role != membership.RoleDesk && p.Contact.Get(membership.RoleGuest, role) != membership.ContactRefused
			wantErr = wantErr || role != membership.RoleAdmin && p.Invite.May(role, membership.RoleAdmin)
		}
		if err := p.Check(); (err != nil) != wantErr || err != nil && !errors.Is(err, membership.ReasonPolicy) {
			rt.Fatalf("%v: %v, %v", err, p.Contact, p.Invite)
		}
	})
	if err := membership.DefaultPolicy().Check(); err != nil {
		t.Errorf("the default policy: %v", err)
	}
}

// Every bound is itself allowed. [ROLL-26]
func TestPolicyAtItsBounds(t *testing.T) {
	o := membershiptest.New(t, 1)
	least, most := membership.DefaultPolicy(), membership.DefaultPolicy()
	least.MaxEnvelope, most.MaxEnvelope = membership.MinMaxEnvelope, membership.MaxMaxEnvelope
	least.QueueTime, most.QueueTime = membership.MinPolicyTime, membership.MaxQueueTime
	least.Park, most.Park = membership.MinPark, membership.MaxPark
	least.IntroductionsPerDay, most.IntroductionsPerDay = 0, membership.MaxPerDay
	least.EventAge, most.EventAge = membership.MinPolicyTime, membership.MaxEventAge
	least.OfflineGrace, most.OfflineGrace = membership.MinPolicyTime, membership.MaxOfflineGrace
	least.NameHold, most.NameHold = 0, membership.MaxNameHold
	least.FreezeTime, most.FreezeTime = membership.MinFreezeTime, membership.MaxFreezeTime
	least.ReadmitDelay, most.ReadmitDelay = membership.MinReadmitDelay, membership.MaxReadmitDelay
	least.Reserved = nil
	least.Groups, most.Groups = 0, membership.RolesOf(membership.RoleAdmin, membership.RoleMember, membership.RoleDesk)
	least.GroupSize, most.GroupSize = membership.MinGroupSize, membership.MaxGroupSize
	least.GroupsPerMember, most.GroupsPerMember = 1, membership.MaxGroupsPerMember
	least.EditTime, most.EditTime = 0, membership.MaxEditTime
	least.DeleteTime, most.DeleteTime = 0, membership.MaxEditTime
	least.IntroductionsPerPair, most.IntroductionsPerPair = 0, membership.MaxPerDay
	least.ReadReceipts, most.ReadReceipts = membership.Allowed, membership.NotAllowed
	least.Vouches, most.Vouches = 0, membership.MaxVouches
	least.Presence, most.Presence = membership.Allowed, membership.NotAllowed
	least.GuestsPerHour, most.GuestsPerHour = 0, membership.MaxGuestsPerHour
	least.GuestPosts, most.GuestPosts = 1, membership.MaxGuestPosts
	least.GuestBytes, most.GuestBytes = membership.MinMaxEnvelope, membership.MaxGuestBytes
	least.Direct, most.Direct = membership.ReachLocal, membership.ReachNowhere
	least.Carry = &membership.Carrying{Copies: 0, Hops: 1, Bytes: membership.MinCarryBytes, Age: membership.MinPolicyTime}
	most.Carry = &membership.Carrying{
		Copies: membership.MaxCarryCopies, Hops: membership.MaxCarryHops, Bytes: membership.MaxCarryBytes, Age: membership.MaxQueueTime,
	}
	most.EarlyJoins = membership.Allowed
	for _, policy := range []membership.Policy{least, most} {
		o.SetPolicy(policy)
		if !o.Roll.State().Policy().Equal(policy) {
			t.Error("another policy is in force")
		}
	}
}

// Contacts and rules of names are written as the words that people read.
func TestContactText(t *testing.T) {
	for c := membership.ContactFree; c <= membership.ContactRefused; c++ {
		if got, err := membership.ParseContact(c.String()); err != nil || got != c {
			t.Errorf("ParseContact(%q) = %v, %v", c, got, err)
		}
	}
	for _, text := range []string{"", "Free", "contact 4", membership.Contact(4).String(), membership.Contact(0).String()} {
		if c, err := membership.ParseContact(text); err == nil {
			t.Errorf("ParseContact(%q) = %v", text, c)
		}
	}
}

// What lies beyond the bounds of one value is refused, above and below. [ROLL-26]
func TestPolicyBeyondItsBounds(t *testing.T) {
	for name, change := range map[string]func(*membership.Policy){
		"guests create groups":     func(p *membership.Policy) { p.Groups = membership.RolesOf(membership.RoleGuest) },
		"groups by no role":        func(p *membership.Policy) { p.Groups = 1 << 4 },
		"group of one":             func(p *membership.Policy) { p.GroupSize = membership.MinGroupSize - 1 },
		"group too large":          func(p *membership.Policy) { p.GroupSize = membership.MaxGroupSize + 1 },
		"no groups per member":     func(p *membership.Policy) { p.GroupsPerMember = 0 },
		"too many per member":      func(p *membership.Policy) { p.GroupsPerMember = membership.MaxGroupsPerMember + 1 },
		"edit time":                func(p *membership.Policy) { p.EditTime = membership.MaxEditTime + 1 },
		"delete time":              func(p *membership.Policy) { p.DeleteTime = membership.MaxEditTime + 1 },
		"introductions per pair":   func(p *membership.Policy) { p.IntroductionsPerPair = membership.MaxPerDay + 1 },
		"receipts of no position":  func(p *membership.Policy) { p.ReadReceipts = 0 },
		"receipts beyond position": func(p *membership.Policy) { p.ReadReceipts = membership.NotAllowed + 1 },
		"vouches":                  func(p *membership.Policy) { p.Vouches = membership.MaxVouches + 1 },
		"presence of no position":  func(p *membership.Policy) { p.Presence = 0 },
		"presence beyond position": func(p *membership.Policy) { p.Presence = membership.NotAllowed + 1 },
		"guests per hour":          func(p *membership.Policy) { p.GuestsPerHour = membership.MaxGuestsPerHour + 1 },
		"no guest posts":           func(p *membership.Policy) { p.GuestPosts = 0 },
		"guest posts":              func(p *membership.Policy) { p.GuestPosts = membership.MaxGuestPosts + 1 },
		"few guest bytes":          func(p *membership.Policy) { p.GuestBytes = membership.MinMaxEnvelope - 1 },
		"guest bytes":              func(p *membership.Policy) { p.GuestBytes = membership.MaxGuestBytes + 1 },
	} {
		policy := membership.DefaultPolicy()
		change(&policy)
		if err := policy.Check(); !errors.Is(err, membership.ReasonPolicy) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
