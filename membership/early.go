package membership

import (
	"slices"

	"muster.example/internal/keys"
	"muster.example/membership/names"
)

// EarlyJoin is a join that holds against the roll as it is known, and is not on it yet. [ROLL-193]
type EarlyJoin struct {
	Member     keys.MemberID  // that the joiner will be
	Device     keys.PublicKey // their first
	Name       string
	Recovery   keys.PublicKey
	Invitation keys.PublicKey
	Inviter    keys.MemberID
	By         keys.PublicKey // the inviter's device, which signed the invitation
	Expires    int64          // of the invitation, unix seconds
	Uses       uint64         // how many may still join by the invitation, by the roll
	Listed     bool           // the roll has the invitation
}

// JudgeEarly holds a join that is not on the roll against it, at a time in unix milliseconds, by an invitation that the roll has or, if
// invite is not empty, by that signed one, which the roll may have meanwhile. Nothing of the roll is changed. Only who becomes a plain member
// is taken ahead of the roll: no admin, desk or guest, nobody who applies or comes by an enrolment key. Errors are *Refusal. [ROLL-193]
func (r *Roll) JudgeEarly(invite, join SignedEvent, now int64) (EarlyJoin, error) {
	event, principal, err := OpenEvent(join)
	switch {
	case err != nil:
		return EarlyJoin{}, err
	case event.Join == nil || event.Join.Role != 0:
		return EarlyJoin{}, refuse(ReasonMalformed, "no join by an invitation")
	}
	key := event.Join.Invitation
	issued, listed := r.state.invitations[key]
	if !listed {
		if issued, err = r.unlisted(invite, key, now); err != nil {
			return EarlyJoin{}, err
		}
		r.state.invitations[key] = issued // for the rules to judge by; no other event is judged meanwhile
		defer delete(r.state.invitations, key)
	}
	if issued.Role != RoleMember || issued.Apply {
		return EarlyJoin{}, refuse(ReasonRole, "only who becomes a plain member is taken ahead of the roll")
	}
	if err := r.Check(join, now); err != nil {
		return EarlyJoin{}, err
	}
	return EarlyJoin{
		Member: MemberOf(r.state.org, join), Device: principal.Signer, Name: event.Join.Name,
		Recovery: event.Join.Recovery, Invitation: key, Inviter: issued.By, By: issued.Device, Expires: issued.Expires, Uses: issued.Uses - issued.Used, Listed: listed,
	}, nil
}

// unlisted returns an invitation that the roll lacks as it would be there, if the event that makes it holds.
func (r *Roll) unlisted(invite SignedEvent, key keys.PublicKey, now int64) (*Issued, error) {
	if len(invite) == 0 {
		return nil, refuse(ReasonInvitationUnknown, "")
	}
	event, principal, err := OpenEvent(invite)
	switch {
	case err != nil:
		return nil, err
	case event.Invite == nil || event.Invite.Key != key:
		return nil, refuse(ReasonInvitationUnknown, "the event beside the join makes another")
	}
	if err := r.Check(invite, now); err != nil {
		return nil, err
	}
	by, _ := r.state.MemberOf(principal.Signer)
	return &Issued{Invite: *event.Invite, By: by, Device: principal.Signer, Since: r.state.size}, nil
}

// AreAlike reports whether two names could not both be on the roll, as its policy has names compared. [ROLL-31] [ROLL-194]
func (s *State) AreAlike(one, other string) bool {
	taken := names.Skeletons(one, s.policy.Tables)
	return slices.ContainsFunc(names.Skeletons(other, s.policy.Tables), func(skeleton string) bool { return slices.Contains(taken, skeleton) })
}
