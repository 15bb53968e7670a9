package node

import (
	"context"
	"errors"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/store"
	"muster.example/sync/history"
)

const (
	// shortestLifetime is how long a message lives at least: less would be over before it came.
	shortestLifetime = time.Minute
	// expiringAtOnce is how many messages one transaction erases.
	expiringAtOnce = 16
	// longestSleep is how long the sweeper sleeps at most: the clock may be set.
	longestSleep = time.Hour
)

// keepExpiring erases messages whose lifetime is over, what is older than the account keeps history, and what all that has left, and sends and deletes what
// can be taken back no more, until ctx ends: with or without a connection. Erasing goes by the sober time; what is over is not shown
// before that. [MSH-68]
func (o *organization) keepExpiring(ctx context.Context) error {
	for {
		o.keepTime()
		sober := o.sober()
		next, err := o.expireMessages(sober)
		if err != nil {
			return err
		}
		release, err := o.releaseDelayed(o.now())
		if err != nil {
			return err
		}
		fades, err := o.letGo(ctx, o.now())
		if err != nil && ctx.Err() == nil { // what can still be read is no worse for it: again in an hour
			o.log.Error("removing what is older than history is kept", "error", err)
		}
		if err := o.node.store.EraseRemains(o.org); err != nil {
			return err
		}
		if !fades.IsZero() && fades.Before(next) {
			next = fades
		}
		timer := time.NewTimer(min(max(next.Sub(sober), 0), max(release.Sub(o.now()), 0), longestSleep))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-o.wakeErase:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// expireMessages erases all messages whose lifetime is over, and returns when the next one's is.
func (o *organization) expireMessages(now time.Time) (next time.Time, err error) {
	for {
		due, at, err := o.expireSome(now)
		switch {
		case err != nil:
			return next, err
		case due == expiringAtOnce:
		case at == 0:
			return now.Add(longestSleep), nil
		default:
			return time.UnixMilli(at), nil
		}
	}
}

func (o *organization) expireSome(now time.Time) (due int, next int64, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var ids []keys.MessageID
	err = o.node.store.View(func(tx *store.Tx) (err error) {
		ids, next, err = tx.Expiring(o.org, now.UnixMilli(), expiringAtOnce)
		return err
	})
	if err != nil || len(ids) == 0 {
		return 0, next, err
	}
	var effects effects
	err = o.node.store.Update(func(tx *store.Tx) error {
		effects = newEffects()
		for _, id := range ids {
			r, err := tx.Message(o.org, id)
			if err != nil {
				return err
			}
			if err := o.erase(tx, r, history.ErasedExpired, &effects); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		o.applyLocked(effects)
	}
	return len(ids), next, err
}

// erase erases a message, and one of this device's from the outbox too. [HIST-16] [STO-33]
func (o *organization) erase(tx *store.Tx, r history.Record, why history.Erased, effects *effects) error {
	id := r.Message.ID()
	left, done, err := tx.EraseMessage(o.org, id, why)
	if err != nil || !done {
		return err
	}
	effects.erased, effects.left = true, append(effects.left, left)
	if err := tx.DeleteDelay(o.org, id); err != nil {
		return err
	}
	if r.Message.Author != o.device {
		return nil
	}
	if err = tx.DropMessage(o.org, id); err != nil {
		return err
	}
	all, err := tx.Deliveries(o.org, id)
	for _, d := range all {
		if err != nil {
			return err
		}
		if d.State == store.StateHeld {
			var c change
			c, err = o.setState(tx, id, d, store.StateReturned, store.ReasonErased)
			effects.changes = append(effects.changes, c)
		}
	}
	return err
}

// isOver reports whether the lifetime of a message is over, though it may not be erased yet.
func isOver(r history.Record, now time.Time) bool {
	expires := r.Message.Expires(r.Clock.Wall)
	return r.Message.Erased == history.ErasedExpired || expires > 0 && expires <= now.UnixMilli()
}

// outboxUntil returns until when a message may wait to be delivered (unix seconds): not longer than it lives.
func outboxUntil(m history.Message, now time.Time, expires int64) int64 {
	if end := m.Expires(now.UnixMilli()); end > 0 {
		return min(expires, end/1000)
	}
	return expires
}

// isGone reports whether the message of a job was erased since the job was read: then there is no such job any more.
func (o *organization) isGone(tx *store.Tx, job store.Job) (bool, error) {
	if job.Message == nil {
		return false, nil
	}
	r, err := tx.Message(o.org, *job.Message)
	if errors.Is(err, store.ErrNotFound) { // it was older than the account keeps history
		return true, nil
	}
	return err == nil && r.Message.Erased != 0, err
}
