package membership_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// A demoted (or suspended) former admin takes the organization back by barring a junior device of its own from a
// position years ago: the promotions by it, and all that the promoted decided, are void. [ROLL-93]
func TestAttackDemotedAdminTakesTheOrganizationBack(t *testing.T) {
	for _, how := range []string{"demoted", "suspended"} {
		t.Run(how, func(t *testing.T) {
			s := newStage(t)
			evil := s.Founder
			h2 := s.add(evil.Device())
			start := s.Roll.Size()
			a, b := s.Join("Anna"), s.Join("Berta")
			s.take(h2, membership.RoleChange{Member: a.ID, Role: membership.RoleAdmin})
			s.take(h2, membership.RoleChange{Member: b.ID, Role: membership.RoleAdmin})
			s.wait(3 * 365 * day)
			if how == "demoted" {
				s.take(a.Device(), membership.RoleChange{Member: evil.ID, Role: membership.RoleMember})
				s.take(evil.Device(), bar(h2, start)) // a mere member
			} else {
				s.take(a.Device(), membership.Suspend{Member: evil.ID})
				s.take(evil.Recovery, bar(h2, start)) // a suspended member's recovery key
			}
			if m := s.member(evil); m.Role == membership.RoleAdmin && !m.Suspended {
				t.Errorf("%s: the former admin is admin again by its own bar", how)
			}
			if s.member(a).Role != membership.RoleAdmin || s.member(b).Role != membership.RoleAdmin {
				t.Errorf("%s: the organization's admins are none any more", how)
			}
		})
	}
}

// What an evil admin has already decided cannot be decided by another, and is undone by the evil admin at will.
// [ROLL-97]
func TestAttackDecisionThatItsAuthorUndoes(t *testing.T) {
	t.Run("removed", func(t *testing.T) {
		s := newStage(t)
		evil := s.admin("Mallory")
		accomplice := s.admin("Eve")
		e2 := s.add(evil.Device())
		start := s.Roll.Size()
		s.take(e2, membership.Remove{Member: accomplice.ID})
		s.refuses(membership.ReasonRemoved, e2, membership.Remove{Member: accomplice.ID})
		s.take(s.Founder.Device(), membership.Remove{Member: accomplice.ID})
		s.refuses(membership.ReasonRemoved, s.Founder.Device(), membership.Remove{Member: accomplice.ID})
		s.take(s.Founder.Device(), membership.RoleChange{Member: evil.ID, Role: membership.RoleMember})
		s.wait(365 * day)
		s.take(evil.Device(), bar(e2, start))
		if m := s.member(accomplice); !m.Removed {
			t.Errorf("a member removed a year ago is back as %v, by the bar of a mere member", m.Role)
		}
	})
	t.Run("expelled, then refuses a rooted re-admission", func(t *testing.T) {
		s := newStage(t)
		evil, victim := s.admin("Mallory"), s.Join("Anna")
		stolen := victim.Device() // by Mallory's friend
		e2 := s.add(evil.Device())
		start := s.Roll.Size()
		s.take(e2, bar(stolen, 0)) // the evil admin "helps"
		s.take(s.Founder.Device(), membership.Suspend{Member: victim.ID})
		s.take(s.Founder.Device(), bar(stolen, 0))
		s.refuses(membership.ReasonAlready, s.Founder.Device(), bar(stolen, 0))
		s.refuses(membership.ReasonAlready, e2, bar(stolen, 0))
		device, recovery := s.Key(), s.Key()
		readmission, _ := s.take(s.Root, membership.Readmit{Member: victim.ID, Device: device.Public(), Recovery: recovery.Public()})
		s.refuses(membership.ReasonBarred, stolen, membership.Refuse{Readmission: readmission})
		s.wait(71 * time.Hour)
		s.take(evil.Device(), bar(e2, start)) // now the honest order is undone
		if err := s.Roll.Check(s.sign(stolen, membership.Refuse{Readmission: readmission}), s.Now.UnixMilli()); err == nil {
			t.Error("the stolen device refuses a re-admission by the root key after the honest order: suspend, bar each, root key")
		}
	})
}

// The stolen root key, replaced long ago, takes the sequencing duty by a fork from before the last move. [ROLL-58]
func TestAttackReplacedRootKeyMovesTheDuty(t *testing.T) {
	s := newStage(t)
	s.Join("Anna")
	oldRoot := s.Root
	fork := s.Roll.Size()
	thief := stageOf(t, s.Branch(fork))
	s.Move(s.Founder.Device(), s.Key()) // term 2
	s.Join("Berta")
	s.ReplaceRoot() // the old root key was stolen
	for i := range 30 {
		s.Join(fmt.Sprint("Member", string(rune('a'+i/26)), string(rune('a'+i%26))))
	}
	own := s.Replica()

	node, newRoot := s.Key(), s.Key()
	move := func(by keys.PrivateKey, n keys.PublicKey) {
		thief.Append(thief.MoveEvent(by, n, thief.Term()+1))
	}
	move(oldRoot, s.Key().Public())
	thief.take(oldRoot, membership.RootChange{Key: newRoot.Public()}, newRoot)
	move(newRoot, node.Public())
	thief.take(newRoot, membership.Remove{Member: s.Founder.ID})
	note := membership.SignCheckpoint(node, s.ID, 3, thief.Roll.Size(), thief.RootAt(thief.Roll.Size()), thief.Now)
	next, _, err := membership.Rebuild(s.ID, keys.MemberID{}, note, node.Public(), thief.Entries)
	if err != nil {
		t.Fatal(err)
	}
	if common, err := own.Succeed(next); err == nil {
		t.Errorf("the replaced root key rewinds the roll from %d to %d, its own replacement included", own.Size(), common)
	}
}

// The same without any move before, in an organization that only replaced its root key. [ROLL-58]
func TestAttackReplacedRootKeyMovesTheDutyAtOnce(t *testing.T) {
	s := newStage(t)
	s.Join("Anna")
	oldRoot := s.Root
	thief := stageOf(t, s.Branch(s.Roll.Size()))
	s.ReplaceRoot()
	s.Join("Berta")
	own := s.Replica()
	show := func() error {
		note := membership.SignCheckpoint(thief.Node, s.ID, thief.Term(), thief.Roll.Size(), thief.RootAt(thief.Roll.Size()), thief.Now)
		next, _, err := membership.Rebuild(s.ID, keys.MemberID{}, note, thief.Node.Public(), thief.Entries)
		if err != nil {
			t.Fatal(err)
		}
		_, err = own.Succeed(next)
		return err
	}
	thief.Move(oldRoot, s.Key())
	if err := show(); err == nil {
		t.Error("by the replaced key itself")
	}
	newRoot := s.Key()
	thief.take(oldRoot, membership.RootChange{Key: newRoot.Public()}, newRoot)
	thief.Move(newRoot, s.Key())
	if err := show(); err == nil {
		t.Error("by a key that the replaced one put in its place, on the thief's roll")
	}
}

// An admin who was demoted or suspended in the entries that an honest move leaves behind moves the duty on. [ROLL-58]
func TestAttackDemotedAdminMovesTheDutyOn(t *testing.T) {
	for _, how := range []string{"demoted", "suspended"} {
		s := newStage(t)
		evil := s.admin("Mallory")
		next := stageOf(t, s.Branch(s.Roll.Size()))
		if how == "demoted" {
			s.take(s.Founder.Device(), membership.RoleChange{Member: evil.ID, Role: membership.RoleMember})
		} else {
			s.take(s.Founder.Device(), membership.Suspend{Member: evil.ID})
		}
		own := s.Replica()
		next.Move(s.Root, s.Key()) // honest, from a node that lost its last entry
		next.Move(evil.Device(), s.Key())
		note := membership.SignCheckpoint(next.Node, s.ID, next.Term(), next.Roll.Size(), next.RootAt(next.Roll.Size()), next.Now)
		roll, _, err := membership.Rebuild(s.ID, keys.MemberID{}, note, next.Node.Public(), next.Entries)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := own.Succeed(roll); err == nil {
			t.Errorf("%s: by all that the device knows Mallory is no admin, and yet it follows", how)
		}
	}
}

// A re-admission signed by a root key that was replaced since is entered all the same. [ROLL-80]
func TestAttackReadmissionByAReplacedRootKey(t *testing.T) {
	s := newStage(t)
	owner := s.Join("Anna")
	stolen := s.Root
	device, recovery := s.Key(), s.Key()
	s.take(stolen, bar(owner.Device(), 0)) // the device cannot refuse what the root key signed
	readmission, _ := s.take(stolen, membership.Readmit{Member: owner.ID, Device: device.Public(), Recovery: recovery.Public()})
	s.ReplaceRoot()
	s.refuses(membership.ReasonBarred, owner.Device(), membership.Refuse{Readmission: readmission})
	s.wait(4 * day)
	if err := s.Roll.Check(s.sign(device, membership.Enter{Readmission: readmission}), s.Now.UnixMilli()); err == nil {
		t.Error("the thief of a root key that was replaced within the hour takes an account 3 days later")
	}
}

// An admin that a stolen device made by an invitation, used at once, stays an admin after the bar; one that it
// promoted does not. [ROLL-93]
func TestAttackAdminByAVoidInvitation(t *testing.T) {
	s := newStage(t)
	owner := s.admin("Anna")
	stolen := s.add(owner.Device())
	theft := s.Roll.Size()
	link := s.Key()
	s.take(stolen, membership.Invite{Key: link.Public(), Role: membership.RoleAdmin, Uses: 1, Expires: s.Now.Add(day).Unix()})
	eve := s.JoinBy(link, "Eve")
	s.take(eve.Device(), membership.Remove{Member: s.Founder.ID})
	s.take(owner.Device(), bar(stolen, theft))
	if s.member(eve).Role == membership.RoleAdmin {
		t.Error("the thief's admin is an admin after the bar")
	}
	if s.member(s.Founder).Removed {
		t.Error("and what that admin decided stands: the founder is removed for ever")
	}
}

// The maker of an invitation with a reserved name is no admin any more; the name is given all the same. [ROLL-32]
func TestAttackReservedNameByAFormerAdmin(t *testing.T) {
	s := newStage(t)
	evil := s.admin("Mallory")
	link := s.Key()
	s.take(evil.Device(), membership.Invite{Key: link.Public(), Role: membership.RoleMember, Uses: 1, Expires: s.Now.Add(30 * day).Unix(), Name: "Security"})
	s.take(s.Founder.Device(), membership.RoleChange{Member: evil.ID, Role: membership.RoleMember})
	joiner := &membershiptest.Member{Name: "Security", Recovery: s.Key(), Devices: []keys.PrivateKey{s.Key()}}
	if err := s.Roll.Check(s.JoinEvent(link, joiner), s.Now.UnixMilli()); err == nil {
		t.Error("a mere member's invitation gives a reserved name")
	}
}

// A mere member burns the key of a rendezvous node, so that the duty can never move there. [ROLL-9]
func TestAttackMemberBurnsANodesKey(t *testing.T) {
	s := newStage(t)
	mallory := s.Join("Mallory")
	node := s.Key() // of a node that serves other organizations too
	s.take(mallory.Device(), membership.Invite{Key: node.Public(), Role: membership.RoleMember, Uses: 1, Expires: s.Now.Add(day).Unix()})
	if err := s.Roll.Check(s.MoveEvent(s.Root, node.Public(), 2), s.Now.UnixMilli()); err != nil {
		t.Errorf("the duty cannot move to a node whose key a member has named as an invitation's: %v", err)
	}
}

// A mere member holds as many names as it likes, against admins too. [ROLL-34]
func TestAttackMemberHoldsNames(t *testing.T) {
	s := newStage(t)
	mallory := s.Join("Mallory")
	var list []string
	for i := range 200 {
		name := fmt.Sprintf("Person %c%c", 'k'+i/20, 'a'+i%20)
		if err := s.Roll.Check(s.RenameEvent(mallory.Device(), nil, name), s.Now.UnixMilli()); err == nil {
			s.Rename(mallory.Device(), nil, name)
			list = append(list, name)
		}
	}
	s.Rename(mallory.Device(), nil, "Mallory again")
	s.wait(80 * day)
	blocked := 0
	for _, name := range list {
		link := s.Key()
		if err := s.Roll.Check(s.sign(s.Founder.Device(), membership.Invite{Key: link.Public(), Role: membership.RoleMember, Uses: 1, Expires: s.Now.Add(day).Unix(), Name: name}), s.Now.UnixMilli()); errors.Is(err, membership.ReasonNameHeld) {
			blocked++
		}
	}
	if blocked > 3 {
		t.Errorf("one member holds %d of %d names, and no admin can give them", blocked, len(list))
	}
}

// A void reinstatement leaves standing what the reinstated admin decided; a void promotion does not. [ROLL-93]
func TestAttackVoidReinstatement(t *testing.T) {
	s := newStage(t)
	evil, anna := s.admin("Mallory"), s.admin("Anna")
	stolen := s.add(anna.Device())
	victim := s.Join("Berta")
	s.take(s.Founder.Device(), membership.Suspend{Member: evil.ID})
	theft := s.Roll.Size()
	s.take(stolen, membership.Reinstate{Member: evil.ID})
	s.take(evil.Device(), membership.Remove{Member: victim.ID})
	s.take(anna.Device(), bar(stolen, theft))
	if !s.member(evil).Suspended {
		t.Fatal("not suspended again")
	}
	if s.member(victim).Removed {
		t.Error("what an admin decided while in by a void reinstatement stands")
	}
}

// A bar leaves the organization without an admin. [ROLL-93]
func TestAttackBarLeavesNoAdmin(t *testing.T) {
	s := newStage(t)
	anna, berta := s.admin("Anna"), s.Join("Berta")
	junior := s.add(anna.Device())
	start := s.Roll.Size()
	s.take(junior, membership.RoleChange{Member: berta.ID, Role: membership.RoleAdmin})
	s.take(s.Founder.Device(), membership.RoleChange{Member: s.Founder.ID, Role: membership.RoleMember})
	s.take(anna.Device(), membership.RoleChange{Member: anna.ID, Role: membership.RoleMember})
	s.take(anna.Device(), bar(junior, start)) // a mere member
	admins := 0
	for _, m := range s.Roll.State().Members() {
		if m.Role == membership.RoleAdmin && !m.Removed && !m.Suspended {
			admins++
		}
	}
	if admins == 0 {
		t.Error("no admin is left, by the bar of a mere member")
	}
}

// What a stolen device decided about its own member is no reason not to bar it, and a device that a former admin barred is
// reached once the account governs again. [ROLL-93]
func TestBarOfAnAdminWhomTheStolenDeviceDemoted(t *testing.T) {
	s := newStage(t)
	anna, berta := s.admin("Anna"), s.Join("Berta")
	stolen := s.add(anna.Device())
	theft := s.Roll.Size()
	s.take(stolen, membership.RoleChange{Member: berta.ID, Role: membership.RoleAdmin})
	s.take(stolen, membership.RoleChange{Member: anna.ID, Role: membership.RoleMember})
	s.take(anna.Device(), bar(stolen, theft))
	if s.member(anna).Role != membership.RoleAdmin || s.member(berta).Role != membership.RoleMember {
		t.Errorf("%v, %v", s.member(anna).Role, s.member(berta).Role)
	}
	s.refolds()
}

// An admin who joined by an invitation that is void since stays one if another admin has confirmed that. [ROLL-97]
func TestConfirmedRoleOutlastsItsInvitation(t *testing.T) {
	s := newStage(t)
	owner := s.admin("Anna")
	stolen := s.add(owner.Device())
	theft := s.Roll.Size()
	link := s.Key()
	s.take(stolen, membership.Invite{Key: link.Public(), Role: membership.RoleAdmin, Uses: 1, Expires: s.Now.Add(day).Unix()})
	eve := s.JoinBy(link, "Eve")
	s.take(s.Founder.Device(), membership.RoleChange{Member: eve.ID, Role: membership.RoleAdmin})
	s.refuses(membership.ReasonAlready, s.Founder.Device(), membership.RoleChange{Member: eve.ID, Role: membership.RoleAdmin})
	s.take(owner.Device(), bar(stolen, theft))
	if s.member(eve).Role != membership.RoleAdmin {
		t.Error("the founder's word does not count")
	}
	s.refolds()
}

// Who became an admin on the new roll moves the duty on, although an own roll with lost entries knows nothing of it; whom
// a demoted admin made one does not. [ROLL-58]
func TestSucceedByAdminsMadeSince(t *testing.T) {
	for name, honest := range map[string]bool{"by the founder": true, "by a demoted admin": false} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			evil, bob := s.admin("Mallory"), s.Join("Bob")
			next := stageOf(t, s.Branch(s.Roll.Size()))
			s.take(s.Founder.Device(), membership.RoleChange{Member: evil.ID, Role: membership.RoleMember})
			own := s.Replica()
			next.Move(s.Founder.Device(), s.Key())
			by := evil.Device()
			if honest {
				by = s.Founder.Device()
			}
			next.take(by, membership.RoleChange{Member: bob.ID, Role: membership.RoleAdmin})
			next.Move(bob.Device(), s.Key())
			_, err := own.Succeed(moved(t, next.Org))
			if honest && err != nil || !honest && !errors.Is(err, membership.ReasonBarred) {
				t.Error(err)
			}
		})
	}
}

// Once a root key was replaced by ours, the new roll is moved by ours and by what ours put in its place. [ROLL-58]
func TestSucceedByOurRootKey(t *testing.T) {
	s := newStage(t)
	oldRoot := s.Root
	next := stageOf(t, s.Branch(s.Roll.Size()))
	s.ReplaceRoot()
	own := s.Replica()
	next.Move(s.Founder.Device(), s.Key())
	if _, err := own.Succeed(moved(t, next.Org)); err != nil {
		t.Error("before the replacement is handed in:", err)
	}
	thief := stageOf(t, next.Branch(next.Roll.Size()))
	thief.Move(oldRoot, s.Key())
	if _, err := own.Succeed(moved(t, thief.Org)); !errors.Is(err, membership.ReasonKeyRole) {
		t.Errorf("by the replaced key: %v", err)
	}
	next.take(oldRoot, membership.RootChange{Key: s.Root.Public()}, s.Root)
	newer := s.Key()
	next.take(s.Root, membership.RootChange{Key: newer.Public()}, newer)
	next.Move(newer, s.Key())
	if _, err := own.Succeed(moved(t, next.Org)); err != nil {
		t.Error("by a key that ours put in its place:", err)
	}
}
