package membership_test

import (
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// vouching lets two members' vouches admit an applicant.
func vouching(o *testOrg, vouches uint64) {
	policy := membership.DefaultPolicy()
	policy.Vouches = vouches
	o.SetPolicy(policy)
}

// applying returns a case of Zoe, who applies by a fresh invitation, while two vouches admit: make gets her join.
func applying(make func(o *testOrg, zoe *membershiptest.Member, join membership.SignedEvent) membership.SignedEvent) func(
	*testOrg) membership.SignedEvent {
	return func(o *testOrg) membership.SignedEvent {
		vouching(o, 2)
		zoe, join := o.Applicant(o.InviteToApply(o.Founder, membership.RoleMember, 2), "Zoe")
		return make(o, zoe, join)
	}
}

// vouchCases: invitations to apply, and who admits by them.
func vouchCases() []foldCase {
	const rule = "[ROLL-28]"
	type member = membershiptest.Member
	toApply := func(change func(*membership.Invite)) func(*testOrg) membership.Entry {
		return byFounder(inviteOf(func(i *membership.Invite) { i.Apply = true; change(i) }))
	}
	vouchBy := func(by func(o *testOrg) keys.PrivateKey) func(*testOrg) membership.SignedEvent {
		return applying(func(o *testOrg, _ *member, join membership.SignedEvent) membership.SignedEvent {
			return o.VouchEvent(by(o), join)
		})
	}
	// edited returns a case of a join that is changed before the founder vouches for it.
	edited := func(change func(o *testOrg, zoe *member, s *signed)) func(*testOrg) membership.SignedEvent {
		return applying(func(o *testOrg, zoe *member, join membership.SignedEvent) membership.SignedEvent {
			s := parts(join)
			change(o, zoe, &s)
			return o.VouchEvent(o.Founder.Device(), wire.Encode(s))
		})
	}
	return []foldCase{
		{"ok_invite_apply", rule, "an invitation to apply", 0, toApply(func(*membership.Invite) {})},
		{"ok_invite_apply_desk", rule, "an invitation to apply for a desk", 0,
			toApply(func(i *membership.Invite) { i.Role = membership.RoleDesk })},
		{"malformed_apply_admin", rule, "an invitation to apply as an admin", membership.ReasonMalformed,
			toApply(func(i *membership.Invite) { i.Role = membership.RoleAdmin })},
		{"malformed_apply_guest", rule, "an invitation to apply as a guest", membership.ReasonMalformed,
			toApply(func(i *membership.Invite) { i.Role = membership.RoleGuest })},
		{"malformed_apply_name", rule, "an invitation to apply with a name", membership.ReasonMalformed,
			toApply(func(i *membership.Invite) { i.Name = "Zoe" })},
		ofEvent("apply_join", rule, "somebody joins by an invitation to apply, without a vouch", membership.ReasonVouch,
			applying(func(_ *testOrg, _ *member, join membership.SignedEvent) membership.SignedEvent { return join })),
		ofEvent("ok_vouch_admin", rule, "an admin admits an applicant", 0,
			vouchBy(func(o *testOrg) keys.PrivateKey { return o.Founder.Device() })),
		ofEvent("ok_vouch_root", rule, "the root key admits an applicant", 0,
			vouchBy(func(o *testOrg) keys.PrivateKey { return o.Root })),
		ofEvent("ok_vouch_member", rule, "the first of two members vouches", 0,
			vouchBy(func(o *testOrg) keys.PrivateKey { return o.Join("Ann").Device() })),
		ofEvent("ok_vouch_second", rule, "the second of two members vouches, and admits", 0,
			applying(func(o *testOrg, _ *member, join membership.SignedEvent) membership.SignedEvent {
				o.Vouch(o.Join("Ann").Device(), join)
				return o.VouchEvent(o.JoinAs("Bob", membership.RoleDesk).Device(), join)
			})),
		ofEvent("ok_vouch_old", rule, "a vouch for a join older than the policy's event age", 0,
			applying(func(o *testOrg, _ *member, join membership.SignedEvent) membership.SignedEvent {
				o.Cancel(o.Founder.Device())
				o.Now = o.Now.Add(5 * 24 * time.Hour)
				return o.VouchEvent(o.Founder.Device(), join)
			})),
		ofEvent("ok_vouch_names_approved", "[ROLL-32]", "an admin vouches where admins give names", 0,
			applying(func(o *testOrg, _ *member, join membership.SignedEvent) membership.SignedEvent {
				policy := o.Roll.State().Policy()
				policy.NameRule = membership.NamesApproved
				o.SetPolicy(policy)
				return o.VouchEvent(o.Founder.Device(), join)
			})),
		ofEvent("vouch_names_approved", "[ROLL-32]", "a member vouches where admins give names", membership.ReasonNameRule,
			applying(func(o *testOrg, _ *member, join membership.SignedEvent) membership.SignedEvent {
				ann := o.Join("Ann")
				policy := o.Roll.State().Policy()
				policy.NameRule = membership.NamesApproved
				o.SetPolicy(policy)
				return o.VouchEvent(ann.Device(), join)
			})),
		ofEvent("vouch_reserved", "[ROLL-32]", "an admin vouches for a reserved name", membership.ReasonNameReserved,
			func(o *testOrg) membership.SignedEvent {
				_, join := o.Applicant(o.InviteToApply(o.Founder, membership.RoleMember, 2), "Security")
				return o.VouchEvent(o.Founder.Device(), join)
			}),
		ofEvent("vouch_never", rule, "a member vouches where only admins admit", membership.ReasonRole,
			applying(func(o *testOrg, _ *member, join membership.SignedEvent) membership.SignedEvent {
				ann := o.Join("Ann")
				vouching(o, 0)
				return o.VouchEvent(ann.Device(), join)
			})),
		ofEvent("vouch_guest", rule, "a guest vouches", membership.ReasonRole,
			vouchBy(func(o *testOrg) keys.PrivateKey { return o.JoinAs("Gil", membership.RoleGuest).Device() })),
		ofEvent("vouch_applicant", rule, "the applicant vouches", membership.ReasonNotMember,
			applying(func(o *testOrg, zoe *member, join membership.SignedEvent) membership.SignedEvent {
				return o.VouchEvent(zoe.Device(), join)
			})),
		ofEvent("vouch_recovery", rule, "an admin's recovery key vouches", membership.ReasonNotMember,
			vouchBy(func(o *testOrg) keys.PrivateKey { return o.Founder.Recovery })),
		ofEvent("vouch_suspended", rule, "a suspended member vouches", membership.ReasonSuspended,
			vouchBy(func(o *testOrg) keys.PrivateKey {
				ann := o.Join("Ann")
				o.Suspend(o.Founder.Device(), ann)
				return ann.Device()
			})),
		ofEvent("vouch_twice", rule, "a member vouches twice", membership.ReasonAlready,
			applying(func(o *testOrg, _ *member, join membership.SignedEvent) membership.SignedEvent {
				ann := o.Join("Ann")
				o.Vouch(ann.Device(), join)
				return o.VouchEvent(o.AddDevice(ann), join)
			})),
		ofEvent("vouch_admitted", rule, "a vouch for somebody who was admitted", membership.ReasonDuplicateKey,
			applying(func(o *testOrg, _ *member, join membership.SignedEvent) membership.SignedEvent {
				o.Vouch(o.Founder.Device(), join)
				return o.VouchEvent(o.Founder.Device(), join)
			})),
		ofEvent("vouch_direct", rule, "a vouch for a join by an invitation that takes none", membership.ReasonVouch,
			func(o *testOrg) membership.SignedEvent {
				_, join := o.Applicant(o.Invite(o.Founder, membership.RoleMember, 1), "Zoe")
				return o.VouchEvent(o.Founder.Device(), join)
			}),
		ofEvent("vouch_unknown", rule, "a vouch for a join by no invitation", membership.ReasonInvitationUnknown,
			func(o *testOrg) membership.SignedEvent {
				_, join := o.Applicant(o.Key(), "Zoe")
				return o.VouchEvent(o.Founder.Device(), join)
			}),
		ofEvent("vouch_revoked", rule, "the invitation was taken back meanwhile", membership.ReasonInvitationRevoked,
			applying(func(o *testOrg, _ *member, join membership.SignedEvent) membership.SignedEvent {
				o.Vouch(o.Join("Ann").Device(), join)
				event, _ := membership.ReadEvent(join)
				o.Revoke(o.Founder.Device(), event.Join.Invitation)
				return o.VouchEvent(o.Join("Bob").Device(), join)
			})),
		ofEvent("vouch_expired", rule, "the invitation has expired meanwhile", membership.ReasonInvitationExpired,
			applying(func(o *testOrg, _ *member, join membership.SignedEvent) membership.SignedEvent {
				o.Now = o.Now.Add(8 * 24 * time.Hour)
				return o.VouchEvent(o.Founder.Device(), join)
			})),
		ofEvent("vouch_used", rule, "the invitation is used up meanwhile", membership.ReasonInvitationUsed,
			func(o *testOrg) membership.SignedEvent {
				invitation := o.InviteToApply(o.Founder, membership.RoleMember, 1)
				_, first := o.Applicant(invitation, "Zoe")
				_, second := o.Applicant(invitation, "Yan")
				o.Vouch(o.Founder.Device(), first)
				return o.VouchEvent(o.Founder.Device(), second)
			}),
		ofEvent("vouch_name_taken", rule, "the name was taken meanwhile", membership.ReasonNameTaken,
			applying(func(o *testOrg, _ *member, join membership.SignedEvent) membership.SignedEvent {
				o.Vouch(o.Join("Ann").Device(), join)
				o.Join("ZOE")
				return o.VouchEvent(o.Join("Bob").Device(), join)
			})),
		ofEvent("vouch_key", rule, "the applicant's device is a member's", membership.ReasonDuplicateKey,
			func(o *testOrg) membership.SignedEvent {
				zoe := stranger(o, "Zoe")
				zoe.Devices[0] = o.Join("Ann").Device()
				invitation := o.InviteToApply(o.Founder, membership.RoleMember, 1)
				return o.VouchEvent(o.Founder.Device(), o.JoinEvent(invitation, zoe))
			}),
		ofEvent("vouch_future", rule, "a join made at a size that the roll has not", membership.ReasonFuture,
			applying(func(o *testOrg, zoe *member, join membership.SignedEvent) membership.SignedEvent {
				return o.VouchEvent(o.Founder.Device(), rejoined(o, zoe, join, func(e *membership.Event) { e.At += 10 }))
			})),
		ofEvent("vouch_counter", rule, "a join with another counter than 1", membership.ReasonCounter,
			applying(func(o *testOrg, zoe *member, join membership.SignedEvent) membership.SignedEvent {
				return o.VouchEvent(o.Founder.Device(), rejoined(o, zoe, join, func(e *membership.Event) { e.Counter = 2 }))
			})),
		ofEvent("vouch_org", rule, "a join of another organization", membership.ReasonOrg,
			applying(func(o *testOrg, zoe *member, join membership.SignedEvent) membership.SignedEvent {
				return o.VouchEvent(o.Founder.Device(), rejoined(o, zoe, join, func(e *membership.Event) { e.Org[0] ^= 1 }))
			})),
		ofEvent("vouch_signature", rule, "a join with a wrong signature", membership.ReasonSignature,
			edited(func(_ *testOrg, _ *member, s *signed) { s.Signature[0] ^= 1 })),
		ofEvent("vouch_cosignature", rule, "a join with a forged cosignature of the invitation", membership.ReasonSignature,
			edited(func(o *testOrg, zoe *member, s *signed) {
				forged := zoe.Device().Sign(keys.DomainEvent, o.ID, s.Body)
				s.Cosignature = forged[:]
			})),
		ofEvent("malformed_vouch_alone", rule, "a join without a cosignature", membership.ReasonMalformed,
			edited(func(_ *testOrg, _ *member, s *signed) { s.Cosignature = []byte{} })),
		ofEvent("malformed_vouch_empty", rule, "a vouch for nothing", membership.ReasonMalformed,
			func(o *testOrg) membership.SignedEvent { return o.VouchEvent(o.Founder.Device(), nil) }),
		ofEvent("malformed_vouch_kind", rule, "a vouch for an event that is no join", membership.ReasonMalformed,
			func(o *testOrg) membership.SignedEvent {
				return o.VouchEvent(o.Founder.Device(), o.SuspendEvent(o.Founder.Device(), o.Join("Ann")))
			}),
	}
}

// rejoined returns a join by a fresh invitation with another body, signed anew by both keys.
func rejoined(o *testOrg, zoe *membershiptest.Member, join membership.SignedEvent, change func(*membership.Event)) membership.SignedEvent {
	event, err := membership.ReadEvent(join)
	if err != nil {
		panic(err)
	}
	invitation := o.Key()
	o.Append(inviteToApply(o, invitation))
	event.Join.Invitation = invitation.Public()
	change(&event)
	return membership.SignEvent(event, zoe.Device(), &invitation)
}

func inviteToApply(o *testOrg, key keys.PrivateKey) membership.SignedEvent {
	e := o.Event(o.Founder.Device())
	e.Invite = &membership.Invite{
		Key: key.Public(), Role: membership.RoleMember, Uses: 1, Expires: o.Now.Add(time.Hour).Unix(), Apply: true,
	}
	return membership.SignEvent(e, o.Founder.Device(), nil)
}

// dismissCases: the removal of many guests by one event.
func dismissCases() []foldCase {
	const rule = "[ROLL-98]"
	// flood returns a case of three guests by two invitations, who joined from entry 3 on.
	flood := func(make func(o *testOrg, one, two keys.PrivateKey) membership.SignedEvent) func(*testOrg) membership.SignedEvent {
		return func(o *testOrg) membership.SignedEvent {
			one, two := o.Invite(o.Founder, membership.RoleGuest, 10), o.Invite(o.Founder, membership.RoleGuest, 10)
			o.JoinBy(one, "Gil")
			o.JoinBy(two, "Hal")
			o.JoinBy(two, "Ivy")
			return make(o, one, two)
		}
	}
	by := func(key func(o *testOrg) keys.PrivateKey) func(*testOrg) membership.SignedEvent {
		return flood(func(o *testOrg, _, _ keys.PrivateKey) membership.SignedEvent {
			signer := key(o)
			return o.DismissEvent(signer, 0, o.Roll.Size(), keys.PublicKey{})
		})
	}
	ranged := func(from, to int, size bool) func(*testOrg) membership.SignedEvent {
		return flood(func(o *testOrg, _, _ keys.PrivateKey) membership.SignedEvent {
			if size {
				to += int(o.Roll.Size())
			}
			return o.DismissEvent(o.Founder.Device(), uint64(from), uint64(to), keys.PublicKey{})
		})
	}
	return []foldCase{
		ofEvent("ok_dismiss", rule, "an admin dismisses all guests", 0,
			by(func(o *testOrg) keys.PrivateKey { return o.Founder.Device() })),
		ofEvent("ok_dismiss_root", rule, "the root key dismisses all guests", 0,
			by(func(o *testOrg) keys.PrivateKey { return o.Root })),
		ofEvent("ok_dismiss_invitation", rule, "the guests of one invitation", 0,
			flood(func(o *testOrg, _, two keys.PrivateKey) membership.SignedEvent {
				return o.DismissEvent(o.Founder.Device(), 0, o.Roll.Size(), two.Public())
			})),
		ofEvent("ok_dismiss_rest", rule, "those who are not removed yet", 0,
			flood(func(o *testOrg, one, _ keys.PrivateKey) membership.SignedEvent {
				o.Dismiss(o.Founder.Device(), 0, o.Roll.Size(), one.Public())
				return o.DismissEvent(o.Founder.Device(), 0, o.Roll.Size(), keys.PublicKey{})
			})),
		ofEvent("ok_dismiss_confirmed", "[ROLL-97]", "another admin confirms a dismissal", 0,
			flood(func(o *testOrg, _, _ keys.PrivateKey) membership.SignedEvent {
				o.Dismiss(o.JoinAs("Ann", membership.RoleAdmin).Device(), 0, o.Roll.Size(), keys.PublicKey{})
				return o.DismissEvent(o.Founder.Device(), 0, o.Roll.Size(), keys.PublicKey{})
			})),
		ofEvent("dismiss_twice", rule, "an admin dismisses guests whom the admin has dismissed", membership.ReasonAlready,
			flood(func(o *testOrg, _, _ keys.PrivateKey) membership.SignedEvent {
				o.Dismiss(o.Founder.Device(), 0, o.Roll.Size(), keys.PublicKey{})
				return o.DismissEvent(o.Founder.Device(), 0, o.Roll.Size(), keys.PublicKey{})
			})),
		ofEvent("dismiss_rooted", "[ROLL-97]", "an admin dismisses guests whom the root key has dismissed", membership.ReasonAlready,
			flood(func(o *testOrg, _, _ keys.PrivateKey) membership.SignedEvent {
				o.Dismiss(o.Root, 0, o.Roll.Size(), keys.PublicKey{})
				return o.DismissEvent(o.Founder.Device(), 0, o.Roll.Size(), keys.PublicKey{})
			})),
		ofEvent("dismiss_member", rule, "a member dismisses guests", membership.ReasonRole,
			by(func(o *testOrg) keys.PrivateKey { return o.Join("Ann").Device() })),
		ofEvent("dismiss_desk", rule, "a desk dismisses guests", membership.ReasonRole,
			by(func(o *testOrg) keys.PrivateKey { return o.JoinAs("Ann", membership.RoleDesk).Device() })),
		ofEvent("dismiss_nobody", rule, "where members, desks and admins joined, and no guest", membership.ReasonUnknown,
			func(o *testOrg) membership.SignedEvent {
				o.Join("Ann")
				o.JoinAs("Bob", membership.RoleDesk)
				o.JoinAs("Cid", membership.RoleAdmin)
				return o.DismissEvent(o.Founder.Device(), 0, o.Roll.Size(), keys.PublicKey{})
			}),
		ofEvent("dismiss_future", rule, "up to a position that the roll has not", membership.ReasonFuture, ranged(0, 1, true)),
		ofEvent("malformed_dismiss_empty", rule, "from a position to before it", membership.ReasonMalformed, ranged(5, 5, false)),
		ofEvent("dismiss_invitation_unknown", rule, "by an invitation that there is not", membership.ReasonInvitationUnknown,
			flood(func(o *testOrg, _, _ keys.PrivateKey) membership.SignedEvent {
				return o.DismissEvent(o.Founder.Device(), 0, o.Roll.Size(), o.Key().Public())
			})),
		ofEvent("dismissed_acts", rule, "a guest who was dismissed takes a name", membership.ReasonRemoved,
			func(o *testOrg) membership.SignedEvent {
				gil := o.JoinAs("Gil", membership.RoleGuest)
				o.Dismiss(o.Founder.Device(), 0, o.Roll.Size(), keys.PublicKey{})
				return o.BarEvent(gil.Device(), gil.Device().Public(), 0)
			}),
	}
}
