package node

import (
	"cmp"
	"context"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
)

// Losses lists what is known to be missing here, and which own messages came back. [API-56]
func (n *Node) Losses(_ context.Context, query api.LossesQuery) (api.Losses, error) {
	o, err := n.oneOrganization(query.Org)
	if err != nil {
		return api.Losses{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	var losses api.Losses
	if losses.Gaps, err = o.gapsLocked(o.now()); err != nil {
		return losses, err
	}
	losses.Returned, losses.More, err = o.returnedMessagesLocked()
	return losses, err
}

// gapsLocked returns the gaps, the longest open one first. Callers hold mu.
func (o *organization) gapsLocked(now time.Time) (gaps []api.Gap, err error) {
	threads := o.threadsLocked()
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.Gaps(o.org, func(at keys.ConversationID, device keys.PublicKey, h store.Heard) {
			gap := api.Gap{Device: device.String(), Conversation: at.String(), Missing: h.Missing(), State: "offered"}
			if member, known := o.roll.State().AccountOf(device); known {
				gap.Author = o.personLocked(member)
			}
			if o.roll.State().Standing(device) != membership.StandingActive {
				gap.State = "ended"
			}
			if h.Since > 0 {
				gap.Since, gap.Until = time.UnixMilli(h.Since).UTC(), o.untilLocked(h).UTC()
			}
			gap.Gone = h.Missing() - min(h.Missing(), store.CountSpans(h.Open()))
			switch {
			case gap.State == "ended":
			case gap.Gone == gap.Missing:
				gap.State = "gone"
			case o.isOverLocked(h, now):
				gap.State = "over"
			case h.Asks > 0:
				gap.State = "asked"
			}
			if c, here := threads.Conversation(at); here {
				gap.People, gap.Group, gap.Guest = o.talkersLocked(c)
			}
			gaps = append(gaps, gap)
		})
	})
	slices.SortStableFunc(gaps, func(a, b api.Gap) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Conversation, b.Conversation), cmp.Compare(a.Device, b.Device))
	})
	return gaps, err
}

// returnedMessagesLocked returns the newest of the own messages that some member got on no device. Callers hold mu.
func (o *organization) returnedMessagesLocked() (all []api.Returned, more bool, err error) {
	threads := o.threadsLocked()
	for _, id := range threads.Returned() {
		if len(all) == api.MaxReturned {
			return all, true, nil
		}
		recipients, err := o.deliveryLocked(id)
		if err != nil {
			return all, false, err
		}
		to := o.nobodyGotLocked(recipients)
		if len(to) == 0 {
			continue // another device of each member has it
		}
		r, err := o.recordLocked(id)
		if err != nil {
			return all, false, err
		}
		m := o.messageLocked(r)
		if r.Message.Erased != 0 || m.Deleted {
			continue // was taken back
		}
		returned := api.Returned{
			ID: m.ID, Thread: m.Thread, Conversation: m.Conversation, Subject: m.Subject, Snippet: snippet(m.Text), Time: m.Time, To: to,
		}
		if c, here := threads.Conversation(r.Message.Conversation); here {
			returned.People, returned.Group, returned.Guest = o.talkersLocked(c)
		}
		all = append(all, returned)
	}
	return all, false, nil
}

// nobodyGotLocked returns the members of whose devices none has a message or can get it. Callers hold mu.
func (o *organization) nobodyGotLocked(recipients []api.Recipient) (to []api.ReturnedTo) {
	for _, p := range progress(recipients) {
		if p.State != api.StateReturned && p.State != api.StateRefused {
			continue
		}
		one := api.ReturnedTo{Person: p.Person, State: p.State, Reason: p.Reason}
		for _, r := range recipients {
			if r.Member == p.Member && r.Time.After(one.Since) {
				one.Since = r.Time
			}
		}
		member, err := keys.ParseID[keys.Member](p.Member)
		one.Gone = err == nil && len(o.roll.State().Devices(member)) == 0
		to = append(to, one)
	}
	return to
}
