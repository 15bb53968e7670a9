package node

import (
	"context"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/api"
)

// Conversations lists where people write to this account, the one with the newest message first. [API-50]
func (n *Node) Conversations(_ context.Context, query api.ConversationsQuery) ([]api.Conversation, error) {
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []api.Conversation
	for _, c := range o.threadsLocked().Conversations() {
		if c.Report { // is no place to write in
			continue
		}
		described := api.Conversation{
			Org: o.org.String(), OrgName: o.roll.State().OrgName(), Conversation: c.ID.String(),
			Time: time.UnixMilli(c.Newest.Clock.Wall).UTC(), Threads: c.Threads, Messages: c.Messages, Unread: c.Unread,
		}
		described.People, described.Group, described.Guest = o.talkersLocked(c.Conversation)
		if described.Mentioned, err = o.mentionsNowLocked(c.Mentioned, c.Edited); err != nil {
			return nil, err
		}
		described.Archived = o.archivedTalkLocked(c.Conversation)
		described.Why, described.MayWrite = o.mayAnswerLocked(c.Conversation, keys.MemberID{})
		all = append(all, described)
	}
	return all, nil
}

// countLocked fills in the numbers of an organization's summary. Callers hold mu.
func (o *organization) countLocked(summary *api.OrgSummary) error {
	unread, mentions, edited := o.threadsLocked().Unread()
	for _, id := range edited {
		is, err := o.mentionsNowLocked(false, []keys.MessageID{id})
		if err != nil {
			return err
		}
		if is {
			mentions++
		}
	}
	requests, err := o.requestsLocked()
	summary.Unread, summary.Mentions, summary.Requests = unread, mentions, len(requests)
	return err
}
