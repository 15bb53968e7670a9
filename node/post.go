package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

const (
	// postsAtOnce and postBytesAtOnce bound one write to the post stream.
	postsAtOnce     = 64
	postBytesAtOnce = 1 << 20
	// postsUnanswered bounds what waits for answers.
	postsUnanswered = 512
)

// keepPosting offers the rendezvous node every envelope that it is not known to have, for as long as the connection
// stands. With settled, some of what waits goes before the node has said anything, and nothing large before settled is closed. [RV-206]
func (o *organization) keepPosting(ctx context.Context, client *rvclient.Client, settled <-chan struct{}) error {
	opening := time.Now()
	stream, err := client.BeginPost(ctx)
	if err != nil {
		return fmt.Errorf("opening the post stream: %w", err)
	}
	defer stream.Close()
	var ahead []offer
	if settled != nil {
		if ahead, err = o.postAhead(stream, client.Node); err != nil {
			return fmt.Errorf("posting first: %w", err)
		}
	}
	if err := stream.Greet(); err != nil {
		return fmt.Errorf("opening the post stream: %w", err)
	}
	if err := o.heardFrom(ctx, client, stream.Checkpoint()); err != nil {
		return err
	}
	poster, leave := o.fleet.post(client.Node, time.Since(opening))
	defer leave()

	unanswered := make(chan offer, postsUnanswered)
	full := make(chan struct{}, 1)
	under := &underWay{posts: make(map[keys.EnvelopeID]int)}
	for _, one := range ahead { // they fit: none is there yet
		one.poster = poster
		under.add(one.ID)
		unanswered <- one
		o.fleet.asked(client.Node)
	}
	group := task.New(ctx)
	group.Go("answers", func(ctx context.Context) error {
		defer stream.Close()
		return o.readAnswers(stream, poster, unanswered, under, full)
	})
	group.Go("leave", func(ctx context.Context) error { return o.bringLeave(ctx, client, poster) })
	group.Go("posts", func(ctx context.Context) error {
		defer stream.Close()
		return o.sendPosts(ctx, outlet{o: o, stream: stream, poster: poster, unanswered: unanswered, under: under, settled: settled}, full)
	})
	return group.Wait()
}

// sendPosts offers what waits. What is small goes first: texts, acts, receipts of reading and what these need overtake the pieces of
// files, which go one envelope after the other, as fast as the link carries them. [RV-203]
func (o *organization) sendPosts(ctx context.Context, out outlet, full <-chan struct{}) error {
	again := time.NewTicker(jitter(o.node.config.OfferAgain / 12))
	defer again.Stop()
	for {
		news, t := o.fleet.news(), o.turn(out.poster)
		wait, err := out.next(ctx, t)
		if err != nil {
			return err
		}
		if !wait {
			select { // something small may have come since
			case <-o.wakePost:
				out.looked = false
			default:
			}
			continue
		}
		if t.which != first {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-news:
			case <-t.wake:
			case <-out.stream.Room():
				continue
			}
			out.again()
			continue
		}
		var room <-chan time.Time
		if wait, some := o.roomless.wait(time.Now()); some {
			room = time.After(wait + time.Millisecond)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-out.stream.Room():
			continue
		case <-out.settled:
			out.settled = nil
		case <-o.wakePost:
		case <-full: // for how long, has changed
		case <-again.C:
			out.again()
		case <-news:
			out.again()
		case <-o.wakeOffer:
			out.again()
		case <-room:
			o.roomless.due(time.Now())
			wake(o.wakeSeal) // what waited for an envelope that has ended meanwhile
			out.again()
		}
		out.looked = false
	}
}

// postSoon has what is new offered to the rendezvous node and handed to neighbours.
func (o *organization) postSoon() {
	wake(o.wakePost)
	wake(o.groups.wake)
	for _, p := range o.mesh.all() {
		wake(p.handing)
	}
	o.carriers.stir()
}

// toPost returns the next envelopes that the node is not known to have, or that were silent for too long, but for devices that are
// served directly; where there are several nodes, those that are this one's turn. of says which of them.
func (o *organization) toPost(after uint64, now time.Time, t turn, of func(store.Waiting) bool) ([]outgoing, error) {
	var batch []outgoing
	served, leave := o.mesh.served(), o.newTalkLeaves()
	for _, device := range o.aheadDevices() { // of whom a rendezvous node knows nothing [MSH-25]
		served[device] = true
	}
	size, most := 0, o.roomless.most(postsAtOnce, now)
	if most == 0 || t.which == idle {
		return nil, nil
	}
	err := o.node.store.View(func(tx *store.Tx) error {
		return tx.Waiting(o.org, after, func(w store.Waiting) (bool, error) {
			w, some := forNode(w, served, leave)
			if !some {
				return true, nil
			}
			if !of(w) {
				return true, nil
			}
			if t.which == second || t.deserted(w) {
				if t.which == second && !t.twice(w) {
					return true, nil
				}
				w.Full = nil // it has it for nobody
			} else if silence := now.Sub(time.UnixMilli(w.Offered)); w.Accepted && len(w.Full) == 0 && 0 <= silence && silence < o.node.config.OfferAgain || !o.roomless.offer(w.ID) {
				return true, nil
			}
			data, err := tx.Envelope(o.org, w)
			if err != nil {
				return false, err
			}
			batch = append(batch, outgoing{w, data})
			size += len(data)
			return len(batch) < most && size < postBytesAtOnce, nil
		})
	})
	return batch, err
}

// giveUp ends an envelope that could not be delivered to devices in time.
func (o *organization) giveUp(tx *store.Tx, w store.Waiting, devices []keys.PublicKey, reason store.Reason) ([]change, error) {
	return o.end(tx, w, devices, store.StateReturned, reason)
}

// end takes devices off an envelope, removes it when none is left, and sets the state of its message for them.
func (o *organization) end(tx *store.Tx, w store.Waiting, devices []keys.PublicKey, state store.State, reason store.Reason) ([]change, error) {
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
		c, err := o.setState(tx, *w.Message, d, state, reason)
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	return changes, nil
}

// strike takes devices off an envelope and removes it when none is left.
func (o *organization) strike(tx *store.Tx, w store.Waiting, devices []keys.PublicKey) error {
	w.Pending, w.Held, w.Full = difference(w.Pending, devices), difference(w.Held, devices), difference(w.Full, devices)
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

// setState stores a delivery in a state, with the reason of one that is returned or refused.
func (o *organization) setState(tx *store.Tx, message keys.MessageID, d store.Delivery, state store.State, reason store.Reason) (change, error) {
	moved := d.State != state
	if moved {
		d.Lack = store.LackNothing
		d.State, d.Reason, d.Changed = state, reason, o.now().UnixMilli()
	}
	return change{message, d, moved}, tx.PutDelivery(o.org, message, d)
}

// publishLocked tells watchers and waiting requests what has been stored. Callers hold mu.
func (o *organization) publishLocked(changes []change) {
	o.noteChangeLocked()
	o.tellReturnedLocked(changes)
	for _, c := range changes {
		if c.moved && c.delivery.Member != o.member {
			if s := c.delivery.State; s == store.StateReturned || s == store.StateRefused {
				o.view.Threads().NoteReturned(c.message)
			}
			o.node.hub.publish(api.Event{
				Kind: api.EventState, Time: o.now().UTC(), Org: o.org.String(),
				Change: &api.StateChange{ID: c.message.String(), Recipient: o.recipientLocked(c.delivery)},
			})
		}
	}
}
