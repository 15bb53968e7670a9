package node

import (
	"fmt"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// requestsLocked returns what waits for an answer of the person: introductions, and invitations to groups. Those of blocked
// members are not shown. [API-24] Callers hold mu.
func (o *organization) requestsLocked() (all []api.Message, err error) {
	for _, contact := range o.view.Contacts() {
		if contact.State == history.ContactAsking {
			all = append(all, o.introductionLocked(contact))
		}
	}
	for _, g := range o.roll.State().Groups() {
		if g.Closed || !slices.Contains(g.Invited, o.member) {
			continue
		}
		by, at, err := o.inviterLocked(g)
		if err != nil {
			return nil, err
		}
		if !by.IsZero() && o.blockedLocked(by) {
			continue
		}
		all = append(all, o.invitationLocked(g, by, at))
	}
	return all, nil
}

// inviterLocked returns who invited this account to a group last, and the stamp of that. Callers hold mu.
func (o *organization) inviterLocked(g membership.Group) (by keys.MemberID, at int64, err error) {
	state := o.roll.State()
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.EntriesFrom(o.org, g.Created, func(index uint64, data []byte) (bool, error) {
			if index >= o.roll.Size() {
				return false, nil
			}
			entry, err := membership.ParseEntry(data)
			if err != nil || entry.Hidden() {
				return true, err
			}
			event, err := membership.ReadEvent(entry.Event)
			if err != nil {
				return false, err
			}
			invites := index == g.Created && event.Group != nil && slices.Contains(event.Group.Invited, o.member) ||
				event.GroupInvite != nil && event.GroupInvite.Group == g.ID && slices.Contains(event.GroupInvite.Members, o.member)
			if invites && !state.Voided(index, event) {
				by, _ = state.AccountOf(event.Signer)
				at = entry.Time
			}
			return true, nil
		})
	})
	return by, at, err
}

// invitationLocked describes an invitation to a group. Callers hold mu.
func (o *organization) invitationLocked(g membership.Group, by keys.MemberID, at int64) api.Message {
	when := time.UnixMilli(at).UTC()
	return api.Message{
		ID: g.ID.String(), Org: o.org.String(), OrgName: o.roll.State().OrgName(), Kind: api.KindInvitation,
		Thread: g.ID.String(), From: o.memberNameLocked(by), FromMember: by.String(), Subject: g.Name,
		Text: fmt.Sprintf("You are invited to the group %q.", g.Name), Time: when, Received: when, Unread: true,
		To: []api.Person{{Member: o.member.String(), Name: o.memberNameLocked(o.member)}},
	}
}
