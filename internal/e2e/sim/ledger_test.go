package sim

import (
	"math"
	"slices"
	"testing"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/group"
)

// ledger is who was where when, counted from the entries of a whole roll by the plainest means: what the rules of the
// roll make of the same entries is what it is held against. It knows the events that plays are made of, and no others.
type ledger struct {
	devices map[keys.PublicKey]*holding
	groups  map[keys.GroupID]*grouping
	stamps  []int64 // of the entries
}

// span is a time on the roll: from the entry that begins it to the one that ends it.
type span struct{ from, to uint64 }

// never is the end of what has not ended.
const never = math.MaxUint64

// has reports whether the span was under way on a roll of that size, which the entry of that number is not on yet.
func (s span) has(size uint64) bool { return s.from < size && size <= s.to }

// holding is a device in the hands of a member.
type holding struct {
	member keys.MemberID
	span
}

// grouping is a group with the times of its members.
type grouping struct {
	admission group.Admission
	invited   map[keys.MemberID]bool
	stays     map[keys.MemberID][]span
}

func (g *grouping) enter(member keys.MemberID, at uint64) {
	delete(g.invited, member)
	g.stays[member] = append(g.stays[member], span{at, never})
}

func (g *grouping) leave(member keys.MemberID, at uint64) {
	delete(g.invited, member)
	if stays := g.stays[member]; len(stays) > 0 && stays[len(stays)-1].to == never {
		stays[len(stays)-1].to = at
	}
}

// count reads a roll whole.
func count(t *testing.T, org keys.OrgID, entries [][]byte) *ledger {
	t.Helper()
	l := &ledger{devices: make(map[keys.PublicKey]*holding), groups: make(map[keys.GroupID]*grouping)}
	recovery := make(map[keys.PublicKey]keys.MemberID)
	for i, data := range entries {
		entry, err := membership.ParseEntry(data)
		if err != nil || entry.Hidden() {
			t.Fatalf("entry %d: %v, hidden %v", i, err, entry.Hidden())
		}
		event, err := membership.ReadEvent(entry.Event)
		if err != nil {
			t.Fatal(err)
		}
		at, by := uint64(i), keys.MemberID{}
		if device := l.devices[event.Signer]; device != nil {
			by = device.member
		}
		l.stamps = append(l.stamps, entry.Time)
		switch {
		case event.Found != nil:
			member := membership.MemberOf(org, entry.Event)
			recovery[event.Found.Recovery] = member
			l.devices[event.Signer] = &holding{member, span{at, never}}
		case event.Join != nil:
			member := membership.MemberOf(org, entry.Event)
			recovery[event.Join.Recovery] = member
			l.devices[event.Signer] = &holding{member, span{at, never}}
		case event.Device != nil:
			if by.IsZero() {
				by = recovery[event.Signer]
			}
			l.devices[event.Device.Add] = &holding{by, span{at, never}}
		case event.Bar != nil:
			l.devices[event.Bar.Device].to = min(l.devices[event.Bar.Device].to, at)
		case event.Remove != nil:
			l.remove(event.Remove.Member, at)
		case event.Group != nil:
			g := &grouping{admission: event.Group.Admission, invited: make(map[keys.MemberID]bool), stays: make(map[keys.MemberID][]span)}
			for _, member := range event.Group.Invited {
				g.invited[member] = true
			}
			g.enter(by, at)
			l.groups[membership.GroupOf(org, entry.Event)] = g
		case event.GroupInvite != nil:
			for _, member := range event.GroupInvite.Members {
				l.groups[event.GroupInvite.Group].invited[member] = true
			}
		case event.GroupJoin != nil:
			if g := l.groups[event.GroupJoin.Group]; g.admission == group.Open || g.invited[by] {
				g.enter(by, at)
			}
		case event.GroupAdmit != nil:
			l.groups[event.GroupAdmit.Group].enter(event.GroupAdmit.Member, at)
		case event.GroupLeave != nil:
			l.groups[event.GroupLeave.Group].leave(by, at)
		case event.GroupRemove != nil:
			l.groups[event.GroupRemove.Group].leave(event.GroupRemove.Member, at)
		case event.Rendezvous != nil, event.Invite != nil, event.Policy != nil, event.GroupModerator != nil:
		default:
			t.Fatalf("entry %d: an event that plays are not made of: %+v", i, event)
		}
	}
	return l
}

func (l *ledger) remove(member keys.MemberID, at uint64) {
	for _, device := range l.devices {
		if device.member == member {
			device.to = min(device.to, at)
		}
	}
	for _, g := range l.groups {
		g.leave(member, at)
	}
}

// stay returns the time that a member was at a place in, of which a roll of that size is a moment; false if they were not
// there.
func (l *ledger) stay(place envelope.Place, member keys.MemberID, size uint64) (span, bool) {
	if place.Group.IsZero() {
		return span{0, never}, place.Has(member)
	}
	stays := l.groups[place.Group].stays[member]
	i := slices.IndexFunc(stays, func(s span) bool { return s.has(size) })
	if i < 0 {
		return span{}, false
	}
	return stays[i], true
}

// right is what a device has on a message.
type right int

const (
	none right = iota // it must not have it, nor be able to open it
	may               // it was one of those whom the message was sealed for, and is not any more; or came after it was sent
	must              // it has to have it
)

// right judges a device and a message of an author that was first sealed for a place on a roll of that size, and first
// queued then. Nobody has to take anything any more from a device that was shut out, when it was sent before that.
func (l *ledger) right(device, author keys.PublicKey, place envelope.Place, size uint64, queued int64) right {
	held := l.devices[device]
	stay, there := l.stay(place, held.member, size)
	switch {
	case !there || held.to < size:
		return none
	case stay.to != never || held.to != never || l.devices[author].to != never:
		return may
	case held.from >= size && (place.Group.IsZero() || l.stamps[held.from] >= queued):
		// A new device of somebody who is entitled. The rendezvous node tells authors of new devices in groups alone.
		return may
	}
	return must
}

// goneBy reports whether a device was no more at a place at an instant, having been there on a roll of that size.
func (l *ledger) goneBy(device keys.PublicKey, place envelope.Place, size uint64, instant int64) bool {
	held := l.devices[device]
	stay, there := l.stay(place, held.member, size)
	gone := func(end uint64) bool { return end != never && l.stamps[end] < instant }
	return !there || gone(stay.to) || gone(held.to)
}

// gone reports whether a device, or its member, has left a place where it was on a roll of that size: what it had not sent yet
// it does not send any more.
func (l *ledger) gone(device keys.PublicKey, place envelope.Place, size uint64) bool {
	held := l.devices[device]
	stay, there := l.stay(place, held.member, size)
	return !there || stay.to != never || held.to != never
}
