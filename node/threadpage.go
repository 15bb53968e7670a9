package node

import (
	"context"
	"slices"
	"strings"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// Thread shows messages of one thread, from the newest back. It marks none as read. [API-50]
func (n *Node) Thread(_ context.Context, query api.ThreadQuery) (api.ThreadPage, error) {
	before, err := parsePosition(query.Before)
	if err != nil {
		return api.ThreadPage{}, err
	}
	o, id, err := n.findThread(query.Org, query.Thread)
	if err != nil {
		return api.ThreadPage{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	th, ok := o.threadsLocked().Thread(id)
	if !ok {
		return api.ThreadPage{}, noThread(query.Thread)
	}
	var page api.ThreadPage
	if page.Thread, err = o.describeThreadLocked(th); err != nil {
		return page, err
	}
	author := keys.MemberID{}
	if newest, ok := th.Newest(); ok && th.Conversation().Report {
		r, err := o.recordLocked(newest.Message)
		if err != nil {
			return page, err
		}
		author = r.Message.Member
	}
	page.Why, page.MayWrite = o.mayAnswerLocked(th.Conversation(), author)
	return page, o.backLocked(&page, th, before, pageLimit(query.Limit), query.Hidden)
}

// backLocked fills a page of a thread with messages from before a position. Callers hold mu.
func (o *organization) backLocked(page *api.ThreadPage, th history.Thread, before *history.Position, limit int, hidden bool) error {
	left, size := 0, 0 // how many are left out since the last one
	last := history.Position{}
	for at, hides := range th.Back(before) {
		if hides && !hidden {
			left++
			continue
		}
		if len(page.Messages) == limit || size > pageBytes {
			page.Earlier = positionText(last)
			left = 0 // the page before has them
			break
		}
		r, err := o.recordLocked(at.Message)
		if err != nil {
			return err
		}
		message := o.wholeLocked(r) // what is hidden is asked for
		if message.Sent {
			states, err := o.deliveryLocked(at.Message)
			if err != nil {
				return err
			}
			message.Delivery = progress(states)
		}
		page.Messages = append(page.Messages, message)
		page.Hidden, left = page.Hidden+left, 0
		last, size = at, size+textSize(r)
	}
	page.Hidden += left
	slices.Reverse(page.Messages)
	return nil
}

// deliveryLocked returns how a message stands with each device of each other member. Callers hold mu.
func (o *organization) deliveryLocked(id keys.MessageID) (recipients []api.Recipient, err error) {
	err = o.node.store.View(func(tx *store.Tx) error {
		all, err := tx.Deliveries(o.org, id)
		for _, d := range all {
			if d.Member != o.member {
				recipients = append(recipients, o.recipientLocked(d))
			}
		}
		return err
	})
	return recipients, err
}

func noThread(text string) error {
	return api.Errorf(api.CodeNotFound, "no thread %q", text).WithHint("a thread is named by its id, or that of a message in it")
}

// findThread finds the one organization with a thread that text stands for: the id of it, or that of a message in it or the
// start of one. id is what the index knows it by.
func (n *Node) findThread(org, text string) (o *organization, id keys.MessageID, err error) {
	whole, err := keys.ParseID[keys.Message](strings.ToLower(text))
	if err != nil {
		o, r, err := n.findMessage(org, text)
		if err != nil {
			return nil, id, err
		}
		return o, r.Message.ID(), nil
	}
	named, err := n.organizationsNamed(org)
	if err != nil {
		return nil, id, err
	}
	for _, o := range named {
		o.mu.Lock()
		_, ok := o.threadsLocked().Thread(whole)
		o.mu.Unlock()
		if ok {
			return o, whole, nil
		}
	}
	return nil, id, noThread(text)
}
