package membership_test

import (
	"testing"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/membership/membershiptest"
)

// A thief with an admin's device names an enrolment key of their own and takes the place of the organization's. The bar of the
// device ends what the key may do, and takes back what it decided; whom the honest key admitted can be given back. [ROLL-183]
// [ROLL-185] [ROLL-93]
func TestAttackEnrolmentKeyOfAThief(t *testing.T) {
	s := newStage(t)
	carla := s.admin("Carla")
	honest := s.Enrol(terms(func(t *membership.EnrolmentTerms) { t.Daily = 9 }))
	zoe := s.JoinEnrolled(honest, "Zoe", membership.RoleMember)
	stolen := s.add(carla.Device())

	false_, said := s.Key(), membershiptest.EnrolmentTerms()
	said.Role = membership.RoleDesk
	_, theft := s.take(stolen, membership.Enrolment{Key: false_.Public(), Terms: &said, Replaces: honest.Public()})
	s.take(false_, membership.Suspend{Member: zoe.ID})
	mallory := s.JoinEnrolled(false_, "Mallory", membership.RoleDesk)

	s.take(carla.Device(), bar(stolen, theft))
	if s.member(zoe).Suspended {
		t.Error("the suspension by a thief's enrolment key stands")
	}
	if s.member(mallory).Role != membership.RoleMember {
		t.Errorf("a void key made a %s", s.member(mallory).Role)
	}
	s.refuses(membership.ReasonInvitationRevoked, false_, membership.Suspend{Member: zoe.ID})
	s.refusesEvent(membership.ReasonInvitationRevoked, s.EnrolledEvent(false_, s.Stranger("Eve"), membership.RoleMember))

	next := s.Key()
	fresh := membershiptest.EnrolmentTerms()
	s.take(s.Founder.Device(), membership.Enrolment{Key: next.Public(), Terms: &fresh, Replaces: false_.Public()})
	s.take(next, membership.Suspend{Member: zoe.ID})
	s.take(next, membership.Suspend{Member: mallory.ID})
	s.refolds()
}

// Whoever has a leaked enrolment key, and with it the provider's word, can admit as many a day as its terms say and no admin,
// shut out whom it admitted and nobody else, and speak for no member. The end of the key suspends the false ones at once.
// [ROLL-182] [ROLL-184] [ROLL-185]
func TestAttackLeakedEnrolmentKey(t *testing.T) {
	s := newStage(t)
	anna := s.Join("Anna")
	g := s.Group(s.Founder.Device(), "Crew", group.Moderated)
	key := s.Enrol(terms(func(t *membership.EnrolmentTerms) { t.Daily, t.Groups = 3, []keys.GroupID{g} }))
	zoe := s.JoinEnrolled(key, "Zoe", membership.RoleMember)
	leak := s.Roll.Size()
	eve := s.JoinEnrolled(key, "Eve", membership.RoleMember)
	mallory := s.JoinEnrolled(key, "Mallory", membership.RoleMember)
	s.refusesEvent(membership.ReasonLimit, s.EnrolledEvent(key, s.Stranger("Trudy"), membership.RoleMember))
	for _, says := range []any{
		membership.Suspend{Member: anna.ID}, membership.Suspend{Member: s.Founder.ID},
		membership.RoleChange{Member: anna.ID, Role: membership.RoleDesk}, membership.RoleChange{Member: eve.ID, Role: membership.RoleAdmin},
		membership.GroupAdmit{Group: g, Member: anna.ID}, membership.GroupRemove{Group: g, Member: s.Founder.ID},
	} {
		s.refuses(membership.ReasonRole, key, says)
	}
	said := membershiptest.EnrolmentTerms()
	for _, says := range []any{
		membership.Remove{Member: eve.ID}, membership.NameChange{Member: anna.ID, Name: "Nobody"}, membership.Skin{Font: 2},
		membership.PolicyChange{Policy: membership.DefaultPolicy()}, membership.Enrolment{Key: s.Key().Public(), Terms: &said},
		membership.Freeze{}, membership.Bar{Device: eve.Device().Public()}, membership.GroupJoin{Group: g},
		membership.Invite{Key: s.Key().Public(), Role: membership.RoleMember, Uses: 1, Expires: 253402300799},
	} {
		s.refuses(membership.ReasonNotMember, key, says)
	}
	added := s.Key()
	s.refuses(membership.ReasonNotMember, key, membership.Device{Add: added.Public()}, added)

	s.take(s.Founder.Device(), membership.Enrolment{Key: key.Public(), Suspend: leak + 1})
	if s.member(zoe).Suspended || !s.member(eve).Suspended || !s.member(mallory).Suspended {
		t.Errorf("suspended: %v %v %v", s.member(zoe).Suspended, s.member(eve).Suspended, s.member(mallory).Suspended)
	}
	s.refuses(membership.ReasonInvitationRevoked, key, membership.Reinstate{Member: eve.ID})
	s.refusesEvent(membership.ReasonInvitationRevoked, s.EnrolledEvent(key, s.Stranger("Trudy"), membership.RoleMember))
	s.take(s.Founder.Device(), membership.Reinstate{Member: eve.ID}) // who was real after all
	if got := s.Roll.State().Enrolments(); len(got) != 1 || !got[0].Ended || len(got[0].Admitted) != 3 {
		t.Errorf("the roll has %+v", got)
	}
	s.refolds()
}

// An admin whom the provider's key admitted is not shut out by it, and what admins decide about a member it does not undo.
// [ROLL-185]
func TestAttackEnrolmentAgainstAdmins(t *testing.T) {
	s := newStage(t)
	key := s.Enrol(terms(asIs))
	zoe := s.JoinEnrolled(key, "Zoe", membership.RoleMember)
	s.take(s.Founder.Device(), membership.RoleChange{Member: zoe.ID, Role: membership.RoleAdmin})
	s.refuses(membership.ReasonRole, key, membership.Suspend{Member: zoe.ID})
	s.refuses(membership.ReasonRole, key, membership.RoleChange{Member: zoe.ID, Role: membership.RoleMember})
	s.take(s.Founder.Device(), membership.RoleChange{Member: zoe.ID, Role: membership.RoleMember})
	s.take(key, membership.Suspend{Member: zoe.ID})
	s.take(s.Founder.Device(), membership.Suspend{Member: zoe.ID}) // confirms it
	s.refuses(membership.ReasonRole, key, membership.Reinstate{Member: zoe.ID})
	s.take(s.Founder.Device(), membership.Reinstate{Member: zoe.ID})
	s.take(key, membership.Suspend{Member: zoe.ID})
	s.take(key, membership.Reinstate{Member: zoe.ID})
	s.refolds()
}

// A thief's enrolment key takes people into groups until the device that named it is barred from there. [ROLL-147] [ROLL-186]
func TestAttackEnrolmentIntoGroups(t *testing.T) {
	s := newStage(t)
	carla := s.admin("Carla")
	g := s.Group(s.Founder.Device(), "Crew", group.Moderated)
	stolen, key := s.add(carla.Device()), s.Key()
	said := terms(func(t *membership.EnrolmentTerms) { t.Groups = []keys.GroupID{g} })
	_, theft := s.take(stolen, membership.Enrolment{Key: key.Public(), Terms: &said})
	mallory := s.JoinEnrolled(key, "Mallory", membership.RoleMember)
	s.take(key, membership.GroupAdmit{Group: g, Member: mallory.ID})
	s.in(g, s.Founder, mallory)
	s.take(carla.Device(), bar(stolen, theft))
	s.in(g, s.Founder)
	s.refolds()
}
