package rendezvous

import (
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
)

// invites are the first contacts that an event makes by inviting members to a group.
type invites struct {
	by    keys.MemberID
	group keys.GroupID
	tolls []toll
}

// invites returns what an event costs its author: an introduction for each member invited to a group with whom the author
// may not make contact freely, and who has never let the author write. That somebody has ended their leave changes nothing,
// so that nobody learns of it by what an invitation costs. nil for an event that costs nothing. [RV-49]
func (o *org) invites(event *membership.Event, by membership.Principal, signed []byte) *invites {
	made := &invites{}
	var asked []keys.MemberID
	switch {
	case event.Group != nil:
		made.group, asked = membership.GroupOf(o.id, signed), event.Group.Invited
	case event.GroupInvite != nil:
		made.group, asked = event.GroupInvite.Group, event.GroupInvite.Members
	}
	if len(asked) == 0 {
		return nil
	}
	id := membership.SignedEvent(signed).ID()
	o.roll.read(func(state *membership.State) {
		made.by, _ = state.AccountOf(by.Signer)
		for _, member := range asked {
			if state.MayContact(made.by, member) != membership.ContactFree && !o.grants.of(member, made.by).opened {
				made.tolls = append(made.tolls, toll{keys.Hash[keys.Envelope](keys.DomainEvent, id[:], member[:]), member})
			}
		}
	})
	if made.by.IsZero() || len(made.tolls) == 0 {
		return nil
	}
	return made
}

// asked is who was invited to which group today (UTC), at the cost of whom: who enters gives the allowance back. Only the
// sequencer looks at it, and it forgets at a restart. [RV-49]
type asked struct {
	day int64
	by  map[asking]keys.MemberID
}

type asking struct {
	group  keys.GroupID
	member keys.MemberID
}

// follow notes what an event that is on the roll now has cost, or gives back what it pays for.
func (a *asked) follow(o *org, event *membership.Event, by membership.Principal, made *invites, now time.Time) error {
	if day := now.Unix() / 86400; a.by == nil || a.day != day {
		a.day, a.by = day, make(map[asking]keys.MemberID)
	}
	if made != nil {
		for _, t := range made.tolls {
			a.by[asking{made.group, t.to}] = made.by
		}
	}
	if event.GroupJoin == nil {
		return nil
	}
	var enters asking
	o.roll.read(func(state *membership.State) { enters.member, _ = state.AccountOf(by.Signer) })
	enters.group = event.GroupJoin.Group
	inviter, invited := a.by[enters]
	if !invited {
		return nil
	}
	delete(a.by, enters)
	return o.intros.giveBack(inviter, enters.member, now)
}
