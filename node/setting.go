package node

import (
	"fmt"
	"strings"

	"muster.example/membership"
)

// moreSettings are those about first contact, groups, messages and guests.
func moreSettings() []setting {
	return []setting{
		count("introductions-per-pair", "how many a member may send one other member a day", 0, membership.MaxPerDay,
			func(p *membership.Policy) *uint64 { return &p.IntroductionsPerPair }),
		count("vouches", "how many members vouch for who applies to join; 0: an admin does", 0, membership.MaxVouches,
			func(p *membership.Policy) *uint64 { return &p.Vouches }),
		{"groups", "which roles may create groups, with commas between, or none", groupRoles, setGroupRoles},
		count("group-size", "how many members a group may have", membership.MinGroupSize, membership.MaxGroupSize,
			func(p *membership.Policy) *uint64 { return &p.GroupSize }),
		count("groups-per-member", "how many groups a member may be in", 1, membership.MaxGroupsPerMember,
			func(p *membership.Policy) *uint64 { return &p.GroupsPerMember }),
		duration("edit-time", "how long an author may edit a message", 0, membership.MaxEditTime,
			func(p *membership.Policy) *uint64 { return &p.EditTime }),
		duration("delete-time", "how long an author may delete a message for all", 0, membership.MaxEditTime,
			func(p *membership.Policy) *uint64 { return &p.DeleteTime }),
		switched("read-receipts", "whether members may tell each other what they have read",
			func(p *membership.Policy) *membership.Switch { return &p.ReadReceipts }),
		switched("presence", "whether members may show each other that they are there",
			func(p *membership.Policy) *membership.Switch { return &p.Presence }),
		count("guests-per-hour", "how many guests may join in an hour", 0, membership.MaxGuestsPerHour,
			func(p *membership.Policy) *uint64 { return &p.GuestsPerHour }),
		count("guest-posts", "how many envelopes a guest's device may post in a minute", 1, membership.MaxGuestPosts,
			func(p *membership.Policy) *uint64 { return &p.GuestPosts }),
		size("guest-bytes", "how much of one guest may wait to be delivered", membership.MinMaxEnvelope, membership.MaxGuestBytes,
			func(p *membership.Policy) *uint64 { return &p.GuestBytes }),
	}
}

func groupRoles(p membership.Policy) string {
	var given []string
	for _, role := range allRoles {
		if p.Groups.Has(role) {
			given = append(given, role.String())
		}
	}
	if len(given) == 0 {
		return "none"
	}
	return strings.Join(given, ",")
}

func setGroupRoles(p *membership.Policy, value string) error {
	var given []membership.Role
	for _, word := range listed(value) {
		role, err := membership.ParseRole(word)
		if err != nil || role == membership.RoleGuest {
			return fmt.Errorf("%q is not admin, member, desk or none", word)
		}
		given = append(given, role)
	}
	p.Groups = membership.RolesOf(given...)
	return nil
}

// switched makes a setting of what is allowed or not.
func switched(key, about string, field func(*membership.Policy) *membership.Switch) setting {
	words := map[membership.Switch]string{membership.Allowed: "allowed", membership.NotAllowed: "refused"}
	return setting{
		key: key, about: about + ": allowed, refused",
		get: func(p membership.Policy) string { return words[*field(&p)] },
		set: func(p *membership.Policy, value string) error {
			for position, word := range words {
				if value == word {
					*field(p) = position
					return nil
				}
			}
			return fmt.Errorf("%q is not allowed or refused", value)
		},
	}
}
