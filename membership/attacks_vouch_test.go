package membership_test

import (
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// joined reports whether somebody who applied is a member with an active device.
func (s *stage) joined(m *membershiptest.Member) bool {
	id, ok := s.Roll.State().MemberOf(m.Device().Public())
	return ok && id == m.ID
}

// A thief with a member's device vouches for an accomplice. The bar takes the vouch back, as long as nobody was admitted
// by it. [ROLL-28] [ROLL-74]
func TestAttackVouchOfABarredDevice(t *testing.T) {
	s := newStage(t)
	vouching(s.Org, 2)
	anna, berta, carla := s.Join("Anna"), s.Join("Berta"), s.Join("Carla")
	stolen := s.add(anna.Device())
	eve, join := s.Applicant(s.InviteToApply(s.Founder, membership.RoleMember, 1), "Eve")
	vouch, theft := s.take(stolen, membership.Vouch{Join: join})
	if got := s.Roll.State().Vouchers(join.ID()); len(got) != 1 || got[0] != anna.ID {
		t.Fatalf("%v vouch, after %v", got, vouch)
	}
	s.take(anna.Device(), bar(stolen, theft))
	if got := s.Roll.State().Vouchers(join.ID()); len(got) != 0 {
		t.Fatalf("%v vouch by a device that is barred", got)
	}
	if !s.Roll.State().Voided(theft, membership.Event{Signer: stolen.Public(), Vouch: &membership.Vouch{Join: join}}) {
		t.Error("the void vouch is not shown so")
	}
	s.take(berta.Device(), membership.Vouch{Join: join})
	if s.joined(eve) {
		t.Fatal("a void vouch has admitted somebody")
	}
	s.refuses(membership.ReasonAlready, berta.Device(), membership.Vouch{Join: join})
	s.take(s.Founder.Device(), membership.Suspend{Member: berta.ID})
	s.take(anna.Device(), membership.Vouch{Join: join}) // whose vouch is free again; Berta's sleeps
	if s.joined(eve) {
		t.Fatal("the vouch of a suspended member has admitted somebody")
	}
	s.take(carla.Device(), membership.Vouch{Join: join})
	if !s.joined(eve) || s.member(eve).Role != membership.RoleMember || s.member(eve).Name != "Eve" {
		t.Fatalf("not admitted by two vouches: %+v", s.member(eve))
	}
	if next := s.Roll.State().NextCounter(eve.Device().Public()); next != 2 {
		t.Errorf("the applicant's next counter is %d", next)
	}
	s.take(carla.Recovery, membership.Remove{Member: carla.ID})
	if !s.joined(eve) {
		t.Error("out again after a voucher was removed")
	}
	s.refolds()
}

// One member with many devices is one member, and a member's device cannot make up for two by two joins of one key.
// [ROLL-28]
func TestAttackVouchesOfOneMember(t *testing.T) {
	s := newStage(t)
	vouching(s.Org, 2)
	anna := s.Join("Anna")
	phone := s.add(anna.Device())
	invitation := s.InviteToApply(s.Founder, membership.RoleMember, 2)
	eve, join := s.Applicant(invitation, "Eve")
	s.take(anna.Device(), membership.Vouch{Join: join})
	s.refuses(membership.ReasonAlready, phone, membership.Vouch{Join: join})
	again := *eve
	again.Name = "Eva"
	other := s.JoinEvent(invitation, &again)
	s.take(phone, membership.Vouch{Join: other}) // another join: counted by itself
	if s.joined(eve) {
		t.Fatal("one member has admitted somebody alone")
	}
	s.take(s.Founder.Device(), membership.Vouch{Join: other})
	s.refuses(membership.ReasonDuplicateKey, s.Founder.Device(), membership.Vouch{Join: join})
	s.refusesEvent(membership.ReasonVouch, join)
	if len(s.Roll.State().Vouchers(other.ID())) != 0 {
		t.Error("an admitted applicant still waits for vouches")
	}
	s.refolds()
}

// A thief with an admin's device throws all guests out. The bar brings them back, but for those whom others removed too.
// Members who joined among them are never touched. [ROLL-93] [ROLL-97] [ROLL-98]
func TestAttackDismissalOfABarredDevice(t *testing.T) {
	s := newStage(t)
	admin := s.admin("Anna")
	stolen := s.add(admin.Device())
	one, two := s.Invite(s.Founder, membership.RoleGuest, 9), s.Invite(s.Founder, membership.RoleGuest, 9)
	from := s.Roll.Size()
	gil, hal := s.JoinBy(one, "Gil"), s.JoinBy(one, "Hal")
	member, desk, boss := s.Join("Berta"), s.JoinAs("Desk", membership.RoleDesk), s.admin("Boss")
	spam := s.JoinBy(two, "Ivy")
	if got := s.Roll.State().Dismissed(membership.Dismiss{From: from, To: s.Roll.Size()}); len(got) != 3 {
		t.Fatalf("%d guests are there", len(got))
	}
	_, theft := s.take(stolen, membership.Dismiss{From: 0, To: s.Roll.Size()})
	s.standing(membership.StandingRemoved, gil.Device(), hal.Device(), spam.Device())
	s.standing(membership.StandingActive, member.Device(), desk.Device(), boss.Device(), s.Founder.Device())
	s.refuses(membership.ReasonAlready, stolen, membership.Dismiss{From: from, To: s.Roll.Size()})
	s.refuses(membership.ReasonAlready, admin.Device(), membership.Dismiss{From: from, To: s.Roll.Size()})
	s.take(s.Founder.Device(), membership.Dismiss{From: from, To: s.Roll.Size(), Invitation: two.Public()}) // confirmed

	s.take(admin.Device(), bar(stolen, theft))
	s.standing(membership.StandingActive, gil.Device(), hal.Device())
	s.standing(membership.StandingRemoved, spam.Device())
	if !s.Roll.State().Voided(theft, membership.Event{Dismiss: &membership.Dismiss{}}) {
		t.Error("the void dismissal is not shown so")
	}
	s.take(s.Founder.Device(), membership.Dismiss{From: from, To: s.Roll.Size(), Invitation: one.Public()})
	s.standing(membership.StandingRemoved, gil.Device(), hal.Device())
	s.refuses(membership.ReasonAlready, s.Founder.Device(), membership.Dismiss{From: from, To: s.Roll.Size()})
	if got := s.member(gil).Invitation; got != one.Public() {
		t.Errorf("joined by %v", got)
	}
	s.refolds()
}

// What a demoted admin decided about guests while an admin stays; what they sign later is refused. [ROLL-98]
func TestDismissalsOfAFormerAdmin(t *testing.T) {
	s := newStage(t)
	admin := s.admin("Anna")
	gil := s.JoinAs("Gil", membership.RoleGuest)
	s.take(admin.Device(), membership.Dismiss{From: 0, To: s.Roll.Size()})
	s.take(s.Founder.Device(), membership.RoleChange{Member: admin.ID, Role: membership.RoleMember})
	s.standing(membership.StandingRemoved, gil.Device())
	s.JoinAs("Hal", membership.RoleGuest)
	s.refuses(membership.ReasonRole, admin.Device(), membership.Dismiss{From: 0, To: s.Roll.Size()})
	s.refolds()
}

// What a node asks before it keeps an application is what an admin's vouch will be asked. [ROLL-28]
func TestCheckApplication(t *testing.T) {
	s := newStage(t)
	invitation := s.InviteToApply(s.Founder, membership.RoleMember, 1)
	_, join := s.Applicant(invitation, "Zoe")
	now := s.Now.UnixMilli()
	if event, err := s.Roll.State().CheckApplication(join, now); err != nil || event.Join.Name != "Zoe" {
		t.Errorf("%v, %+v", err, event)
	}
	direct, none := s.JoinEvent(s.Invite(s.Founder, membership.RoleMember, 1), stranger(s.Org, "Yan")), s.CancelEvent(s.Founder.Device())
	bad := parts(join)
	bad.Cosignature[3] ^= 1
	for _, c := range []struct {
		join   membership.SignedEvent
		reason membership.Reason
	}{
		{direct, membership.ReasonVouch}, {none, membership.ReasonMalformed}, {encodeParts(bad), membership.ReasonSignature},
		{nil, membership.ReasonMalformed},
	} {
		if _, err := s.Roll.State().CheckApplication(c.join, now); !isReason(err, c.reason) {
			t.Errorf("%v, want %v", err, c.reason)
		}
	}
	s.take(s.Founder.Device(), membership.Revoke{Key: invitation.Public()})
	if _, err := s.Roll.State().CheckApplication(join, now); !isReason(err, membership.ReasonInvitationRevoked) {
		t.Errorf("after the invitation was taken back: %v", err)
	}
}

func isReason(err error, reason membership.Reason) bool {
	got, ok := membership.ReasonOf(err)
	return ok && got == reason
}

func encodeParts(s signed) membership.SignedEvent { return wire.Encode(s) }

// PositionAt finds the first entry at or after a moment.
func TestPositionAt(t *testing.T) {
	o := membershiptest.New(t, 1)
	start := o.Now.UnixMilli()
	o.Join("Ann") // two entries, a second apart
	for _, c := range []struct {
		stamp int64
		want  uint64
	}{{0, 0}, {start, 2}, {start + 1, 3}, {start + 1000, 3}, {start + 1001, 4}} {
		if got := o.Roll.State().PositionAt(c.stamp); got != c.want {
			t.Errorf("at %d: %d, want %d", c.stamp-start, got, c.want)
		}
	}
	var none keys.PublicKey
	if got := o.Roll.State().Dismissed(membership.Dismiss{From: 0, To: 4, Invitation: none}); len(got) != 0 {
		t.Errorf("%d guests", len(got))
	}
}
