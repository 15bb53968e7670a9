package membership

import (
	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// joinsByEnrolment asks what a join by an enrolment key is asked. [ROLL-184]
func (s *State) joinsByEnrolment(e *enrolment, c *change) error {
	if err := s.mayEnrol(e, c.now); err != nil {
		return err
	}
	switch role := c.event.Join.Role; {
	case role == 0 && c.event.Join.Recovery.IsZero():
		return nil // only whether anybody may: see Usable
	case role != RoleMember && role != RoleDesk, role > e.Terms.Role:
		return refuse(ReasonRole, "the enrolment key gives the role %s at most", e.Terms.Role)
	}
	return nil
}

// enrol admits who joins by an enrolment key. [ROLL-184]
func (s *State) enrol(e *enrolment, c *change) {
	join := c.event.Join
	s.admit(c, join.Name, join.Role, join.Recovery)
	c.target.invitation = e.Key
	e.stamps = append(e.today(c.now), c.now)
	e.Admitted = append(e.Admitted, c.target.id)
	if join.Role != RoleMember {
		c.target.first = RoleMember
		s.record(decision{
			admitted: true, role: join.Role, signer: e.Device, author: e.author, target: c.target,
		}, e.Since)
	}
}

// byAdminOrEnrolment: an admin's device, the root key or an enrolment key that speaks signed. [ROLL-185]
func byAdminOrEnrolment(s *State, c *change) error {
	if err := byEnrolment(s, c); err != nil || c.enrolment != nil {
		return err
	}
	return byAdmin(s, c)
}

// byDeviceRootOrEnrolment: as byDeviceOrRoot, or an enrolment key that speaks signed. [ROLL-186]
func byDeviceRootOrEnrolment(s *State, c *change) error {
	if err := byEnrolment(s, c); err != nil || c.enrolment != nil {
		return err
	}
	return byDeviceOrRoot(s, c)
}

// byEnrolment finds the enrolment key if one signed; it refuses one that speaks no more.
func byEnrolment(s *State, c *change) error {
	c.enrolment = nil
	if s.keys[c.by.Signer].use != useEnrolment {
		return nil
	}
	if err := s.identify(c); err != nil {
		return err
	}
	return s.counts(c.enrolment)
}

// ofEnrolled: an enrolment key decides about members whom it admitted, and about no admin. [ROLL-185]
func ofEnrolled(s *State, c *change) error {
	if c.enrolment == nil {
		return nil
	}
	return s.itsOwn(c.enrolment, c.target)
}

func (s *State) itsOwn(e *enrolment, a *account) error {
	switch {
	case s.enroller(a) != e:
		return refuse(ReasonRole, "the enrolment key did not admit the member")
	case a.role == RoleAdmin:
		return refuse(ReasonRole, "an enrolment key has no say about admins")
	}
	return nil
}

// ownSuspension: an enrolment key ends the suspensions that enrolment keys made, and no admin's. [ROLL-185]
func ownSuspension(s *State, c *change) error {
	if c.enrolment == nil {
		return nil
	}
	for i := len(c.target.decided) - 1; i >= 0; i-- {
		switch d := &s.decisions[c.target.decided[i]]; {
		case d.void || !d.suspended && !d.reinstated:
			continue
		case d.reinstated:
			return nil // it is so already, which another rule says
		case !d.byProvider:
			return refuse(ReasonRole, "an admin has suspended the member")
		}
		if !s.suspendedBefore(c.target, i) {
			return nil
		}
	}
	return nil
}

// suspendedBefore reports whether the decision before one of a target is a suspension too, so that the later confirms it.
func (s *State) suspendedBefore(a *account, at int) bool {
	for i := at - 1; i >= 0; i-- {
		if d := &s.decisions[a.decided[i]]; !d.void && (d.suspended || d.reinstated) {
			return d.suspended
		}
	}
	return false
}

// enrolledRole: an enrolment key gives the roles that its terms say. [ROLL-185]
func enrolledRole(_ *State, c *change) error {
	if c.enrolment == nil {
		return nil
	}
	if role := c.event.Role.Role; role != RoleMember && role != RoleDesk || role > c.enrolment.Terms.Role {
		return refuse(ReasonRole, "the enrolment key gives the role %s at most", c.enrolment.Terms.Role)
	}
	return nil
}

// enrolledGroup: an enrolment key takes those whom it admitted into the groups that its terms name, and out of them.
// [ROLL-186]
func enrolledGroup(s *State, c *change) error {
	if c.enrolment == nil {
		return nil
	}
	var id keys.MemberID
	switch e := &c.event; {
	case e.GroupAdmit != nil:
		id = e.GroupAdmit.Member
	case e.GroupRemove != nil:
		id = e.GroupRemove.Member
	default:
		return refuse(ReasonKeyRole, "an enrolment key admits to groups and removes from them, no more")
	}
	a := s.members[id]
	if a == nil {
		return refuse(ReasonUnknown, "no member %s", id.Short())
	}
	if err := s.itsOwn(c.enrolment, a); err != nil {
		return err
	}
	for _, named := range c.enrolment.Terms.Groups {
		if named == c.group.id {
			return nil
		}
	}
	return refuse(ReasonRole, "the enrolment key has no say in the group")
}

// CheckEnrolled reads the body of a join that nobody has signed yet, and returns nil if by an enrolment key it could take
// effect at a stamp: what the holder of the key asks before it signs. Errors are *Refusal. [ROLL-184]
func (s *State) CheckEnrolled(body []byte, now int64) (Event, error) {
	var event Event
	if err := wire.Decode(body, &event); err != nil || len(body) > MaxEvent {
		return Event{}, refuse(ReasonMalformed, "no body of an event")
	}
	if err := event.form(); err != nil {
		return Event{}, err
	}
	if event.Join == nil || s.enrolments[event.Join.Invitation] == nil {
		return Event{}, refuse(ReasonMalformed, "no join by an enrolment key")
	}
	c := &change{event: event, by: Principal{Org: event.Org, Signer: event.Signer}, now: now}
	for _, allow := range append(append([]rule{}, always...), joinKind.rules...) {
		if err := allow(s, c); err != nil {
			return Event{}, err
		}
	}
	return event, nil
}

// CosignBody signs the body of an event that somebody else signs, as it is: Cosign for who has the bytes alone. [ROLL-2]
func CosignBody(org keys.OrgID, body []byte, cosigner keys.PrivateKey) keys.Signature {
	return cosigner.Sign(keys.DomainEvent, org, body)
}

// Body returns the bytes that the signers of an event sign, for a cosigner who is elsewhere: SignCosigned takes what it
// answers. [ROLL-2]
func Body(e Event, signer keys.PublicKey) []byte {
	e.Version, e.Signer = Version, signer
	return wire.Encode(e)
}

// CheckEnrolledName returns nil if somebody who joins by an enrolment key may have a name at a stamp, else a *Refusal.
// [ROLL-184]
func (s *State) CheckEnrolledName(key keys.PublicKey, name string, now int64) error {
	e := s.enrolments[key]
	if e == nil {
		return refuse(ReasonInvitationUnknown, "no such enrolment key")
	}
	if err := s.mayEnrol(e, now); err != nil {
		return err
	}
	return s.enrolledName(e, &change{event: Event{Join: &Join{Name: name}}, now: now})
}
