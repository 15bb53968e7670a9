package membership

import (
	"slices"

	"muster.example/internal/keys"
)

// Invite is the event that puts an invitation on the roll: whoever holds the private half of Key may join with Role.
// [ROLL-22]
type Invite struct {
	Key     keys.PublicKey `cbor:"1,keyasint"`
	Role    Role           `cbor:"2,keyasint"`
	Uses    uint64         `cbor:"3,keyasint"` // how many may join by it, 1 to MaxUses
	Expires int64          `cbor:"4,keyasint"` // Unix seconds, judged by the sequencer's stamp alone
}

// Issued is an invitation as the roll has it.
type Issued struct {
	Invite
	By    keys.MemberID // who made it
	Since uint64        // the index of its entry
	Used  uint64        // how many joined by it
}

func (i *Invite) form() error {
	switch {
	case !i.Role.valid():
		return refuse(ReasonMalformed, "no role has number %d", uint8(i.Role))
	case i.Uses == 0 || i.Uses > MaxUses:
		return refuse(ReasonMalformed, "%d uses, not from 1 to %d", i.Uses, MaxUses)
	case i.Expires <= 0 || i.Expires > MaxTime/1000:
		return refuse(ReasonMalformed, "the invitation's expiry is no date")
	}
	return nil
}

var inviteKind = kind{
	rules: []rule{sequenced, authored, counted, authorInvites, inviteNotPast, inviteKey},
	apply: func(s *State, c *change) {
		invite := *c.event.Invite
		s.invitations[invite.Key] = &Issued{Invite: invite, By: c.author.ID, Since: s.size}
		s.keys[invite.Key] = holding{use: useInvitation}
	},
}

// authorInvites: the author's role may invite, and may give the role. [ROLL-22]
func authorInvites(s *State, c *change) error { return s.mayInvite(c.author, c.event.Invite.Role) }

// inviteNotPast: an invitation that nobody could use is not put on the roll. [ROLL-22]
func inviteNotPast(_ *State, c *change) error { return c.event.Invite.unexpired(c.now) }

// inviteKey: an invitation's key is new to the organization. [ROLL-9]
func inviteKey(s *State, c *change) error { return s.newKeys(c.event.Invite.Key) }

// mayInvite checks the policy of now; it is asked when an invitation is made and again when it is used, so that a
// policy which takes the leave away also ends the invitations made under it. Only an admin makes admins. [ROLL-22]
func (s *State) mayInvite(inviter *Member, role Role) error {
	if !slices.Contains(s.policy.InviteRoles, inviter.Role) {
		return refuse(ReasonRole, "a %s may not invite", inviter.Role)
	}
	if role == RoleAdmin && inviter.Role != RoleAdmin {
		return refuse(ReasonRole, "only an admin invites admins")
	}
	return nil
}

// unexpired checks the date against a stamp in Unix milliseconds. [ROLL-23]
func (i *Invite) unexpired(now int64) error {
	if now >= i.Expires*1000 {
		return refuse(ReasonInvitationExpired, "")
	}
	return nil
}
