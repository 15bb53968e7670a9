package envelope

import (
	"fmt"

	"muster.example/internal/keys"
)

// LeaveKind says by what right an envelope is passed on.
type LeaveKind uint8

// The kinds of leave.
const (
	LeaveGroup        LeaveKind = 1 // both are in a group
	LeaveConversation LeaveKind = 2 // the receiver takes part in a conversation of several
	LeaveDesk         LeaveKind = 3 // between a guest and who answers guests
	LeaveReport       LeaveKind = 4 // a report, to a group's moderators or the admins
)

// Leave is why a rendezvous node may pass an envelope on. The zero value says: by grant, by free contact, or to devices
// of the sender's own. [ENV-9]
type Leave struct {
	Kind LeaveKind     `cbor:"1,keyasint"`
	ID   [keySize]byte `cbor:"2,keyasint"` // of the group, conversation or guest; a report's group, or zero for the admins
}

// LeaveOf returns the leave of everybody at a place: of its group or guest, or, if shared is true, of the conversation of
// its several members. Without shared, leave among members is each one's own grant.
func LeaveOf(place Place, org keys.OrgID, shared bool) Leave {
	switch {
	case !place.Group.IsZero():
		return Leave{LeaveGroup, place.Group}
	case !place.Guest.IsZero():
		return Leave{LeaveDesk, place.Guest}
	case shared && len(place.Members) > 2:
		return Leave{LeaveConversation, place.ID(org)}
	}
	return Leave{}
}

// IsZero reports whether no leave is claimed.
func (l Leave) IsZero() bool { return l == Leave{} }

// fits reports whether the leave is one of a place: being in a group is leave to write in that group, and nothing more.
// [ENV-9]
func (l Leave) fits(place Place, org keys.OrgID) bool {
	return l == LeaveOf(place, org, !l.IsZero())
}

// check applies the rules of form: which kind of envelope has which leave. [ENV-5]
func (l Leave) check(kind Kind) error {
	ok := false
	switch {
	case kind == KindReport:
		ok = l.Kind == LeaveReport
	case l.IsZero():
		ok = true
	case kind == KindMessage || kind == KindAnnounce:
		ok = l.Kind >= LeaveGroup && l.Kind <= LeaveDesk && l.ID != [keySize]byte{}
	}
	if !ok {
		return fmt.Errorf("%w: leave of kind %d for what is a %v", ErrMalformed, l.Kind, kind)
	}
	return nil
}
