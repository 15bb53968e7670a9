package rendezvous

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/internal/wire"
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
	returns  bool      // the device knows of returns
	archive  bool      // it is no device, but the service of the organization's archive

	mu     sync.Mutex // guards the following
	unread map[keys.EnvelopeID]pending
	bytes  int    // of the bodies in unread
	need   int    // bytes of the next body, if it did not fit beside those
	pongs  int    // that are owed
	era    uint64 // of the queue whose numbers the writer goes by

	pieces pieces
}

// pending is a body that was delivered and no acknowledgement of it read.
type pending struct {
	kind   rvproto.Kind
	queued keys.EnvelopeID // the id in the queue
	bytes  int
	sender keys.PublicKey // of an envelope

	expires      int64 // of an envelope
	introduction bool  // an envelope that is one
}

// serveDeliver answers /muster/deliver/1. When another node has taken over, the stream ends with what is queued. [RV-72]
func (n *Node) serveDeliver(ctx context.Context, o *org, from keys.PublicKey, s network.Stream) error {
	n.counters.sessions.Add(1)
	session, leave := o.sessions.enter(from, rvproto.Deliver, s)
	defer leave()
	if n.directory.serves(from) != o { // since it was let in, before it could be cut off
		return errNotMember
	}
	d := &deliverer{node: n, org: o, device: from, session: session, unread: make(map[keys.EnvelopeID]pending)}
	d.returns = s.Protocol() != rvproto.DeliverOne
	d.pieces.can = s.Protocol() == rvproto.DeliverPieces
	d.archive = n.directory.archiveOf(from) == o
	if d.archive {
		n.tellGap(ctx, o, from)
	} else {
		defer d.look()()
	}
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
	if err := out.add(nil); err != nil {
		return err
	}
	if parked, was := d.attend(); was && d.returns && !last {
		out.frame = rvproto.AppendParked(out.frame[:0], parked)
		if err := out.add(nil); err != nil {
			return err
		}
	}
	var after uint64
	for {
		d.renew(d.node.queue.Era(), &after)
		if newest := d.org.roll.checkpoint(); !last && &newest[0] != &note[0] {
			note = newest
			out.frame = rvproto.AppendHead(out.frame[:0], rvproto.HeadFrame{Checkpoint: note})
			if err := out.add(nil); err != nil {
				return err
			}
		}
		for range d.takePongs() {
			out.frame = rvproto.AppendPong(out.frame[:0])
			if err := out.add(nil); err != nil {
				return err
			}
		}
		if err := d.tell(&out); err != nil {
			return err
		}
		idle := d.drained() // then what page does not find is not there, rather than waiting for room
		sent, err := d.page(ctx, &out, &after)
		if errors.Is(err, queue.ErrUnavailable) { // it will be there again, and the device need not come anew for that
			err = errors.Join(out.flush(), rest(ctx, unavailableRest))
		}
		if err != nil {
			return err
		}
		if sent > 0 {
			continue
		}
		if sent, err = d.bring(ctx, &out); err != nil {
			return err
		}
		if sent > 0 {
			continue
		}
		if err := out.flush(); err != nil {
			return err
		}
		if last && idle && len(d.pieces.later) == 0 {
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

// renew has everything be delivered from the beginning when the queue's numbers are not those of before. What the device has got
// already comes once more, which it notices by the ids. [STO-96]
func (d *deliverer) renew(era uint64, after *uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if era == d.era {
		return
	}
	d.era, *after = era, 0
	d.pieces.later, d.pieces.coming, d.pieces.began = nil, rvproto.ComingFrame{}, false
}

// attend notes that the device is there, for the other nodes too. An archive's service is none, and never parked.
func (d *deliverer) attend() (parked rvproto.ParkedFrame, was bool) {
	if d.archive {
		return parked, false
	}
	parked, was, first := d.org.attendance.come(d.device, d.node.cfg.Now())
	if first {
		d.org.note(rvproto.NodeNote{Kind: rvproto.NoteSeen, Device: d.device, Day: daysOf(d.node.cfg.Now())})
	}
	return parked, was
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

// unavailableRest is after how long a queue that could not be reached is asked again.
const unavailableRest = time.Second

// rest waits.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// page sends the next bodies that the window has room for and returns how many. [RV-5]
func (d *deliverer) page(ctx context.Context, out *outbox, after *uint64) (int, error) {
	items, bytes, alone := d.room()
	if d.aside() {
		return 0, nil
	}
	if items <= 0 || bytes <= 0 {
		return 0, nil
	}
	deliveries, give, err := d.take(ctx, *after, items, min(bytes, deliverBytes))
	if err != nil {
		return 0, err
	}
	defer give()
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
		if delivery.Kind == queue.Return && !d.returns {
			continue // it waits until the device has a program that knows of them, or its time is over
		}
		if d.setAside(delivery) {
			continue
		}
		if err := d.expect(delivery); err != nil {
			d.node.fault("delivering", err)
			continue
		}
		out.frame = rvproto.AppendDeliverHead(out.frame[:0], rvproto.DeliverFrame{
			Number: delivery.Number, Kind: rvproto.Kind(delivery.Kind), Body: delivery.Body,
		})
		if err := out.add(delivery.Body); err != nil {
			return 0, err
		}
	}
	d.node.counters.delivered.Add(int64(len(deliveries)))
	return len(deliveries), nil
}

// take reads the next bodies from the queue. While a large one is being written it holds a part of the memory for such:
// who does not read it keeps it from nobody else. [RV-132]
func (d *deliverer) take(ctx context.Context, after uint64, items, bytes int) (page []queue.Delivery, give func(), err error) {
	var held int64
	member, _ := d.org.roll.memberOf(d.device)
	give = func() {
		if held > 0 {
			d.node.bulk.give(member, held)
		}
	}
	for {
		page, err = d.node.queue.Next(ctx, d.device, after, min(items, deliverPage), bytes)
		if err != nil {
			give()
			return nil, nil, fmt.Errorf("reading the queue: %w", err)
		}
		large := int64(0)
		if len(page) > 0 && len(page[0].Body) > deliverBytes {
			large = int64(len(page[0].Body))
		}
		if large <= held || d.node.bulk.take(member, large-held) {
			held = max(held, large)
			return page, give, nil
		}
		page = nil // not kept while it waits
		if err := d.node.bulk.await(ctx, member, large-held); err != nil {
			give()
			return nil, nil, err
		}
		held = large
	}
}

// expect notes that a body is on its way.
func (d *deliverer) expect(delivery *queue.Delivery) error {
	p := pending{kind: rvproto.Kind(delivery.Kind), queued: delivery.ID, bytes: len(delivery.Body)}
	id := delivery.ID
	if p.kind == rvproto.KindEnvelope {
		header, err := envelope.HeaderOf(delivery.Body)
		if err != nil {
			return fmt.Errorf("envelope %s in the queue: %w", delivery.ID.Short(), err)
		}
		p.sender, p.expires, p.introduction = header.Sender, header.Expires, header.Kind == envelope.KindIntroduction
	}
	if d.archive && p.kind == rvproto.KindEnvelope { // the service knows it by its bytes, the queue has a copy's id
		e, err := envelope.View(delivery.Body, rvproto.MaxEnvelope)
		if err != nil {
			return fmt.Errorf("envelope %s in the queue: %w", delivery.ID.Short(), err)
		}
		id = e.ID()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, again := d.unread[id]; !again {
		d.bytes += p.bytes
	}
	d.unread[id] = p
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
	for {
		in, err := d.wait()
		for err == nil && in != nil && !in.empty() {
			if err = d.takeAll(ctx, in); err == nil {
				err = d.more(in)
			}
		}
		if in != nil && len(in.buffer) == ackBuffer {
			*in = intake{buffer: in.buffer}
			inBuffers.Put(in)
		}
		if err != nil {
			return err
		}
		if d.node.stopping() {
			return nil
		}
	}
}

var inBuffers = sync.Pool{New: func() any { return &intake{buffer: make([]byte, ackBuffer)} }}

// wait waits for bytes. A stream on which nothing comes has no buffer.
func (d *deliverer) wait() (*intake, error) {
	var small [wakeBuffer]byte
	n, err := patient{d.session.stream, rvproto.Silence}.Read(small[:])
	if n == 0 {
		return nil, err
	}
	in := inBuffers.Get().(*intake)
	in.end = copy(in.buffer, small[:n])
	return in, nil
}

// more reads on if the beginning of a frame is left.
func (d *deliverer) more(in *intake) error {
	if in.empty() {
		return nil
	}
	in.makeRoom(rvproto.MaxAckFrame)
	n, err := patient{d.session.stream, rvproto.Silence}.Read(in.buffer[in.end:])
	if in.end += n; n > 0 {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// takeAll works off every whole frame that is there.
func (d *deliverer) takeAll(ctx context.Context, in *intake) error {
	for {
		var acks acks
		for len(acks.ids) < rvproto.MaxReceiptIDs {
			frame, _, err := in.next(rvproto.MaxAckFrame, rvproto.MaxAckFrame)
			if err != nil {
				return err
			}
			if frame == nil {
				return d.settle(ctx, &acks)
			}
			if err := d.heed(&acks, frame); err != nil {
				return err
			}
		}
		if err := d.settle(ctx, &acks); err != nil {
			return err
		}
	}
}

// heed does what one frame says, or notes it if it is an acknowledgement.
func (d *deliverer) heed(acks *acks, frame []byte) error {
	if rvproto.IsPing(frame) {
		d.mu.Lock()
		d.pongs = min(d.pongs+1, 8)
		d.mu.Unlock()
		d.session.poke()
		return nil
	}
	if heard, err := d.hearHeld(frame); heard || err != nil {
		return err
	}
	if heard, err := d.hearSigned(frame); heard || err != nil {
		return err
	}
	if heard, err := d.hear(frame); heard || err != nil {
		return err
	}
	return d.collect(acks, frame)
}

// outbox collects frames and writes them together. Its memory is pooled: a stream with nothing to say has none.
type outbox struct {
	stream network.Stream
	frame  []byte // the frame to add
	buffer *[]byte
}

var outBuffers = sync.Pool{New: func() any { return new(make([]byte, 0, 2*outBuffer)) }}

// add takes frame in, with what follows it in the same frame.
func (o *outbox) add(rest []byte) error {
	if o.buffer == nil {
		o.buffer = outBuffers.Get().(*[]byte)
	}
	*o.buffer = binary.AppendUvarint(*o.buffer, uint64(len(o.frame)+len(rest)))
	*o.buffer = append(append(*o.buffer, o.frame...), rest...)
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
	o.buffer, o.frame = nil, nil
	if err != nil {
		return fmt.Errorf("delivering: %w", err)
	}
	return nil
}
