package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/wire"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// mostAside is how many large bodies are put aside before small ones behind them wait too.
const mostAside = 256

// pieces are the bodies that a deliver stream brings in pieces: one after the other, when nothing small is there. Guarded by the
// deliverer's mu where the reader has to do with it. [RV-204]
type pieces struct {
	can   bool     // the device takes them
	later []uint64 // numbers of bodies that were put aside, for the writer alone

	told   bool // the device has said what it has from earlier
	kept   rvproto.HeldFrame
	flow   rvproto.Flow
	coming rvproto.ComingFrame // what comes now; Size 0: nothing. Offset is what comes next
	began  bool                // the device was told that it comes
	held   int                 // that the device has of it
}

// isDeliver reports whether a protocol is one of deliver streams.
func isDeliver(id protocol.ID) bool {
	return id == rvproto.Deliver || id == rvproto.DeliverOne || id == rvproto.DeliverPieces
}

// setAside reports whether a body waits until nothing small does, and notes it.
func (d *deliverer) setAside(delivery *queue.Delivery) bool {
	size := len(delivery.Body)
	if !d.pieces.can || size <= rvproto.WholeEnvelope || size > rvproto.MaxInPieces {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pieces.flow.Quick() {
		return false
	}
	d.pieces.later = append(d.pieces.later, delivery.Number)
	return true
}

// aside reports whether so much is put aside that nothing more is looked at. Of a device that has not said that it wants any of it
// everything is put aside: numbers, no more than its queue has.
func (d *deliverer) aside() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pieces.told && len(d.pieces.later) >= mostAside
}

// bring sends the next piece of a body that was put aside, and returns how many it sent. The body is read anew for each: a device that
// takes an hour for one holds no memory here meanwhile.
func (d *deliverer) bring(ctx context.Context, out *outbox) (sent int, err error) {
	for len(d.pieces.later) > 0 {
		if !d.mayBring() {
			return 0, nil
		}
		number := d.pieces.later[0]
		page, err := d.node.queue.Next(ctx, d.device, number-1, 1, rvproto.MaxInPieces)
		if errors.Is(err, queue.ErrUnavailable) {
			return 0, errors.Join(out.flush(), rest(ctx, unavailableRest))
		}
		if err != nil {
			return 0, fmt.Errorf("reading the queue: %w", err)
		}
		if len(page) == 0 || page[0].Number != number { // acknowledged by another node, expired, …
			d.pass()
			continue
		}
		return d.sendPiece(out, &page[0])
	}
	return 0, nil
}

// mayBring reports whether there is room for a piece.
func (d *deliverer) mayBring() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := &d.pieces
	if p.coming.Size == 0 {
		return p.told
	}
	return p.flow.Piece(p.coming.Size-p.coming.Offset, p.coming.Offset-p.held) > 0
}

// pass goes on to the next body that was put aside.
func (d *deliverer) pass() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pieces.later, d.pieces.coming, d.pieces.began = d.pieces.later[1:], rvproto.ComingFrame{}, false
}

// sendPiece sends the next piece of a body, and what begins it.
func (d *deliverer) sendPiece(out *outbox, delivery *queue.Delivery) (int, error) {
	p := &d.pieces
	d.mu.Lock()
	if !p.goesOn(delivery) {
		if n := len(d.unread); n >= rvproto.DeliverWindow || n > 0 && d.bytes+len(delivery.Body) > rvproto.DeliverWindowBytes {
			d.mu.Unlock()
			return 0, nil // an acknowledgement makes room
		}
		p.coming = rvproto.ComingFrame{Number: delivery.Number, Kind: rvproto.Kind(delivery.Kind)}
		p.coming.ID, p.coming.Size = delivery.ID, len(delivery.Body)
		if p.kept.ID == delivery.ID && p.kept.Bytes < len(delivery.Body) {
			p.coming.Offset = p.kept.Bytes
		}
		p.held, p.began = p.coming.Offset, false
		p.flow.Begin()
	}
	size := p.flow.Piece(p.coming.Size-p.coming.Offset, p.coming.Offset-p.held)
	begin, now := !p.began, time.Now()
	coming := p.coming
	if size > 0 {
		p.began = true
		p.coming.Offset += size
		p.flow.Note(p.coming.Offset, size, now)
	}
	whole := p.coming.Offset == p.coming.Size
	d.mu.Unlock()
	if size == 0 {
		return 0, nil
	}
	if begin {
		if err := d.expect(delivery); err != nil {
			d.node.fault("delivering", err)
			d.pass()
			return 1, nil
		}
		out.frame = rvproto.AppendComing(out.frame[:0], coming)
		if err := out.add(nil); err != nil {
			return 0, err
		}
	}
	out.frame = rvproto.AppendPiece(out.frame[:0], delivery.Body[coming.Offset:coming.Offset+size])
	if err := out.add(nil); err != nil {
		return 0, err
	}
	if whole {
		d.node.counters.delivered.Add(1)
		d.pass()
	}
	return 1, out.flush()
}

// goesOn reports whether what comes now is a piece of that body: its number alone does not say so. [STO-96]
func (p *pieces) goesOn(delivery *queue.Delivery) bool {
	return p.coming.Size != 0 && p.coming.Number == delivery.Number && p.coming.ID == delivery.ID
}

// hearHeld takes what the device says that it has of a body; false for another frame.
func (d *deliverer) hearHeld(frame []byte) (heard bool, err error) {
	if kind, err := rvproto.TypeOf(frame); err != nil || kind != rvproto.FrameHeld || !d.pieces.can {
		return false, nil //nolint:nilerr // who reads it as another frame says what is wrong
	}
	held, err := rvproto.ParseHeld(frame)
	if err != nil {
		return true, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.session.poke()
	p := &d.pieces
	switch {
	case !p.told:
		p.told, p.kept = true, held
	case held.ID == p.coming.ID && p.held <= held.Bytes && held.Bytes <= p.coming.Offset:
		p.flow.Heard(held.Bytes, time.Now())
		p.held = held.Bytes
	case held.ID == p.coming.ID:
		return true, fmt.Errorf("%w: a device has what did not come", wire.ErrDecode)
	}
	return true, nil
}
