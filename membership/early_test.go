package membership_test

import (
	"errors"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// newcomer is somebody who would join by an invitation.
func newcomer(o *membershiptest.Org, invitation keys.PrivateKey, name string) (*membershiptest.Member, membership.SignedEvent) {
	m := &membershiptest.Member{Name: name, Recovery: o.Key(), Devices: []keys.PrivateKey{o.Key()}}
	return m, o.JoinEvent(invitation, m)
}

// [ROLL-193]
func TestEarlyJoins(t *testing.T) {
	o := membershiptest.New(t, 1)
	ann := o.Join("Ann")
	now := func() int64 { return o.Now.UnixMilli() }
	head := func() membership.Hash { h, _ := o.Roll.Head(); return h.Root }

	listed := o.Invite(ann, membership.RoleMember, 2)
	before := head()
	bo, join := newcomer(o, listed, "Bo")
	got, err := o.Roll.JudgeEarly(nil, join, now())
	if err != nil || got.Member != membership.MemberOf(o.ID, join) || got.Device != bo.Device().Public() || got.Name != "Bo" ||
		got.Inviter != ann.ID || got.By != ann.Device().Public() || got.Uses != 2 || !got.Listed {
		t.Fatalf("by an invitation on the roll: %+v, %v", got, err)
	}

	fresh := o.Key()
	invite := o.InviteEvent(ann, fresh.Public(), membership.RoleMember, 1)
	_, other := newcomer(o, fresh, "Cy")
	if got, err = o.Roll.JudgeEarly(invite, other, now()); err != nil || got.Inviter != ann.ID || got.Listed || got.Uses != 1 {
		t.Errorf("by one that travels along: %+v, %v", got, err)
	}
	if _, listed := o.Roll.State().Invitation(fresh.Public()); listed || head() != before {
		t.Error("judging changes the roll")
	}
	if _, err = o.Roll.JudgeEarly(nil, other, now()); !errors.Is(err, membership.ReasonInvitationUnknown) {
		t.Errorf("without its invitation: %v", err)
	}
	if _, err = o.Roll.JudgeEarly(o.InviteEvent(ann, o.Key().Public(), membership.RoleMember, 1), other, now()); !errors.Is(err, membership.ReasonInvitationUnknown) {
		t.Errorf("beside another invitation: %v", err)
	}
	if !o.Roll.State().AreAlike("Ada", "ada") || o.Roll.State().AreAlike("Ada", "Bo") {
		t.Error("names are not compared as on the roll")
	}

	o.Append(invite) // the roll has it meanwhile: the copy beside the join says nothing more
	if got, err = o.Roll.JudgeEarly(invite, other, now()); err != nil || !got.Listed {
		t.Errorf("once the roll has the invitation: %+v, %v", got, err)
	}
	o.Append(other)
	if _, err = o.Roll.JudgeEarly(invite, other, now()); err == nil {
		t.Error("who is on the roll joins again")
	}
}

// Whatever the roll would refuse is refused ahead of it, and some of what it would not. [ROLL-193]
func TestEarlyJoinsThatAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		want membership.Reason
		make func(o *membershiptest.Org, ann *membershiptest.Member) (invite, join membership.SignedEvent)
	}{
		"by a key that is no invitation": {membership.ReasonInvitationUnknown, func(o *membershiptest.Org, _ *membershiptest.Member) (invite, join membership.SignedEvent) {
			_, join = newcomer(o, o.Key(), "Bo")
			return nil, join
		}},
		"forged": {membership.ReasonSignature, func(o *membershiptest.Org, ann *membershiptest.Member) (invite, join membership.SignedEvent) {
			invitation, wrong := o.Invite(ann, membership.RoleMember, 1), o.Key()
			e := o.Event(o.Key())
			signer := o.Key()
			e.Signer, e.Join = signer.Public(), &membership.Join{Invitation: invitation.Public(), Name: "Bo", Recovery: o.Key().Public()}
			return nil, membership.SignEvent(e, signer, &wrong)
		}},
		"used up": {membership.ReasonInvitationUsed, func(o *membershiptest.Org, ann *membershiptest.Member) (invite, join membership.SignedEvent) {
			invitation := o.Invite(ann, membership.RoleMember, 1)
			o.JoinBy(invitation, "Cy")
			_, join = newcomer(o, invitation, "Bo")
			return nil, join
		}},
		"taken back": {membership.ReasonInvitationRevoked, func(o *membershiptest.Org, ann *membershiptest.Member) (invite, join membership.SignedEvent) {
			invitation := o.Invite(ann, membership.RoleMember, 1)
			o.Revoke(ann.Device(), invitation.Public())
			_, join = newcomer(o, invitation, "Bo")
			return nil, join
		}},
		"expired": {membership.ReasonInvitationExpired, func(o *membershiptest.Org, ann *membershiptest.Member) (invite, join membership.SignedEvent) {
			_, join = newcomer(o, o.Invite(ann, membership.RoleMember, 1), "Bo")
			o.Now = o.Now.Add(8 * 24 * time.Hour)
			return nil, join
		}},
		"of a suspended inviter": {membership.ReasonInvitationRevoked, func(o *membershiptest.Org, ann *membershiptest.Member) (invite, join membership.SignedEvent) {
			_, join = newcomer(o, o.Invite(ann, membership.RoleMember, 1), "Bo")
			o.Suspend(o.Founder.Device(), ann)
			return nil, join
		}},
		"a name that is taken": {membership.ReasonNameTaken, func(o *membershiptest.Org, ann *membershiptest.Member) (invite, join membership.SignedEvent) {
			_, join = newcomer(o, o.Invite(ann, membership.RoleMember, 1), "ann")
			return nil, join
		}},
		"an admin": {membership.ReasonRole, func(o *membershiptest.Org, _ *membershiptest.Member) (invite, join membership.SignedEvent) {
			_, join = newcomer(o, o.Invite(o.Founder, membership.RoleAdmin, 1), "Bo")
			return nil, join
		}},
		"an admin by an invitation beside": {membership.ReasonRole, func(o *membershiptest.Org, _ *membershiptest.Member) (invite, join membership.SignedEvent) {
			key := o.Key()
			_, join = newcomer(o, key, "Bo")
			return o.InviteEvent(o.Founder, key.Public(), membership.RoleAdmin, 1), join
		}},
		"a desk": {membership.ReasonRole, func(o *membershiptest.Org, _ *membershiptest.Member) (invite, join membership.SignedEvent) {
			_, join = newcomer(o, o.Invite(o.Founder, membership.RoleDesk, 1), "Bo")
			return nil, join
		}},
		"who applies": {membership.ReasonRole, func(o *membershiptest.Org, ann *membershiptest.Member) (invite, join membership.SignedEvent) {
			_, join = o.Applicant(o.InviteToApply(ann, membership.RoleMember, 1), "Bo")
			return nil, join
		}},
		"an invitation of one who may not": {membership.ReasonRole, func(o *membershiptest.Org, ann *membershiptest.Member) (invite, join membership.SignedEvent) {
			key := o.Key()
			_, join = newcomer(o, key, "Bo")
			return o.InviteEvent(ann, key.Public(), membership.RoleAdmin, 1), join
		}},
		"no join": {membership.ReasonMalformed, func(o *membershiptest.Org, ann *membershiptest.Member) (invite, join membership.SignedEvent) {
			return nil, o.InviteEvent(ann, o.Key().Public(), membership.RoleMember, 1)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			o := membershiptest.New(t, 1)
			invite, join := c.make(o, o.Join("Ann"))
			if got, err := o.Roll.JudgeEarly(invite, join, o.Now.UnixMilli()); !errors.Is(err, c.want) {
				t.Errorf("%+v, %v, want %v", got, err, c.want)
			}
		})
	}
}
