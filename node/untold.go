package node

import (
	"fmt"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
)

// tellReturnedLocked tells a person, once, of messages that some member got on no device: who sends is not to have to look.
// Callers hold mu.
func (o *organization) tellReturnedLocked(changes []change) {
	type pair struct {
		message keys.MessageID
		member  keys.MemberID
	}
	looked := make(map[pair]bool)
	counts := make(map[keys.MemberID]uint64)
	last := make(map[keys.MemberID]change)
	for _, c := range changes {
		at := pair{c.message, c.delivery.Member}
		if !c.moved || c.delivery.State != store.StateReturned || c.delivery.Reason == store.ReasonErased || c.delivery.Member == o.member || looked[at] {
			continue
		}
		looked[at] = true
		if o.reachesLocked(c.message, c.delivery.Member) {
			continue // another device of theirs has it, or may get it
		}
		counts[c.delivery.Member]++
		last[c.delivery.Member] = c
	}
	for member, count := range counts {
		o.noteReturnedLocked(member, last[member], count)
	}
}

// reachesLocked reports whether a device of a member has a message or can still get it. Callers hold mu.
func (o *organization) reachesLocked(message keys.MessageID, member keys.MemberID) (reaches bool) {
	err := o.node.store.View(func(tx *store.Tx) error {
		all, err := tx.Deliveries(o.org, message)
		reaches = slices.ContainsFunc(all, func(d store.Delivery) bool {
			return d.Member == member && d.State != store.StateReturned && d.State != store.StateRefused
		})
		return err
	})
	return reaches && err == nil
}

// noteReturnedLocked makes a notice of messages that a member did not get, or adds them to one that nobody was told yet.
// Callers hold mu.
func (o *organization) noteReturnedLocked(member keys.MemberID, c change, count uint64) {
	r, err := o.recordLocked(c.message)
	if err != nil {
		o.log.Error("reading a message that was returned", "error", err)
		return
	}
	n := store.Notice{Time: o.now().UnixMilli(), Member: member, Message: c.message, Count: count, Why: c.delivery.Reason}
	err = o.node.store.Update(func(tx *store.Tx) error {
		n.Count = count
		var before uint64
		err := tx.Notices(o.org, func(number uint64, other store.Notice) error {
			if other.Member == member && other.Count > 0 && !other.Told {
				before, n.Count = number, count+other.Count
			}
			return nil
		})
		if err != nil {
			return err
		}
		n.Text = o.returnedTextLocked(n, time.UnixMilli(r.Message.Text.Time))
		if before > 0 {
			return tx.PutNotice(o.org, before, n)
		}
		return tx.AddNotice(o.org, n)
	})
	if err != nil {
		o.log.Error("storing a notice", "error", err)
		return
	}
	described := o.describeNotice(n)
	o.node.hub.publish(api.Event{Kind: api.EventNotice, Time: described.Time, Org: o.org.String(), Notice: &described})
}

// returnedTextLocked says what a member did not get, why, and what to do. Callers hold mu.
func (o *organization) returnedTextLocked(n store.Notice, written time.Time) string {
	why := map[store.Reason]string{
		store.ReasonTime:     "no device of theirs came in time",
		store.ReasonParked:   "their devices have stayed away for too long",
		store.ReasonBarred:   "their devices may not act any more",
		store.ReasonRemoved:  "they are no member any more",
		store.ReasonUnopened: "their devices could not open it",
		store.ReasonLeft:     "they take no part there any more",
	}[n.Why]
	name := o.personText(n.Member)
	if n.Count > 1 {
		return fmt.Sprintf("%d messages were not delivered to %s: %s; muster send --again %s sends the last of them again",
			n.Count, name, why, n.Message.Short())
	}
	return fmt.Sprintf("the message of %s was not delivered to %s: %s; muster send --again %s sends it again",
		written.UTC().Format("2 Jan 2006 15:04 UTC"), name, why, n.Message.Short())
}
