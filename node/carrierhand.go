package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/mesh"
	"muster.example/node/store"
)

// pieceSize is the size of the pieces in which this device hands envelopes over. What of one has come when a link breaks goes again, which at
// 9.6 kbit/s is 7 s of it. [CAR-23]
const pieceSize = 8 << 10

// takeWants notes what the other side wants of what it was offered. [MSH-46]
func (c *carriers) takeWants(t *carrierTalk, list []mesh.Want) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(t.wants)+len(list) > mostTheirWants+mesh.MostOffers {
		return fmt.Errorf("%w: it wants more than it can take", errMisbehaved)
	}
	for _, want := range list {
		if _, offered := t.offered[want.ID]; !offered {
			return fmt.Errorf("%w: it wants what it was not offered", errMisbehaved)
		}
		t.wants = append(t.wants, want)
	}
	wake(t.wake)
	return nil
}

// handPiece hands over the next piece of what the other side wants. It reports whether there may be more. [MSH-47]
func (c *carriers) handPiece(ctx context.Context, t *carrierTalk) (more bool, err error) {
	if t.sending == nil {
		c.mu.Lock()
		if len(t.wants) == 0 {
			c.mu.Unlock()
			return false, nil
		}
		want := t.wants[0]
		t.wants = t.wants[1:]
		c.mu.Unlock()
		if t.sending, err = c.handOver(t, want); err != nil {
			return false, err
		}
		if t.sending == nil { // it cannot be had any more
			return true, t.p.send(ctx, mesh.Done{List: []mesh.Outcome{{ID: want.ID}}}.Frame())
		}
	}
	out := t.sending
	end := min(len(out.bytes), out.offset+pieceSize)
	h := mesh.Handing{ID: out.id, Offset: uint64(out.offset), Piece: out.bytes[out.offset:end]}
	if end == len(out.bytes) {
		h.Last = &mesh.LastPiece{Signature: out.signature, Share: out.share}
		t.sending = nil
	}
	out.offset = end
	if paths := t.p.streams.paths; paths != nil {
		paths.used(t.p.key)
	}
	return true, t.p.send(ctx, h.Frame())
}

// handOver reads an envelope that is wanted, and sets the copies aside that go along; nil if it is not here any more, or none can go.
func (c *carriers) handOver(t *carrierTalk, want mesh.Want) (*carrierOutput, error) {
	out, left, err := c.load(want.ID, t.p.key)
	if err != nil || out == nil || want.Offset >= uint64(len(out.bytes)) {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	offered := t.offered[want.ID]
	most := uint64(offered.share)
	if offered.moves {
		most = 1
	}
	left -= min(left, c.going[want.ID])
	gift := carrierGift{share: min(want.Share, most, left), moves: want.Moves && offered.moves}
	if _, twice := t.given[want.ID]; twice || gift.share == 0 && !offered.isFor {
		return nil, nil
	}
	t.given[want.ID] = gift
	c.going[want.ID] += gift.share
	out.offset, out.share = int(want.Offset), gift.share
	return out, nil
}

// load reads an envelope that this device has sealed or carries, with the copies that it may hand on to a device; nil if it is not here any
// more.
func (c *carriers) load(id keys.EnvelopeID, to keys.PublicKey) (out *carrierOutput, copies uint64, err error) {
	o := c.o
	o.mu.Lock()
	defer o.mu.Unlock()
	most := uint64(o.boundsLocked().Copies)
	err = o.node.store.View(func(tx *store.Tx) error {
		w, err := tx.WaitingByID(o.org, id)
		if err == nil {
			data, err := tx.Envelope(o.org, w)
			if err != nil {
				return err
			}
			data = bytes.Clone(data)
			e, err := envelope.View(data, envelope.MaxEnvelope)
			if err != nil {
				return fmt.Errorf("an envelope that waits: %w", err)
			}
			carried, err := envelope.Carry(e, data, o.org, w.Pending, o.self)
			if err != nil {
				return err
			}
			out = &carrierOutput{id: id, bytes: data, signature: carried.Signature}
			if !slices.Contains(o.withoutLocked(w.Carriers), to) {
				copies = most - min(most, w.Handed.Copies)
			}
			return nil
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		kept, err := tx.Carry(o.org, id)
		if errors.Is(err, store.ErrNotFound) || err == nil && !o.activeSenderLocked(kept.Sender) {
			return nil
		} else if err != nil {
			return err
		}
		data, err := tx.Carried(o.org, id)
		if err != nil {
			return err
		}
		carried, err := envelope.ParseCarried(bytes.Clone(data), envelope.MaxEnvelope)
		if err != nil {
			return nil //nolint:nilerr // it is passed over, as when it is handed to a rendezvous node
		}
		out = &carrierOutput{id: id, bytes: carried.EnvelopeBytes(), signature: carried.Signature}
		if !slices.Contains(o.withoutLocked(kept.Handed), to) {
			copies = max(kept.Copies, 1)
		}
		return nil
	})
	return out, copies, err
}

// takeDone notes what became of what was handed over, and frees what cannot be had. [MSH-48] [MSH-49]
func (c *carriers) takeDone(t *carrierTalk, list []mesh.Outcome) error {
	for _, done := range list {
		c.mu.Lock()
		gift, given := t.given[done.ID]
		if given {
			delete(t.given, done.ID)
			if !done.Taken {
				c.backLocked(done.ID, gift.share)
			}
		} else if t.expected[done.ID] != nil {
			delete(t.expected, done.ID)
			c.freeLocked(done.ID)
		}
		c.mu.Unlock()
		if !given {
			if err := t.p.spend(costFrame, "answers"); err != nil {
				return err
			}
			continue
		}
		if done.Taken && gift.share > 0 {
			err := c.noteHanded(t.p.key, done.ID, gift)
			c.mu.Lock()
			c.backLocked(done.ID, gift.share)
			c.mu.Unlock()
			if err != nil {
				return err
			}
			c.stir()
		}
	}
	return nil
}

// noteHanded notes that a device carries an envelope from now on: the copies are that device's. [MSH-44] [MSH-48]
func (c *carriers) noteHanded(to keys.PublicKey, id keys.EnvelopeID, gift carrierGift) error {
	o := c.o
	o.mu.Lock()
	defer o.mu.Unlock()
	var changes []change
	err := o.node.store.Update(func(tx *store.Tx) error {
		changes = nil
		w, err := tx.WaitingByID(o.org, id)
		if err == nil {
			changes, err = o.noteCarrier(tx, w, to, gift.share)
			return err
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		kept, err := tx.Carry(o.org, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		if gift.moves {
			return tx.DeleteCarry(o.org, kept)
		}
		kept.Copies = max(kept.Copies, 1) - min(gift.share, max(kept.Copies, 1)-1)
		kept.Handed = union(kept.Handed, []keys.PublicKey{to})
		return tx.SetCarry(o.org, kept)
	})
	if err == nil {
		o.publishLocked(changes)
	}
	return err
}

// noteCarrier notes that a device has an own envelope to carry, for those that are still without it. [MSH-42]
func (o *organization) noteCarrier(tx *store.Tx, w store.Waiting, to keys.PublicKey, share uint64) (changes []change, err error) {
	now := o.now().UnixMilli()
	w.Carriers = union(w.Carriers, []keys.PublicKey{to})
	w.Handed.Copies += share
	if w.Handed.Since == 0 {
		w.Handed.Since = now
	}
	if err := tx.PutWaiting(o.org, w); err != nil || w.Message == nil {
		return nil, err
	}
	for _, device := range w.Pending {
		d, err := tx.Delivery(o.org, *w.Message, device)
		if errors.Is(err, store.ErrNotFound) || err == nil && d.State != store.StateHeld {
			continue // it has come, a rendezvous node has it, or it is erased
		} else if err != nil {
			return nil, err
		}
		d.Carried, d.Changed, d.Carriers = now, now, max(d.Carriers, uint64(len(w.Carriers)))
		if err := tx.PutDelivery(o.org, *w.Message, d); err != nil {
			return nil, err
		}
		changes = append(changes, change{*w.Message, d, true})
	}
	return changes, nil
}
