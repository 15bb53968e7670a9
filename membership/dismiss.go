package membership

import (
	"cmp"
	"slices"
	"sort"

	"muster.example/internal/keys"
)

// Dismiss is the event by which an admin or the root key removes all guests who joined from one position of the roll to
// another, or those of them who came by one invitation: one event for a flood. [ROLL-98]
type Dismiss struct {
	plain
	From       uint64         `cbor:"1,keyasint"`
	To         uint64         `cbor:"2,keyasint"`          // the first position that it does not reach
	Invitation keys.PublicKey `cbor:"3,keyasint,omitzero"` // zero for any
}

func (*Dismiss) kind() *kind { return &dismissKind }

func (d *Dismiss) form() error {
	if d.From >= d.To {
		return refuse(ReasonMalformed, "no position is from %d to before %d", d.From, d.To)
	}
	return nil
}

var dismissKind = kind{
	rules: []rule{sequenced, byAdmin, counted, dismissedGuests},
	apply: func(s *State, c *change) {
		for _, guest := range c.dismissed {
			c.target = guest
			s.decide(c, decision{removed: true})
		}
	},
}

// dismissedGuests finds the guests whom a dismissal removes, or whose removal by others it confirms. [ROLL-97] [ROLL-98]
func dismissedGuests(s *State, c *change) error {
	d := c.event.Dismiss
	if d.To > s.size {
		return refuse(ReasonFuture, "up to position %d, the roll has %d", d.To, s.size)
	}
	if _, ok := s.invitations[d.Invitation]; !ok && !d.Invitation.IsZero() {
		return refuse(ReasonInvitationUnknown, "")
	}
	guests := s.guestsOf(d)
	if len(guests) == 0 {
		return refuse(ReasonUnknown, "no guest joined there")
	}
	confirmable := s.removedByOthers(c)
	c.dismissed = slices.DeleteFunc(guests, func(a *account) bool { return a.removed && !confirmable[a] })
	if len(c.dismissed) == 0 {
		return refuse(ReasonAlready, "all who joined there are removed")
	}
	return nil
}

// guestsOf returns the guests of whom a dismissal speaks, removed or not, in the order of the roll.
func (s *State) guestsOf(d *Dismiss) (guests []*account) {
	for _, a := range s.members {
		if a.role == RoleGuest && a.joined >= d.From && a.joined < d.To &&
			(d.Invitation.IsZero() || a.invitation == d.Invitation) {
			guests = append(guests, a)
		}
	}
	slices.SortFunc(guests, func(a, b *account) int { return cmp.Compare(a.joined, b.joined) })
	return guests
}

// removedByOthers returns the guests who are removed by decisions that others may confirm: neither by the author of a
// change, nor by a key whose decisions are never void. It is confirms for many, in one pass. [ROLL-97]
func (s *State) removedByOthers(c *change) map[*account]bool {
	others := make(map[*account]bool)
	for i := range s.decisions {
		d := &s.decisions[i]
		if d.void || !d.removed || d.target.role != RoleGuest {
			continue
		}
		before, known := others[d.target]
		others[d.target] = (before || !known) && d.author != nil && d.author != c.author
	}
	return others
}

// Dismissed returns the guests whom a dismissal would remove now, in the order in which they joined.
func (s *State) Dismissed(d Dismiss) (guests []Member) {
	for _, a := range s.guestsOf(&d) {
		if !a.removed {
			m, _ := a.snapshot()
			guests = append(guests, m)
		}
	}
	return guests
}

// PositionAt returns the position of the first entry that is stamped at a time or later, in Unix milliseconds; the size of
// the roll if there is none.
func (s *State) PositionAt(stamp int64) uint64 {
	return uint64(sort.Search(len(s.stamps), func(i int) bool { return s.stamps[i] >= stamp }))
}
