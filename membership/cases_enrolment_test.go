package membership_test

import (
	"strings"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/membership/membershiptest"
)

// terms returns the terms of tests, changed.
func terms(change func(*membership.EnrolmentTerms)) membership.EnrolmentTerms {
	t := membershiptest.EnrolmentTerms()
	change(&t)
	return t
}

func asIs(*membership.EnrolmentTerms) {}

// naming returns a case of the founder, who names a fresh key with changed terms.
func naming(change func(*membership.EnrolmentTerms)) func(*testOrg) membership.SignedEvent {
	return func(o *testOrg) membership.SignedEvent {
		t := terms(change)
		return o.EnrolmentEvent(o.Founder.Device(), membership.Enrolment{Key: o.Key().Public(), Terms: &t})
	}
}

// enrolling returns a case in which the roll has an enrolment key with changed terms.
func enrolling(change func(*membership.EnrolmentTerms), make func(*testOrg, keys.PrivateKey) membership.SignedEvent) func(
	*testOrg) membership.SignedEvent {
	return func(o *testOrg) membership.SignedEvent { return make(o, o.Enrol(terms(change))) }
}

// zoeEnrols returns the join of Zoe with a role.
func zoeEnrols(role membership.Role) func(*testOrg, keys.PrivateKey) membership.SignedEvent {
	return func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
		return o.EnrolledEvent(key, o.Stranger("Zoe"), role)
	}
}

// enrolmentCases: naming and ending enrolment keys, and joins by them.
func enrolmentCases() []foldCase {
	type says = membership.EnrolmentTerms
	member, desk := membership.RoleMember, membership.RoleDesk
	naming180 := func(name, comment string, change func(*says)) foldCase {
		return ofEvent("malformed_enrolment_"+name, "[ROLL-180]", comment, membership.ReasonMalformed, naming(change))
	}
	return append([]foldCase{
		ofEvent("ok_enrolment", "[ROLL-180]", "an admin names an enrolment key", 0, naming(asIs)),
		ofEvent("ok_enrolment_full", "[ROLL-180]", "with all that terms can say", 0, func(o *testOrg) membership.SignedEvent {
			open := o.Group(o.Founder.Device(), "Crew", group.Open)
			return naming(func(t *says) {
				t.Role, t.Claim, t.Pin, t.Groups = desk, "", make([]byte, 32), []keys.GroupID{open}
			})(o)
		}),
		ofEvent("enrolment_group", "[ROLL-180]", "a group that is not on the roll", membership.ReasonUnknown,
			naming(func(t *says) { t.Groups = []keys.GroupID{{1}} })),
		ofEvent("enrolment_member", "[ROLL-180]", "a member who is no admin names a key", membership.ReasonRole,
			func(o *testOrg) membership.SignedEvent {
				t := membershiptest.EnrolmentTerms()
				return o.EnrolmentEvent(o.Join("Ann").Device(), membership.Enrolment{Key: o.Key().Public(), Terms: &t})
			}),
		ofEvent("enrolment_in_use", "[ROLL-9]", "a device's key as enrolment key", membership.ReasonDuplicateKey,
			func(o *testOrg) membership.SignedEvent {
				t := membershiptest.EnrolmentTerms()
				return o.EnrolmentEvent(o.Founder.Device(), membership.Enrolment{Key: o.Join("Ann").Device().Public(), Terms: &t})
			}),
		naming180("issuer", "an issuer without TLS", func(t *says) { t.Issuer = "http://login.example.org" }),
		naming180("query", "an issuer with a query", func(t *says) { t.Issuer += "/?a=b" }),
		naming180("user", "a service's address with a user", func(t *says) { t.URL = "https://a@enrol.example.org" }),
		naming180("long", "an address beyond the cap", func(t *says) { t.URL += "/" + strings.Repeat("a", 256) }),
		naming180("client", "no client id", func(t *says) { t.Client = "" }),
		naming180("admin", "a key that makes admins", func(t *says) { t.Role = membership.RoleAdmin }),
		naming180("guest", "a key that makes guests", func(t *says) { t.Role = membership.RoleGuest }),
		naming180("daily", "nobody a day", func(t *says) { t.Daily = 0 }),
		naming180("daily_many", "too many a day", func(t *says) { t.Daily = membership.MaxEnrolDaily + 1 }),
		naming180("claim", "a claim's name with a space", func(t *says) { t.Claim = "a b" }),
		naming180("pin", "a pin that is no SHA-256", func(t *says) { t.Pin = []byte{1} }),
		naming180("groups", "groups not in order", func(t *says) { t.Groups = []keys.GroupID{{2}, {1}} }),

		ofEvent("ok_enrolment_again", "[ROLL-181]", "an admin changes the terms", 0,
			enrolling(asIs, func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
				t := terms(func(t *says) { t.Daily = 9 })
				return o.EnrolmentEvent(o.Founder.Device(), membership.Enrolment{Key: key.Public(), Terms: &t})
			})),
		ofEvent("ok_enrolment_replaces", "[ROLL-181]", "a new key takes the place of another", 0,
			enrolling(asIs, func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
				t := membershiptest.EnrolmentTerms()
				return o.EnrolmentEvent(o.Root, membership.Enrolment{Key: o.Key().Public(), Terms: &t, Replaces: key.Public()})
			})),
		ofEvent("enrolment_replaces_none", "[ROLL-181]", "the place of a key that there is not", membership.ReasonInvitationUnknown,
			func(o *testOrg) membership.SignedEvent {
				t := membershiptest.EnrolmentTerms()
				return o.EnrolmentEvent(o.Root, membership.Enrolment{Key: o.Key().Public(), Terms: &t, Replaces: o.Key().Public()})
			}),
		ofEvent("ok_enrolment_end", "[ROLL-181]", "an admin ends a key", 0,
			enrolling(asIs, func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
				return o.EnrolmentEvent(o.Founder.Device(), membership.Enrolment{Key: key.Public()})
			})),
		ofEvent("enrolment_end_twice", "[ROLL-181]", "a key that has ended is ended", membership.ReasonInvitationRevoked,
			enrolling(asIs, func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
				o.Append(o.EnrolmentEvent(o.Founder.Device(), membership.Enrolment{Key: key.Public()}))
				return o.EnrolmentEvent(o.Founder.Device(), membership.Enrolment{Key: key.Public()})
			})),
		ofEvent("enrolment_end_none", "[ROLL-181]", "the end of a key that there is not", membership.ReasonInvitationUnknown,
			func(o *testOrg) membership.SignedEvent {
				return o.EnrolmentEvent(o.Founder.Device(), membership.Enrolment{Key: o.Key().Public()})
			}),
		ofEvent("ok_enrolment_end_suspends", "[ROLL-182]", "an end suspends whom the key admitted", 0,
			enrolling(asIs, func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
				o.JoinEnrolled(key, "Zoe", member)
				return o.EnrolmentEvent(o.Founder.Device(), membership.Enrolment{Key: key.Public(), Suspend: 1})
			})),
		ofEvent("enrolment_end_future", "[ROLL-182]", "from a position that the roll has not reached", membership.ReasonFuture,
			enrolling(asIs, func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
				return o.EnrolmentEvent(o.Founder.Device(), membership.Enrolment{Key: key.Public(), Suspend: 99})
			})),
	}, enrolledCases(member, desk)...)
}

// enrolledCases: what an enrolment key does.
func enrolledCases(member, desk membership.Role) []foldCase {
	type says = membership.EnrolmentTerms
	byClaim := func(o *testOrg) {
		policy := membership.DefaultPolicy()
		policy.NameRule = membership.NamesByClaim
		o.SetPolicy(policy)
	}
	// about returns a case of what the key does about Zoe, whom it admitted.
	about := func(make func(o *testOrg, key keys.PrivateKey, zoe *membershiptest.Member) membership.SignedEvent) func(*testOrg) membership.SignedEvent {
		return enrolling(func(t *says) { t.Role = desk }, func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
			return make(o, key, o.JoinEnrolled(key, "Zoe", member))
		})
	}
	type m = membershiptest.Member
	return []foldCase{
		ofEvent("ok_enrolled", "[ROLL-184]", "somebody joins by an enrolment key", 0, enrolling(asIs, zoeEnrols(member))),
		ofEvent("ok_enrolled_desk", "[ROLL-184]", "as a desk, if the terms let", 0,
			enrolling(func(t *says) { t.Role = desk }, zoeEnrols(desk))),
		ofEvent("enrolled_desk", "[ROLL-184]", "as a desk, beyond the terms", membership.ReasonRole, enrolling(asIs, zoeEnrols(desk))),
		ofEvent("enrolled_admin", "[ROLL-184]", "as an admin", membership.ReasonRole,
			enrolling(func(t *says) { t.Role = desk }, zoeEnrols(membership.RoleAdmin))),
		ofEvent("enrolled_no_role", "[ROLL-184]", "without a role", membership.ReasonRole, enrolling(asIs, zoeEnrols(0))),
		ofEvent("malformed_enrolled_role", "[ROLL-5]", "a role that there is not", membership.ReasonMalformed, enrolling(asIs, zoeEnrols(9))),
		ofEvent("enrolled_invitation_role", "[ROLL-184]", "a join by an invitation that says a role", membership.ReasonRole,
			func(o *testOrg) membership.SignedEvent { return zoeEnrols(member)(o, o.Invite(o.Founder, member, 1)) }),
		ofEvent("enrolled_limit", "[ROLL-184]", "a third in a day where two are allowed", membership.ReasonLimit,
			enrolling(asIs, func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
				o.JoinEnrolled(key, "Ann", member)
				o.JoinEnrolled(key, "Bob", member)
				return zoeEnrols(member)(o, key)
			})),
		ofEvent("ok_enrolled_next_day", "[ROLL-184]", "a third a day later", 0,
			enrolling(asIs, func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
				o.JoinEnrolled(key, "Ann", member)
				o.JoinEnrolled(key, "Bob", member)
				o.Now = o.Now.Add(24 * time.Hour)
				return zoeEnrols(member)(o, key)
			})),
		ofEvent("enrolled_ended", "[ROLL-183]", "by a key that has ended", membership.ReasonInvitationRevoked,
			enrolling(asIs, func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
				o.Append(o.EnrolmentEvent(o.Root, membership.Enrolment{Key: key.Public()}))
				return zoeEnrols(member)(o, key)
			})),
		ofEvent("enrolled_no_admin", "[ROLL-183]", "by a key that somebody named who is no admin any more", membership.ReasonInvitationRevoked,
			func(o *testOrg) membership.SignedEvent {
				bea, key := o.JoinAs("Bea", membership.RoleAdmin), o.Key()
				t := membershiptest.EnrolmentTerms()
				o.Append(o.EnrolmentEvent(bea.Device(), membership.Enrolment{Key: key.Public(), Terms: &t}))
				o.SetRole(o.Founder.Device(), bea, member)
				return zoeEnrols(member)(o, key)
			}),
		ofEvent("enrolled_name_taken", "[ROLL-31]", "under a name that is taken", membership.ReasonNameTaken,
			enrolling(asIs, func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
				o.Join("Zoe")
				return zoeEnrols(member)(o, key)
			})),
		ofEvent("enrolled_reserved", "[ROLL-32]", "under a reserved name, even where the claim gives names", membership.ReasonNameReserved,
			enrolling(asIs, func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
				byClaim(o)
				return o.EnrolledEvent(key, o.Stranger("security"), member)
			})),
		ofEvent("ok_enrolled_claim", "[ROLL-32]", "where the claim gives names", 0,
			enrolling(asIs, func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
				byClaim(o)
				return zoeEnrols(member)(o, key)
			})),
		ofEvent("enrolled_claim_none", "[ROLL-32]", "where claims give names, by a key that has no claim", membership.ReasonNameRule,
			enrolling(func(t *says) { t.Claim = "" }, func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
				byClaim(o)
				return zoeEnrols(member)(o, key)
			})),
		ofEvent("enrolled_claim_invitation", "[ROLL-32]", "where claims give names, by an invitation without one", membership.ReasonNameRule,
			func(o *testOrg) membership.SignedEvent {
				byClaim(o)
				return o.JoinEvent(o.Invite(o.Founder, member, 1), o.Stranger("Zoe"))
			}),
		ofEvent("enrolled_claim_rename", "[ROLL-32]", "where claims give names, a member takes another", membership.ReasonNameRule,
			about(func(o *testOrg, _ keys.PrivateKey, zoe *m) membership.SignedEvent {
				byClaim(o)
				return o.RenameEvent(zoe.Device(), nil, "Zoa")
			})),
		ofEvent("enrolled_vouch", "[ROLL-184]", "an admin vouches for a join by an enrolment key", membership.ReasonVouch,
			enrolling(asIs, func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
				return o.VouchEvent(o.Founder.Device(), zoeEnrols(member)(o, key))
			})),

		ofEvent("ok_enrolled_suspend", "[ROLL-185]", "the key suspends whom it admitted", 0,
			about(func(o *testOrg, key keys.PrivateKey, zoe *m) membership.SignedEvent { return o.SuspendEvent(key, zoe) })),
		ofEvent("ok_enrolled_reinstate", "[ROLL-185]", "and ends that", 0,
			about(func(o *testOrg, key keys.PrivateKey, zoe *m) membership.SignedEvent {
				o.Suspend(key, zoe)
				return o.ReinstateEvent(key, zoe)
			})),
		ofEvent("enrolled_reinstate_admins", "[ROLL-185]", "and not what an admin decided", membership.ReasonRole,
			about(func(o *testOrg, key keys.PrivateKey, zoe *m) membership.SignedEvent {
				o.Suspend(o.Founder.Device(), zoe)
				return o.ReinstateEvent(key, zoe)
			})),
		ofEvent("enrolled_reinstate_confirmed", "[ROLL-185]", "nor what an admin confirmed", membership.ReasonRole,
			about(func(o *testOrg, key keys.PrivateKey, zoe *m) membership.SignedEvent {
				o.Suspend(key, zoe)
				o.Suspend(o.Founder.Device(), zoe)
				return o.ReinstateEvent(key, zoe)
			})),
		ofEvent("enrolled_suspend_other", "[ROLL-185]", "the key suspends a member who was invited", membership.ReasonRole,
			enrolling(asIs, func(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
				return o.SuspendEvent(key, o.Join("Ann"))
			})),
		ofEvent("enrolled_suspend_admin", "[ROLL-185]", "the key suspends an admin whom it admitted", membership.ReasonRole,
			about(func(o *testOrg, key keys.PrivateKey, zoe *m) membership.SignedEvent {
				o.SetRole(o.Founder.Device(), zoe, membership.RoleAdmin)
				return o.SuspendEvent(key, zoe)
			})),
		ofEvent("enrolled_remove", "[ROLL-92]", "the key removes whom it admitted", membership.ReasonNotMember,
			about(func(o *testOrg, key keys.PrivateKey, zoe *m) membership.SignedEvent { return o.RemoveEvent(key, zoe) })),
		ofEvent("ok_enrolled_role", "[ROLL-185]", "the key gives a role within its terms", 0,
			about(func(o *testOrg, key keys.PrivateKey, zoe *m) membership.SignedEvent {
				return o.SetRoleEvent(key, zoe, desk)
			})),
		ofEvent("enrolled_role_admin", "[ROLL-185]", "the key makes an admin", membership.ReasonRole,
			about(func(o *testOrg, key keys.PrivateKey, zoe *m) membership.SignedEvent {
				return o.SetRoleEvent(key, zoe, membership.RoleAdmin)
			})),
		ofEvent("enrolled_replay", "[ROLL-14]", "a suspension of the key is shown again", membership.ReasonCounter,
			about(func(o *testOrg, key keys.PrivateKey, zoe *m) membership.SignedEvent {
				event := o.SuspendEvent(key, zoe)
				o.Append(event)
				o.Reinstate(key, zoe)
				return event
			})),
		ofEvent("ok_enrolled_successor", "[ROLL-185]", "the key in its place suspends", 0,
			about(func(o *testOrg, key keys.PrivateKey, zoe *m) membership.SignedEvent {
				t, next := membershiptest.EnrolmentTerms(), o.Key()
				o.Append(o.EnrolmentEvent(o.Root, membership.Enrolment{Key: next.Public(), Terms: &t, Replaces: key.Public()}))
				return o.SuspendEvent(next, zoe)
			})),
		ofEvent("enrolled_replaced", "[ROLL-183]", "the key whose place was taken suspends", membership.ReasonInvitationRevoked,
			about(func(o *testOrg, key keys.PrivateKey, zoe *m) membership.SignedEvent {
				t, next := membershiptest.EnrolmentTerms(), o.Key()
				o.Append(o.EnrolmentEvent(o.Root, membership.Enrolment{Key: next.Public(), Terms: &t, Replaces: key.Public()}))
				return o.SuspendEvent(key, zoe)
			})),
		ofEvent("ok_enrolled_group", "[ROLL-186]", "the key takes whom it admitted into a group of its terms", 0,
			enrolledInGroup(func(o *testOrg, key keys.PrivateKey, zoe *m, g keys.GroupID) membership.SignedEvent {
				return o.AdmitEvent(key, g, zoe)
			})),
		ofEvent("ok_enrolled_group_out", "[ROLL-186]", "and out of it", 0,
			enrolledInGroup(func(o *testOrg, key keys.PrivateKey, zoe *m, g keys.GroupID) membership.SignedEvent {
				o.Append(o.AdmitEvent(key, g, zoe))
				return o.ExpelEvent(key, g, zoe)
			})),
		ofEvent("enrolled_group_other", "[ROLL-186]", "the key takes somebody else into it", membership.ReasonRole,
			enrolledInGroup(func(o *testOrg, key keys.PrivateKey, _ *m, g keys.GroupID) membership.SignedEvent {
				return o.AdmitEvent(key, g, o.Join("Ann"))
			})),
		ofEvent("enrolled_group_unnamed", "[ROLL-186]", "the key takes somebody into another group", membership.ReasonRole,
			enrolledInGroup(func(o *testOrg, key keys.PrivateKey, zoe *m, _ keys.GroupID) membership.SignedEvent {
				other := o.Group(o.Founder.Device(), "Else", group.Moderated)
				return o.AdmitEvent(key, other, zoe)
			})),
		ofEvent("enrolled_group_close", "[ROLL-186]", "the key closes a group", membership.ReasonKeyRole,
			enrolledInGroup(func(o *testOrg, key keys.PrivateKey, _ *m, g keys.GroupID) membership.SignedEvent {
				return o.CloseGroupEvent(key, g)
			})),
	}
}

// enrolledInGroup returns a case of Zoe, whom a key admitted that may take members into a moderated group.
func enrolledInGroup(
	make func(o *testOrg, key keys.PrivateKey, zoe *membershiptest.Member, g keys.GroupID) membership.SignedEvent,
) func(*testOrg) membership.SignedEvent {
	return func(o *testOrg) membership.SignedEvent {
		g := o.Group(o.Founder.Device(), "Crew", group.Moderated)
		key := o.Enrol(terms(func(t *membership.EnrolmentTerms) { t.Groups = []keys.GroupID{g} }))
		return make(o, key, o.JoinEnrolled(key, "Zoe", membership.RoleMember), g)
	}
}
