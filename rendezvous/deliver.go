package rendezvous

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// deliverer is the node's side of one deliver stream: one goroutine writes what is queued and the news of the roll, one
// reads acknowledgements. [RV-50]
type deliverer struct {
	node    *Node
	org     *org
	device  keys.PublicKey
	session *session

	onlooker *onlooker // nil for a stream without presence

	mu     sync.Mutex // guards the following
	unread map[keys.EnvelopeID]pending
	bytes  int // of the bodies in unread
	need   int // bytes of the next body, if it did not fit beside those
	pongs  int // that are owed
}

// pending is a body that was delivered and no acknowledgement of it read.
type pending struct {
	kind   rvproto.Kind
	bytes  int
	sender keys.PublicKey // of an envelope
}

// serveDeliver answers /muster/deliver/1. When another node has taken over, the stream ends with what is queued. [RV-72]
func (n *Node) serveDeliver(ctx context.Context, o *org, from keys.PublicKey, s network.Stream) error {
	session, leave := o.sessions.enter(from, rvproto.Deliver, s)
	defer leave()
	if n.directory.active(from) != o { // since it was let in, before it could be cut off
		return errNotMember
	}
	d := &deliverer{node: n, org: o, device: from, session: session, unread: make(map[keys.EnvelopeID]pending)}
	defer d.look()()
	group := task.New(ctx)
	group.Go("deliver", func(ctx context.Context) error {
		err := d.write(ctx)
		_ = s.Reset() // the reader learns of it by that
		return err
	})
	err := d.read(group.Context())
	group.Stop()
	written := group.Wait()
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, written)
}

// write sends what there is until the context ends. Whatever waits goes out in one flush.
func (d *deliverer) write(ctx context.Context) error {
	changed, stop := d.node.queue.Watch(d.device)
	defer stop()
	out := outbox{stream: d.session.stream}
	hello := d.org.moved().hello()
	last := hello.Status == wire.StatusMoved // what is here is delivered, and nothing else
	if !last {
		hello = rvproto.HelloFrame{Org: d.org.id, Checkpoint: d.org.roll.checkpoint()}
	}
	note := hello.Checkpoint
	out.frame = rvproto.AppendHello(out.frame[:0], hello)
	if err := out.add(); err != nil {
		return err
	}
	var after uint64
	for {
		if newest := d.org.roll.checkpoint(); !last && &newest[0] != &note[0] {
			note = newest
			out.frame = rvproto.AppendHead(out.frame[:0], rvproto.HeadFrame{Checkpoint: note})
			if err := out.add(); err != nil {
				return err
			}
		}
		for range d.takePongs() {
			out.frame = rvproto.AppendPong(out.frame[:0])
			if err := out.add(); err != nil {
				return err
			}
		}
		if err := d.tell(&out); err != nil {
			return err
		}
		idle := d.drained() // then what page does not find is not there, rather than waiting for room
		sent, err := d.page(ctx, &out, &after)
		if err != nil {
			return err
		}
		if sent > 0 {
			continue
		}
		if err := out.flush(); err != nil {
			return err
		}
		if last && idle {
			if err := d.session.stream.CloseWrite(); err != nil {
				return err
			}
			<-ctx.Done()
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-d.session.wake:
		}
	}
}

// drained reports whether nothing is on its way.
func (d *deliverer) drained() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.unread) == 0
}

// room returns what the window has left. A body that is longer than the rest of it waits until it fits or is alone: the
// queue is not asked for it before.
func (d *deliverer) room() (items, bytes int, alone bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	items, bytes, alone = rvproto.DeliverWindow-len(d.unread), rvproto.DeliverWindowBytes-d.bytes, len(d.unread) == 0
	if !alone && bytes < d.need {
		return 0, 0, false
	}
	d.need = 0
	return items, bytes, alone
}

// page sends the next bodies that the window has room for and returns how many. [RV-5]
func (d *deliverer) page(ctx context.Context, out *outbox, after *uint64) (int, error) {
	items, bytes, alone := d.room()
	if items <= 0 || bytes <= 0 {
		return 0, nil
	}
	deliveries, err := d.node.queue.Next(ctx, d.device, *after, min(items, deliverPage), bytes)
	if err != nil {
		return 0, fmt.Errorf("reading the queue: %w", err)
	}
	if len(deliveries) > 0 && len(deliveries[0].Body) > bytes && !alone {
		d.mu.Lock()
		d.need = len(deliveries[0].Body)
		d.mu.Unlock()
		d.session.poke() // there may be room by now
		return 0, nil
	}
	for i := range deliveries {
		delivery := &deliveries[i]
		*after = delivery.Number
		if err := d.expect(delivery); err != nil {
			d.node.fault("delivering", err)
			continue
		}
		out.frame = rvproto.AppendDeliver(out.frame[:0], rvproto.DeliverFrame{
			Number: delivery.Number, Kind: rvproto.Kind(delivery.Kind), Body: delivery.Body,
		})
		if err := out.add(); err != nil {
			return 0, err
		}
	}
	d.node.counters.delivered.Add(int64(len(deliveries)))
	return len(deliveries), nil
}

// expect notes that a body is on its way.
func (d *deliverer) expect(delivery *queue.Delivery) error {
	p := pending{kind: rvproto.Kind(delivery.Kind), bytes: len(delivery.Body)}
	if p.kind == rvproto.KindEnvelope {
		e, err := envelope.View(delivery.Body, rvproto.MaxEnvelope)
		if err != nil {
			return fmt.Errorf("envelope %s in the queue: %w", delivery.ID.Short(), err)
		}
		p.sender = e.ParsedHeader().Sender
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, again := d.unread[delivery.ID]; !again {
		d.bytes += p.bytes
	}
	d.unread[delivery.ID] = p
	return nil
}

func (d *deliverer) takePongs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.pongs
	d.pongs = 0
	return n
}

// read takes acknowledgements until the stream ends. Whatever has arrived is worked off together.
func (d *deliverer) read(ctx context.Context) error {
	frames := wire.NewFrameReader(patient{d.session.stream}, ackBuffer, rvproto.MaxAckFrame)
	for {
		var acks acks
		for more := true; more; more = frames.Buffered() > 0 && len(acks.ids) < rvproto.MaxReceiptIDs {
			frame, err := frames.Read()
			if err != nil {
				return err
			}
			if rvproto.IsPing(frame) {
				d.mu.Lock()
				d.pongs = min(d.pongs+1, 8)
				d.mu.Unlock()
				d.session.poke()
				continue
			}
			if heard, err := d.hear(frame); err != nil {
				return err
			} else if heard {
				continue
			}
			if err := d.collect(&acks, frame); err != nil {
				return err
			}
		}
		if err := d.settle(ctx, &acks); err != nil {
			return err
		}
		if d.node.stopping() {
			return nil
		}
	}
}

// acks are acknowledgements that are carried out together.
type acks struct {
	ids      []keys.EnvelopeID
	receipts []queue.Item
}

// collect reads one ack frame. What it names by id is done with, and nobody is told: receipts, and what came from members
// who are to hear nothing. A receipt counts if this device signed it for this organization, else the stream ends;
// of what it names only what this stream delivered, from the sender that it names, counts, and each delivery once. What
// is read here is on its way out of the queue: if it comes again, that is another delivery. [RV-51]
func (d *deliverer) collect(a *acks, frame []byte) error {
	ack, err := rvproto.ParseAck(frame)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ack.IDs {
		if p, ok := d.unread[id]; ok {
			a.ids = append(a.ids, id)
			d.readLocked(id, p)
		}
	}
	for _, signed := range ack.Receipts {
		receipt, err := envelope.OpenReceipt(signed, d.org.id)
		if err != nil {
			return fmt.Errorf("a receipt: %w", err)
		}
		if receipt.Device != d.device {
			return fmt.Errorf("%w: a receipt of another device", wire.ErrDecode)
		}
		before := len(a.ids)
		for _, ids := range [][]keys.EnvelopeID{receipt.Opened, receipt.Failed} {
			for _, id := range ids {
				if p, ok := d.unread[id]; ok && p.kind == rvproto.KindEnvelope && p.sender == receipt.Sender {
					a.ids = append(a.ids, id)
					d.readLocked(id, p)
				}
			}
		}
		if len(a.ids) > before {
			a.receipts = append(a.receipts, d.forward(receipt.Sender, signed))
		}
	}
	return nil
}

// readLocked takes a delivery out of the window.
func (d *deliverer) readLocked(id keys.EnvelopeID, p pending) {
	d.bytes -= p.bytes
	delete(d.unread, id)
}

// forward makes a receipt an item for the sender's device. The queue keeps it, and must not keep the frame. [RV-12]
func (d *deliverer) forward(sender keys.PublicKey, signed []byte) queue.Item {
	now := d.node.cfg.Now()
	return queue.Item{
		ID: rvproto.ReceiptID(signed), Org: d.org.id, Kind: queue.Receipt, Body: bytes.Clone(signed),
		Recipients: []keys.PublicKey{sender}, Expires: now.Add(d.org.terms().queueTime),
	}
}

// settle queues the receipts and then takes what they acknowledge out of the queue: a crash in between delivers again,
// which receivers notice; the other order could lose a receipt. A receipt for which there is no room is given up: its
// author offers the envelope again and is told then, whereas waiting would let whoever fills their own queue hold up the
// deliveries of those they write to. [RV-52]
func (d *deliverer) settle(ctx context.Context, a *acks) error {
	if len(a.ids) == 0 {
		return nil
	}
	var receipts []queue.Item
	d.org.roll.read(func(state *membership.State) {
		for _, item := range a.receipts {
			if _, ok := state.MemberOf(item.Recipients[0]); ok {
				receipts = append(receipts, item)
			}
		}
	})
	if len(receipts) > 0 {
		for _, err := range d.node.queue.Put(ctx, receipts) {
			if errors.Is(err, queue.ErrFull) {
				d.node.counters.receiptsGivenUp.Add(1)
			} else if err != nil {
				return fmt.Errorf("queueing a receipt: %w", err) // delivered and receipted again in a later session
			}
		}
	}
	if err := d.node.queue.Ack(ctx, d.device, a.ids); err != nil {
		return fmt.Errorf("acknowledging: %w", err)
	}
	d.node.counters.acknowledged.Add(int64(len(a.ids)))
	d.session.poke()
	return nil
}

// outbox collects frames and writes them together. Its memory is pooled: a stream with nothing to say has none.
type outbox struct {
	stream network.Stream
	frame  []byte // the frame to add
	buffer *[]byte
}

var outBuffers = sync.Pool{New: func() any { return new(make([]byte, 0, 2*outBuffer)) }}

// add takes frame in.
func (o *outbox) add() error {
	if o.buffer == nil {
		o.buffer = outBuffers.Get().(*[]byte)
	}
	*o.buffer = wire.AppendFrame(*o.buffer, o.frame)
	if cap(o.frame) > outBuffer {
		o.frame = nil
	}
	if len(*o.buffer) >= outBuffer {
		return o.flush()
	}
	return nil
}

// flush writes what was added.
func (o *outbox) flush() error {
	if o.buffer == nil {
		return nil
	}
	err := writePieces(o.stream, *o.buffer)
	if *o.buffer = (*o.buffer)[:0]; cap(*o.buffer) <= 4*outBuffer {
		outBuffers.Put(o.buffer)
	}
	o.buffer = nil
	if err != nil {
		return fmt.Errorf("delivering: %w", err)
	}
	return nil
}
