package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

const (
	// postsAtOnce and postBytesAtOnce bound one write to the post stream.
	postsAtOnce     = 64
	postBytesAtOnce = 1 << 20
	// postsUnanswered bounds what waits for answers.
	postsUnanswered = 512
	// fullPause is how long to wait before posting again what a node had no room for.
	fullPause = 15 * time.Second
)

// keepPosting offers the rendezvous node every envelope that it is not known to have, for as long as the connection
// stands.
func (o *organization) keepPosting(ctx context.Context, client *rvclient.Client) error {
	stream, err := client.OpenPost(ctx)
	if err != nil {
		return fmt.Errorf("opening the post stream: %w", err)
	}
	defer stream.Close()
	o.heardCheckpoint(stream.Checkpoint())

	unanswered := make(chan offer, postsUnanswered)
	full := make(chan struct{}, 1)
	group := task.New(ctx)
	group.Go("answers", func(ctx context.Context) error {
		defer stream.Close()
		return o.readAnswers(stream, unanswered, full)
	})
	group.Go("posts", func(ctx context.Context) error {
		defer stream.Close()
		return o.sendPosts(ctx, stream, unanswered, full)
	})
	return group.Wait()
}

func (o *organization) sendPosts(ctx context.Context, stream *rvclient.PostStream, unanswered chan<- offer, full <-chan struct{}) error {
	again := time.NewTicker(jitter(o.node.config.OfferAgain / 12))
	defer again.Stop()
	var pause <-chan time.Time
	var after uint64
	for {
		batch, err := o.toPost(after, time.Now())
		if err != nil {
			return err
		}
		if len(batch) == 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-o.wakePost:
			case <-again.C:
				after = 0
			case <-full:
				pause = time.After(jitter(fullPause))
			case <-pause:
				after, pause = 0, nil
			}
			continue
		}
		posts := make([]rvproto.PostFrame, 0, len(batch))
		for _, w := range batch {
			for _, one := range offers(w.Waiting) {
				select { // known to the reader before the node can answer
				case unanswered <- one:
				case <-ctx.Done():
					return ctx.Err()
				}
				posts = append(posts, rvproto.PostFrame{Recipients: one.to, Envelope: w.envelope})
			}
		}
		if err := stream.Send(posts); err != nil {
			return fmt.Errorf("posting: %w", err)
		}
		after = batch[len(batch)-1].Number
	}
}

// offer is one post of an envelope: to some devices, or to none by name, for the node to find those of the group.
type offer struct {
	store.Waiting
	to []keys.PublicKey
}

// asked returns the devices that an answer to the offer is about.
func (f offer) asked() []keys.PublicKey {
	if len(f.to) == 0 {
		return f.Pending
	}
	return f.to
}

// offers returns the posts that it takes to offer an envelope to all devices that it waits for.
func offers(w store.Waiting) []offer {
	if w.Spread {
		return []offer{{Waiting: w}}
	}
	var all []offer
	for to := range slices.Chunk(w.Pending, rvproto.MaxRecipients) {
		all = append(all, offer{w, to})
	}
	return all
}

// outgoing is an envelope that waits, with its sealed bytes.
type outgoing struct {
	store.Waiting
	envelope []byte
}

// toPost returns the next envelopes that the node is not known to have, or that were silent for too long.
func (o *organization) toPost(after uint64, now time.Time) ([]outgoing, error) {
	var batch []outgoing
	size := 0
	err := o.node.store.View(func(tx *store.Tx) error {
		return tx.Waiting(o.org, after, func(w store.Waiting) (bool, error) {
			if len(w.Pending) == 0 {
				return true, nil // its receivers take no part in the conversation yet
			}
			if silence := now.Sub(time.UnixMilli(w.Offered)); w.Accepted && 0 <= silence && silence < o.node.config.OfferAgain {
				return true, nil
			}
			data, err := tx.Envelope(o.org, w)
			if err != nil {
				return false, err
			}
			batch = append(batch, outgoing{w, data})
			size += len(data)
			return len(batch) < postsAtOnce && size < postBytesAtOnce, nil
		})
	})
	return batch, err
}

// answered is a post with its answer.
type answered struct {
	waiting offer
	answer  rvproto.AnswerFrame
}

// readAnswers takes the node's answers, in the order of the posts, and stores what they mean.
func (o *organization) readAnswers(stream *rvclient.PostStream, unanswered <-chan offer, full chan struct{}) error {
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
		batch = append(batch, answered{w, answer})
		if len(unanswered) > 0 && len(batch) < postsAtOnce {
			continue
		}
		if err := o.recordAnswers(batch, full); err != nil {
			return err
		}
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
	if errors.Is(err, store.ErrNotFound) {
		return nil // its receipts came first
	} else if err != nil {
		return err
	}
	if a.answer.Status != wire.StatusOK {
		if a.answer.Status.Retryable() {
			wake(full)
			return nil
		}
		devices := intersection(w.Pending, a.waiting.asked())
		if len(devices) == 0 {
			return nil
		}
		return o.refused(tx, w, devices, a.answer.Status, effects)
	}
	if err := o.tellNewer(tx, w, a.answer.Newer, effects); err != nil {
		return err
	}
	later := false
	byStatus := make(map[wire.Status][]keys.PublicKey)
	for _, refusal := range a.answer.Refused {
		if refusal.Status.Retryable() {
			later = true
			continue
		}
		byStatus[refusal.Status] = append(byStatus[refusal.Status], refusal.Device)
	}
	for status, devices := range byStatus {
		devices = intersection(w.Pending, devices) // those that have not receipted it meanwhile
		if len(devices) == 0 {
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
	if later {
		wake(full)
		return nil
	}
	if len(w.Pending) == 0 {
		return nil
	}
	changes, err := o.accepted(tx, w)
	effects.changes = append(effects.changes, changes...)
	return err
}

// accepted notes that a rendezvous node has the envelope on its disk.
func (o *organization) accepted(tx *store.Tx, w store.Waiting) (changes []change, err error) {
	first := !w.Accepted
	w.Spread = false // offered again, it goes to those who have not answered
	w.Accepted, w.Offered = true, time.Now().UnixMilli()
	if err := tx.PutWaiting(o.org, w); err != nil {
		return nil, err
	}
	if w.Message == nil || !first {
		return nil, nil
	}
	for _, device := range w.Pending {
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
		c, err := o.setState(tx, *w.Message, d, next)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// refused ends an envelope for devices that the node will not take it for.
func (o *organization) refused(tx *store.Tx, w store.Waiting, devices []keys.PublicKey, status wire.Status, effects *effects) error {
	o.log.Info("the rendezvous node refused an envelope", "kind", w.Kind, "devices", len(devices), "reason", status)
	if envelope.Kind(w.Kind) == envelope.KindIntroduction {
		if err := o.introductionRefused(tx, w, status, effects); err != nil {
			return err
		}
	}
	changes, err := o.end(tx, w, devices, store.StateRefused)
	effects.changes = append(effects.changes, changes...)
	return err
}

// giveUp ends an envelope that could not be delivered to devices in time.
func (o *organization) giveUp(tx *store.Tx, w store.Waiting, devices []keys.PublicKey) ([]change, error) {
	return o.end(tx, w, devices, store.StateReturned)
}

// end takes devices off an envelope, removes it when none is left, and sets the state of its message for them.
func (o *organization) end(tx *store.Tx, w store.Waiting, devices []keys.PublicKey, state store.State) ([]change, error) {
	if err := o.strike(tx, w, devices); err != nil {
		return nil, err
	}
	if w.Message == nil {
		return nil, nil
	}
	var changes []change
	for _, device := range devices {
		d, err := tx.Delivery(o.org, *w.Message, device)
		if errors.Is(err, store.ErrNotFound) || err == nil && d.State.Final() {
			continue
		} else if err != nil {
			return nil, err
		}
		c, err := o.setState(tx, *w.Message, d, state)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// strike takes devices off an envelope and removes it when none is left.
func (o *organization) strike(tx *store.Tx, w store.Waiting, devices []keys.PublicKey) error {
	w.Pending, w.Held = difference(w.Pending, devices), difference(w.Held, devices)
	if len(w.Pending)+len(w.Held) == 0 {
		return tx.DeleteWaiting(o.org, w)
	}
	w.Accepted = w.Accepted || len(w.Pending) == 0
	return tx.PutWaiting(o.org, w)
}

// change is a step of a message towards one device, to be told to watchers once it is stored.
type change struct {
	message  keys.MessageID
	delivery store.Delivery
	moved    bool
}

// setState stores a delivery in a state.
func (o *organization) setState(tx *store.Tx, message keys.MessageID, d store.Delivery, state store.State) (change, error) {
	moved := d.State != state
	if moved {
		d.State, d.Changed = state, time.Now().UnixMilli()
	}
	return change{message, d, moved}, tx.PutDelivery(o.org, message, d)
}

// publishLocked tells watchers and waiting requests what has been stored. Callers hold mu.
func (o *organization) publishLocked(changes []change) {
	o.noteChangeLocked()
	for _, c := range changes {
		if c.moved && c.delivery.Member != o.member {
			if s := c.delivery.State; s == store.StateReturned || s == store.StateRefused {
				o.view.Threads().NoteReturned(c.message)
			}
			o.node.hub.publish(api.Event{
				Kind: api.EventState, Time: time.Now().UTC(), Org: o.org.String(),
				Change: &api.StateChange{ID: c.message.String(), Recipient: o.recipientLocked(c.delivery)},
			})
		}
	}
}
