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
	"muster.example/node/api"
	"muster.example/node/lock"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// Edit gives an own message another text, for all who have it.
func (n *Node) Edit(_ context.Context, request api.EditRequest) (api.Message, error) {
	return n.onMessage(request.Org, request.ID, func(o *organization, m history.Message, shown history.Shown) error {
		edit := history.Edit{Message: m.ID(), Subject: shown.Subject, Text: request.Text, Time: o.now().UnixMilli()}
		if _, locked := lock.IsText(shown.Text); locked {
			return api.Errorf(api.CodeRefused, "a locked message is not edited: its first text would stay, and the new one would be open").
				WithHint("take it back with `muster delete`, and send another")
		}
		if request.Subject != nil {
			edit.Subject = *request.Subject
		}
		if err := o.mayChangeLocked(m, shown, "edited", o.limitsLocked().Edit); err != nil {
			return err
		}
		mentions, err := o.mentionsLocked(placeOf(m), request.Mentions)
		if err != nil {
			return err
		}
		if edit.Mentions = mentions; edit.Text == "" && edit.Subject == "" && len(m.Text.Files) == 0 {
			return api.Errorf(api.CodeUsage, "nothing is left of the message").WithHint("take it back with `muster delete`")
		}
		if err := edit.Validate(); err != nil {
			return api.Errorf(api.CodeUsage, "%v", err)
		}
		return o.actLocked(m, history.KindEdit, edit)
	})
}

// React sets a reaction beside a message, or takes it off.
func (n *Node) React(_ context.Context, request api.ReactRequest) (api.Message, error) {
	return n.onMessage(request.Org, request.ID, func(o *organization, m history.Message, shown history.Shown) error {
		reaction := history.Reaction{Message: m.ID(), Emoji: request.Emoji, Off: request.Off, Time: o.now().UnixMilli()}
		if err := reaction.Validate(); err != nil {
			return api.Errorf(api.CodeUsage, "%q is no reaction", request.Emoji).WithHint("give one emoji, or a few characters")
		}
		is := slices.ContainsFunc(shown.Reactions, func(r history.Reacted) bool {
			return r.Emoji == request.Emoji && slices.Contains(r.Members, o.member)
		})
		if is != request.Off { // what is already so is no error
			return nil
		}
		return o.actLocked(m, history.KindReaction, reaction)
	})
}

// onMessage has something done to a message that is there, and returns it as it is then.
func (n *Node) onMessage(org, id string, do func(*organization, history.Message, history.Shown) error) (api.Message, error) {
	o, r, err := n.findMessage(org, id)
	if err != nil {
		return api.Message{}, err
	}
	if err := o.mayAct(); err != nil {
		return api.Message{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.sendingLocked(); err != nil {
		return api.Message{}, err
	}
	shown, err := o.shownLocked(*r.Message)
	switch {
	case err != nil:
		return api.Message{}, err
	case shown.Deleted:
		return api.Message{}, api.Errorf(api.CodeRefused, "its author took the message back")
	case r.Message.Report:
		return api.Message{}, api.Errorf(api.CodeUsage, "that is a report, which nobody acts on")
	}
	if err := o.mayActOnLocked(*r.Message); err != nil {
		return api.Message{}, err
	}
	if err := do(o, *r.Message, shown); err != nil {
		return api.Message{}, err
	}
	wake(o.wakeSeal)
	return o.messageLocked(r), nil
}

// Delete takes own messages back, all or none.
func (n *Node) Delete(_ context.Context, request api.DeleteRequest) ([]api.Message, error) {
	if len(request.IDs) == 0 {
		return nil, api.Errorf(api.CodeUsage, "no message is named")
	}
	var in *organization
	var all []history.Record
	for _, id := range request.IDs {
		o, r, err := n.findMessage(request.Org, id)
		switch {
		case err != nil:
			return nil, err
		case in != nil && in != o:
			return nil, api.Errorf(api.CodeUsage, "the messages are of more than one organization").WithHint("delete them one by one")
		}
		if in = o; !slices.ContainsFunc(all, func(other history.Record) bool { return other.Message.ID() == r.Message.ID() }) {
			all = append(all, r)
		}
	}
	if err := in.mayAct(); err != nil {
		return nil, err
	}
	delay, err := undoDelay(request.Undo)
	if err != nil {
		return nil, err
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.deleteLocked(all, delay)
}

// deleteLocked takes messages back, at once or after a delay. Callers hold mu.
func (o *organization) deleteLocked(all []history.Record, delay time.Duration) ([]api.Message, error) {
	if err := o.sendingLocked(); err != nil {
		return nil, err
	}
	var messages []history.Message
	for _, r := range all {
		shown, err := o.shownLocked(*r.Message)
		if err != nil {
			return nil, err
		}
		if shown.Deleted && r.Message.Member == o.member {
			continue // what is already so is no error
		}
		if err := o.mayChangeLocked(*r.Message, shown, "deleted", o.limitsLocked().Delete); err != nil {
			return nil, err
		}
		if err := o.mayActOnLocked(*r.Message); err != nil {
			return nil, err
		}
		messages = append(messages, *r.Message)
	}
	carryOut := o.sendDeletionLocked
	if delay > 0 {
		carryOut = func(messages []history.Message, asked int64) error {
			return o.putOffDeletionLocked(messages, asked, delay)
		}
	}
	if err := carryOut(messages, o.now().UnixMilli()); err != nil {
		return nil, err
	}
	var now []api.Message
	for _, r := range all {
		if err := o.node.store.View(func(tx *store.Tx) (err error) { r, err = tx.Message(o.org, r.Message.ID()); return err }); err != nil {
			return nil, err
		}
		now = append(now, o.messageLocked(r))
	}
	return now, nil
}

// sendDeletionLocked erases messages and has the deletion sent that was asked for at a time (unix milliseconds). Callers
// hold mu.
func (o *organization) sendDeletionLocked(messages []history.Message, asked int64) error {
	byConversation := make(map[keys.ConversationID][]history.Message)
	for _, m := range messages {
		byConversation[m.Conversation] = append(byConversation[m.Conversation], m)
	}
	for _, messages := range byConversation {
		for part := range slices.Chunk(messages, history.MaxDeleted) {
			deletion := history.Delete{Time: asked}
			for _, m := range part {
				deletion.Messages = append(deletion.Messages, m.ID())
			}
			if err := o.actLocked(part[0], history.KindDelete, deletion); err != nil {
				return err
			}
		}
	}
	wake(o.wakeSeal)
	return nil
}

// mayChangeLocked checks that a message is the own account's, and not too old to be edited or deleted. Callers hold mu.
func (o *organization) mayChangeLocked(m history.Message, shown history.Shown, done string, limit uint64) error {
	switch age := o.now().UnixMilli() - m.Text.Time; {
	case m.Member != o.member:
		return api.Errorf(api.CodeRefused, "only its author can have a message %s", done)
	case m.Report:
		return api.Errorf(api.CodeRefused, "a report cannot be %s", done)
	case shown.Deleted:
		return api.Errorf(api.CodeRefused, "the message was taken back already")
	case limit == 0:
		return api.Errorf(api.CodeRefused, "the policy of %s lets no message be %s", o.roll.State().OrgName(), done)
	case age > int64(limit)*1000:
		return api.Errorf(api.CodeRefused, "the message is too old to be %s: %s allows that for %s", done, o.roll.State().OrgName(),
			time.Duration(limit)*time.Second)
	}
	return nil
}

// mayActOnLocked checks that this account may write where a message was said: acts go the same way. Callers hold mu.
func (o *organization) mayActOnLocked(m history.Message) error {
	if d, waits := o.delayLocked(m); waits && d.Draft != nil {
		return api.Errorf(api.CodeRefused, "the message was not sent yet").WithHint("take it back with `muster undo %s`", m.ID().Short())
	}
	place := placeOf(m)
	if why, ok := o.mayWriteToLocked(place); !ok {
		return api.Errorf(api.CodeRefused, "%s: %s", o.placeTextLocked(place), why)
	}
	return nil
}

// limitsLocked returns until when messages may be changed. Callers hold mu.
func (o *organization) limitsLocked() history.Limits {
	policy := o.roll.State().Policy()
	return history.Limits{Edit: policy.EditTime, Delete: policy.DeleteTime}
}

// placeOf returns where a message was said.
func placeOf(m history.Message) envelope.Place {
	switch {
	case m.Text.Group != nil:
		return envelope.InGroup(*m.Text.Group)
	case m.Text.Guest != nil:
		return envelope.AtDesk(*m.Text.Guest)
	}
	return envelope.Among(append(slices.Clone(m.Text.To), m.Member)...)
}

// actLocked stores an act of this device and hands it to the sealer, in one transaction. [STO-33] Callers hold mu.
func (o *organization) actLocked(m history.Message, kind history.Kind, body any) error {
	if reason, ok := o.mayWriteToLocked(placeOf(m)); !ok {
		return api.Errorf(api.CodeRefused, "%s: %s", o.placeTextLocked(placeOf(m)), reason)
	}
	act := history.Act{Author: o.device, Member: o.member, Conversation: m.Conversation, Kind: kind, Body: wire.Encode(body)}
	expires := o.expiryLocked()
	var effects effects
	err := o.node.store.Update(func(tx *store.Tx) error {
		effects = newEffects()
		if err := o.keepAct(tx, act, &effects); err != nil {
			return err
		}
		return o.addJob(tx, store.Job{Place: placeOf(m), Last: 1, Kind: uint8(kind), Body: act.Body, Expires: expires})
	})
	if err == nil {
		o.applyLocked(effects)
	}
	return err
}

// takeAct stores an act of another device.
func (o *organization) takeAct(tx *store.Tx, opened envelope.Opened, member keys.MemberID, effects *effects) error {
	act := history.Act{
		Author: opened.Sender, Member: member, Conversation: opened.Content.Conversation,
		Kind: history.Kind(opened.Content.Kind) &^ history.Anew, Body: opened.Content.Body,
		Signed: history.Proof{Content: opened.ContentBytes, Signature: opened.Signature}.Encode(),
	}
	if _, err := act.Open(); err != nil {
		return fmt.Errorf("%w: %w", errUnopened, err)
	}
	return o.keepAct(tx, act, effects)
}

// keepAct stores an act, and erases what it deletes.
func (o *organization) keepAct(tx *store.Tx, act history.Act, effects *effects) error {
	record, err := tx.AddAct(o.org, o.self, o.now().UnixMilli(), act)
	if err != nil || record == nil {
		return err
	}
	effects.records = append(effects.records, *record)
	action, err := act.Open()
	if err != nil {
		return err
	}
	for _, id := range action.Messages() {
		if err := o.settle(tx, id, effects); err != nil {
			return err
		}
	}
	return nil
}

// settle erases a message that an act deletes, whichever of the two came first.
func (o *organization) settle(tx *store.Tx, id keys.MessageID, effects *effects) error {
	r, err := tx.Message(o.org, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && r.Message.Erased != 0 {
		return nil
	} else if err != nil {
		return err
	}
	acts, err := tx.Acts(o.org, id)
	if err != nil || !history.Fold(*r.Message, acts, o.limitsLocked()).Deleted {
		return err
	}
	return o.erase(tx, r, history.ErasedDeleted, effects)
}

// keepProof keeps what this device signed: for forwarding, for reports, and for the other devices of the account, which get the
// record with it.
func (o *organization) keepProof(tx *store.Tx, job store.Job, part uint64, quote envelope.Quote) error {
	wake(o.wakeSiblings)
	switch kind := history.Kind(job.Kind); {
	case job.Message != nil && part == 0:
		return tx.PutProof(o.org, *job.Message, history.Signed(quote))
	case job.Message == nil && kind.IsAct():
		act := history.Act{Author: o.device, Member: o.member, Conversation: job.Place.ID(o.org), Kind: kind, Body: job.Body}
		return tx.PutActProof(o.org, act, history.Signed(quote))
	}
	return nil
}

// shownLocked returns what acts made of a message; one whose deletion waits is shown as deleted. Callers hold mu.
func (o *organization) shownLocked(m history.Message) (shown history.Shown, err error) {
	if d, waits := o.delayLocked(m); waits && d.Draft == nil {
		return history.Shown{Deleted: true}, nil
	}
	err = o.node.store.View(func(tx *store.Tx) error {
		acts, err := tx.Acts(o.org, m.ID())
		shown = history.Fold(m, acts, o.limitsLocked())
		return err
	})
	return shown, err
}

// seenLocked tells the authors of messages that they were read, if the policy, the author and the own settings allow it, and
// only where a few talk: in a group each receipt would go to all. [HIST-15] Callers hold mu.
func (o *organization) seenLocked(ids []keys.MessageID) error {
	if !o.receiptsLocked() || o.sendingLocked() != nil {
		return nil
	}
	in := make(map[keys.ConversationID]history.Message)
	seen := make(map[keys.ConversationID][]keys.MessageID)
	err := o.node.store.View(func(tx *store.Tx) error {
		for _, id := range ids {
			r, err := tx.Message(o.org, id)
			if err != nil {
				return err
			}
			if m := *r.Message; o.wantsReceiptLocked(m) {
				in[m.Conversation], seen[m.Conversation] = m, append(seen[m.Conversation], id)
			}
		}
		return nil
	})
	for conversation, all := range seen {
		for part := range slices.Chunk(all, history.MaxSeen) {
			if err == nil {
				err = o.actLocked(in[conversation], history.KindSeen, history.Seen{Messages: part, Time: o.now().UnixMilli()})
			}
		}
	}
	wake(o.wakeSeal)
	return err
}

// wantsReceiptLocked reports whether the author of a message is to be told that it was read. Callers hold mu.
func (o *organization) wantsReceiptLocked(m history.Message) bool {
	if !m.Text.Receipts || m.Text.Auto || m.Report || len(placeOf(m).Members) == 0 {
		return false
	}
	if shown, err := o.shownLocked(m); err != nil || slices.ContainsFunc(shown.Seen, func(s history.Sighting) bool { return s.Member == o.member }) {
		return false // it was told before
	}
	_, ok := o.leaveLocked(m.Member)
	return ok && o.mayActOnLocked(m) == nil
}

// receiptsLocked reports whether this account takes part in read receipts. Callers hold mu.
func (o *organization) receiptsLocked() bool {
	return o.roll.State().Policy().ReadReceipts == membership.Allowed && o.settingLocked(settingReceipts) == on
}

// changedLocked returns what watchers are told of an act. Callers hold mu.
func (o *organization) changedLocked(act history.Act) (events []api.Event) {
	action, err := act.Open()
	if err != nil {
		return nil
	}
	for _, id := range action.Messages() {
		var r history.Record
		err := o.node.store.View(func(tx *store.Tx) (err error) { r, err = tx.Message(o.org, id); return err })
		if err != nil || r.Message.Erased == history.ErasedExpired || !o.surfacesLocked(act, *r.Message) {
			continue
		}
		message := o.messageLocked(r)
		events = append(events, api.Event{Kind: api.EventChange, Time: o.now().UTC(), Org: o.org.String(), Message: &message})
	}
	return events
}
