package node

import (
	"fmt"
	"strings"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/group"
)

// inGroup is what happens in groups.
func (w *wording) inGroup() (kind, what string, ok bool) {
	switch e := &w.event; {
	case e.Group != nil:
		return "group", w.newGroup(e.Group), true
	case e.GroupEdit != nil:
		return "group edit", fmt.Sprintf("changed the group %s: %s", w.group(e.GroupEdit.Group), w.edited(e.GroupEdit)), true
	case e.GroupInvite != nil:
		return "group invite", fmt.Sprintf("invited %s to the group %s", w.members(e.GroupInvite.Members), w.group(e.GroupInvite.Group)), true
	case e.GroupJoin != nil:
		return "group join", "entered the group " + w.group(e.GroupJoin.Group) + ", or applied", true
	case e.GroupAdmit != nil:
		return "group admit", fmt.Sprintf("admitted %s to the group %s", w.member(e.GroupAdmit.Member), w.group(e.GroupAdmit.Group)), true
	case e.GroupLeave != nil:
		return "group leave", "left the group " + w.group(e.GroupLeave.Group) + ", or declined", true
	case e.GroupRemove != nil:
		return "group remove", fmt.Sprintf("removed %s from the group %s", w.member(e.GroupRemove.Member), w.group(e.GroupRemove.Group)), true
	case e.GroupModerator != nil:
		as := "a moderator"
		if !e.GroupModerator.Moderator {
			as = "no moderator any more"
		}
		return "group moderator", fmt.Sprintf("made %s %s of the group %s", w.member(e.GroupModerator.Member), as, w.group(e.GroupModerator.Group)), true
	case e.GroupClose != nil:
		return "group close", "closed the group " + w.group(e.GroupClose.Group), true
	}
	return "", "", false
}

// group names a group so that two with like names can be told apart.
func (w *wording) group(id keys.GroupID) string {
	g, ok := w.state.Group(id)
	if !ok {
		return id.Short()
	}
	return fmt.Sprintf("%s (%s)", w.name(keys.MemberID{}, g.Name), id.Short())
}

func (w *wording) members(ids []keys.MemberID) string {
	var list []string
	for _, id := range ids {
		list = append(list, w.member(id))
	}
	return strings.Join(list, ", ")
}

func (w *wording) newGroup(g *membership.NewGroup) string {
	what := fmt.Sprintf("created the group %s, %s", w.name(keys.MemberID{}, g.Name), admissionText(g.Admission))
	if g.Writers == group.Moderators {
		what += ", for announcements"
	}
	if len(g.Invited) > 0 {
		what += ", and invited " + w.members(g.Invited)
	}
	return what
}

func admissionText(a group.Admission) string {
	if a == group.Invited {
		return "by invitation"
	}
	return a.String()
}

func (w *wording) edited(e *membership.GroupEdit) string {
	var changes []string
	if e.Name != "" {
		changes = append(changes, "its name to "+w.name(keys.MemberID{}, e.Name))
	}
	if e.Admission != 0 {
		changes = append(changes, "admission to "+e.Admission.String())
	}
	if e.Writers != 0 {
		changes = append(changes, "who writes to "+e.Writers.String())
	}
	return strings.Join(changes, ", ")
}
