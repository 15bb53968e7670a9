package envelope

import (
	"slices"

	"muster.example/internal/keys"
)

// Place is what a conversation is of, and so who takes part: exactly one of its fields is set. Two devices with the same
// roll name the same place alike. Treat Members as read-only. [ENV-15]
type Place struct {
	Members []keys.MemberID `cbor:"1,keyasint,omitempty"` // just these: 1 to MaxMembers, sorted, distinct
	Group   keys.GroupID    `cbor:"2,keyasint,omitzero"`  // whoever is in the group, by the roll of the moment
	Guest   keys.MemberID   `cbor:"3,keyasint,omitzero"`  // this guest and all members who answer guests, by the roll of the moment
}

// Among returns the place of members, in any order and with any repeats.
func Among(members ...keys.MemberID) Place {
	sorted := slices.Clone(members)
	slices.SortFunc(sorted, keys.MemberID.Compare)
	return Place{Members: slices.Compact(sorted)}
}

// InGroup returns the place of a group.
func InGroup(group keys.GroupID) Place { return Place{Group: group} }

// AtDesk returns the place where a guest is heard.
func AtDesk(guest keys.MemberID) Place { return Place{Guest: guest} }

// ID returns the identifier of the place's conversation. [ENV-15]
func (p Place) ID(org keys.OrgID) keys.ConversationID {
	parts := make([][]byte, 1, len(p.Members)+3)
	parts[0] = org[:]
	switch {
	case !p.Group.IsZero():
		parts = append(parts, []byte("group"), p.Group[:])
	case !p.Guest.IsZero():
		parts = append(parts, []byte("desk"), p.Guest[:])
	}
	for i := range p.Members {
		parts = append(parts, p.Members[i][:])
	}
	return keys.Hash[keys.Conversation](keys.DomainConversation, parts...)
}

// IsZero reports whether p is no place at all.
func (p Place) IsZero() bool { return len(p.Members) == 0 && p.Group.IsZero() && p.Guest.IsZero() }

// Equal reports whether both are one place.
func (p Place) Equal(other Place) bool {
	return p.Group == other.Group && p.Guest == other.Guest && slices.Equal(p.Members, other.Members)
}

// Has reports whether a member is listed in a place of members.
func (p Place) Has(member keys.MemberID) bool {
	_, found := slices.BinarySearchFunc(p.Members, member, keys.MemberID.Compare)
	return found
}

// Valid reports whether exactly one field is set, to what it may be. [ENV-15]
func (p Place) Valid() bool {
	switch {
	case !p.Group.IsZero():
		return p.Guest.IsZero() && len(p.Members) == 0
	case !p.Guest.IsZero():
		return len(p.Members) == 0
	case len(p.Members) == 0 || len(p.Members) > MaxMembers:
		return false
	}
	for i := 1; i < len(p.Members); i++ {
		if p.Members[i-1].Compare(p.Members[i]) >= 0 {
			return false
		}
	}
	return true
}

// clone returns a place that shares no memory with p.
func (p Place) clone() Place {
	p.Members = slices.Clone(p.Members)
	return p
}

// ConversationID returns the identifier of the conversation of members, in any order and with any repeats. [ENV-15]
func ConversationID(org keys.OrgID, members []keys.MemberID) keys.ConversationID {
	return Among(members...).ID(org)
}
