package membership_test

import (
	"testing"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/membership/membershiptest"
)

// reads fails the test unless somebody reads what comes next in a group that is not listed, or does not.
func (s *stage) reads(id keys.GroupID, m *membershiptest.Member, want bool) {
	s.t.Helper()
	audience := membership.Audience{Kind: membership.AudienceGroup, ID: id}
	if got := s.Roll.State().Reads(m.ID, audience, s.Roll.Size()); got != want {
		s.t.Errorf("%s reads: %v", m.Name, got)
	}
}

// returning is a group whose moderator's second device invited Bob, who entered, until the first one, which was stolen,
// barred it. giveBack is the recovery key's answer, by which all that was void counts again.
func returning(s *stage) (bob *membershiptest.Member, id keys.GroupID, giveBack func()) {
	ann, bob := s.Join("Ann"), s.Join("Bob")
	id = s.Group(ann.Device(), "Circle", group.Invited)
	phone := s.add(ann.Device())
	from := s.Roll.Size()
	s.Ask(phone, id, bob)
	s.EnterGroup(bob.Device(), id)
	theft := s.Roll.Size()
	s.Bar(ann.Device(), phone.Public(), from)
	s.in(id, ann)
	return bob, id, func() { s.Bar(ann.Recovery, ann.Device().Public(), theft) }
}

// An account is given to other keys while its place in a group is void. When the bar that voided it is void itself, the place
// has ended all the same: whoever has the keys is in no group without an act of theirs. [ROLL-147]
func TestAttackPlaceReturnsAfterReadmission(t *testing.T) {
	s := newStage(t)
	bob, id, giveBack := returning(s)
	device := s.Key()
	readmission := s.Readmit(s.Founder.Device(), bob, device.Public(), s.Key().Public(), false)
	s.Wait()
	s.Enter(device, readmission)
	giveBack()
	if _, in := s.Roll.State().InGroup(id, bob.ID); in || s.Roll.State().MayWriteIn(id, bob.ID) {
		t.Error("the new keys are in a group that they never entered")
	}
	s.reads(id, bob, false)
	s.refusesEvent(membership.ReasonNotInvited, s.EnterGroupEvent(device, id))
	s.readersAgree(s.Members...)
	s.refolds()
}

// The same with somebody who was removed from the organization meanwhile: they take up no place. [ROLL-147]
func TestAttackPlaceReturnsAfterRemoval(t *testing.T) {
	s := newStage(t)
	bob, id, giveBack := returning(s)
	s.Remove(s.Founder.Device(), bob)
	giveBack()
	if g, _ := s.Roll.State().Group(id); len(g.Members) != 1 {
		t.Errorf("%d members, one of them removed", len(g.Members))
	}
	s.refolds()
}

// undecided is an organization whose admin Abe decided about Mallory with a second device; with the first one, stolen, the
// decision was voided. decideAgain is Abe's recovery key, by which it counts again, from where it was.
func undecided(s *stage, decide func(abe keys.PrivateKey)) (decideAgain func()) {
	abe := s.admin("Abe")
	phone := s.add(abe.Device())
	from := s.Roll.Size()
	decide(phone)
	theft := s.Roll.Size()
	s.Bar(abe.Device(), phone.Public(), from)
	return func() { s.Bar(abe.Recovery, abe.Device().Public(), theft) }
}

// Mallory is an admin who was removed, or suspended, and acts while a thief's bar has that void. What they did in groups is
// void with what they decided, as soon as that is found out. [ROLL-93] [ROLL-147]
func TestAttackAdminShutOutAndBackInAGroup(t *testing.T) {
	for name, decide := range map[string]func(*stage, keys.PrivateKey, *membershiptest.Member){
		"removed":   func(s *stage, by keys.PrivateKey, m *membershiptest.Member) { s.Remove(by, m) },
		"suspended": func(s *stage, by keys.PrivateKey, m *membershiptest.Member) { s.Suspend(by, m) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			ann, mallory, trudy := s.Join("Ann"), s.admin("Mallory"), s.Join("Trudy")
			id := s.Group(ann.Device(), "Circle", group.Invited)
			decideAgain := undecided(s, func(abe keys.PrivateKey) { decide(s, abe, mallory) })
			s.Admit(mallory.Device(), id, mallory)
			s.Admit(mallory.Device(), id, trudy)
			s.Moderator(mallory.Device(), id, trudy, true)
			s.Expel(trudy.Device(), id, ann)
			s.in(id, mallory, trudy)
			decideAgain()
			s.in(id, ann)
			if g, _ := s.Roll.State().Group(id); len(g.Members) != 1 {
				t.Errorf("%d members", len(g.Members))
			}
			s.reads(id, trudy, false)
			s.readersAgree(ann, trudy)
			s.refolds()
		})
	}
}

// The same with a moderator who is no admin, and with somebody who is asked while they are thought to be in. [ROLL-147]
func TestAttackMemberShutOutAndBackInAGroup(t *testing.T) {
	for name, decide := range map[string]func(*stage, keys.PrivateKey, *membershiptest.Member){
		"removed":   func(s *stage, by keys.PrivateKey, m *membershiptest.Member) { s.Remove(by, m) },
		"suspended": func(s *stage, by keys.PrivateKey, m *membershiptest.Member) { s.Suspend(by, m) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			ann, mallory, trudy := s.Join("Ann"), s.Join("Mallory"), s.Join("Trudy")
			id := s.Group(ann.Device(), "Circle", group.Invited, mallory)
			s.EnterGroup(mallory.Device(), id)
			s.Moderator(ann.Device(), id, mallory, true)
			other := s.Group(ann.Device(), "Club", group.Invited)
			decideAgain := undecided(s, func(abe keys.PrivateKey) { decide(s, abe, mallory) })
			s.Ask(mallory.Device(), id, trudy)
			s.EnterGroup(trudy.Device(), id)
			s.Ask(ann.Device(), other, mallory)
			s.EnterGroup(mallory.Device(), other)
			choir := s.Group(mallory.Device(), "Choir", group.Open, trudy)
			decideAgain()
			s.in(id, ann)
			s.in(other, ann)
			if g, _ := s.Roll.State().Group(other); len(g.Members) != 1 || name == "removed" && len(g.Invited) != 0 {
				t.Errorf("%d members, %d invited", len(g.Members), len(g.Invited))
			}
			if g, _ := s.Roll.State().Group(choir); !g.Closed {
				t.Error("a group is there that was made by somebody who was shut out")
			}
			s.reads(id, trudy, false)
			s.readersAgree(ann, trudy)
			s.refolds()
		})
	}
}
