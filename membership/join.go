package membership

import "muster.example/internal/keys"

// Join is the event by which somebody becomes a member: signed by their first device, whose counter it starts, and by
// the key of the invitation, or by an enrolment key in its place, which says the role. A guest joins without a name, which a
// NameChange for desks gives. [ROLL-23] [ROLL-184]
type Join struct {
	Invitation keys.PublicKey `cbor:"1,keyasint"` // or the enrolment key
	Name       string         `cbor:"2,keyasint"`
	Recovery   keys.PublicKey `cbor:"3,keyasint"`
	Role       Role           `cbor:"4,keyasint,omitempty"` // by an enrolment key; an invitation says it itself
}

func (*Join) kind() *kind { return &joinKind }

func (j *Join) cosigner() (keys.PublicKey, bool) { return j.Invitation, true }

func (j *Join) form() error {
	if j.Role != 0 && !j.Role.valid() {
		return refuse(ReasonMalformed, "no role has number %d", uint8(j.Role))
	}
	return checkNameSize("name", j.Name)
}

var joinKind = kind{
	rules: []rule{sequenced, directly, invited, joinKeys, counted, joinName},
	apply: func(s *State, c *change) {
		if e := s.enrolments[c.event.Join.Invitation]; e != nil {
			s.enrol(e, c)
			return
		}
		invitation := s.invitations[c.event.Join.Invitation]
		invitation.Used++
		s.admit(c, c.event.Join.Name, invitation.Role, c.event.Join.Recovery)
		c.target.invitation = invitation.Key
		if invitation.Role == RoleAdmin || invitation.Role == RoleDesk {
			c.target.first = RoleMember // what is left of a void invitation [ROLL-93]
			s.record(decision{
				admitted: true, role: invitation.Role, signer: invitation.Device, author: s.members[invitation.By], target: c.target,
			}, invitation.Since)
		}
	},
}

// invited: the invitation is on the roll, not used up, not expired by the sequencer's stamp, not taken back, and its maker
// may still invite for its role. [ROLL-22] [ROLL-23]
func invited(s *State, c *change) error {
	if e := s.enrolments[c.event.Join.Invitation]; e != nil {
		return s.joinsByEnrolment(e, c)
	}
	if c.event.Join.Role != 0 {
		return refuse(ReasonRole, "an invitation says the role, not the join")
	}
	invitation, ok := s.invitations[c.event.Join.Invitation]
	if !ok {
		return refuse(ReasonInvitationUnknown, "")
	}
	if invitation.Used >= invitation.Uses {
		return refuse(ReasonInvitationUsed, "%d of %d uses", invitation.Used, invitation.Uses)
	}
	if err := invitation.unexpired(c.now); err != nil {
		return err
	}
	return s.stands(invitation)
}

// joinKeys: the new device and recovery key are new to the organization. [ROLL-8] [ROLL-9]
func joinKeys(s *State, c *change) error { return s.newKeys(c.by.Signer, c.event.Join.Recovery) }

// joinName: a member's name is one that the policy lets them have; a guest's is not for everybody to read. [ROLL-30]
// [ROLL-31] [ROLL-32] [ROLL-33]
func joinName(s *State, c *change) error {
	if e := s.enrolments[c.event.Join.Invitation]; e != nil {
		return s.enrolledName(e, c)
	}
	invitation, name := s.invitations[c.event.Join.Invitation], c.event.Join.Name
	if invitation.Role == RoleGuest {
		if name != "" {
			return refuse(ReasonNameRule, "a guest's name is for desks only")
		}
		return nil
	}
	if invitation.Name != "" && name != invitation.Name {
		return refuse(ReasonNameRule, "the invitation is for %q", invitation.Name)
	}
	given := invitation.Name != "" && s.members[invitation.By].role == RoleAdmin
	given = given || c.approved && s.policy.NameRule == NamesApproved
	return s.mayBeNamed(nil, name, given, c.now)
}
