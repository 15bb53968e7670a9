package node

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// undoDelay reads for how long something can be taken back.
func undoDelay(seconds int) (time.Duration, error) {
	if seconds < 0 || seconds > api.MaxUndo {
		return 0, api.Errorf(api.CodeUsage, "what is done can be taken back for 0 to %d seconds, not for %d", api.MaxUndo, seconds)
	}
	return time.Duration(seconds) * time.Second, nil
}

// hold notes how long a message can be taken back, what it is then, and the draft that it was written as.
func (d *draft) hold(request api.SendRequest) (err error) {
	if d.delay, err = undoDelay(request.Undo); err != nil {
		return err
	}
	if request.Draft != "" {
		id, err := parseNonce(request.Draft, "a draft")
		if err != nil {
			return err
		}
		d.writing = (*store.DraftID)(&id)
	}
	if d.delay == 0 {
		return nil
	}
	text := d.message.Text
	d.unsent = &history.DraftContent{
		To: request.To, Subject: text.Subject, Text: text.Text, Reply: text.Reply, Mentions: request.Mentions,
		Forward: request.Forward, ForwardThreads: request.ForwardThreads, Lifetime: text.Lifetime, Files: text.Files, Time: text.Time,
	}
	if err := d.unsent.Validate(); err != nil {
		return api.Errorf(api.CodeUsage, "%v", err)
	}
	return nil
}

// Undo takes back a message or a deletion that waits. [API-54]
func (n *Node) Undo(_ context.Context, request api.UndoRequest) (api.UndoResult, error) {
	o, r, err := n.findMessage(request.Org, request.ID)
	if err != nil {
		return api.UndoResult{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	d, waits := o.delayLocked(*r.Message)
	switch {
	case !waits:
		return api.UndoResult{}, api.Errorf(api.CodeRefused, "it is too late to take that back").
			WithHint("`muster delete %s` has the message erased for all who have it", r.Message.ID().Short())
	case d.Draft == nil:
		return o.undoDeletionLocked(r)
	}
	return o.undoMessageLocked(r, d)
}

// undoMessageLocked puts a draft in the place of a message that waits. Its files are uploads again. Callers hold mu.
func (o *organization) undoMessageLocked(r history.Record, d store.Delay) (api.UndoResult, error) {
	now := o.now().UnixMilli()
	draft := history.Draft{Content: d.Draft}
	rand.Read(draft.ID[:])
	d.Draft.Time = now
	var record history.Record
	err := o.node.store.Update(func(tx *store.Tx) (err error) {
		for _, file := range r.Message.Text.Files {
			upload := store.Upload{Nonce: file.Nonce, Name: file.Name, Size: file.Size, Hash: file.Hash, Time: now, Whole: true}
			if err := tx.PutUpload(upload); err != nil {
				return err
			}
		}
		record, err = tx.TakeBack(o.org, o.self, r.Message.ID(), draft)
		return err
	})
	if err != nil {
		return api.UndoResult{}, err
	}
	gone := r
	erased := r.Message.Erase(history.ErasedDeleted)
	gone.Message = &erased
	o.tellChangeLocked(gone)
	left := r.Message.Erase(history.ErasedExpired) // for the index: nothing of it is here
	gone.Message = &left
	o.view.Apply(gone)
	described, err := o.draftLocked(record)
	return api.UndoResult{Draft: &described}, err
}

func (o *organization) undoDeletionLocked(r history.Record) (api.UndoResult, error) {
	err := o.node.store.Update(func(tx *store.Tx) error { return tx.DeleteDelay(o.org, r.Message.ID()) })
	if err != nil {
		return api.UndoResult{}, err
	}
	o.tellChangeLocked(r)
	message := o.messageLocked(r)
	return api.UndoResult{Message: &message}, nil
}

// putOffDeletionLocked has the deletion of messages wait for a delay. Callers hold mu.
func (o *organization) putOffDeletionLocked(messages []history.Message, asked int64, delay time.Duration) error {
	err := o.node.store.Update(func(tx *store.Tx) error {
		for _, m := range messages {
			if err := tx.PutDelay(o.org, m.ID(), store.Delay{Until: asked + delay.Milliseconds(), Asked: asked}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	wake(o.wakeErase)
	for _, m := range messages {
		if err := o.tellNowLocked(m.ID()); err != nil {
			return err
		}
	}
	return nil
}

// delayLocked returns why a message, or its deletion, can be taken back; ok is false if it cannot. Callers hold mu.
func (o *organization) delayLocked(m history.Message) (d store.Delay, ok bool) {
	if m.Member != o.member {
		return d, false
	}
	err := o.node.store.View(func(tx *store.Tx) (err error) { d, err = tx.Delay(o.org, m.ID()); return err })
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		o.log.Error("reading what can be taken back", "error", err)
	}
	return d, err == nil
}

// isTakenBack reports whether the deletion of a message waits.
func (o *organization) isTakenBack(m history.Message) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	d, waits := o.delayLocked(m)
	return waits && d.Draft == nil
}

// releaseDelayed sends and deletes what can be taken back no more, and returns when the next time is over. Whatever waits for
// longer than anything does was put off by a clock that was ahead. [STO-35]
func (o *organization) releaseDelayed(now time.Time) (next time.Time, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	next = now.Add(longestSleep)
	var letters []keys.MessageID
	deletions := make(map[int64][]keys.MessageID) // by when they were asked for
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.Delays(o.org, func(id keys.MessageID, d store.Delay) {
			until := time.UnixMilli(d.Until)
			switch wait := until.Sub(now); {
			case wait > 0 && wait <= api.MaxUndo*time.Second:
				if until.Before(next) {
					next = until
				}
			case d.Draft != nil:
				letters = append(letters, id)
			default:
				deletions[d.Asked] = append(deletions[d.Asked], id)
			}
		})
	})
	for _, id := range letters {
		if err == nil {
			err = o.releaseMessageLocked(id)
		}
	}
	for asked, ids := range deletions {
		if err == nil {
			err = o.releaseDeletionLocked(ids, asked)
		}
	}
	return next, err
}

// releaseMessages hands messages that could still be taken back to the sealer: who writes a bundle now wants what was written to be in
// it. Deletions wait on. [API-160]
func (o *organization) releaseMessages() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	var letters []keys.MessageID
	err := o.node.store.View(func(tx *store.Tx) error {
		return tx.Delays(o.org, func(id keys.MessageID, d store.Delay) {
			if d.Draft != nil {
				letters = append(letters, id)
			}
		})
	})
	for _, id := range letters {
		if err == nil {
			err = o.releaseMessageLocked(id)
		}
	}
	return err
}

// releaseMessageLocked hands a message to the sealer. Callers hold mu.
func (o *organization) releaseMessageLocked(id keys.MessageID) error {
	var effects effects
	var m history.Message
	err := o.node.store.Update(func(tx *store.Tx) error {
		effects = newEffects()
		r, err := tx.Message(o.org, id)
		if err != nil {
			return err
		}
		m = *r.Message
		if m.Erased == 0 {
			if err := o.handOver(tx, m, placeOf(m), &effects); err != nil {
				return err
			}
		}
		return tx.DeleteDelay(o.org, id)
	})
	if err != nil || m.Erased != 0 {
		return err
	}
	o.applyLocked(effects)
	wake(o.wakeSeal)
	if err := o.trackLocked(m, placeOf(m)); err != nil {
		return err
	}
	return o.tellNowLocked(id)
}

// releaseDeletionLocked carries out a deletion. One that is not allowed any more, because the account has left the place say,
// ends: the messages are shown again. Callers hold mu.
func (o *organization) releaseDeletionLocked(ids []keys.MessageID, asked int64) error {
	var messages []history.Message
	err := o.node.store.View(func(tx *store.Tx) error {
		for _, id := range ids {
			r, err := tx.Message(o.org, id)
			if err != nil {
				return err
			}
			if r.Message.Erased == 0 {
				messages = append(messages, *r.Message)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	refused := o.sendingLocked()
	if refused == nil {
		refused = o.sendDeletionLocked(messages, asked)
	}
	if _, known := errors.AsType[*api.Error](refused); refused != nil && !known {
		return refused
	}
	err = o.node.store.Update(func(tx *store.Tx) error {
		for _, id := range ids {
			if err := tx.DeleteDelay(o.org, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || refused == nil {
		return err
	}
	o.log.Warn("a deletion was not carried out", "error", refused)
	for _, m := range messages {
		if err := o.tellNowLocked(m.ID()); err != nil {
			return err
		}
	}
	return nil
}

// tellNowLocked tells watchers how a message is now. Callers hold mu.
func (o *organization) tellNowLocked(id keys.MessageID) error {
	var r history.Record
	err := o.node.store.View(func(tx *store.Tx) (err error) { r, err = tx.Message(o.org, id); return err })
	if err == nil {
		o.tellChangeLocked(r)
	}
	return err
}

// tellChangeLocked tells watchers of a message that changed. Callers hold mu.
func (o *organization) tellChangeLocked(r history.Record) {
	message := o.messageLocked(r)
	o.node.hub.publish(api.Event{Kind: api.EventChange, Time: o.now().UTC(), Org: o.org.String(), Message: &message})
}
