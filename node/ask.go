package node

import (
	"context"
	"errors"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/store"
	"muster.example/sync/history"
)

const (
	// askAfter is how long the rendezvous node and the account's other devices have to bring what is missing before its author is
	// asked: each new deliver stream begins with all that the node has, and siblings are called within seconds.
	askAfter = 10 * time.Minute
	// askPauseFirst is after how long an author's device that did not help is asked again, at first, and askPauseLast in the end.
	askPauseFirst = time.Hour
	askPauseLast  = 24 * time.Hour
	// askTick is how often it is looked whether somebody is to be asked, and askedAtOnce how many devices in how many conversations
	// are asked then.
	askTick     = 5 * time.Minute
	askedAtOnce = 32
)

// keepAsking asks authors for what is missing here, for as long as the connection stands. [HIST-28]
func (o *organization) keepAsking(ctx context.Context) error {
	tick := time.NewTicker(jitter(askTick))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if err := o.askMissing(o.now()); err != nil {
			return err
		}
	}
}

// gap is what one device is to be asked for.
type gap struct {
	conversation keys.ConversationID
	device       keys.PublicKey
	place        envelope.Place
}

// askMissing asks the devices of which something is missing, and that may still have it.
func (o *organization) askMissing(now time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sendingLocked() != nil {
		return nil
	}
	due, err := o.dueGapsLocked(now)
	for _, g := range due {
		if err == nil {
			err = o.askLocked(g, now)
		}
	}
	if len(due) > 0 {
		wake(o.wakeSeal)
	}
	return err
}

// dueGapsLocked returns for what somebody is to be asked now. Callers hold mu.
func (o *organization) dueGapsLocked(now time.Time) (due []gap, err error) {
	threads := o.threadsLocked()
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.Gaps(o.org, func(at keys.ConversationID, device keys.PublicKey, h store.Heard) {
			if len(due) == askedAtOnce || o.askTimeLocked(h).After(now) || len(h.Open()) == 0 || o.isOverLocked(h, now) ||
				o.roll.State().Standing(device) != membership.StandingActive {
				return
			}
			c, here := threads.Conversation(at)
			if !here || c.Report {
				return // it is not known where that is
			}
			place := envelope.Among(c.Members...)
			switch {
			case !c.Group.IsZero():
				place = envelope.InGroup(c.Group)
			case !c.Guest.IsZero():
				place = envelope.AtDesk(c.Guest)
			}
			if _, may := o.mayTellLocked(place); may && place.ID(o.org) == at {
				due = append(due, gap{at, device, place})
			}
		})
	})
	return due, err
}

// askTimeLocked returns when a device is to be asked next, ever more seldom. Callers hold mu.
func (o *organization) askTimeLocked(h store.Heard) time.Time {
	if h.Asks == 0 {
		return time.UnixMilli(h.Since).Add(askAfter)
	}
	return time.UnixMilli(h.Asked).Add(askPause(h.Asks))
}

// askPause returns how long an author's device that was asked so often has to answer.
func askPause(asks uint64) time.Duration {
	return min(askPauseFirst<<min(asks-min(asks, 1), 8), askPauseLast)
}

// isOverLocked reports whether the time has passed for which authors keep what was not delivered. Callers hold mu.
func (o *organization) isOverLocked(h store.Heard, now time.Time) bool {
	return h.Since > 0 && now.After(o.untilLocked(h))
}

func (o *organization) untilLocked(h store.Heard) time.Time {
	return time.UnixMilli(h.Since).Add(time.Duration(o.roll.State().Policy().QueueTime) * time.Second)
}

// askLocked asks one device, by a body for it alone that expires before it is asked again. Callers hold mu.
func (o *organization) askLocked(g gap, now time.Time) error {
	return o.node.store.Update(func(tx *store.Tx) error {
		h, err := tx.Heard(o.org, g.conversation, g.device)
		if err != nil {
			return err
		}
		h.Asked, h.Asks = now.UnixMilli(), h.Asks+1
		o.log.Info("asking an author for what is missing", "device", g.device.Short(), "missing", h.Missing(), "time", h.Asks)
		return errors.Join(tx.PutHeard(o.org, g.conversation, g.device, h), o.addJob(tx, store.Job{
			Place: g.place, Last: 1, Only: []keys.PublicKey{g.device}, Expires: now.Add(askPause(h.Asks)).Unix(),
			Kind: uint8(history.KindLack), Body: wire.Encode(history.Lack{Numbers: firstNumbers(h.Open())}),
		}))
	})
}

// firstNumbers returns as many of some numbers as one body asks for.
func firstNumbers(spans []store.Span) (first []store.Span) {
	left := uint64(history.MaxNumbers)
	for _, s := range spans[:min(len(spans), history.MaxSpans)] {
		if left == 0 {
			break
		}
		s.Last = min(s.Last, s.First+left-1)
		left -= s.Last - s.First + 1
		first = append(first, s)
	}
	return first
}

// takeGone notes that an author has nothing left of what is missing here. [HIST-28]
func (o *organization) takeGone(tx *store.Tx, opened envelope.Opened) error {
	gone, err := history.DecodeGone(opened.Content.Body)
	if err != nil {
		return errors.Join(errUnopened, err)
	}
	heard, err := tx.Heard(o.org, opened.Content.Conversation, opened.Sender)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	heard.Lose(gone.Numbers)
	return tx.PutHeard(o.org, opened.Content.Conversation, opened.Sender, heard)
}
