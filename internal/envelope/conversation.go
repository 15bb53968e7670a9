package envelope

import (
	"slices"

	"muster.example/internal/keys"
)

// MemberOf says which member a device belongs to, if it is an active device of one. The caller answers from its roll.
type MemberOf func(device keys.PublicKey) (keys.MemberID, bool)

// ConversationID returns the identifier of the conversation of members, in any order and with any repeats. [ENV-15]
func ConversationID(org keys.OrgID, members []keys.MemberID) keys.ConversationID {
	return conversationID(org, distinct(members))
}

func conversationID(org keys.OrgID, sorted []keys.MemberID) keys.ConversationID {
	parts := make([][]byte, 1, len(sorted)+1)
	parts[0] = org[:]
	for i := range sorted {
		parts = append(parts, sorted[i][:])
	}
	return keys.Hash[keys.Conversation](keys.DomainConversation, parts...)
}

// distinct returns a sorted copy without repeats: the one form in which members are listed.
func distinct(members []keys.MemberID) []keys.MemberID {
	sorted := slices.Clone(members)
	slices.SortFunc(sorted, keys.MemberID.Compare)
	return slices.Compact(sorted)
}

// isDistinct reports whether members are listed in that form, within the limit.
func isDistinct(members []keys.MemberID) bool {
	if len(members) == 0 || len(members) > MaxMembers {
		return false
	}
	for i := 1; i < len(members); i++ {
		if members[i-1].Compare(members[i]) >= 0 {
			return false
		}
	}
	return true
}

// hasMember searches a list in that form.
func hasMember(members []keys.MemberID, member keys.MemberID) bool {
	_, found := slices.BinarySearchFunc(members, member, keys.MemberID.Compare)
	return found
}
