package membership

import "muster.example/internal/keys"

// Invite is the event that puts an invitation on the roll: whoever holds the private half of Key may join with Role.
// [ROLL-22]
type Invite struct {
	plain
	Key     keys.PublicKey `cbor:"1,keyasint"`
	Role    Role           `cbor:"2,keyasint"`
	Uses    uint64         `cbor:"3,keyasint"`           // how many may join by it, 1 to MaxUses
	Expires int64          `cbor:"4,keyasint"`           // Unix seconds, judged by the sequencer's stamp alone
	Name    string         `cbor:"5,keyasint,omitempty"` // the name that the joiner must take; by an admin, for one use
	Apply   bool           `cbor:"6,keyasint,omitempty"` // it lets people apply: nobody joins without a vouch
}

// Issued is an invitation as the roll has it.
type Issued struct {
	Invite
	By      keys.MemberID  // who made it
	Device  keys.PublicKey // with which device
	Since   uint64         // the index of its entry
	Used    uint64         // how many joined by it
	Revoked bool           // taken back
}

func (*Invite) kind() *kind { return &inviteKind }

func (i *Invite) form() error {
	switch {
	case !i.Role.valid():
		return refuse(ReasonMalformed, "no role has number %d", uint8(i.Role))
	case i.Uses == 0 || i.Uses > MaxUses:
		return refuse(ReasonMalformed, "%d uses, not from 1 to %d", i.Uses, MaxUses)
	case i.Expires <= 0 || i.Expires > MaxTime/1000:
		return refuse(ReasonMalformed, "the invitation's expiry is no date")
	case i.Name != "" && (i.Uses != 1 || i.Role == RoleGuest):
		return refuse(ReasonMalformed, "an invitation with a name is for one, who is no guest")
	}
	if i.Apply && (i.Role == RoleAdmin || i.Role == RoleGuest || i.Name != "") {
		return refuse(ReasonMalformed, "an invitation to apply is for members or desks, and without a name")
	}
	return checkNameSize("name", i.Name)
}

var inviteKind = kind{
	rules: []rule{sequenced, byDevice, counted, authorInvites, inviteNotPast, inviteKey, inviteName},
	apply: func(s *State, c *change) {
		invite := *c.event.Invite
		s.invitations[invite.Key] = &Issued{Invite: invite, By: c.author.id, Device: c.by.Signer, Since: s.size}
		s.keys[invite.Key] = holding{use: useInvitation}
	},
}

// authorInvites: the author's role may give the role. [ROLL-22]
func authorInvites(s *State, c *change) error {
	return s.mayInvite(c.author, c.event.Invite.Role)
}

// inviteNotPast: an invitation that nobody could use is not put on the roll. [ROLL-22]
func inviteNotPast(_ *State, c *change) error { return c.event.Invite.unexpired(c.now) }

// inviteKey: an invitation's key is new to the organization. [ROLL-9]
func inviteKey(s *State, c *change) error { return s.newKeys(c.event.Invite.Key) }

// inviteName: a name is given by an admin, and is free to be given. It is asked again when it is taken. [ROLL-32]
func inviteName(s *State, c *change) error {
	name := c.event.Invite.Name
	if name == "" {
		return nil
	}
	if c.author.role != RoleAdmin {
		return refuse(ReasonRole, "only an admin gives names")
	}
	return s.mayBeNamed(nil, name, true, c.now)
}

// mayInvite checks the policy of now. [ROLL-22]
func (s *State) mayInvite(inviter *account, role Role) error {
	if !s.policy.Invite.May(inviter.role, role) {
		return refuse(ReasonRole, "a %s may not invite for the role %s", inviter.role, role)
	}
	return nil
}

// stands checks that an invitation was not taken back, that its maker may still invite for its role, and that the device
// that made it was not barred from before. [ROLL-22] [ROLL-74]
func (s *State) stands(i *Issued) error {
	inviter := s.members[i.By]
	switch {
	case i.Revoked:
		return refuse(ReasonInvitationRevoked, "")
	case inviter.removed || inviter.devices.Suspended():
		return refuse(ReasonInvitationRevoked, "its maker is suspended or removed")
	case inviter.devices.Void(i.Device, i.Since):
		return refuse(ReasonInvitationRevoked, "the device that made it is barred")
	}
	return s.mayInvite(inviter, i.Role)
}

// unexpired checks the date against a stamp in Unix milliseconds. [ROLL-23]
func (i *Invite) unexpired(now int64) error {
	if now >= i.Expires*1000 {
		return refuse(ReasonInvitationExpired, "")
	}
	return nil
}

// Revoke is the event that takes an invitation back. [ROLL-25]
type Revoke struct {
	plain
	Key keys.PublicKey `cbor:"1,keyasint"`
}

func (*Revoke) kind() *kind { return &revokeKind }

var revokeKind = kind{
	rules: []rule{sequenced, byDeviceOrRoot, counted, ownInvitation},
	apply: func(s *State, c *change) { s.invitations[c.event.Revoke.Key].Revoked = true },
}

// ownInvitation: an invitation is taken back by who made it or by an admin, once. [ROLL-25]
func ownInvitation(s *State, c *change) error {
	i, ok := s.invitations[c.event.Revoke.Key]
	switch {
	case !ok:
		return refuse(ReasonInvitationUnknown, "")
	case i.Revoked:
		return refuse(ReasonAlready, "")
	case c.author != nil && c.author.id != i.By && c.author.role != RoleAdmin:
		return refuse(ReasonRole, "only its maker or an admin takes an invitation back")
	}
	return nil
}
