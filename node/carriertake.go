package node

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/mesh"
	"muster.example/node/store"
)

// costForged is what an envelope that is not what was offered costs who handed it over.
const costForged = 200.0

// takePiece takes a piece of an envelope, and with the last one the envelope. [MSH-47] [MSH-48]
func (c *carriers) takePiece(t *carrierTalk, h mesh.Handing) error {
	now := time.Now()
	c.mu.Lock()
	in := t.expected[h.ID]
	ends := t.ends
	whole, fits, keep := false, false, false
	if in != nil && h.Offset == in.came() {
		if len(in.bytes) == 0 {
			in.fresh = now
		}
		in.bytes = append(in.bytes, h.Piece...)
		whole = in.came() == in.offer.Size
		fits = in.came() <= in.offer.Size && whole == (h.Last != nil)
		keep = in.toKeep(now)
	}
	c.mu.Unlock()
	switch {
	case ends:
		return nil
	case !fits:
		return fmt.Errorf("%w: a piece that was not asked for", errMisbehaved)
	case !whole:
		if keep {
			c.keepPart(in)
		}
		return nil
	}
	taken, err := c.takeWhole(t, in, *h.Last)
	if err := errors.Join(err, c.dropPart(in)); err != nil {
		return err
	}
	c.mu.Lock()
	delete(t.expected, h.ID)
	c.freeLocked(h.ID)
	c.mu.Unlock()
	if taken {
		c.stir()
		wake(c.tidy)
		wake(c.o.wakeCarried)
	}
	return c.reply(t, mesh.Done{List: []mesh.Outcome{{ID: h.ID, Taken: taken}}}.Frame())
}

// takeWhole verifies an envelope, carries it if there is somebody to carry it for, and opens it if it is for this device; taken says that it
// is carried. An error ends the stream. [MSH-48]
func (c *carriers) takeWhole(t *carrierTalk, in *carrierInput, last mesh.LastPiece) (taken bool, err error) {
	o := c.o
	data, err := c.whole(in)
	if err != nil || data == nil {
		return false, err
	}
	e, err := envelope.View(data, envelope.MaxEnvelope)
	if err != nil {
		return false, t.p.spend(costForged, "envelopes that are none")
	}
	header := e.ParsedHeader()
	carried, err := envelope.CarryOn(e, data, in.wanted, last.Signature)
	o.mu.Lock()
	nodes, active := o.rollNodesLocked(), o.activeSenderLocked(header.Sender)
	others := difference(o.activeAmongLocked(in.wanted), []keys.PublicKey{o.device})
	carry := o.forSomebodyLocked(others)
	o.mu.Unlock()
	kindOf := header.Kind == envelope.KindAnnounce || header.Kind == envelope.KindMessage
	if err != nil || e.ID() != in.offer.ID || header.Sender != in.offer.Sender || header.Expires != in.offer.Expires || !kindOf ||
		carried.Verify(o.org, nodes...) != nil {
		return false, t.p.spend(costForged, "envelopes that are not what was offered")
	}
	if !active {
		return false, nil
	}
	if share := min(last.Share, uint64(in.take.Share)); share > 0 && carry {
		taken, err = c.carryOn(carried.For(others), in.offer, share)
		if err != nil {
			return false, fmt.Errorf("carrying an envelope: %w", err)
		}
	}
	if in.take.For && slices.Contains(in.wanted, o.device) {
		if err := c.open(t, carried, header.Kind); err != nil {
			return false, err
		}
	}
	return taken, nil
}

// carriedRoom is how much room the volume must have for anything of others to be kept there: the person's own comes first. [CAR-24]
const carriedRoom = 512 << 20

// roomToCarry reports whether the disk has room for what is others'. Where the system does not say, it has.
func (n *Node) roomToCarry() bool {
	free, err := n.free()
	return err != nil || free >= carriedRoom
}

// carryOn keeps an envelope for others. It reports whether it is carried from now on, and was not before.
func (c *carriers) carryOn(carried envelope.Carried, offer mesh.Offer, share uint64) (taken bool, err error) {
	o := c.o
	if !o.node.roomToCarry() {
		return false, nil // it has gone since the envelope was asked for
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	err = o.node.store.Update(func(tx *store.Tx) error {
		taken, err = o.carry(tx, carried, now.UnixMilli())
		if err != nil || !taken {
			return err
		}
		kept, err := tx.Carry(o.org, offer.ID)
		if err != nil {
			return err
		}
		kept.Copies, kept.Hops = share, offer.Hops+1
		kept.Since = now.Add(-time.Duration(min(offer.Age, 1<<32)) * time.Second).UnixMilli()
		kept.Opens = carried.Envelope.ParsedHeader().Kind == envelope.KindAnnounce
		return tx.SetCarry(o.org, kept)
	})
	return taken, err
}

// open opens an envelope that is for this device, and has its receipt told to who brought it. [MSH-13]
func (c *carriers) open(t *carrierTalk, carried envelope.Carried, kind envelope.Kind) error {
	x := c.o.newImport()
	x.given = func(signed []byte) error { return t.p.tellReceipt(signed) }
	if err := x.open(carried.For([]keys.PublicKey{c.o.device})); err != nil {
		return err
	}
	if err := x.flush(); err != nil {
		return err
	}
	if kind == envelope.KindAnnounce {
		wake(c.loose)
	}
	return nil
}
