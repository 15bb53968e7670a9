package membership_test

import (
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// decisionCases: roles, suspensions and removals, and what a bar voids of them.
func decisionCases() []foldCase {
	const role, already, own = membership.ReasonRole, membership.ReasonAlready, membership.ReasonOwnAccount
	const keyRole, removed, suspended = membership.ReasonKeyRole, membership.ReasonRemoved, membership.ReasonSuspended
	// with returns a case that the founder's device and Ann are enough for.
	with := func(make func(o *testOrg, admin keys.PrivateKey, ann *membershiptest.Member) membership.SignedEvent) func(
		*testOrg) membership.SignedEvent {
		return func(o *testOrg) membership.SignedEvent { return make(o, o.Founder.Device(), o.Join("Ann")) }
	}
	type member = membershiptest.Member
	return []foldCase{
		ofEvent("ok_role", "[ROLL-90]", "an admin makes a member an admin", 0,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				return o.SetRoleEvent(admin, ann, membership.RoleAdmin)
			})),
		ofEvent("ok_role_root", "[ROLL-95]", "the root key takes its role from the last admin", 0,
			func(o *testOrg) membership.SignedEvent {
				return o.SetRoleEvent(o.Root, o.Founder, membership.RoleMember)
			}),
		ofEvent("ok_role_own", "[ROLL-90]", "one of two admins gives the role up", 0,
			func(o *testOrg) membership.SignedEvent {
				o.JoinAs("Ann", membership.RoleAdmin)
				return o.SetRoleEvent(o.Founder.Device(), o.Founder, membership.RoleDesk)
			}),
		ofEvent("role_already", "[ROLL-90]", "a role that the member has", already,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				return o.SetRoleEvent(admin, ann, membership.RoleMember)
			})),
		ofEvent("role_guest", "[ROLL-90]", "a member becomes a guest", role,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				return o.SetRoleEvent(admin, ann, membership.RoleGuest)
			})),
		ofEvent("role_of_guest", "[ROLL-90]", "a guest becomes a member", role,
			func(o *testOrg) membership.SignedEvent {
				return o.SetRoleEvent(o.Founder.Device(), o.JoinAs("Ann", membership.RoleGuest), membership.RoleMember)
			}),
		ofEvent("role_last", "[ROLL-95]", "the last admin gives the role up", membership.ReasonLastAdmin,
			func(o *testOrg) membership.SignedEvent {
				return o.SetRoleEvent(o.Founder.Device(), o.Founder, membership.RoleMember)
			}),
		ofEvent("role_last_suspended", "[ROLL-95]", "an admin gives the role up while the other is suspended",
			membership.ReasonLastAdmin, func(o *testOrg) membership.SignedEvent {
				o.Suspend(o.Founder.Device(), o.JoinAs("Ann", membership.RoleAdmin))
				return o.SetRoleEvent(o.Founder.Device(), o.Founder, membership.RoleMember)
			}),
		ofEvent("role_member", "[ROLL-90]", "a member makes themself an admin", role,
			with(func(o *testOrg, _ keys.PrivateKey, ann *member) membership.SignedEvent {
				return o.SetRoleEvent(ann.Device(), ann, membership.RoleAdmin)
			})),
		ofEvent("role_recovery", "[ROLL-90]", "an admin's recovery key changes a role", membership.ReasonNotMember,
			with(func(o *testOrg, _ keys.PrivateKey, ann *member) membership.SignedEvent {
				return o.SetRoleEvent(o.Founder.Recovery, ann, membership.RoleAdmin)
			})),
		ofEvent("role_stranger", "[ROLL-90]", "a role for nobody", membership.ReasonUnknown,
			func(o *testOrg) membership.SignedEvent {
				return o.SetRoleEvent(o.Founder.Device(), stranger(o, "Ann"), membership.RoleAdmin)
			}),
		ofEvent("role_removed", "[ROLL-92]", "a role for a member who was removed", removed,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				o.Remove(admin, ann)
				return o.SetRoleEvent(admin, ann, membership.RoleAdmin)
			})),
		ofEvent("malformed_role_change", "[ROLL-5]", "a change to role 5", membership.ReasonMalformed,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				return o.SetRoleEvent(admin, ann, 5)
			})),
		ofEvent("ok_suspend", "[ROLL-91]", "an admin suspends a member", 0,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				return o.SuspendEvent(admin, ann)
			})),
		ofEvent("suspend_again", "[ROLL-91]", "a suspended member is suspended", already,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				o.Suspend(admin, ann)
				return o.SuspendEvent(admin, ann)
			})),
		ofEvent("ok_suspend_confirmed", "[ROLL-97]", "the root key confirms a suspension", 0,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				o.Suspend(admin, ann)
				return o.SuspendEvent(o.Root, ann)
			})),
		ofEvent("suspend_rooted", "[ROLL-97]", "an admin confirms what the root key decided", already,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				o.Suspend(o.Root, ann)
				return o.SuspendEvent(admin, ann)
			})),
		ofEvent("suspend_own", "[ROLL-94]", "an admin suspends their own account", own,
			func(o *testOrg) membership.SignedEvent {
				o.JoinAs("Ann", membership.RoleAdmin)
				return o.SuspendEvent(o.Founder.Device(), o.Founder)
			}),
		ofEvent("suspended_invites", "[ROLL-79]", "a device of a suspended member invites", suspended,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				o.Suspend(admin, ann)
				return inviteBy(o, ann.Device())
			})),
		ofEvent("suspended_bars", "[ROLL-79]", "a device of a suspended member bars itself", suspended,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				o.Suspend(admin, ann)
				return o.BarEvent(ann.Device(), ann.Device().Public(), 0)
			})),
		ofEvent("ok_suspended_recovery", "[ROLL-79]", "the recovery key of a suspended member bars a device", 0,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				o.Suspend(admin, ann)
				return o.BarEvent(ann.Recovery, ann.Device().Public(), o.Roll.Size())
			})),
		ofEvent("ok_reinstate", "[ROLL-91]", "an admin reinstates a member", 0,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				o.Suspend(admin, ann)
				return o.ReinstateEvent(admin, ann)
			})),
		ofEvent("ok_reinstated", "[ROLL-91]", "a device of a reinstated member invites", 0,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				o.Suspend(admin, ann)
				o.Reinstate(admin, ann)
				return inviteBy(o, ann.Device())
			})),
		ofEvent("reinstate_none", "[ROLL-91]", "a member is reinstated who was not suspended", already,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				return o.ReinstateEvent(admin, ann)
			})),
		ofEvent("ok_remove", "[ROLL-92]", "an admin removes a member", 0,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				return o.RemoveEvent(admin, ann)
			})),
		ofEvent("ok_remove_recovery", "[ROLL-92]", "a member's recovery key ends the membership", 0,
			with(func(o *testOrg, _ keys.PrivateKey, ann *member) membership.SignedEvent {
				return o.RemoveEvent(ann.Recovery, ann)
			})),
		ofEvent("remove_device", "[ROLL-92]", "a member's device ends the membership", role,
			with(func(o *testOrg, _ keys.PrivateKey, ann *member) membership.SignedEvent {
				return o.RemoveEvent(ann.Device(), ann)
			})),
		ofEvent("remove_other", "[ROLL-92]", "a recovery key removes another member", keyRole,
			with(func(o *testOrg, _ keys.PrivateKey, ann *member) membership.SignedEvent {
				return o.RemoveEvent(o.Founder.Recovery, ann)
			})),
		ofEvent("remove_own", "[ROLL-94]", "an admin's device removes its own account", own,
			func(o *testOrg) membership.SignedEvent {
				o.JoinAs("Ann", membership.RoleAdmin)
				return o.RemoveEvent(o.Founder.Device(), o.Founder)
			}),
		ofEvent("remove_last", "[ROLL-95]", "the last admin's recovery key ends the membership", membership.ReasonLastAdmin,
			func(o *testOrg) membership.SignedEvent { return o.RemoveEvent(o.Founder.Recovery, o.Founder) }),
		ofEvent("remove_again", "[ROLL-92]", "a removed member is removed", removed,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				o.Remove(admin, ann)
				return o.RemoveEvent(admin, ann)
			})),
		ofEvent("removed_invites", "[ROLL-92]", "a device of a removed member invites", removed,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				o.Remove(admin, ann)
				return inviteBy(o, ann.Device())
			})),
		ofEvent("removed_recovery", "[ROLL-92]", "the recovery key of a removed member adds a device", removed,
			with(func(o *testOrg, admin keys.PrivateKey, ann *member) membership.SignedEvent {
				o.Remove(admin, ann)
				return o.DeviceEvent(ann.Recovery, o.Key())
			})),
		ofEvent("ok_void_suspension", "[ROLL-93]", "a member speaks again when the suspending device is barred from before", 0,
			func(o *testOrg) membership.SignedEvent {
				bob, ann := o.JoinAs("Bob", membership.RoleAdmin), o.Join("Ann")
				position := o.Roll.Size()
				o.Suspend(bob.Device(), ann)
				o.Bar(bob.Recovery, bob.Device().Public(), position)
				return inviteBy(o, ann.Device())
			}),
		ofEvent("ok_void_bar", "[ROLL-93]", "a device speaks again when the admin's that barred it is barred from before", 0,
			func(o *testOrg) membership.SignedEvent {
				bob, ann := o.JoinAs("Bob", membership.RoleAdmin), o.Join("Ann")
				position := o.Roll.Size()
				o.Bar(bob.Device(), ann.Device().Public(), 0)
				o.Bar(bob.Recovery, bob.Device().Public(), position)
				return inviteBy(o, ann.Device())
			}),
		ofEvent("void_not", "[ROLL-93]", "a suspension stands when the suspending device is barred from after", suspended,
			func(o *testOrg) membership.SignedEvent {
				bob, ann := o.JoinAs("Bob", membership.RoleAdmin), o.Join("Ann")
				o.Suspend(bob.Device(), ann)
				o.Bar(bob.Recovery, bob.Device().Public(), o.Roll.Size())
				return inviteBy(o, ann.Device())
			}),
		ofEvent("void_role", "[ROLL-93]", "an admin by a decision that is void changes the policy", role,
			func(o *testOrg) membership.SignedEvent {
				bob, ann := o.JoinAs("Bob", membership.RoleAdmin), o.Join("Ann")
				position := o.Roll.Size()
				o.SetRole(bob.Device(), ann, membership.RoleAdmin)
				o.Bar(bob.Recovery, bob.Device().Public(), position)
				e := o.Event(ann.Device())
				policyOf(func(*membership.Policy) {})(o, &e)
				return membership.SignEvent(e, ann.Device(), nil)
			}),
		ofEvent("ok_void_chain", "[ROLL-93]", "what an admin decided who is one by a void decision is void", 0,
			func(o *testOrg) membership.SignedEvent {
				bob, ann, cid := o.JoinAs("Bob", membership.RoleAdmin), o.Join("Ann"), o.Join("Cid")
				position := o.Roll.Size()
				o.SetRole(bob.Device(), ann, membership.RoleAdmin)
				o.Suspend(ann.Device(), cid)
				o.Bar(bob.Recovery, bob.Device().Public(), position)
				return inviteBy(o, cid.Device())
			}),
		ofEvent("ok_void_order", "[ROLL-93]", "a suspension is void when a new order lets a bar reach the device that signed it", 0,
			voidByOrder),
	}
}

// voidByOrder has a suspension by a device that stands above the one whose bar would reach it, until a new order.
func voidByOrder(o *testOrg) membership.SignedEvent {
	bob, ann := o.JoinAs("Bob", membership.RoleAdmin), o.Join("Ann")
	second := o.AddDevice(bob)
	third := o.AddBy(bob, second)
	o.Order(bob.Recovery, third.Public(), bob.Device().Public())
	o.Suspend(third, ann)
	o.Bar(bob.Device(), second.Public(), 0)
	o.Order(bob.Recovery, bob.Device().Public())
	return inviteBy(o, ann.Device())
}

// rootCases: the root key, cancelled counters and invitations taken back.
func rootCases() []foldCase {
	const keyRole, revoked = membership.ReasonKeyRole, membership.ReasonInvitationRevoked
	type member = membershiptest.Member
	invited := func(next func(o *testOrg, ann *member, invitation keys.PrivateKey) membership.SignedEvent) func(
		*testOrg) membership.SignedEvent {
		return func(o *testOrg) membership.SignedEvent {
			ann := o.Join("Ann")
			return next(o, ann, o.Invite(ann, membership.RoleMember, 1))
		}
	}
	joinAfter := func(step func(o *testOrg, ann *member, invitation keys.PrivateKey)) func(*testOrg) membership.SignedEvent {
		return invited(func(o *testOrg, ann *member, invitation keys.PrivateKey) membership.SignedEvent {
			step(o, ann, invitation)
			return o.JoinEvent(invitation, stranger(o, "Bob"))
		})
	}
	return []foldCase{
		ofEvent("ok_root", "[ROLL-96]", "the root key puts another in its place", 0,
			func(o *testOrg) membership.SignedEvent { return o.ReplaceRootEvent(o.Root, o.Key()) }),
		ofEvent("ok_root_new", "[ROLL-96]", "the new root key suspends the last admin", 0,
			func(o *testOrg) membership.SignedEvent {
				o.ReplaceRoot()
				return o.SuspendEvent(o.Root, o.Founder)
			}),
		ofEvent("ok_policy_root", "[ROLL-15]", "the root key changes the policy", 0,
			func(o *testOrg) membership.SignedEvent {
				e := o.Event(o.Root)
				policyOf(func(p *membership.Policy) { p.QueueTime = membership.MinPolicyTime })(o, &e)
				return membership.SignEvent(e, o.Root, nil)
			}),
		ofEvent("root_admin", "[ROLL-96]", "an admin replaces the root key", keyRole,
			func(o *testOrg) membership.SignedEvent { return o.ReplaceRootEvent(o.Founder.Device(), o.Key()) }),
		ofEvent("root_old", "[ROLL-96]", "a root key that was replaced replaces the root key", keyRole,
			func(o *testOrg) membership.SignedEvent {
				old := o.Root
				o.ReplaceRoot()
				return o.ReplaceRootEvent(old, o.Key())
			}),
		ofEvent("root_key", "[ROLL-9]", "a device as root key", membership.ReasonDuplicateKey,
			func(o *testOrg) membership.SignedEvent { return o.ReplaceRootEvent(o.Root, o.Founder.Device()) }),
		ofEvent("root_cosignature", "[ROLL-3]", "a new root key that did not sign", membership.ReasonSignature,
			func(o *testOrg) membership.SignedEvent { return uncosigned(o, o.ReplaceRootEvent(o.Root, o.Key())) }),

		ofEvent("ok_cancel", "[ROLL-14]", "a device uses a counter up", 0,
			func(o *testOrg) membership.SignedEvent { return o.CancelEvent(o.Founder.Device()) }),
		ofEvent("ok_cancel_recovery", "[ROLL-14]", "a recovery key uses a counter up", 0,
			func(o *testOrg) membership.SignedEvent { return o.CancelEvent(o.Founder.Recovery) }),
		ofEvent("ok_cancel_root", "[ROLL-14]", "the root key uses a counter up", 0,
			func(o *testOrg) membership.SignedEvent { return o.CancelEvent(o.Root) }),
		ofEvent("counter_cancelled", "[ROLL-14]", "an event whose counter its signer cancelled", membership.ReasonCounter,
			func(o *testOrg) membership.SignedEvent {
				withheld := o.DeviceEvent(o.Founder.Device(), o.Key())
				o.Cancel(o.Founder.Device())
				return withheld
			}),
		ofEvent("cancel_node", "[ROLL-14]", "the node cancels", membership.ReasonNotMember,
			func(o *testOrg) membership.SignedEvent { return o.CancelEvent(o.Node) }),

		ofEvent("ok_revoke", "[ROLL-25]", "a member takes back an invitation that another device of theirs made", 0,
			invited(func(o *testOrg, ann *member, invitation keys.PrivateKey) membership.SignedEvent {
				return o.RevokeEvent(o.AddDevice(ann), invitation.Public())
			})),
		ofEvent("ok_revoke_admin", "[ROLL-25]", "an admin takes back a member's invitation", 0,
			invited(func(o *testOrg, _ *member, invitation keys.PrivateKey) membership.SignedEvent {
				return o.RevokeEvent(o.Founder.Device(), invitation.Public())
			})),
		ofEvent("ok_revoke_root", "[ROLL-25]", "the root key takes back a member's invitation", 0,
			invited(func(o *testOrg, _ *member, invitation keys.PrivateKey) membership.SignedEvent {
				return o.RevokeEvent(o.Root, invitation.Public())
			})),
		ofEvent("revoke_other", "[ROLL-25]", "a member takes back the founder's invitation", membership.ReasonRole,
			func(o *testOrg) membership.SignedEvent {
				invitation := o.Invite(o.Founder, membership.RoleMember, 1)
				return o.RevokeEvent(o.Join("Ann").Device(), invitation.Public())
			}),
		ofEvent("revoke_unknown", "[ROLL-25]", "a device taken back like an invitation", membership.ReasonInvitationUnknown,
			func(o *testOrg) membership.SignedEvent {
				return o.RevokeEvent(o.Founder.Device(), o.Founder.Device().Public())
			}),
		ofEvent("revoke_again", "[ROLL-25]", "an invitation is taken back twice", membership.ReasonAlready,
			invited(func(o *testOrg, ann *member, invitation keys.PrivateKey) membership.SignedEvent {
				o.Revoke(ann.Device(), invitation.Public())
				return o.RevokeEvent(o.Founder.Device(), invitation.Public())
			})),
		ofEvent("revoked", "[ROLL-25]", "a join by an invitation that was taken back", revoked,
			joinAfter(func(o *testOrg, ann *member, invitation keys.PrivateKey) { o.Revoke(ann.Device(), invitation.Public()) })),
		ofEvent("revoked_suspended", "[ROLL-22]", "a join by an invitation whose maker is suspended", revoked,
			joinAfter(func(o *testOrg, ann *member, _ keys.PrivateKey) { o.Suspend(o.Founder.Device(), ann) })),
		ofEvent("revoked_removed", "[ROLL-22]", "a join by an invitation whose maker was removed", revoked,
			joinAfter(func(o *testOrg, ann *member, _ keys.PrivateKey) { o.Remove(ann.Recovery, ann) })),
		ofEvent("revoked_barred", "[ROLL-74]", "a join by an invitation of a device that is barred from before", revoked,
			joinAfter(func(o *testOrg, ann *member, _ keys.PrivateKey) {
				o.Bar(ann.Recovery, ann.Device().Public(), o.Roll.Size()-1)
			})),
		ofEvent("ok_join_barred", "[ROLL-74]", "a join by an invitation of a device that is barred from after", 0,
			joinAfter(func(o *testOrg, ann *member, _ keys.PrivateKey) {
				o.Bar(ann.Recovery, ann.Device().Public(), o.Roll.Size())
			})),
	}
}

// renameCases: whose name a member may have, and who gives it.
func renameCases() []foldCase {
	const rule, taken, role = membership.ReasonNameRule, membership.ReasonNameTaken, membership.ReasonRole
	const held, reserved = membership.ReasonNameHeld, membership.ReasonNameReserved
	approved := func(p *membership.Policy) { p.NameRule = membership.NamesApproved }
	pattern := func(p *membership.Policy) { p.NameRule, p.NamePattern = membership.NamesByPattern, "?* Doe" }
	// offered puts an invitation with a name on the roll.
	offered := func(o *testOrg, by *membershiptest.Member, name string, change func(*membership.Invite)) (
		keys.PrivateKey, membership.SignedEvent) {
		key, e := o.Key(), o.Event(by.Device())
		inviteOf(func(i *membership.Invite) {
			i.Key, i.Name = key.Public(), name
			if change != nil {
				change(i)
			}
		})(o, &e)
		return key, membership.SignEvent(e, by.Device(), nil)
	}
	joinUnder := func(change func(*membership.Policy), name string) func(*testOrg) membership.SignedEvent {
		return func(o *testOrg) membership.SignedEvent {
			under(o, change)
			return o.JoinEvent(o.Invite(o.Founder, membership.RoleMember, 1), stranger(o, name))
		}
	}
	return []foldCase{
		ofEvent("ok_name", "[ROLL-33]", "a member takes another name", 0,
			func(o *testOrg) membership.SignedEvent { return o.RenameEvent(o.Join("Ann").Device(), nil, "Ann Doe") }),
		ofEvent("ok_name_alike", "[ROLL-31]", "a member takes a name that looks like their own", 0,
			func(o *testOrg) membership.SignedEvent { return o.RenameEvent(o.Join("Ann").Device(), nil, "ann.") }),
		ofEvent("ok_name_admin", "[ROLL-33]", "an admin names a member", 0, func(o *testOrg) membership.SignedEvent {
			return o.RenameEvent(o.Founder.Device(), o.Join("Ann"), "Bob")
		}),
		ofEvent("ok_name_root", "[ROLL-33]", "the root key names a member", 0, func(o *testOrg) membership.SignedEvent {
			return o.RenameEvent(o.Root, o.Founder, "Bob")
		}),
		ofEvent("name_same", "[ROLL-33]", "a member takes the name that they have", membership.ReasonAlready,
			func(o *testOrg) membership.SignedEvent { return o.RenameEvent(o.Join("Ann").Device(), nil, "Ann") }),
		ofEvent("name_other", "[ROLL-33]", "a member names another", role, func(o *testOrg) membership.SignedEvent {
			return o.RenameEvent(o.Join("Ann").Device(), o.Founder, "Bob")
		}),
		ofEvent("name_nobody", "[ROLL-33]", "an admin names nobody", membership.ReasonUnknown,
			func(o *testOrg) membership.SignedEvent {
				return o.RenameEvent(o.Founder.Device(), &membershiptest.Member{ID: keys.MemberID{1}}, "Bob")
			}),
		ofEvent("name_removed", "[ROLL-92]", "an admin names a member who was removed", membership.ReasonRemoved,
			func(o *testOrg) membership.SignedEvent {
				ann := o.Join("Ann")
				o.Remove(o.Founder.Device(), ann)
				return o.RenameEvent(o.Founder.Device(), ann, "Bob")
			}),
		ofEvent("name_looks_alike", "[ROLL-31]", "a name with a capital i for the small L of another", taken,
			func(o *testOrg) membership.SignedEvent {
				o.Join("paypal")
				return o.JoinEvent(o.Invite(o.Founder, membership.RoleMember, 1), stranger(o, "paypaI"))
			}),
		ofEvent("name_separated", "[ROLL-31]", "a name that differs from another in separators", taken,
			func(o *testOrg) membership.SignedEvent {
				o.Join("Ann Doe")
				return o.RenameEvent(o.Join("Bob").Device(), nil, "ann.doe")
			}),
		ofEvent("name_of_removed", "[ROLL-92]", "the name of a member who was removed", taken,
			func(o *testOrg) membership.SignedEvent {
				o.Remove(o.Founder.Device(), o.Join("Ann"))
				return o.JoinEvent(o.Invite(o.Founder, membership.RoleMember, 1), stranger(o, "Ann"))
			}),
		ofEvent("name_held", "[ROLL-34]", "a name that another member gave up lately", held,
			func(o *testOrg) membership.SignedEvent {
				o.Rename(o.Join("Ann").Device(), nil, "Bob")
				return o.RenameEvent(o.Join("Cara").Device(), nil, "ann")
			}),
		ofEvent("ok_name_held_given", "[ROLL-34]", "an admin gives a name that is held", 0,
			func(o *testOrg) membership.SignedEvent {
				o.Rename(o.Join("Ann").Device(), nil, "Bob")
				return o.RenameEvent(o.Founder.Device(), o.Join("Cara"), "ann")
			}),
		ofEvent("ok_name_held", "[ROLL-34]", "a name that another member gave up as long ago as the policy asks", 0,
			func(o *testOrg) membership.SignedEvent {
				cara := o.Join("Cara")
				ann, freed := o.Join("Ann"), o.Now
				o.Rename(ann.Device(), nil, "Bob")
				o.Now = freed
				o.After(o.Roll.State().Policy().NameHold + 2) // two entries came before the new name
				return o.RenameEvent(cara.Device(), nil, "Ann")
			}),
		ofEvent("ok_name_back", "[ROLL-34]", "a member takes back the name that they gave up", 0,
			func(o *testOrg) membership.SignedEvent {
				ann := o.Join("Ann")
				o.Rename(ann.Device(), nil, "Bob")
				return o.RenameEvent(ann.Device(), nil, "Ann")
			}),
		ofEvent("name_reserved", "[ROLL-32]", "a member takes a name that looks like a reserved one", reserved,
			func(o *testOrg) membership.SignedEvent {
				return o.JoinEvent(o.Invite(o.Founder, membership.RoleMember, 1), stranger(o, "Support"))
			}),
		ofEvent("name_reserved_alike", "[ROLL-32]", "a member takes a name that looks like a reserved one", reserved,
			func(o *testOrg) membership.SignedEvent { return o.RenameEvent(o.Join("Ann").Device(), nil, "adrnin") }),
		ofEvent("ok_name_reserved", "[ROLL-32]", "an admin gives a reserved name", 0,
			func(o *testOrg) membership.SignedEvent {
				return o.RenameEvent(o.Founder.Device(), o.Join("Ann"), "Support")
			}),
		ofEvent("name_approved", "[ROLL-32]", "a joiner takes a name where admins give them", rule, joinUnder(approved, "Ann")),
		ofEvent("name_approved_own", "[ROLL-32]", "a member takes a name where admins give them", rule,
			func(o *testOrg) membership.SignedEvent {
				ann := o.Join("Ann")
				under(o, approved)
				return o.RenameEvent(ann.Device(), nil, "Bob")
			}),
		ofEvent("ok_name_approved", "[ROLL-32]", "a joiner takes the name that the invitation gives", 0,
			func(o *testOrg) membership.SignedEvent {
				under(o, approved)
				key, event := offered(o, o.Founder, "Support", nil)
				o.Append(event)
				return o.JoinEvent(key, stranger(o, "Support"))
			}),
		ofEvent("name_invited_other", "[ROLL-32]", "a joiner takes another name than the invitation gives", rule,
			func(o *testOrg) membership.SignedEvent {
				key, event := offered(o, o.Founder, "Ann", nil)
				o.Append(event)
				return o.JoinEvent(key, stranger(o, "Bob"))
			}),
		ofEvent("invite_name_member", "[ROLL-32]", "a member's invitation gives a name", role,
			func(o *testOrg) membership.SignedEvent {
				_, event := offered(o, o.Join("Ann"), "Bob", nil)
				return event
			}),
		ofEvent("invite_name_taken", "[ROLL-32]", "an invitation gives a name that somebody has", taken,
			func(o *testOrg) membership.SignedEvent {
				_, event := offered(o, o.Founder, "founder", nil)
				return event
			}),
		ofEvent("malformed_invite_name_uses", "[ROLL-22]", "an invitation for two gives a name", membership.ReasonMalformed,
			func(o *testOrg) membership.SignedEvent {
				_, event := offered(o, o.Founder, "Ann", func(i *membership.Invite) { i.Uses = 2 })
				return event
			}),
		ofEvent("malformed_invite_name_guest", "[ROLL-22]", "an invitation for a guest gives a name", membership.ReasonMalformed,
			func(o *testOrg) membership.SignedEvent {
				_, event := offered(o, o.Founder, "Ann", func(i *membership.Invite) { i.Role = membership.RoleGuest })
				return event
			}),
		ofEvent("name_pattern", "[ROLL-32]", "a joiner takes a name that does not match the pattern", rule,
			joinUnder(pattern, "Ann Roe")),
		ofEvent("ok_name_pattern", "[ROLL-32]", "a joiner takes a name that matches the pattern", 0,
			joinUnder(pattern, "Ann Doe")),
		ofEvent("ok_name_pattern_admin", "[ROLL-32]", "an admin gives a name that does not match the pattern", 0,
			func(o *testOrg) membership.SignedEvent {
				ann := o.Join("Ann")
				under(o, pattern)
				return o.RenameEvent(o.Founder.Device(), ann, "Ann Roe")
			}),
	}
}

// audienceCases: names of guests, and entries without their event.
func audienceCases() []foldCase {
	const audience = membership.ReasonAudience
	desks := func(guest *membershiptest.Member) membership.Audience {
		return membership.Audience{Kind: membership.AudienceDesks, ID: guest.ID}
	}
	guest := func(o *testOrg, name string) *membershiptest.Member { return o.JoinAs(name, membership.RoleGuest) }
	unnamed := func(o *testOrg, name string) *membershiptest.Member {
		m, invitation := stranger(o, ""), o.Invite(o.Founder, membership.RoleGuest, 1)
		event := o.JoinEvent(invitation, m)
		o.Append(event)
		m.ID = membership.MemberOf(o.ID, event)
		return m
	}
	tagged := func(o *testOrg, audience membership.Audience, event membership.SignedEvent) membership.Entry {
		entry := o.Entry(event)
		entry.Audience = audience
		return entry
	}
	return []foldCase{
		ofEvent("ok_join_guest", "[ROLL-23]", "a guest joins without a name", 0, func(o *testOrg) membership.SignedEvent {
			return o.JoinEvent(o.Invite(o.Founder, membership.RoleGuest, 1), stranger(o, ""))
		}),
		ofEvent("name_guest_joins", "[ROLL-33]", "a guest joins with a name that all could read",
			membership.ReasonNameRule, func(o *testOrg) membership.SignedEvent {
				invitation, m := o.Invite(o.Founder, membership.RoleGuest, 1), stranger(o, "Ann")
				e := o.Event(m.Device())
				e.Join = &membership.Join{Invitation: invitation.Public(), Name: m.Name, Recovery: m.Recovery.Public()}
				return membership.SignEvent(e, m.Device(), &invitation)
			}),
		ofEvent("ok_name_guest", "[ROLL-33]", "a guest takes a name, which is for desks", 0,
			func(o *testOrg) membership.SignedEvent { return o.RenameEvent(unnamed(o, "").Device(), nil, "Ann") }),
		ofEvent("ok_name_guest_admin", "[ROLL-33]", "an admin names a guest, by a counter of its own", 0,
			func(o *testOrg) membership.SignedEvent {
				return o.RenameEvent(o.Founder.Device(), guest(o, "Ann"), "Bob")
			}),
		ofEvent("name_guest_taken", "[ROLL-31]", "a guest takes a member's name", membership.ReasonNameTaken,
			func(o *testOrg) membership.SignedEvent { return o.RenameEvent(unnamed(o, "").Device(), nil, "founder") }),
		ofEvent("name_guest_taken_guest", "[ROLL-31]", "a guest takes another guest's name", membership.ReasonNameTaken,
			func(o *testOrg) membership.SignedEvent {
				guest(o, "Ann")
				return o.RenameEvent(unnamed(o, "").Device(), nil, "ann")
			}),
		ofEvent("ok_name_as_guest", "[ROLL-33]", "a member takes the name of a guest, which they cannot know", 0,
			func(o *testOrg) membership.SignedEvent {
				guest(o, "Ann")
				return o.JoinEvent(o.Invite(o.Founder, membership.RoleMember, 1), stranger(o, "Ann"))
			}),
		ofEvent("counter_tagged", "[ROLL-14]", "a guest's name with the counter of the events for all",
			membership.ReasonCounter, func(o *testOrg) membership.SignedEvent {
				m := unnamed(o, "")
				e := o.Event(m.Device())
				e.Name = &membership.NameChange{Name: "Ann"}
				return membership.SignEvent(e, m.Device(), nil)
			}),
		ofEvent("counter_untagged", "[ROLL-14]", "an event for all with a counter as if the name had used one",
			membership.ReasonCounter, func(o *testOrg) membership.SignedEvent {
				m := guest(o, "Ann")
				e := o.Event(m.Device())
				e.Counter++
				e.Freeze = &membership.Freeze{}
				return membership.SignEvent(e, m.Device(), nil)
			}),
		{"audience_guest", "[ROLL-18]", "a guest's name for everybody", audience, func(o *testOrg) membership.Entry {
			m := unnamed(o, "")
			return tagged(o, membership.Audience{}, o.RenameEvent(m.Device(), nil, "Ann"))
		}},
		{"audience_member", "[ROLL-18]", "a member's name for desks only", audience, func(o *testOrg) membership.Entry {
			return tagged(o, desks(guest(o, "Gil")), o.RenameEvent(o.Join("Ann").Device(), nil, "Bob"))
		}},
		{"audience_bar", "[ROLL-18]", "a bar for desks only", audience, func(o *testOrg) membership.Entry {
			return tagged(o, desks(guest(o, "Gil")), o.BarEvent(o.Founder.Device(), o.Join("Ann").Device().Public(), 0))
		}},
		{"ok_hidden", "[ROLL-18]", "an entry for desks without its event", 0, func(o *testOrg) membership.Entry {
			return o.Entry(o.RenameEvent(unnamed(o, "").Device(), nil, "Ann")).Hide()
		}},
		{"hidden_all", "[ROLL-18]", "an entry for everybody without its event", audience,
			func(o *testOrg) membership.Entry { return o.Entry(o.CancelEvent(o.Founder.Device())).Hide() }},
		{"hidden_kind", "[ROLL-18]", "an entry without its event, for an audience that there is not", audience,
			func(o *testOrg) membership.Entry {
				return tagged(o, membership.Audience{Kind: 3, ID: [32]byte{1}}, o.CancelEvent(o.Founder.Device())).Hide()
			}},
		{"hidden_first", "[ROLL-18]", "an entry without its event before the roll names its node", membership.ReasonSequencer,
			func(o *testOrg) membership.Entry {
				onlyFounded(o)
				return tagged(o, desks(o.Founder), o.CancelEvent(o.Founder.Device())).Hide()
			}},
	}
}

// moveCases: how the sequencing duty goes to another node.
func moveCases() []foldCase {
	const term, move, malformed = membership.ReasonTerm, membership.ReasonMove, membership.ReasonMalformed
	changed := func(change func(*testOrg, *membership.Rendezvous)) func(*testOrg) membership.SignedEvent {
		return func(o *testOrg) membership.SignedEvent {
			o.Join("Ann")
			var e membership.Event
			event := parts(o.MoveEvent(o.Founder.Device(), o.Key().Public(), 2))
			decode(event.Body, &e)
			change(o, e.Rendezvous)
			return membership.SignEvent(e, o.Founder.Device(), nil)
		}
	}
	return []foldCase{
		ofEvent("ok_move", "[ROLL-58]", "an admin moves the duty to another node", 0, changed(func(*testOrg, *membership.Rendezvous) {})),
		ofEvent("ok_move_same", "[ROLL-58]", "an admin gives the node that has the duty another address", 0,
			func(o *testOrg) membership.SignedEvent { return o.MoveEvent(o.Founder.Device(), o.Node.Public(), 2) }),
		ofEvent("ok_move_back", "[ROLL-58]", "the duty goes back to the first node", 0,
			func(o *testOrg) membership.SignedEvent {
				first := o.Node.Public()
				o.Move(o.Founder.Device(), o.Key())
				return o.MoveEvent(o.Founder.Device(), first, 3)
			}),
		ofEvent("ok_move_root", "[ROLL-58]", "the root key moves the duty and leaves terms out", 0,
			func(o *testOrg) membership.SignedEvent { return o.MoveEvent(o.Root, o.Key().Public(), 9) }),
		ofEvent("move_size", "[ROLL-58]", "a move that continues one entry fewer", move,
			changed(func(o *testOrg, m *membership.Rendezvous) { m.Size-- })),
		ofEvent("move_root", "[ROLL-58]", "a move that continues another roll of the size", move,
			changed(func(o *testOrg, m *membership.Rendezvous) { m.Root[0] ^= 1 })),
		ofEvent("move_term", "[ROLL-58]", "an admin leaves a term out", term,
			changed(func(o *testOrg, m *membership.Rendezvous) { m.Term++ })),
		ofEvent("move_term_root", "[ROLL-58]", "the root key moves the duty in the term that there is", term,
			func(o *testOrg) membership.SignedEvent {
				o.Move(o.Founder.Device(), o.Key())
				return o.MoveEvent(o.Root, o.Key().Public(), 2)
			}),
		ofEvent("move_member", "[ROLL-58]", "a member moves the duty", membership.ReasonRole,
			func(o *testOrg) membership.SignedEvent {
				return o.MoveEvent(o.Join("Ann").Device(), o.Key().Public(), 2)
			}),
		ofEvent("move_device", "[ROLL-9]", "a device as the new node", membership.ReasonDuplicateKey,
			func(o *testOrg) membership.SignedEvent {
				return o.MoveEvent(o.Founder.Device(), o.Founder.Device().Public(), 2)
			}),
		ofEvent("malformed_move_size", "[ROLL-21]", "a move that names no size", malformed,
			changed(func(o *testOrg, m *membership.Rendezvous) { m.Size = 0 })),
		ofEvent("malformed_move_root", "[ROLL-21]", "a move that names no root", malformed,
			changed(func(o *testOrg, m *membership.Rendezvous) { m.Root = nil })),
		ofEvent("malformed_move_root_short", "[ROLL-21]", "a move whose root is a byte short", malformed,
			changed(func(o *testOrg, m *membership.Rendezvous) { m.Root = m.Root[1:] })),
		ofEvent("malformed_move_first", "[ROLL-21]", "a first term that continues a roll", malformed,
			changed(func(o *testOrg, m *membership.Rendezvous) { m.Term = 1 })),
	}
}

// under puts a policy in force that differs a little from the one that organizations start with.
func under(o *testOrg, change func(*membership.Policy)) {
	policy := membership.DefaultPolicy()
	change(&policy)
	o.SetPolicy(policy)
}
