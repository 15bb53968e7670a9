package membership

import (
	"slices"

	"muster.example/internal/keys"
)

// Vouch is the event by which a member speaks for somebody who applies to join. It holds the join that the applicant
// signed, for an invitation that admits nobody directly. An admin's vouch admits the applicant, and so do those of as many
// members as the policy says. [ROLL-28]
type Vouch struct {
	plain
	Join SignedEvent `cbor:"1,keyasint"`
}

func (*Vouch) kind() *kind { return &vouchKind }

func (v *Vouch) form() error {
	_, join, err := decodeEvent(v.Join)
	switch {
	case err != nil:
		return refuse(ReasonMalformed, "the join in a vouch: %v", err)
	case join.Join == nil:
		return refuse(ReasonMalformed, "a vouch for an event that is no join")
	}
	return nil
}

// Applicant returns the device of the applicant: the signer of the join.
func (v *Vouch) Applicant() keys.PublicKey {
	_, join, err := decodeEvent(v.Join)
	if err != nil {
		return keys.PublicKey{}
	}
	return join.Signer
}

// vouch is one that has not admitted anybody yet.
type vouch struct {
	author *account
	device keys.PublicKey
	index  uint64
}

// stands reports whether a vouch counts: its member is in, and no bar reaches it. [ROLL-28]
func (v vouch) stands() bool {
	return !v.author.removed && !v.author.devices.Suspended() && !v.author.devices.Void(v.device, v.index)
}

var vouchKind = kind{
	rules: []rule{sequenced, byDeviceOrRoot, counted, mayVouch, vouchedJoin, vouchOnce},
	apply: func(s *State, c *change) {
		id := c.event.Vouch.Join.ID()
		if !c.joining.approved && s.vouched(id)+1 < s.policy.Vouches {
			s.vouches[id] = append(s.vouches[id], vouch{author: c.author, device: c.by.Signer, index: s.size})
			return
		}
		delete(s.vouches, id)
		joinKind.apply(s, c.joining)
		s.counters.Use(c.joining.by.Signer, c.joining.event.Counter)
	},
}

// mayVouch: an admin always, others if the policy asks for vouches of members, guests never. [ROLL-28]
func mayVouch(s *State, c *change) error {
	switch {
	case c.approves():
		return nil
	case c.author.role == RoleGuest:
		return refuse(ReasonRole, "guests vouch for nobody")
	case s.policy.Vouches == 0:
		return refuse(ReasonRole, "only an admin admits who applies")
	}
	return nil
}

// approves reports whether the root key or an admin's device signed.
func (c *change) approves() bool { return c.root || c.author.role == RoleAdmin }

// vouchedJoin: the join is the applicant's and the invitation's own word, and could take effect now. That its author has
// not seen the roll for long is no matter: it waits for vouches. [ROLL-28]
func vouchedJoin(s *State, c *change) error {
	event, principal, err := c.open(c.event.Vouch.Join)
	if err != nil {
		return err
	}
	c.joining = &change{data: c.event.Vouch.Join, event: event, by: principal, now: c.now, approved: c.approves()}
	return s.mayApply(c.joining)
}

// mayApply asks all that an applicant's join is asked.
func (s *State) mayApply(joining *change) error {
	for _, allow := range []rule{ofThisOrg, seenByAuthor, byApplication, invited, joinKeys, counted, joinName} {
		if err := allow(s, joining); err != nil {
			return err
		}
	}
	return nil
}

// byApplication: the invitation is one to apply. [ROLL-28]
func byApplication(s *State, c *change) error {
	if invitation, ok := s.invitations[c.event.Join.Invitation]; ok && !invitation.Apply {
		return refuse(ReasonVouch, "the invitation takes none")
	}
	if s.enrolments[c.event.Join.Invitation] != nil {
		return refuse(ReasonVouch, "a join by an enrolment key takes none")
	}
	return nil
}

// directly: nobody joins without a vouch by an invitation to apply. [ROLL-28]
func directly(s *State, c *change) error {
	if invitation, ok := s.invitations[c.event.Join.Invitation]; ok && invitation.Apply {
		return refuse(ReasonVouch, "the invitation is one to apply")
	}
	return nil
}

// vouchOnce: each member speaks for an applicant once, as long as it counts. [ROLL-28]
func vouchOnce(s *State, c *change) error {
	own := func(v vouch) bool { return v.author == c.author && v.stands() }
	if !c.approves() && slices.ContainsFunc(s.vouches[c.event.Vouch.Join.ID()], own) {
		return refuse(ReasonAlready, "the member has vouched")
	}
	return nil
}

// vouched returns how many members' vouches for a join count.
func (s *State) vouched(join keys.EventID) uint64 { return uint64(len(s.Vouchers(join))) }

// Vouchers returns the members whose vouches for a join that waits count, in the order of the roll.
func (s *State) Vouchers(join keys.EventID) (members []keys.MemberID) {
	for _, v := range s.vouches[join] {
		if v.stands() && !slices.Contains(members, v.author.id) {
			members = append(members, v.author.id)
		}
	}
	return members
}

// CheckApplication returns nil if a join that somebody signed for an invitation to apply could take effect at a stamp, by
// an admin's vouch: what a node asks before it keeps an application, and a member before vouching. Errors are *Refusal.
// [ROLL-28]
func (s *State) CheckApplication(join SignedEvent, now int64) (Event, error) {
	event, principal, err := OpenEvent(join)
	switch {
	case err != nil:
		return Event{}, err
	case event.Join == nil:
		return Event{}, refuse(ReasonMalformed, "no join")
	}
	return event, s.mayApply(&change{data: join, event: event, by: principal, now: now, approved: true})
}
