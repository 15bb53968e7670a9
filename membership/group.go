package membership

import (
	"muster.example/internal/keys"
	"muster.example/membership/group"
)

// MaxInvited is how many members one event invites to a group. [ROLL-40]
const MaxInvited = 64

// NewGroup is the event by which a member creates a group, whose first member and moderator they are. What happens in a
// listed group is for everybody to see; one that is not listed is known to its own people and to admins. [ROLL-140]
type NewGroup struct {
	plain
	Name      string          `cbor:"1,keyasint"`
	Admission group.Admission `cbor:"2,keyasint"` // group.Invited if and only if it is not listed
	Writers   group.Writers   `cbor:"3,keyasint"`
	Listed    bool            `cbor:"4,keyasint"`
	Invited   memberList      `cbor:"5,keyasint,omitempty"` // ascending
}

// GroupEdit changes a group; what is zero stays. [ROLL-142]
type GroupEdit struct {
	plain
	Group     keys.GroupID    `cbor:"1,keyasint"`
	Name      string          `cbor:"2,keyasint,omitzero"`
	Admission group.Admission `cbor:"3,keyasint,omitzero"`
	Writers   group.Writers   `cbor:"4,keyasint,omitzero"`
}

// GroupInvite asks members to enter a group. [ROLL-143]
type GroupInvite struct {
	plain
	Group   keys.GroupID `cbor:"1,keyasint"`
	Members memberList   `cbor:"2,keyasint"` // ascending
}

// GroupJoin is a member's own: to enter a group at once, by an invitation, or to apply. [ROLL-144]
type GroupJoin struct {
	plain
	Group keys.GroupID `cbor:"1,keyasint"`
}

// GroupAdmit makes an applicant a member; an admin's makes anybody one. [ROLL-144]
type GroupAdmit struct {
	plain
	Group  keys.GroupID  `cbor:"1,keyasint"`
	Member keys.MemberID `cbor:"2,keyasint"`
}

// GroupLeave is a member's own: to leave a group, to decline an invitation, or to withdraw an application. [ROLL-145]
type GroupLeave struct {
	plain
	Group keys.GroupID `cbor:"1,keyasint"`
}

// GroupRemove ends somebody else's membership, invitation or application. [ROLL-145]
type GroupRemove struct {
	plain
	Group  keys.GroupID  `cbor:"1,keyasint"`
	Member keys.MemberID `cbor:"2,keyasint"`
}

// GroupModerator makes a member of the group a moderator, or one no more. [ROLL-145]
type GroupModerator struct {
	plain
	Group     keys.GroupID  `cbor:"1,keyasint"`
	Member    keys.MemberID `cbor:"2,keyasint"`
	Moderator bool          `cbor:"3,keyasint"`
}

// GroupClose ends a group. [ROLL-145]
type GroupClose struct {
	plain
	Group keys.GroupID `cbor:"1,keyasint"`
}

// memberList is a list of members that travels as an array and may not be empty where it is there.
type memberList []keys.MemberID

// form: the list is not too long, and its members come once, in the order of their bytes.
func (l memberList) form() error {
	if len(l) > MaxInvited {
		return refuse(ReasonMalformed, "%d members are invited, at most %d may be at once", len(l), MaxInvited)
	}
	for i := range l {
		if i > 0 && l[i-1].Compare(l[i]) >= 0 {
			return refuse(ReasonMalformed, "the members are not an ascending list")
		}
	}
	return nil
}

func (n *NewGroup) form() error {
	switch {
	case !n.Admission.Valid() || !n.Writers.Valid():
		return refuse(ReasonMalformed, "no way into a group has number %d, or no set of writers %d", n.Admission, n.Writers)
	case n.Listed == (n.Admission == group.Invited):
		return refuse(ReasonMalformed, "a group is by invitation if it is not listed, and only then")
	}
	if err := n.Invited.form(); err != nil {
		return err
	}
	return checkNameSize("name", n.Name)
}

func (e *GroupEdit) form() error {
	switch {
	case e.Name == "" && e.Admission == 0 && e.Writers == 0:
		return refuse(ReasonMalformed, "the group stays as it is")
	case e.Admission != 0 && e.Admission != group.Open && e.Admission != group.Moderated:
		return refuse(ReasonMalformed, "a group does not become by invitation: it is so, or never")
	case e.Writers != 0 && !e.Writers.Valid():
		return refuse(ReasonMalformed, "no set of writers has number %d", e.Writers)
	}
	return checkNameSize("name", e.Name)
}

func (i *GroupInvite) form() error {
	if len(i.Members) == 0 {
		return refuse(ReasonMalformed, "nobody is invited")
	}
	return i.Members.form()
}

// inGroup is a body that acts in a group which is on the roll.
type inGroup interface {
	in() keys.GroupID
	groupAct() group.Act // without what the roll knows
}

func (e *GroupEdit) in() keys.GroupID      { return e.Group }
func (i *GroupInvite) in() keys.GroupID    { return i.Group }
func (j *GroupJoin) in() keys.GroupID      { return j.Group }
func (a *GroupAdmit) in() keys.GroupID     { return a.Group }
func (l *GroupLeave) in() keys.GroupID     { return l.Group }
func (r *GroupRemove) in() keys.GroupID    { return r.Group }
func (m *GroupModerator) in() keys.GroupID { return m.Group }
func (c *GroupClose) in() keys.GroupID     { return c.Group }

func (e *GroupEdit) groupAct() group.Act {
	return group.Act{Kind: group.Edit, Admission: e.Admission, Writers: e.Writers}
}
func (i *GroupInvite) groupAct() group.Act { return group.Act{Kind: group.Ask, Members: i.Members} }
func (*GroupJoin) groupAct() group.Act     { return group.Act{Kind: group.Enter} }
func (a *GroupAdmit) groupAct() group.Act {
	return group.Act{Kind: group.Admit, Members: memberList{a.Member}}
}
func (*GroupLeave) groupAct() group.Act { return group.Act{Kind: group.Leave} }
func (r *GroupRemove) groupAct() group.Act {
	return group.Act{Kind: group.Expel, Members: memberList{r.Member}}
}
func (m *GroupModerator) groupAct() group.Act {
	return group.Act{Kind: group.Moderate, Members: memberList{m.Member}, On: m.Moderator}
}
func (*GroupClose) groupAct() group.Act { return group.Act{Kind: group.Close} }

func (*NewGroup) kind() *kind       { return &newGroupKind }
func (*GroupEdit) kind() *kind      { return &groupEditKind }
func (*GroupInvite) kind() *kind    { return &groupBringKind }
func (*GroupJoin) kind() *kind      { return &groupOwnKind }
func (*GroupAdmit) kind() *kind     { return &groupBringKind }
func (*GroupLeave) kind() *kind     { return &groupOwnKind }
func (*GroupRemove) kind() *kind    { return &groupKind }
func (*GroupModerator) kind() *kind { return &groupKind }
func (*GroupClose) kind() *kind     { return &groupKind }

// The kinds of events about groups. What is for the one that it is about to do is by their device; the rest is by a
// moderator, who is a device too, or by an admin.
var (
	newGroupKind = kind{
		rules: []rule{sequenced, byDevice, mayCreate, counted, inviteesAllowed, groupName},
		apply: (*State).createGroup,
	}
	groupEditKind = kind{
		rules: []rule{sequenced, byDeviceOrRoot, ofGroup, counted, editAllowed, groupName},
		apply: (*State).editGroup,
	}
	groupBringKind = kind{
		rules: []rule{sequenced, byDeviceRootOrEnrolment, ofGroup, enrolledGroup, counted, inviteesAllowed, groupAllowed, groupsLeft},
		apply: (*State).actInGroup,
	}
	groupOwnKind = kind{
		rules: []rule{sequenced, byDevice, ofGroup, counted, notByGuest, groupAllowed, groupsLeft},
		apply: (*State).actInGroup,
	}
	groupKind = kind{
		rules: []rule{sequenced, byDeviceRootOrEnrolment, ofGroup, enrolledGroup, counted, groupAllowed},
		apply: (*State).actInGroup,
	}
)

// mayCreate: the policy lets the author's role create groups, and for a listed one the author is not in too many.
// [ROLL-140] [ROLL-146]
func mayCreate(s *State, c *change) error {
	if !s.policy.Groups.Has(c.author.role) {
		return refuse(ReasonRole, "a %s creates no groups", c.author.role)
	}
	if uint64(len(c.event.Group.Invited)) >= s.policy.GroupSize {
		return refuse(ReasonLimit, "a group has at most %d members", s.policy.GroupSize)
	}
	if c.event.Group.Listed {
		return s.roomForGroups(c.author)
	}
	return nil
}

// ofGroup finds the group. [ROLL-141]
func ofGroup(s *State, c *change) error {
	says := c.event.says().(inGroup)
	if c.group = s.groups[says.in()]; c.group == nil {
		return refuse(ReasonUnknown, "no group %s", says.in().Short())
	}
	c.groupAct = s.groupAct(c, says.groupAct())
	return nil
}

// groupAct says of an act in a group what the roll knows of it.
func (s *State) groupAct(c *change, act group.Act) group.Act {
	act.Index, act.Signer, act.Admin = s.size, c.by.Signer, c.root || c.enrolment != nil
	if c.author != nil && !c.root {
		act.Author, act.Admin = c.author.id, c.author.role == RoleAdmin
	}
	return act
}

// groupAllowed asks the group. [ROLL-141]
func groupAllowed(s *State, c *change) error {
	return refusalOf(c.group.acts.Check(c.groupAct, int(s.policy.GroupSize)))
}

// editAllowed: a moderator changes what is otherwise. Of a closed group that is listed an admin changes the name, so that
// it can be free again. [ROLL-142]
func editAllowed(s *State, c *change) error {
	edit, g := c.event.GroupEdit, c.group
	onlyName := edit.Admission == 0 && edit.Writers == 0
	if g.acts.Closed() && g.listed && onlyName && c.groupAct.Admin {
		return nil
	}
	if err := groupAllowed(s, c); err != nil {
		return err
	}
	switch {
	case edit.Admission != 0 && !g.listed:
		return refuse(ReasonMalformed, "a group that is not listed is by invitation")
	case edit.Admission == g.acts.Admission(), edit.Writers == g.acts.Writers():
		return refuse(ReasonAlready, "")
	}
	return nil
}

// notByGuest: guests are in no group. [ROLL-141]
func notByGuest(_ *State, c *change) error {
	if c.author.role == RoleGuest {
		return refuse(ReasonRole, "a guest is in no group")
	}
	return nil
}

// inviteesAllowed: who is brought into a group is another member, and no guest. [ROLL-143]
func inviteesAllowed(s *State, c *change) error {
	var brought memberList
	switch e := &c.event; {
	case e.Group != nil:
		brought = e.Group.Invited
	case e.GroupInvite != nil:
		brought = e.GroupInvite.Members
	case e.GroupAdmit != nil:
		brought = memberList{e.GroupAdmit.Member}
	}
	for _, id := range brought {
		switch a := s.members[id]; {
		case a == nil:
			return refuse(ReasonUnknown, "no member %s", id.Short())
		case a.removed:
			return refuse(ReasonRemoved, "")
		case a.role == RoleGuest:
			return refuse(ReasonRole, "a guest is in no group")
		case a == c.author && c.event.GroupAdmit == nil:
			return refuse(ReasonAlready, "nobody invites themselves")
		}
	}
	return nil
}

// groupsLeft: who comes into a listed group is not in too many already. Of others not everybody knows who is in them, so
// that only the sequencer counts them. [ROLL-146]
func groupsLeft(s *State, c *change) error {
	if !c.group.listed {
		return nil
	}
	return s.roomForGroups(s.entering(c))
}

// entering returns whom an event makes a member of a group, or an applicant; nil for nobody.
func (s *State) entering(c *change) *account {
	switch e := &c.event; {
	case e.Group != nil, e.GroupJoin != nil:
		return c.author
	case e.GroupAdmit != nil:
		return s.members[e.GroupAdmit.Member]
	}
	return nil
}

// roomForGroups: somebody is in fewer listed groups than the policy allows. [ROLL-146]
func (s *State) roomForGroups(a *account) error {
	if a != nil && uint64(a.groupCount(true)) >= s.policy.GroupsPerMember {
		return refuse(ReasonLimit, "a member is in at most %d groups", s.policy.GroupsPerMember)
	}
	return nil
}

// quota is roomForGroups with the groups that are not listed, for who knows them all. [ROLL-146]
func (s *State) quota(c *change) error {
	if a := s.entering(c); a != nil && uint64(a.groupCount(false)) >= s.policy.GroupsPerMember {
		return refuse(ReasonLimit, "a member is in at most %d groups", s.policy.GroupsPerMember)
	}
	return nil
}

// groupCount returns how many groups somebody is in.
func (a *account) groupCount(listed bool) (n int) {
	for _, g := range a.groups {
		status, _ := g.acts.Status(a.id)
		if status == group.IsMember && !g.acts.Closed() && (g.listed || !listed) {
			n++
		}
	}
	return n
}
