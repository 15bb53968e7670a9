package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/sync/history"
)

// A conversation of several is among members of whom not everybody knows everybody. Each takes part by an act of their own:
// writing in it, or saying so. That is a grant for all who are in it, to the rendezvous node and to them. What is sent to
// those who have not done so is held until they do, unless they let the sender write anyway.

// talkLeaveLocked returns a member's leave for the conversation at a place; false if they never gave or ended one, or if
// it does not stand. Callers hold mu.
func (o *organization) talkLeaveLocked(place envelope.Place, member keys.MemberID) (membership.Grant, bool) {
	leave := leaveIn(o.talks[place.ID(o.org)], member)
	grant := o.grantLocked(leave.Grant, leave.Heard)
	return grant, grant.Number > 0
}

// leaveIn returns what is kept of a member's leave.
func leaveIn(talk store.Talk, member keys.MemberID) store.TalkLeave {
	at := slices.IndexFunc(talk.Leave, func(l store.TalkLeave) bool { return l.Member == member })
	if at < 0 {
		return store.TalkLeave{Member: member}
	}
	return talk.Leave[at]
}

// joinedLocked reports whether this account lets all at a place of several write to it there. Callers hold mu.
func (o *organization) joinedLocked(place envelope.Place) bool {
	grant, _ := o.talkLeaveLocked(place, o.member)
	return grant.Open
}

// hasLeftLocked reports whether a member has left the conversation at a place of several. Callers hold mu.
func (o *organization) hasLeftLocked(place envelope.Place, member keys.MemberID) bool {
	if !several(place) {
		return false
	}
	grant, given := o.talkLeaveLocked(place, member)
	return given && !grant.Open
}

// setTalkLeave gives leave to all at a place of several, or ends it, and has it told: to the rendezvous node, to them, and
// to the own other devices. It does nothing if that is so already.
func (o *organization) setTalkLeave(tx *store.Tx, place envelope.Place, open bool, effects *effects) (changed bool, err error) {
	id := place.ID(o.org)
	talk := o.talkNow(id, effects)
	own := leaveIn(talk, o.member)
	if had := o.grantLocked(own.Grant, own.Heard); had.Open == open && (open || had.Number > 0) {
		return false, nil
	}
	last := numberOf(own.Grant)
	if last >= membership.MaxGrantNumber {
		last = o.grantLocked(own.Grant, own.Heard).Number
	}
	number := max(last, o.grantFloorLocked()) + 1
	signed := membership.SignGrant(membership.ConversationGrant(o.org, o.member, id, number, open), o.self)
	talk.Members, talk.Due = place.Members, true
	if err := o.putTalk(tx, id, talk, store.TalkLeave{Member: o.member, Grant: signed, Heard: o.roll.Size()}, effects); err != nil {
		return false, err
	}
	effects.seal = true
	return true, o.addJob(tx, store.Job{
		Place: place, Last: 1, Kind: uint8(history.KindLeave), Body: wire.Encode(history.Leave{Grant: signed}),
		Expires: o.expiryLocked(),
	})
}

// expiryLocked returns when what is written now is given up, in Unix seconds. Callers hold mu.
func (o *organization) expiryLocked() int64 {
	return o.now().Add(time.Duration(o.roll.State().Policy().QueueTime) * time.Second).Unix()
}

// talkNow returns what is known of a conversation, as this batch has it.
func (o *organization) talkNow(id keys.ConversationID, effects *effects) store.Talk {
	talk, ok := effects.talks[id]
	if !ok {
		talk = o.talks[id]
	}
	talk.Leave = slices.Clone(talk.Leave)
	return talk
}

// putTalk stores a member's newest leave with what else is known of a conversation.
func (o *organization) putTalk(tx *store.Tx, id keys.ConversationID, talk store.Talk, leave store.TalkLeave, effects *effects) error {
	talk.Leave = slices.DeleteFunc(talk.Leave, func(l store.TalkLeave) bool { return l.Member == leave.Member })
	talk.Leave = append(talk.Leave, leave)
	effects.talks[id] = talk
	return tx.PutTalk(o.org, id, talk)
}

// takeTalkLeave stores a grant for a conversation that a member of it gave, or another device of this account. What was
// held for who takes part now is sent.
func (o *organization) takeTalkLeave(tx *store.Tx, data []byte, member keys.MemberID, place envelope.Place, effects *effects) error {
	grant, err := membership.OpenGrant(data, o.roll.State(), o.roll.Size())
	id := place.ID(o.org)
	if err != nil || grant.From != member || grant.Conversation != id || !several(place) {
		return fmt.Errorf("%w: a grant that is not its sender's for this conversation", errUnopened)
	}
	talk := o.talkNow(id, effects)
	if had := leaveIn(talk, member); o.grantLocked(had.Grant, had.Heard).Number >= grant.Number {
		return nil
	}
	talk.Members = place.Members
	if err := o.putTalk(tx, id, talk, store.TalkLeave{Member: member, Grant: data, Heard: o.roll.Size()}, effects); err != nil {
		return err
	}
	if !grant.Open || member == o.member {
		return nil
	}
	effects.offer = true // what waited for this may go straight to their devices
	return o.release(tx, member, func(p envelope.Place) bool { return p.Equal(place) }, effects)
}

// hold sets envelopes aside for devices whose members take no part in the conversation yet.
func (o *organization) hold(tx *store.Tx, w store.Waiting, devices []keys.PublicKey) error {
	w.Pending, w.Held, w.Full = difference(w.Pending, devices), union(w.Held, devices), difference(w.Full, devices)
	w.Accepted = w.Accepted || len(w.Pending) == 0 // nothing of it is to be posted
	if err := tx.PutWaiting(o.org, w); err != nil || w.Message == nil {
		return err
	}
	return o.markHeld(tx, *w.Message, devices, true)
}

// markHeld notes of a message's deliveries whether they wait for their member to take part.
func (o *organization) markHeld(tx *store.Tx, message keys.MessageID, devices []keys.PublicKey, held bool) error {
	for _, device := range devices {
		d, err := tx.Delivery(o.org, message, device)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return err
		}
		d.Held = held
		if err := tx.PutDelivery(o.org, message, d); err != nil {
			return err
		}
	}
	return nil
}

// release has what is held for a member at some places posted, behind what waits already.
func (o *organization) release(tx *store.Tx, member keys.MemberID, at func(envelope.Place) bool, effects *effects) error {
	mine := keySet(o.roll.State().Devices(member))
	var due []store.Waiting
	err := tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
		if len(w.Held) > 0 && at(w.Place) && slices.ContainsFunc(w.Held, func(d keys.PublicKey) bool { return mine[d] }) {
			due = append(due, w)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, w := range due {
		data, err := tx.Envelope(o.org, w)
		if err != nil {
			return err
		}
		if err := tx.DeleteWaiting(o.org, w); err != nil {
			return err
		}
		devices := filter(w.Held, func(d keys.PublicKey) bool { return mine[d] })
		w.Held, w.Pending = difference(w.Held, devices), union(w.Pending, devices)
		if w, err = tx.AddWaiting(o.org, w, data); err != nil {
			return err
		}
		if w.Message != nil {
			if err := o.markHeld(tx, *w.Message, devices, false); err != nil {
				return err
			}
		}
	}
	effects.post = effects.post || len(due) > 0
	return nil
}

// publishTalks gives the rendezvous node the leave for conversations that it has not taken yet, as publishGrants does with
// other grants.
func (o *organization) publishTalks(ctx context.Context, client *rvclient.Client) error {
	o.mu.Lock()
	due := make(map[keys.ConversationID]store.Talk)
	for id, talk := range o.talks {
		if talk.Due {
			due[id] = talk
		}
	}
	o.mu.Unlock()
	var refused error
	for id, talk := range due {
		grant := leaveIn(talk, o.member).Grant
		err := client.PutGrant(ctx, grant, talk.Members...)
		switch status, answered := errors.AsType[wire.Status](err); {
		case err == nil, status == wire.StatusStale: // it has a higher one already
		case answered:
			o.log.Warn("the rendezvous node refused leave for a conversation", "conversation", id.Short(), "reason", status)
			refused = fmt.Errorf("publishing leave for a conversation: %w", err)
			continue
		default:
			return fmt.Errorf("publishing leave for a conversation: %w", err)
		}
		if err := o.publishedTalk(id, grant); err != nil {
			return err
		}
	}
	return refused
}

// publishedTalk notes that the rendezvous node has the own leave for a conversation, if it is still that one.
func (o *organization) publishedTalk(id keys.ConversationID, grant []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	talk := o.talks[id]
	if string(leaveIn(talk, o.member).Grant) != string(grant) {
		return nil
	}
	talk.Due = false
	err := o.node.store.Update(func(tx *store.Tx) error { return tx.PutTalk(o.org, id, talk) })
	if err == nil {
		o.talks[id] = talk
	}
	return err
}
