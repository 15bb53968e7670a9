package node

import (
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
)

// with returns the place of this account and other members.
func (o *organization) with(members ...keys.MemberID) envelope.Place {
	return envelope.Among(append([]keys.MemberID{o.member}, members...)...)
}

// other returns the member with whom this account is at a place of two; zero if the place is another.
func (o *organization) other(place envelope.Place) keys.MemberID {
	if len(place.Members) == 2 && place.Has(o.member) {
		return place.Members[1-slices.Index(place.Members, o.member)]
	}
	return keys.MemberID{}
}

// several reports whether a place is of three members or more.
func several(place envelope.Place) bool { return len(place.Members) > 2 }

// devicesLocked returns the active devices of a place but this one, sorted. Callers hold mu.
func (o *organization) devicesLocked(place envelope.Place) []keys.PublicKey {
	var devices []keys.PublicKey
	state := o.roll.State()
	switch {
	case !place.Group.IsZero():
		devices = devicesOf(state.GroupDevices(place.Group))
	case !place.Guest.IsZero():
		devices = devicesOf(state.DeskDevices(place.Guest))
	}
	of := devicesSource(state)
	if o.isPair(place) {
		of = o.allPeopleLocked()
	}
	for _, member := range place.Members {
		if !o.hasLeftLocked(place, member) {
			devices = append(devices, of.Devices(member)...)
		}
	}
	devices = filter(devices, func(d keys.PublicKey) bool { return d != o.device && !o.endedEarlyLocked(d) })
	slices.SortFunc(devices, keys.PublicKey.Compare)
	return slices.Compact(devices)
}

// devicesSource knows the active devices of members.
type devicesSource interface {
	Devices(member keys.MemberID) []keys.PublicKey
}

func devicesOf(all []membership.GroupDevice) []keys.PublicKey {
	devices := make([]keys.PublicKey, len(all))
	for i, d := range all {
		devices[i] = d.Device
	}
	return devices
}

// takesPartLocked reports whether a member takes part at a place now, by the own roll. Callers hold mu.
func (o *organization) takesPartLocked(place envelope.Place, member keys.MemberID) bool {
	state := o.roll.State()
	switch {
	case !place.Group.IsZero():
		_, in := state.InGroup(place.Group, member)
		return in
	case !place.Guest.IsZero():
		m, known := state.Member(member)
		return known && (m.Role == membership.RoleDesk || m.Role == membership.RoleGuest && member == place.Guest)
	}
	return place.Has(member)
}

// admitsLocked answers envelope's question about an announcement that was made at a size of the roll: its receiver takes
// part now, and its sender does, or did then. Callers hold mu.
func (o *organization) admitsLocked(header envelope.Header) func(envelope.Place, keys.PublicKey) bool {
	return func(place envelope.Place, device keys.PublicKey) bool {
		member, known := o.personOfLocked(device)
		switch {
		case !known, o.allPeopleLocked().IsAhead(device) && !o.isPair(place): // [MSH-25]
			return false
		case o.takesPartLocked(place, member):
			return true
		}
		return device == header.Sender && o.wroteLocked(place, member, header.RollSize, o.now())
	}
}

// wroteLocked reports whether somebody who is in a group no more wrote to it while they were, not longer ago than anything
// is under way. Callers hold mu.
func (o *organization) wroteLocked(place envelope.Place, member keys.MemberID, size uint64, now time.Time) bool {
	state := o.roll.State()
	if place.Group.IsZero() || !state.WroteIn(place.Group, member, size) {
		return false
	}
	_, stamp, left := state.LeftGroup(place.Group, member)
	queueTime := time.Duration(state.Policy().QueueTime) * time.Second
	return !left || now.Sub(time.UnixMilli(stamp)) <= queueTime
}

// mayWriteAtLocked reports whether a member may write to this account at a place, or might when they did: the rendezvous
// node checks as well, and is not believed. Callers hold mu.
func (o *organization) mayWriteAtLocked(place envelope.Place, member keys.MemberID, header envelope.Header) bool {
	state := o.roll.State()
	switch {
	case !o.takesPartLocked(place, o.member) || header.RollSize > state.Size() && !header.Leave.IsZero():
		return false
	case member == o.member:
		return true
	case !place.Group.IsZero():
		since, _ := state.InGroup(place.Group, o.member)
		return since < header.RollSize &&
			(state.MayWriteIn(place.Group, member) || o.wroteLocked(place, member, header.RollSize, o.now()))
	case !place.Guest.IsZero():
		return o.takesPartLocked(place, member)
	case header.Leave.Kind == envelope.LeaveConversation && o.joinedLocked(place):
		return true
	}
	return o.mayWriteLocked(member)
}

// mayWriteToLocked says why a person may not write at a place, if they may not. Callers hold mu.
func (o *organization) mayWriteToLocked(place envelope.Place) (reason string, ok bool) {
	if o.isAlone(place) {
		return "imported mail is only read", false
	}
	return o.mayTellLocked(place)
}

// mayTellLocked says why nothing may be sent at a place, if it may not; at that of the account alone its devices tell each
// other what they did. Callers hold mu.
func (o *organization) mayTellLocked(place envelope.Place) (reason string, ok bool) {
	state := o.roll.State()
	early, ahead := o.aheadAtLocked(place)
	switch {
	case !place.Group.IsZero():
		if _, in := state.InGroup(place.Group, o.member); !in {
			return "you are not in the group", false
		}
		if !state.MayWriteIn(place.Group, o.member) {
			return "only its moderators write there", false
		}
	case !o.takesPartLocked(place, o.member):
		return "you take no part in the conversation", false
	case several(place) && ahead:
		return o.memberNameLocked(early) + " is not confirmed by the roll yet, and may be written to alone until then", false
	case !place.Guest.IsZero() && len(state.DeskMembers()) == 0:
		return "nobody is there to hear it", false
	case !place.Guest.IsZero() && state.Role(place.Guest) != membership.RoleGuest:
		return "the guest is not there any more", false
	}
	return "", true
}

// isWholeGroupLocked reports whether devices are all that a group has but this one, so that a rendezvous node with the same
// roll finds the same. Callers hold mu.
func (o *organization) isWholeGroupLocked(place envelope.Place, devices []keys.PublicKey) bool {
	if place.Group.IsZero() {
		return false
	}
	all := devicesOf(o.roll.State().GroupDevices(place.Group))
	devices = difference(devices, []keys.PublicKey{o.amongArchivesLocked(devices)}) // which a node adds by itself
	return len(difference(all, devices)) <= 1 && len(all) == len(devices)+1
}

// placeTextLocked says what a place is, for a person. Callers hold mu.
func (o *organization) placeTextLocked(place envelope.Place) string {
	switch {
	case !place.Group.IsZero():
		if g, ok := o.roll.State().Group(place.Group); ok {
			return "group " + g.Name
		}
		return "group " + place.Group.Short()
	case place.Guest == o.member:
		return "the desk"
	case !place.Guest.IsZero():
		return "the desk conversation of " + o.personText(place.Guest)
	}
	return "the conversation"
}
