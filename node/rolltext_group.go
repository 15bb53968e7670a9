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
		return "group edit", w.put("group.edit", "changed the group %s: ", w.group(e.GroupEdit.Group)) + w.edited(e.GroupEdit), true
	case e.GroupInvite != nil:
		return "group invite", w.put("group.invite", "invited %s to the group %s", w.members(e.GroupInvite.Members), w.group(e.GroupInvite.Group)), true
	case e.GroupJoin != nil:
		return "group join", w.put("group.join", "entered the group %s, or applied", w.group(e.GroupJoin.Group)), true
	case e.GroupAdmit != nil:
		return "group admit", w.put("group.admit", "admitted %s to the group %s", w.member(e.GroupAdmit.Member), w.group(e.GroupAdmit.Group)), true
	case e.GroupLeave != nil:
		return "group leave", w.put("group.leave", "left the group %s, or declined", w.group(e.GroupLeave.Group)), true
	case e.GroupRemove != nil:
		return "group remove", w.put("group.remove", "removed %s from the group %s", w.member(e.GroupRemove.Member), w.group(e.GroupRemove.Group)), true
	case e.GroupModerator != nil:
		member, in := w.member(e.GroupModerator.Member), w.group(e.GroupModerator.Group)
		if !e.GroupModerator.Moderator {
			return "group moderator", w.put("group.nomoderator", "made %s no moderator any more of the group %s", member, in), true
		}
		return "group moderator", w.put("group.moderator", "made %s a moderator of the group %s", member, in), true
	case e.GroupClose != nil:
		return "group close", w.put("group.close", "closed the group %s", w.group(e.GroupClose.Group)), true
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
	what := w.put("group", "created the group %s, %s", w.name(keys.MemberID{}, g.Name), admissionText(g.Admission))
	if g.Writers == group.Moderators {
		what += w.put("group.announce", ", for announcements")
	}
	if len(g.Invited) > 0 {
		what += w.put("group.invited", ", and invited %s", w.members(g.Invited))
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
		changes = append(changes, w.put("group.name", "its name to %s", w.name(keys.MemberID{}, e.Name)))
	}
	if e.Admission != 0 {
		changes = append(changes, w.put("group.admission", "admission to %s", e.Admission))
	}
	if e.Writers != 0 {
		changes = append(changes, w.put("group.writers", "who writes to %s", e.Writers))
	}
	return strings.Join(changes, ", ")
}
