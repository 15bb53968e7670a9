package membership

import (
	"slices"

	"muster.example/internal/keys"
	"muster.example/membership/group"
	"muster.example/membership/names"
)

// heldGroup is a group as the fold keeps it.
type heldGroup struct {
	id      keys.GroupID
	name    string
	listed  bool
	created uint64
	creator keys.MemberID
	acts    *group.Group
}

// GroupOf returns the name of the group that a signed event makes in org: its hash. [ROLL-4]
func GroupOf(org keys.OrgID, creation SignedEvent) keys.GroupID {
	return keys.Hash[keys.Group](keys.DomainGroup, org[:], creation)
}

// createGroup takes in the creation of a group. [ROLL-140]
func (s *State) createGroup(c *change) {
	says := c.event.Group
	g := &heldGroup{id: GroupOf(s.org, c.data), listed: says.Listed, created: s.size, creator: c.author.id}
	g.acts = group.New(s.groupAct(c, group.Act{
		Kind: group.Create, Members: says.Invited, Admission: says.Admission, Writers: says.Writers,
	}))
	s.groups[g.id] = g
	s.groupList = append(s.groupList, g)
	s.nameGroup(g, says.Name)
	s.mention(g, c.author, says.Invited)
}

// editGroup takes in an edit. Names are not voided by bars, they are replaced. [ROLL-142]
func (s *State) editGroup(c *change) {
	if name := c.event.GroupEdit.Name; name != "" {
		s.nameGroup(c.group, name)
	}
	if !c.group.acts.Closed() {
		s.actInGroup(c)
	}
}

// actInGroup takes in what else is done in a group.
func (s *State) actInGroup(c *change) {
	c.group.acts.Apply(c.groupAct)
	s.mention(c.group, c.author, c.groupAct.Members)
}

// mention notes that a group has to do with some accounts: that of a device that acted in it, and those it is about.
func (s *State) mention(g *heldGroup, author *account, about []keys.MemberID) {
	note := func(a *account) {
		if a == nil || a.groups[g.id] != nil {
			return
		}
		if a.groups == nil {
			a.groups = make(map[keys.GroupID]*heldGroup)
		}
		a.groups[g.id] = g
		s.endBefore(g, a)
	}
	note(author)
	for _, id := range about {
		note(s.members[id])
	}
}

// endInGroups ends what somebody is to every group: they are removed, or re-admitted with other keys. It is said to all
// groups that ever spoke of them: what is void now may count again later, and must not bring them back. [ROLL-147]
func (s *State) endInGroups(a *account, removed bool) {
	for _, g := range a.groups {
		g.acts.Apply(group.Act{Kind: group.End, Index: s.size, Members: []keys.MemberID{a.id}, On: removed})
	}
}

// endBefore tells a group that begins to speak of an account of its removals, which are void now and may count again. [ROLL-147]
func (s *State) endBefore(g *heldGroup, a *account) {
	for _, place := range a.decided {
		if d := &s.decisions[place]; d.removed {
			g.acts.Apply(group.Act{Kind: group.End, Index: d.index, Members: []keys.MemberID{a.id}, On: true})
			g.acts.Judge(s.judgeAct)
		}
	}
}

// judgeGroups folds those groups again of which an act has become void, or counts again. [ROLL-147]
func (s *State) judgeGroups(groups func(yield func(*heldGroup) bool)) {
	for g := range groups {
		g.acts.Judge(s.judgeAct)
	}
}

// judgeAct says whether an act in a group is void by itself, and whether it counts as an admin's. [ROLL-147]
func (s *State) judgeAct(act group.Act) (cut, admin bool) {
	switch {
	case act.Kind == group.End:
		d := s.decisionAt(act.Index)
		return d != nil && d.void, false
	case act.Author.IsZero():
		e := s.enrolments[act.Signer]
		return e != nil && e.author != nil && e.author.devices.Void(e.Device, e.Since), act.Admin
	}
	author := s.members[act.Author]
	role, in := s.roleAt(author, act.Index)
	return !in || author.devices.Void(act.Signer, act.Index), act.Admin && role == RoleAdmin
}

// roleAt returns the role of an account when the roll had a size, and whether it was neither suspended nor removed, by the
// decisions that are not void.
func (s *State) roleAt(a *account, size uint64) (role Role, in bool) {
	role, in = a.first, true
	removed := false
	for _, place := range a.decided {
		d := &s.decisions[place]
		switch {
		case d.index >= size:
			return role, in && !removed
		case d.void:
		case d.role != 0:
			role = d.role
		case d.suspended, d.reinstated:
			in = d.reinstated
		case d.removed:
			removed = true
		}
	}
	return role, in && !removed
}

// decisionAt returns the decision of the entry at an index, nil if there is none.
func (s *State) decisionAt(index uint64) *decision {
	i, found := slices.BinarySearchFunc(s.decisions, index, func(d decision, index uint64) int {
		switch {
		case d.index < index:
			return -1
		case d.index > index:
			return 1
		}
		return 0
	})
	if !found {
		return nil
	}
	return &s.decisions[i]
}

// groupName: a listed group's name is no member's and no other listed group's, and none that looks like one; one that is
// not listed takes none of these when it is named. [ROLL-35]
func groupName(s *State, c *change) error {
	var name string
	if c.event.Group != nil {
		name = c.event.Group.Name
	} else if name = c.event.GroupEdit.Name; name == "" {
		return nil
	} else if name == c.group.name {
		return refuse(ReasonAlready, "")
	}
	if err := checkName(name, s.policy.Tables); err != nil {
		return err
	}
	given := c.root || c.author.role == RoleAdmin
	if !given && s.isReserved(name) {
		return refuse(ReasonNameReserved, "%q", name)
	}
	for _, skeleton := range names.Skeletons(name, s.policy.Tables) {
		if holder := s.names[skeleton]; holder != nil {
			return refuse(ReasonNameTaken, "%q is the member %q, or looks like it", name, holder.name)
		}
		if holder := s.groupNames[skeleton]; holder != nil && holder != c.group {
			return refuse(ReasonNameTaken, "%q is the group %q, or looks like it", name, holder.name)
		}
		if f := s.former[skeleton]; !given && f.account != nil && c.publicNow(s) < f.until {
			return refuse(ReasonNameHeld, "%q", name)
		}
	}
	return nil
}

// publicNow returns the time of an event that everybody agrees on who can read it: of one for an audience it is the stamp
// before it. [ROLL-12]
func (c *change) publicNow(s *State) int64 {
	if c.audience == (Audience{}) {
		return c.now
	}
	return s.Time()
}

// nameGroup gives a group a name that is free. Only a listed one keeps others from it.
func (s *State) nameGroup(g *heldGroup, name string) {
	if g.listed {
		for _, skeleton := range names.Skeletons(g.name, s.policy.Tables) {
			if g.name != "" && s.groupNames[skeleton] == g {
				delete(s.groupNames, skeleton)
			}
		}
		for _, skeleton := range names.Skeletons(name, s.policy.Tables) {
			s.groupNames[skeleton] = g
		}
	}
	g.name = name
}
