package membershiptest

import (
	"slices"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/group"
)

// ids returns the ids of members in the order in which events take them.
func ids(members []*Member) (list []keys.MemberID) {
	for _, m := range members {
		list = append(list, m.ID)
	}
	slices.SortFunc(list, keys.MemberID.Compare)
	return list
}

// GroupEvent returns the creation of a group, in which everybody may write: a listed one, unless admission is by invitation.
func (o *Org) GroupEvent(by keys.PrivateKey, name string, admission group.Admission, invited ...*Member) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) {
		e.Group = &membership.NewGroup{
			Name: name, Admission: admission, Writers: group.Everybody, Listed: admission != group.Invited, Invited: ids(invited),
		}
	})
}

// Group appends GroupEvent and returns the group's name, which all other steps take.
func (o *Org) Group(by keys.PrivateKey, name string, admission group.Admission, invited ...*Member) keys.GroupID {
	o.t.Helper()
	event := o.GroupEvent(by, name, admission, invited...)
	o.Append(event)
	return membership.GroupOf(o.ID, event)
}

// EditGroupEvent returns a change of a group; its Group is filled in.
func (o *Org) EditGroupEvent(by keys.PrivateKey, id keys.GroupID, edit membership.GroupEdit) membership.SignedEvent {
	edit.Group = id
	return o.sign(by, nil, func(e *membership.Event) { e.GroupEdit = &edit })
}

// EditGroup appends EditGroupEvent.
func (o *Org) EditGroup(by keys.PrivateKey, id keys.GroupID, edit membership.GroupEdit) membership.Entry {
	o.t.Helper()
	return o.Append(o.EditGroupEvent(by, id, edit))
}

// AskEvent returns the invitation of members to a group.
func (o *Org) AskEvent(by keys.PrivateKey, id keys.GroupID, members ...*Member) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) {
		e.GroupInvite = &membership.GroupInvite{Group: id, Members: ids(members)}
	})
}

// Ask appends AskEvent.
func (o *Org) Ask(by keys.PrivateKey, id keys.GroupID, members ...*Member) membership.Entry {
	o.t.Helper()
	return o.Append(o.AskEvent(by, id, members...))
}

// EnterGroupEvent returns the event by which the member of a device enters a group, or applies.
func (o *Org) EnterGroupEvent(by keys.PrivateKey, id keys.GroupID) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.GroupJoin = &membership.GroupJoin{Group: id} })
}

// EnterGroup appends EnterGroupEvent.
func (o *Org) EnterGroup(by keys.PrivateKey, id keys.GroupID) membership.Entry {
	o.t.Helper()
	return o.Append(o.EnterGroupEvent(by, id))
}

// AdmitEvent returns the admission of an applicant or, by an admin, of anybody.
func (o *Org) AdmitEvent(by keys.PrivateKey, id keys.GroupID, m *Member) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.GroupAdmit = &membership.GroupAdmit{Group: id, Member: m.ID} })
}

// Admit appends AdmitEvent.
func (o *Org) Admit(by keys.PrivateKey, id keys.GroupID, m *Member) membership.Entry {
	o.t.Helper()
	return o.Append(o.AdmitEvent(by, id, m))
}

// LeaveGroupEvent returns the event by which the member of a device leaves a group.
func (o *Org) LeaveGroupEvent(by keys.PrivateKey, id keys.GroupID) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.GroupLeave = &membership.GroupLeave{Group: id} })
}

// LeaveGroup appends LeaveGroupEvent.
func (o *Org) LeaveGroup(by keys.PrivateKey, id keys.GroupID) membership.Entry {
	o.t.Helper()
	return o.Append(o.LeaveGroupEvent(by, id))
}

// ExpelEvent returns the removal of a member from a group.
func (o *Org) ExpelEvent(by keys.PrivateKey, id keys.GroupID, m *Member) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.GroupRemove = &membership.GroupRemove{Group: id, Member: m.ID} })
}

// Expel appends ExpelEvent.
func (o *Org) Expel(by keys.PrivateKey, id keys.GroupID, m *Member) membership.Entry {
	o.t.Helper()
	return o.Append(o.ExpelEvent(by, id, m))
}

// ModeratorEvent returns the event that makes a member of a group a moderator, or one no more.
func (o *Org) ModeratorEvent(by keys.PrivateKey, id keys.GroupID, m *Member, on bool) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) {
		e.GroupModerator = &membership.GroupModerator{Group: id, Member: m.ID, Moderator: on}
	})
}

// Moderator appends ModeratorEvent.
func (o *Org) Moderator(by keys.PrivateKey, id keys.GroupID, m *Member, on bool) membership.Entry {
	o.t.Helper()
	return o.Append(o.ModeratorEvent(by, id, m, on))
}

// CloseGroupEvent returns the end of a group.
func (o *Org) CloseGroupEvent(by keys.PrivateKey, id keys.GroupID) membership.SignedEvent {
	return o.sign(by, nil, func(e *membership.Event) { e.GroupClose = &membership.GroupClose{Group: id} })
}

// CloseGroup appends CloseGroupEvent.
func (o *Org) CloseGroup(by keys.PrivateKey, id keys.GroupID) membership.Entry {
	o.t.Helper()
	return o.Append(o.CloseGroupEvent(by, id))
}

// ShownTo returns the roll's entries as its node shows them now to a member, or to nobody in particular for the zero id.
func (o *Org) ShownTo(reader keys.MemberID) []membership.Entry {
	shown := slices.Clone(o.Entries)
	for i, entry := range shown {
		if !o.Roll.State().Reads(reader, entry.Audience, uint64(i)) {
			shown[i] = entry.Hide()
		}
	}
	return shown
}
