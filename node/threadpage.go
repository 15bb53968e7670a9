package node

import (
	"context"
	"slices"
	"strings"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
)

// Thread shows messages of one thread: the newest, those before or behind a page, or those around one. It marks none as
// read. [API-50]
func (n *Node) Thread(_ context.Context, query api.ThreadQuery) (api.ThreadPage, error) {
	before, err := parsePosition(query.Before)
	if err != nil {
		return api.ThreadPage{}, err
	}
	after, err := parsePosition(query.After)
	if err != nil {
		return api.ThreadPage{}, err
	}
	if given := len(slices.DeleteFunc([]string{query.Before, query.After, query.Around}, func(s string) bool { return s == "" })); given > 1 {
		return api.ThreadPage{}, api.Errorf(api.CodeUsage, "a page of a thread is before, behind or around something: give one of them")
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
	p := turning{organization: o, th: th, hidden: query.Hidden, limit: pageLimit(query.Limit), page: &page}
	switch {
	case query.Around != "":
		err = p.around(query.Around)
	case after != nil:
		err = p.forth(*after)
	default:
		err = p.back(before)
	}
	return page, err
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
	o.lackLink(id, recipients)
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
