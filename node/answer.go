package node

import (
	"errors"
	"fmt"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// answered is a post with its answer.
type answered struct {
	waiting offer
	answer  rvproto.AnswerFrame
}

// readAnswers takes the node's answers, in the order of the posts, and stores what they mean.
func (o *organization) readAnswers(stream *rvclient.PostStream, poster *poster, unanswered <-chan offer, under *underWay,
	full chan struct{}) error {
	var batch []answered
	for {
		answer, err := stream.Answer()
		if err != nil {
			return fmt.Errorf("waiting for answers to posts: %w", err)
		}
		var w offer
		select {
		case w = <-unanswered:
		default:
			return errors.New("the rendezvous node answered a post that was not made")
		}
		if answer.Status == wire.StatusOK && answer.ID != w.ID {
			return errors.New("the rendezvous node answered for another envelope")
		}
		o.fleet.answered(poster.node, len(unanswered) > 0)
		batch = append(batch, answered{w, answer})
		if len(unanswered) > 0 && len(batch) < postsAtOnce {
			continue
		}
		if err := o.recordAnswers(batch, full); err != nil {
			return err
		}
		under.answered(batch)
		batch = batch[:0]
	}
}

// recordAnswers stores what a batch of answers means for each envelope and message.
func (o *organization) recordAnswers(batch []answered, full chan struct{}) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := inParts(batch, func(part []answered) error {
		var effects effects
		err := o.node.store.Update(func(tx *store.Tx) error {
			effects = newEffects()
			for _, a := range part {
				if err := o.recordAnswer(tx, a, full, &effects); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			o.applyLocked(effects)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("storing answers to posts: %w", err)
	}
	wake(o.wakeSeal) // there is room for more
	wake(o.wakeTwice)
	return nil
}

// inParts does something with all items, which one transaction stores: in halves, and halves of those, if they are more
// than one transaction holds.
func inParts[T any](items []T, do func(part []T) error) error {
	err := do(items)
	if !errors.Is(err, store.ErrTooLarge) || len(items) < 2 {
		return err
	}
	half := len(items) / 2
	if err := inParts(items[:half], do); err != nil {
		return err
	}
	return inParts(items[half:], do)
}

func (o *organization) recordAnswer(tx *store.Tx, a answered, full chan struct{}, effects *effects) error {
	w, err := tx.WaitingByID(o.org, a.waiting.ID)
	if errors.Is(err, store.ErrNotFound) { // its receipts came first
		o.roomless.forget(a.waiting.ID)
		return o.tellNewer(tx, a.waiting.Waiting, a.answer.Newer, effects)
	} else if err != nil {
		return err
	}
	if a.waiting.second {
		return o.recordSecond(tx, w, a)
	}
	if a.answer.Status != wire.StatusOK {
		if a.answer.Status.Retryable() {
			defer wake(full)
			return o.noRoom(tx, w, w.Pending, a.answer.Status, effects)
		}
		devices := intersection(w.Pending, a.waiting.asked())
		if len(devices) == 0 {
			return nil
		}
		if a.answer.Status == wire.StatusArchive {
			return o.sealForArchive(tx, w, devices, effects)
		}
		return o.refused(tx, w, devices, a.answer.Status, effects)
	}
	if err := o.tellNewer(tx, w, a.answer.Newer, effects); err != nil {
		return err
	}
	var lacking, parked []keys.PublicKey // those for whom there is no room, and nothing is kept
	byStatus := make(map[wire.Status][]keys.PublicKey)
	for _, refusal := range a.answer.Refused {
		if refusal.Status.Retryable() {
			lacking = append(lacking, refusal.Device)
			continue
		}
		if refusal.Status == wire.StatusParked {
			parked = append(parked, refusal.Device)
			continue
		}
		byStatus[refusal.Status] = append(byStatus[refusal.Status], refusal.Device)
	}
	for status, devices := range byStatus {
		devices = intersection(w.Pending, devices) // those that have not receipted it meanwhile
		if len(devices) == 0 {
			continue
		}
		if status == wire.StatusNoLeave && o.bearsLeave(w, a.waiting.poster) {
			lacking = append(lacking, devices...)
			continue
		}
		var err error
		if status == wire.StatusNoLeave && several(w.Place) && envelope.Kind(w.Kind) != envelope.KindIntroduction {
			err = o.hold(tx, w, devices)
			w.Held = union(w.Held, devices)
		} else {
			err = o.refused(tx, w, devices, status, effects)
		}
		if err != nil {
			return err
		}
		w.Pending = difference(w.Pending, devices)
	}
	away, doubted, err := o.splitAway(tx, intersection(w.Pending, parked))
	if err != nil {
		return err
	}
	if len(away) > 0 {
		changes, err := o.giveUp(tx, w, away, store.ReasonParked)
		if err != nil {
			return err
		}
		effects.changes = append(effects.changes, changes...)
		w.Pending = difference(w.Pending, away)
	}
	lacking = intersection(w.Pending, lacking)
	taken := difference(intersection(w.Pending, a.waiting.asked()), lacking)
	if len(taken) > 0 {
		w.Nodes = o.takenBy(w, a.waiting.node)
		changes, err := o.accepted(tx, &w, taken, doubted, len(lacking) == 0)
		effects.changes = append(effects.changes, changes...)
		if err != nil {
			return err
		}
	}
	if len(lacking) > 0 {
		defer wake(full)
		return o.noRoom(tx, w, lacking, wire.StatusOK, effects)
	}
	return nil
}

// accepted notes that a rendezvous node has the envelope on its disk for some devices, or says of those that are doubted that
// it keeps nothing for them: it is offered for these again when it is for the others. whole: it had room for all for whom it was offered.
func (o *organization) accepted(tx *store.Tx, w *store.Waiting, taken, doubted []keys.PublicKey, whole bool) (changes []change, err error) {
	first := taken // of those, it has it for the first time
	if w.Accepted {
		first = intersection(w.Full, taken)
		w.Full = difference(w.Full, taken)
	} else {
		w.Full = difference(w.Pending, taken)
	}
	if whole && o.roomless.taken(w.ID, time.Now()) {
		wake(o.wakePost)
	}
	w.Spread, w.Aside = false, false // offered again, it goes to those who have not answered
	w.Accepted, w.Offered = true, o.now().UnixMilli()
	if err := tx.PutWaiting(o.org, *w); err != nil {
		return nil, err
	}
	if w.Message == nil {
		return nil, nil
	}
	for _, device := range difference(first, doubted) {
		d, err := tx.Delivery(o.org, *w.Message, device)
		if errors.Is(err, store.ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		if d.Unposted > 0 {
			d.Unposted--
		}
		next := d.State
		if d.Unposted == 0 && d.State == store.StateHeld {
			next = store.StateQueued
		}
		d.Lack = store.LackNothing
		c, err := o.setState(tx, *w.Message, d, next, 0)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// noRoom puts an envelope off for devices, since the node has no room: for any of them under StatusFull, for
// those alone under StatusOK. StatusUnavailable is a fault that may pass. What the node has on its disk it has still.
func (o *organization) noRoom(tx *store.Tx, w store.Waiting, devices []keys.PublicKey, status wire.Status, effects *effects) error {
	message := w.Message
	if w.Accepted { // for some: they get the rest of the message meanwhile
		message = nil
	}
	// What the archive holds up holds up nothing else.
	o.roomless.refused(w.ID, message, status != wire.StatusOK && status != wire.StatusArchiveFull, time.Now())
	lack := store.LackDevice
	switch {
	case status == wire.StatusFull:
		lack = store.LackNode
	case status == wire.StatusArchiveFull:
		lack = store.LackArchive
	case status != wire.StatusOK:
		lack = store.LackFault
	}
	if w.Accepted {
		devices = intersection(w.Full, devices)
	}
	if len(devices) == 0 {
		return nil
	}
	w.Aside = !w.Accepted
	if lack == store.LackDevice {
		w.Full = union(w.Full, devices)
	}
	if err := tx.PutWaiting(o.org, w); err != nil || w.Message == nil || len(devices) > rvproto.MaxRecipients {
		return err // in a large group nobody looks at each device
	}
	for _, device := range devices {
		d, err := tx.Delivery(o.org, *w.Message, device)
		if errors.Is(err, store.ErrNotFound) || err == nil && (d.Lack == lack || d.State != store.StateHeld) {
			continue
		} else if err != nil {
			return err
		}
		d.Lack = lack
		if err := tx.PutDelivery(o.org, *w.Message, d); err != nil {
			return err
		}
		effects.changes = append(effects.changes, change{*w.Message, d, true})
	}
	return nil
}

// refused ends an envelope for devices that the node will not take it for.
func (o *organization) refused(tx *store.Tx, w store.Waiting, devices []keys.PublicKey, status wire.Status, effects *effects) error {
	o.log.Info("the rendezvous node refused an envelope", "kind", w.Kind, "devices", len(devices), "reason", status)
	if envelope.Kind(w.Kind) == envelope.KindIntroduction {
		if err := o.introductionRefused(tx, w, status, effects); err != nil {
			return err
		}
	}
	state, reason := store.StateRefused, refusedFor(status)
	if status == wire.StatusExpired {
		state, reason = store.StateReturned, store.ReasonTime
	}
	changes, err := o.end(tx, w, devices, state, reason)
	effects.changes = append(effects.changes, changes...)
	return err
}
