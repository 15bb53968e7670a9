package membership

import "muster.example/internal/keys"

// Join is the event by which somebody becomes a member: signed by their first device, whose counter it starts, and by
// the key of the invitation. [ROLL-23]
type Join struct {
	Invitation keys.PublicKey `cbor:"1,keyasint"`
	Name       string         `cbor:"2,keyasint"`
	Recovery   keys.PublicKey `cbor:"3,keyasint"`
}

func (j *Join) form() error { return checkNameSize("name", j.Name) }

var joinKind = kind{
	rules: []rule{sequenced, invited, joinKeys, counted, joinName, joinNameFree},
	apply: func(s *State, c *change) {
		invitation := s.invitations[c.event.Join.Invitation]
		invitation.Used++
		s.admit(c, c.event.Join.Name, invitation.Role, c.event.Join.Recovery)
	},
}

// invited: the invitation is on the roll, not used up, not expired by the sequencer's stamp, and its maker may still
// invite for its role. [ROLL-22] [ROLL-23]
func invited(s *State, c *change) error {
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
	return s.mayInvite(s.members[invitation.By], invitation.Role)
}

// joinKeys: the new device and recovery key are new to the organization. [ROLL-8] [ROLL-9]
func joinKeys(s *State, c *change) error { return s.newKeys(c.by.Signer, c.event.Join.Recovery) }

// joinName: the name follows the rule. [ROLL-30]
func joinName(_ *State, c *change) error { return CheckName(c.event.Join.Name) }

// joinNameFree: no member has the name, in whatever case. [ROLL-31]
func joinNameFree(s *State, c *change) error {
	if _, taken := s.names[foldName(c.event.Join.Name)]; taken {
		return refuse(ReasonNameTaken, "%q", c.event.Join.Name)
	}
	return nil
}
