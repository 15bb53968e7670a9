package membership_test

import (
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/membership/membershiptest"
)

// circle returns an organization's members Ann, Bob and Cid, with a group that is not listed: Ann's, Bob in it, Cid invited.
func circle(o *testOrg) (ann, bob, cid *membershiptest.Member, id keys.GroupID) {
	ann, bob, cid = o.Join("Ann"), o.Join("Bob"), o.Join("Cid")
	id = o.Group(ann.Device(), "Circle", group.Invited, bob, cid)
	o.EnterGroup(bob.Device(), id)
	return ann, bob, cid, id
}

// choir returns the same with a listed group to which one applies: Ann's, Bob in it, Cid an applicant.
func choir(o *testOrg) (ann, bob, cid *membershiptest.Member, id keys.GroupID) {
	ann, bob, cid = o.Join("Ann"), o.Join("Bob"), o.Join("Cid")
	id = o.Group(ann.Device(), "Choir", group.Moderated, bob)
	o.EnterGroup(bob.Device(), id)
	o.EnterGroup(cid.Device(), id)
	return ann, bob, cid, id
}

// groupOf returns the creation of a group that is a little off.
func groupOf(change func(*testOrg, *membership.NewGroup)) func(*testOrg) membership.SignedEvent {
	return func(o *testOrg) membership.SignedEvent {
		ann := o.Join("Ann")
		e := o.Event(ann.Device())
		e.Group = &membership.NewGroup{Name: "Choir", Admission: group.Open, Writers: group.Everybody, Listed: true}
		change(o, e.Group)
		return membership.SignEvent(e, ann.Device(), nil)
	}
}

// groupCases: groups, by the rules of the roll; those of a group alone are in package group.
func groupCases() []foldCase {
	const malformed, taken, role = membership.ReasonMalformed, membership.ReasonNameTaken, membership.ReasonRole
	type people struct {
		ann, bob, cid *membershiptest.Member
		id            keys.GroupID
	}
	in := func(made func(*testOrg) (a, b, c *membershiptest.Member, id keys.GroupID), next func(*testOrg, people) membership.SignedEvent) func(*testOrg) membership.SignedEvent {
		return func(o *testOrg) membership.SignedEvent {
			ann, bob, cid, id := made(o)
			return next(o, people{ann, bob, cid, id})
		}
	}
	named := func(name string) func(*testOrg) membership.SignedEvent {
		return groupOf(func(_ *testOrg, g *membership.NewGroup) { g.Name = name })
	}
	guest := func(o *testOrg) *membershiptest.Member { return o.JoinAs("Gil", membership.RoleGuest) }
	return []foldCase{
		ofEvent("ok_group", "[ROLL-140]", "a listed group that is open", 0, groupOf(func(*testOrg, *membership.NewGroup) {})),
		ofEvent("ok_group_unlisted", "[ROLL-140]", "a group by invitation, with a counter of its own", 0,
			func(o *testOrg) membership.SignedEvent {
				ann, bob := o.Join("Ann"), o.Join("Bob")
				return o.GroupEvent(ann.Device(), "Circle", group.Invited, bob)
			}),
		ofEvent("group_listed_invited", "[ROLL-140]", "a listed group by invitation", malformed,
			groupOf(func(_ *testOrg, g *membership.NewGroup) { g.Admission = group.Invited })),
		ofEvent("group_unlisted_open", "[ROLL-140]", "an open group that is not listed", malformed,
			groupOf(func(_ *testOrg, g *membership.NewGroup) { g.Listed = false })),
		ofEvent("group_admission", "[ROLL-140]", "an admission that there is not", malformed,
			groupOf(func(_ *testOrg, g *membership.NewGroup) { g.Admission = 4 })),
		ofEvent("group_writers", "[ROLL-140]", "a set of writers that there is not", malformed,
			groupOf(func(_ *testOrg, g *membership.NewGroup) { g.Writers = 3 })),
		ofEvent("group_order", "[ROLL-140]", "the invited are not in ascending order", malformed,
			groupOf(func(o *testOrg, g *membership.NewGroup) {
				bob, cid := o.Join("Bob").ID, o.Join("Cid").ID
				if g.Invited = []keys.MemberID{bob, cid}; bob.Compare(cid) < 0 {
					g.Invited = []keys.MemberID{cid, bob}
				}
			})),
		ofEvent("group_by_guest", "[ROLL-140]", "a guest creates a group", role, func(o *testOrg) membership.SignedEvent {
			return o.GroupEvent(guest(o).Device(), "Choir", group.Open)
		}),
		ofEvent("group_by_policy", "[ROLL-140]", "a member creates a group where only admins do", role,
			func(o *testOrg) membership.SignedEvent {
				under(o, func(p *membership.Policy) { p.Groups = membership.RolesOf(membership.RoleAdmin) })
				return o.GroupEvent(o.Join("Ann").Device(), "Choir", group.Open)
			}),
		ofEvent("group_of_guest", "[ROLL-143]", "a guest is invited", role, func(o *testOrg) membership.SignedEvent {
			gil := guest(o)
			return o.GroupEvent(o.Join("Ann").Device(), "Choir", group.Open, gil)
		}),
		ofEvent("group_of_removed", "[ROLL-143]", "a removed member is invited", membership.ReasonRemoved,
			func(o *testOrg) membership.SignedEvent {
				bob := o.Join("Bob")
				o.Remove(o.Founder.Device(), bob)
				return o.GroupEvent(o.Join("Ann").Device(), "Choir", group.Open, bob)
			}),
		ofEvent("group_name_member", "[ROLL-35]", "a group takes a member's name", taken, named("Founder")),
		ofEvent("group_name_alike", "[ROLL-35]", "a group's name looks like a member's", taken, named("F0under")),
		ofEvent("group_name_group", "[ROLL-35]", "a group takes the name of another", taken, func(o *testOrg) membership.SignedEvent {
			ann := o.Join("Ann")
			o.Group(ann.Device(), "Choir", group.Open)
			return o.GroupEvent(ann.Device(), "choir", group.Invited)
		}),
		ofEvent("group_name_reserved", "[ROLL-35]", "a member's group takes a reserved name", membership.ReasonNameReserved, named("Support")),
		ofEvent("group_name_rule", "[ROLL-35]", "a name that is none", membership.ReasonNameRule, named("")),
		ofEvent("name_of_group", "[ROLL-35]", "somebody joins by the name of a listed group", taken, func(o *testOrg) membership.SignedEvent {
			o.Group(o.Founder.Device(), "Choir", group.Open)
			return o.JoinEvent(o.Invite(o.Founder, membership.RoleMember, 1), stranger(o, "Choir"))
		}),
		ofEvent("ok_name_of_unlisted", "[ROLL-35]", "somebody joins by the name of a group that not everybody knows", 0,
			func(o *testOrg) membership.SignedEvent {
				o.Group(o.Founder.Device(), "Circle", group.Invited)
				return o.JoinEvent(o.Invite(o.Founder, membership.RoleMember, 1), stranger(o, "Circle"))
			}),
		ofEvent("group_unknown", "[ROLL-141]", "a group that there is not", membership.ReasonUnknown, func(o *testOrg) membership.SignedEvent {
			return o.EnterGroupEvent(o.Join("Ann").Device(), keys.GroupID{1})
		}),
		ofEvent("group_ask_member", "[ROLL-143]", "a member who is no moderator invites", role,
			in(circle, func(o *testOrg, p people) membership.SignedEvent {
				return o.AskEvent(p.bob.Device(), p.id, o.Founder)
			})),
		ofEvent("group_enter_stranger", "[ROLL-144]", "who was not invited enters", membership.ReasonNotInvited,
			in(circle, func(o *testOrg, p people) membership.SignedEvent {
				return o.EnterGroupEvent(o.Join("Dan").Device(), p.id)
			})),
		ofEvent("ok_group_enter", "[ROLL-144]", "who was invited enters", 0,
			in(circle, func(o *testOrg, p people) membership.SignedEvent { return o.EnterGroupEvent(p.cid.Device(), p.id) })),
		ofEvent("group_enter_counter", "[ROLL-14]", "a counter of the events for all", membership.ReasonCounter,
			in(circle, func(o *testOrg, p people) membership.SignedEvent {
				e := o.Event(p.cid.Device())
				e.Counter, e.GroupJoin = 2, &membership.GroupJoin{Group: p.id}
				return membership.SignEvent(e, p.cid.Device(), nil)
			})),
		ofEvent("group_enter_guest", "[ROLL-144]", "a guest enters an open group", role, func(o *testOrg) membership.SignedEvent {
			id := o.Group(o.Founder.Device(), "Choir", group.Open)
			return o.EnterGroupEvent(guest(o).Device(), id)
		}),
		ofEvent("ok_group_admit", "[ROLL-144]", "a moderator admits an applicant", 0,
			in(choir, func(o *testOrg, p people) membership.SignedEvent { return o.AdmitEvent(p.ann.Device(), p.id, p.cid) })),
		ofEvent("ok_group_admit_admin", "[ROLL-144]", "an admin admits who has not asked", 0,
			in(circle, func(o *testOrg, p people) membership.SignedEvent {
				return o.AdmitEvent(o.Founder.Device(), p.id, o.Join("Dan"))
			})),
		ofEvent("ok_group_admit_root", "[ROLL-144]", "the root key admits who has not asked", 0,
			in(circle, func(o *testOrg, p people) membership.SignedEvent { return o.AdmitEvent(o.Root, p.id, p.cid) })),
		ofEvent("group_leave_last", "[ROLL-145]", "the last moderator leaves", membership.ReasonLastModerator,
			in(choir, func(o *testOrg, p people) membership.SignedEvent { return o.LeaveGroupEvent(p.ann.Device(), p.id) })),
		ofEvent("ok_group_leave", "[ROLL-145]", "an applicant withdraws", 0,
			in(choir, func(o *testOrg, p people) membership.SignedEvent { return o.LeaveGroupEvent(p.cid.Device(), p.id) })),
		ofEvent("ok_group_remove", "[ROLL-145]", "a moderator removes a member", 0,
			in(circle, func(o *testOrg, p people) membership.SignedEvent { return o.ExpelEvent(p.ann.Device(), p.id, p.bob) })),
		ofEvent("group_remove_role", "[ROLL-145]", "a member removes a moderator", role,
			in(circle, func(o *testOrg, p people) membership.SignedEvent { return o.ExpelEvent(p.bob.Device(), p.id, p.ann) })),
		ofEvent("ok_group_moderator", "[ROLL-145]", "a moderator names another", 0,
			in(circle, func(o *testOrg, p people) membership.SignedEvent {
				return o.ModeratorEvent(p.ann.Device(), p.id, p.bob, true)
			})),
		ofEvent("group_closed", "[ROLL-141]", "a closed group", membership.ReasonGroupClosed,
			in(choir, func(o *testOrg, p people) membership.SignedEvent {
				o.CloseGroup(p.ann.Device(), p.id)
				return o.AskEvent(p.ann.Device(), p.id, o.Founder)
			})),
		ofEvent("ok_group_edit", "[ROLL-142]", "a group gets another name, opens, and is for announcements", 0,
			in(choir, func(o *testOrg, p people) membership.SignedEvent {
				return o.EditGroupEvent(p.ann.Device(), p.id, membership.GroupEdit{
					Name: "Chorus", Admission: group.Open, Writers: group.Moderators,
				})
			})),
		ofEvent("group_edit_nothing", "[ROLL-142]", "an edit of nothing", malformed,
			in(choir, func(o *testOrg, p people) membership.SignedEvent {
				return o.EditGroupEvent(p.ann.Device(), p.id, membership.GroupEdit{})
			})),
		ofEvent("group_edit_same", "[ROLL-142]", "an edit to what is", membership.ReasonAlready,
			in(choir, func(o *testOrg, p people) membership.SignedEvent {
				return o.EditGroupEvent(p.ann.Device(), p.id, membership.GroupEdit{Name: "Choir"})
			})),
		ofEvent("group_edit_unlisted", "[ROLL-142]", "a group that is not listed opens", malformed,
			in(circle, func(o *testOrg, p people) membership.SignedEvent {
				return o.EditGroupEvent(p.ann.Device(), p.id, membership.GroupEdit{Admission: group.Open})
			})),
		ofEvent("ok_group_edit_closed", "[ROLL-142]", "an admin takes its name from a closed group", 0,
			in(choir, func(o *testOrg, p people) membership.SignedEvent {
				o.CloseGroup(p.ann.Device(), p.id)
				return o.EditGroupEvent(o.Founder.Device(), p.id, membership.GroupEdit{Name: "Old choir"})
			})),
		ofEvent("group_size", "[ROLL-146]", "one more than a group holds", membership.ReasonLimit,
			in(circle, func(o *testOrg, p people) membership.SignedEvent {
				under(o, func(policy *membership.Policy) { policy.GroupSize = 3 })
				return o.AskEvent(p.ann.Device(), p.id, o.Founder)
			})),
		ofEvent("group_count", "[ROLL-146]", "one listed group more than a member may be in", membership.ReasonLimit,
			in(choir, func(o *testOrg, p people) membership.SignedEvent {
				under(o, func(policy *membership.Policy) { policy.GroupsPerMember = 1 })
				id := o.Group(o.Founder.Device(), "Chess", group.Open)
				return o.EnterGroupEvent(p.bob.Device(), id)
			})),
		ofEvent("group_returned_readmitted", "[ROLL-147]", "who was re-admitted leaves a group in which their place was void then, and counts again", membership.ReasonUnknown,
			func(o *testOrg) membership.SignedEvent {
				ann, bob := o.Join("Ann"), o.Join("Bob")
				id := o.Group(ann.Device(), "Circle", group.Invited)
				phone, from := o.AddDevice(ann), o.Roll.Size()
				o.Ask(phone, id, bob)
				o.EnterGroup(bob.Device(), id)
				theft := o.Roll.Size()
				o.Bar(ann.Device(), phone.Public(), from)
				device := o.Key()
				readmission := o.Readmit(o.Founder.Device(), bob, device.Public(), o.Key().Public(), false)
				o.Wait()
				o.Enter(device, readmission)
				o.Bar(ann.Recovery, ann.Device().Public(), theft)
				return o.LeaveGroupEvent(device, id)
			}),
		ofEvent("group_returned_suspended", "[ROLL-147]", "who was brought by an admin whose suspension was void then, and counts again", membership.ReasonUnknown,
			func(o *testOrg) membership.SignedEvent {
				ann, abe, eve := o.Join("Ann"), o.JoinAs("Abe", membership.RoleAdmin), o.JoinAs("Eve", membership.RoleAdmin)
				id := o.Group(ann.Device(), "Circle", group.Invited)
				phone, from := o.AddDevice(abe), o.Roll.Size()
				o.Suspend(phone, eve)
				theft := o.Roll.Size()
				o.Bar(abe.Device(), phone.Public(), from)
				bob := o.Join("Bob")
				o.Admit(eve.Device(), id, bob)
				o.Bar(abe.Recovery, abe.Device().Public(), theft)
				return o.LeaveGroupEvent(bob.Device(), id)
			}),
		{"group_audience_all", "[ROLL-18]", "an event of a group that is not listed, for everybody", membership.ReasonAudience,
			func(o *testOrg) membership.Entry {
				_, _, cid, id := circle(o)
				entry := o.Entry(o.EnterGroupEvent(cid.Device(), id))
				entry.Audience = membership.Audience{}
				return entry
			}},
		{"group_audience_listed", "[ROLL-18]", "an event of a listed group, for its people only", membership.ReasonAudience,
			func(o *testOrg) membership.Entry {
				ann, _, cid, id := choir(o)
				entry := o.Entry(o.AdmitEvent(ann.Device(), id, cid))
				entry.Audience = membership.Audience{Kind: membership.AudienceGroup, ID: id}
				return entry
			}},
		{"group_audience_other", "[ROLL-18]", "an event of one group for another's people", membership.ReasonAudience,
			func(o *testOrg) membership.Entry {
				_, _, cid, id := circle(o)
				entry := o.Entry(o.EnterGroupEvent(cid.Device(), id))
				entry.Audience.ID = o.Group(o.Founder.Device(), "Club", group.Invited)
				return entry
			}},
		{"ok_group_hidden", "[ROLL-18]", "an event of a group, without its event", 0, func(o *testOrg) membership.Entry {
			_, _, cid, id := circle(o)
			return o.Entry(o.EnterGroupEvent(cid.Device(), id)).Hide()
		}},
		{"group_hidden_listed", "[ROLL-18]", "what is said to be of a listed group, without its event", membership.ReasonAudience,
			func(o *testOrg) membership.Entry {
				ann, _, cid, id := choir(o)
				entry := o.Entry(o.AdmitEvent(ann.Device(), id, cid))
				entry.Audience = membership.Audience{Kind: membership.AudienceGroup, ID: id}
				return entry.Hide()
			}},
	}
}
