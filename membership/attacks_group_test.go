package membership_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/membership/membershiptest"
)

// in fails the test unless exactly these are members of a group, in good standing.
func (s *stage) in(id keys.GroupID, want ...*membershiptest.Member) {
	s.t.Helper()
	for _, m := range s.Members {
		if _, in := s.Roll.State().InGroup(id, m.ID); in != slices.Contains(want, m) {
			s.t.Errorf("%s is in the group: %v", m.Name, in)
		}
	}
}

// readersAgree has everybody fold what the node shows them: no rule is broken, nothing lacks, and who reads of a group has
// the same of it as the node. So does a device that reads its roll back, and a file of it.
func (s *stage) readersAgree(people ...*membershiptest.Member) {
	s.t.Helper()
	state := s.Roll.State()
	for _, m := range people {
		shown := s.ShownTo(m.ID)
		roll, err := readAs(s.Org, m.ID, shown)
		if err != nil {
			s.t.Fatalf("%s reads: %v", m.Name, err)
		}
		for _, g := range state.Groups() {
			audience := membership.Audience{Kind: membership.AudienceGroup, ID: g.ID}
			if !g.Listed && !state.Reads(m.ID, audience, state.Size()) {
				continue
			}
			known, _ := roll.State().Group(g.ID)
			if diff := cmp.Diff(g, known); diff != "" {
				s.t.Fatalf("%s knows another group:\n%s", m.Name, diff)
			}
		}
		back := membership.NewRoll(s.ID)
		back.ReadAs(m.ID)
		if err := back.Restore(shown, s.RootAt(s.Roll.Size())); err != nil {
			s.t.Fatalf("%s reads back: %v", m.Name, err)
		}
		sameState(s.t, roll.State(), back.State())
		var entries [][]byte
		for _, entry := range shown {
			entries = append(entries, entry.Marshal())
		}
		file, err := membership.ParseRollFile(membership.NewRollFile(s.ID, s.Checkpoint(), entries).Marshal())
		if err != nil {
			s.t.Fatal(err)
		}
		if _, _, err := file.Fold(); err != nil {
			s.t.Fatalf("the roll of %s in a file: %v", m.Name, err)
		}
	}
}

// A thief invites an accomplice with a stolen moderator's device; the accomplice enters, is made moderator, brings a third,
// opens nothing but closes the group. The bar takes all of it back, and what was before stays. [ROLL-147]
func TestAttackStolenModeratorBringsAChain(t *testing.T) {
	s := newStage(t)
	ann, bob, mallory, trudy := s.Join("Ann"), s.Join("Bob"), s.Join("Mallory"), s.Join("Trudy")
	id := s.Group(ann.Device(), "Circle", group.Invited, bob)
	s.EnterGroup(bob.Device(), id)
	stolen := s.add(ann.Device())
	from := s.Roll.Size()
	s.Ask(stolen, id, mallory)
	s.EnterGroup(mallory.Device(), id)
	s.Moderator(stolen, id, mallory, true)
	s.EditGroup(stolen, id, membership.GroupEdit{Name: "Owned", Writers: group.Moderators})
	s.Expel(mallory.Device(), id, bob)
	s.Ask(mallory.Device(), id, trudy)
	s.EnterGroup(trudy.Device(), id)
	s.in(id, ann, mallory, trudy)
	s.readersAgree(s.Members...)
	s.CloseGroup(mallory.Device(), id)
	s.in(id)
	s.Bar(ann.Device(), stolen.Public(), from)
	s.in(id, ann, bob)
	g, _ := s.Roll.State().Group(id)
	if g.Closed || g.Writers != group.Everybody || g.Name != "Owned" { // names are replaced, not voided
		t.Errorf("the group is %+v", g)
	}
	for i, entry := range s.Entries[from : len(s.Entries)-1] {
		event, err := membership.ReadEvent(entry.Event)
		if index := from + uint64(i); err != nil || !s.Roll.State().Voided(index, event) {
			t.Errorf("entry %d is not void", index)
		}
	}
	s.refusesEvent(membership.ReasonBarred, s.AskEvent(stolen, id, trudy))
	s.refusesEvent(membership.ReasonRole, s.AskEvent(mallory.Device(), id, trudy))
	s.refusesEvent(membership.ReasonNotInvited, s.EnterGroupEvent(mallory.Device(), id))
	for _, m := range []*membershiptest.Member{mallory, trudy} {
		if s.Roll.State().Reads(m.ID, membership.Audience{Kind: membership.AudienceGroup, ID: id}, from) || s.Roll.State().MayWriteIn(id, m.ID) {
			t.Errorf("%s still reads or writes", m.Name)
		}
		if s.Roll.State().WroteIn(id, m.ID, s.Roll.Size()-2) {
			t.Errorf("what %s wrote in between counts", m.Name)
		}
	}
	s.readersAgree(s.Members...)
	s.refolds()
}

// A thief creates groups: to write to a stranger, and to take a name. With the bar they are gone; an admin frees the name.
func TestAttackGroupOfAStolenDevice(t *testing.T) {
	s := newStage(t)
	ann, bob := s.Join("Ann"), s.Join("Bob")
	stolen := s.add(ann.Device())
	from := s.Roll.Size()
	id := s.Group(stolen, "Circle", group.Invited, bob)
	if _, in := s.Roll.State().InGroup(id, bob.ID); in {
		t.Error("who is asked is in the group")
	}
	listed := s.Group(stolen, "Choir", group.Open)
	s.EnterGroup(bob.Device(), listed)
	s.Bar(ann.Device(), stolen.Public(), from)
	s.in(id)
	s.in(listed)
	s.refusesEvent(membership.ReasonGroupClosed, s.EnterGroupEvent(bob.Device(), id))
	s.refusesEvent(membership.ReasonGroupClosed, s.EditGroupEvent(bob.Device(), listed, membership.GroupEdit{Name: "Other"}))
	s.refusesEvent(membership.ReasonNameTaken, s.GroupEvent(bob.Device(), "Choir", group.Open))
	s.EditGroup(s.Founder.Device(), listed, membership.GroupEdit{Name: "Stolen choir"})
	s.Group(bob.Device(), "Choir", group.Open)
	s.readersAgree(s.Members...)
	s.refolds()
}

// A stolen admin's device makes an accomplice admin, who takes a group over, and removes a member of it from the
// organization. With the bar all of that is void, the removed one's place comes back. [ROLL-93] [ROLL-147]
func TestAttackAdminOfAThiefTakesAGroup(t *testing.T) {
	s := newStage(t)
	admin, ann, bob, mallory := s.admin("Abe"), s.Join("Ann"), s.Join("Bob"), s.Join("Mallory")
	id := s.Group(ann.Device(), "Circle", group.Invited, bob)
	s.EnterGroup(bob.Device(), id)
	stolen := s.add(admin.Device())
	from := s.Roll.Size()
	s.SetRole(stolen, mallory, membership.RoleAdmin)
	s.Admit(mallory.Device(), id, mallory)
	s.Expel(mallory.Device(), id, ann)
	s.Remove(stolen, bob)
	s.in(id, mallory)
	s.Bar(admin.Device(), stolen.Public(), from)
	s.in(id, ann, bob)
	if !s.Roll.State().Moderates(id, ann.ID) || s.Roll.State().Moderates(id, mallory.ID) {
		t.Error("the wrong one moderates")
	}
	s.readersAgree(ann, bob, mallory)
	s.refolds()
}

// Who was removed from a group, or moderates no more, gets nothing by what they had signed before. [ROLL-14] [ROLL-141]
func TestAttackReplayAfterRemoval(t *testing.T) {
	s := newStage(t)
	ann, bob, cid := s.Join("Ann"), s.Join("Bob"), s.Join("Cid")
	id := s.Group(ann.Device(), "Circle", group.Invited, bob)
	join := s.EnterGroup(bob.Device(), id)
	s.Moderator(ann.Device(), id, bob, true)
	withheld := s.AskEvent(bob.Device(), id, cid)
	s.Moderator(ann.Device(), id, bob, false)
	s.refusesEvent(membership.ReasonRole, withheld)
	s.Expel(ann.Device(), id, bob)
	again := s.EnterGroupEvent(bob.Device(), id)
	s.refusesEvent(membership.ReasonNotInvited, again)
	s.Ask(ann.Device(), id, bob)
	s.refusesEvent(membership.ReasonCounter, join.Event)
	s.EnterGroup(bob.Device(), id)
	s.refusesEvent(membership.ReasonCounter, again) // the event that was refused then is dead by now
	s.Expel(ann.Device(), id, bob)
	if !s.Roll.State().WroteIn(id, bob.ID, s.Roll.Size()-1) || s.Roll.State().WroteIn(id, bob.ID, s.Roll.Size()) {
		t.Error("Bob wrote in the group until the last entry, and not after")
	}
	if index, _, ok := s.Roll.State().LeftGroup(id, bob.ID); !ok || index != s.Roll.Size()-1 {
		t.Errorf("Bob left at %d", index)
	}
	s.readersAgree(ann, bob, cid)
}

// A re-admission gives the account to new keys: whoever asked for it is in none of its groups. [ROLL-147]
func TestAttackReadmittedIntoAGroup(t *testing.T) {
	s := newStage(t)
	ann, bob := s.Join("Ann"), s.Join("Bob")
	id := s.Group(ann.Device(), "Circle", group.Invited, bob)
	s.EnterGroup(bob.Device(), id)
	listed := s.Group(bob.Device(), "Choir", group.Open)
	device := s.Key()
	readmission := s.Readmit(s.Founder.Device(), bob, device.Public(), s.Key().Public(), false)
	s.Wait()
	s.in(id, ann, bob)
	s.Enter(device, readmission)
	s.in(id, ann)
	s.in(listed)
	s.refusesEvent(membership.ReasonNotInvited, s.EnterGroupEvent(device, id))
	s.readersAgree(ann, bob)
	s.EnterGroup(device, listed)
	if since, ok := s.Roll.State().InGroup(listed, bob.ID); !ok || since != s.Roll.Size()-1 || s.Roll.State().Moderates(listed, bob.ID) {
		t.Errorf("entered anew at %d", since)
	}
	s.Ask(ann.Device(), id, bob)
	s.EnterGroup(device, id)
	s.Remove(s.Founder.Device(), bob)
	s.in(id, ann)
	s.readersAgree(ann)
	s.refolds()
}

// The node hides from somebody what they must hold: the removal of a member, or anything since. [ROLL-18]
func TestAttackGroupEntriesWithheld(t *testing.T) {
	s := newStage(t)
	ann, bob, cid := s.Join("Ann"), s.Join("Bob"), s.Join("Cid")
	id := s.Group(ann.Device(), "Circle", group.Invited, bob, cid)
	s.EnterGroup(bob.Device(), id)
	s.EnterGroup(cid.Device(), id)
	s.Expel(ann.Device(), id, cid)
	audience := membership.Audience{Kind: membership.AudienceGroup, ID: id}
	for i, entry := range s.Entries {
		if entry.Audience != audience {
			continue
		}
		for _, m := range []*membershiptest.Member{ann, bob, cid, s.Founder} { // Cid reads their own removal
			shown := s.ShownTo(m.ID)
			shown[i] = entry.Hide()
			if _, err := readAs(s.Org, m.ID, shown); !errors.Is(err, membership.ErrWithheld) {
				t.Errorf("entry %d is hidden from %s: %v, want ErrWithheld", i, m.Name, err)
			}
		}
	}
	s.Moderator(ann.Device(), id, bob, true)
	former := s.ShownTo(cid.ID)
	if last := former[len(former)-1]; !last.Hidden() {
		t.Error("who was removed reads what comes after")
	}
	roll, err := readAs(s.Org, cid.ID, former)
	if err != nil {
		t.Fatal(err)
	}
	// Asked again, Cid is shown the invitation, cannot judge it, and fetches the roll anew.
	size := s.Roll.Size()
	s.Ask(bob.Device(), id, cid)
	_, err = roll.Extend(s.Checkpoint(), s.Node.Public(), s.Entries[size:], s.Consistency(size))
	if !errors.Is(err, membership.ErrWithheld) {
		t.Errorf("after what was hidden: %v, want ErrWithheld", err)
	}
	// Nobody makes evidence of that against an honest node.
	shown := append(slices.Clone(former), s.Entries[size])
	if _, err := membership.NewBroken(s.ID, headOf(t, s.Org, s.Checkpoint()), shown, size); !errors.Is(err, membership.ErrUnproved) {
		t.Errorf("%v, want ErrUnproved", err)
	}
	// Of a group shown whole, a broken rule is proved.
	bad := s.Entry(s.AskEvent(cid.Device(), id, s.Founder))
	for _, entries := range [][]membership.Entry{append(slices.Clone(s.Entries), bad), append(s.ShownTo(cid.ID), bad)} {
		if _, err := membership.NewBroken(s.ID, headOf(t, s.Org, signEntries(t, s.Org, entries)), entries, size+1); err != nil {
			t.Error(err)
		}
	}
	s.readersAgree(ann, bob, cid, s.Founder)
}

// Who is in too many groups is let into no other by the sequencer, also where nobody else can count. [ROLL-146]
func TestGroupsNotListedAreCounted(t *testing.T) {
	o := membershiptest.New(t, 1)
	under(o, func(p *membership.Policy) { p.GroupsPerMember = 1 })
	ann, bob := o.Join("Ann"), o.Join("Bob")
	o.Group(ann.Device(), "Circle", group.Invited)
	id := o.Group(bob.Device(), "Club", group.Invited, ann)
	event := o.EnterGroupEvent(ann.Device(), id)
	if err := o.Roll.Check(event, o.Now.UnixMilli()); !errors.Is(err, membership.ReasonLimit) {
		t.Errorf("%v, want %v", err, membership.ReasonLimit)
	}
	if err := o.Replica().Append(o.Entry(event)); err != nil {
		t.Errorf("on a roll it is no rule: %v", err)
	}
}

// The desks and a guest share a conversation; a member who became a desk joined it then.
func TestDeskDevices(t *testing.T) {
	o, ann, desk, guest := withGuest(t)
	o.SetRole(o.Founder.Device(), ann, membership.RoleDesk)
	since := o.Roll.Size() - 1
	second := o.AddDevice(ann)
	joined := make(map[keys.PublicKey]uint64)
	for _, d := range o.Roll.State().DeskDevices(guest.ID) {
		joined[d.Device] = d.Joined
	}
	deskMember, _ := o.Roll.State().Member(desk.ID)
	guestMember, _ := o.Roll.State().Member(guest.ID)
	want := map[keys.PublicKey]uint64{
		ann.Device().Public(): since, second.Public(): since,
		desk.Device().Public(): deskMember.Joined, guest.Device().Public(): guestMember.Joined,
	}
	if diff := cmp.Diff(want, joined); diff != "" {
		t.Error(diff)
	}
	o.Suspend(o.Founder.Device(), desk)
	if got := o.Roll.State().DeskMembers(); !slices.Equal(got, []keys.MemberID{ann.ID}) || o.Roll.State().DeskDevices(ann.ID) != nil {
		t.Errorf("the desks are %v", got)
	}
	o.Suspend(o.Founder.Device(), guest)
	if o.Roll.State().DeskDevices(guest.ID) != nil {
		t.Error("a suspended guest has a desk")
	}
}

// A group's devices are those that are active of members in good standing.
func TestGroupDevices(t *testing.T) {
	o := membershiptest.New(t, 1)
	ann, bob, cid, id := circle(o)
	second := o.AddDevice(bob)
	o.EnterGroup(cid.Device(), id)
	o.Suspend(o.Founder.Device(), cid)
	o.Bar(bob.Recovery, bob.Device().Public(), o.Roll.Size())
	state := o.Roll.State()
	var got []keys.PublicKey
	for _, d := range state.GroupDevices(id) {
		got = append(got, d.Device)
		if m, _ := state.MemberOf(d.Device); m != d.Member || d.Joined == 0 || d.Since == 0 {
			t.Errorf("%+v", d)
		}
	}
	if len(got) != 2 || !slices.Contains(got, ann.Device().Public()) || !slices.Contains(got, second.Public()) {
		t.Errorf("the devices are %v", got)
	}
	if _, in := state.InGroup(id, cid.ID); in || state.MayWriteIn(id, cid.ID) || state.Moderates(id, bob.ID) || !state.Moderates(id, o.Founder.ID) {
		t.Error("who may what in the group")
	}
	o.EditGroup(ann.Device(), id, membership.GroupEdit{Writers: group.Moderators})
	if state.MayWriteIn(id, bob.ID) || !state.MayWriteIn(id, ann.ID) || state.MayWriteIn(id, o.Founder.ID) {
		t.Error("who writes announcements")
	}
	if !state.WroteIn(id, bob.ID, o.Roll.Size()-1) || state.WroteIn(id, bob.ID, o.Roll.Size()) || state.WroteIn(id, bob.ID, o.Roll.Size()+1) {
		t.Error("what Bob wrote before counts, and not what he writes since")
	}
	o.CloseGroup(o.Founder.Device(), id)
	if state.GroupDevices(id) != nil || state.GroupsOf(ann.ID) != nil {
		t.Error("a closed group has devices")
	}
}
