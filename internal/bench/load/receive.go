package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// drain is a time in which devices listen: receivers take and acknowledge what waits, senders take the receipts.
type drain struct {
	org    *org
	sign   bool                           // receipts are signed and verified on the clock; else before, and by nobody
	opened func(content envelope.Content) // not nil: envelopes are opened, and messages told
	head   func(of *device)               // not nil: receivers' news of the roll are told

	due      map[keys.PublicKey]int                       // envelopes that each device shall get, or a receipt for
	expected map[keys.PublicKey]map[keys.EnvelopeID]*slip // of each receiver; nil when they are sealed on the clock
	slips    map[keys.EnvelopeID]int                      // receipts that were signed before, and for how many envelopes

	receipts  atomic.Int64 // sent
	slowest   atomic.Int64 // nanoseconds that one device took to connect
	listening countdown    // of devices that do not listen yet
	delivered countdown    // of receivers that do not have everything
	settled   countdown    // of senders that do not have every receipt
}

// countdown closes done when it has been told so many times.
type countdown struct {
	left atomic.Int64
	done chan struct{}
}

func (c *countdown) set(n int) {
	c.left.Store(int64(n))
	c.done = make(chan struct{})
}

func (c *countdown) tell() {
	if c.left.Add(-1) == 0 {
		close(c.done)
	}
}

// slip is a receipt for several envelopes of one sender to one receiver. Signed before, it is sent with the last of
// them.
type slip struct {
	sender  keys.PublicKey
	missing int
	receipt []byte
	ids     []keys.EnvelopeID
}

const (
	slipSize = 5 // envelopes that one receipt is for that is signed before
	dials    = 4 // before a device is given up
)

// expect prepares a drain of letters that were posted. Receipts are signed now unless they are to be on the clock.
func (o *org) expect(all [][]letter, sign bool) (*drain, error) {
	d := &drain{org: o, sign: sign, due: make(map[keys.PublicKey]int),
		expected: make(map[keys.PublicKey]map[keys.EnvelopeID]*slip)}
	for s, letters := range all {
		sender := o.senders[s].public
		open := make(map[keys.PublicKey]*slip)
		for i := range letters {
			for _, to := range letters[i].to {
				if d.expected[to] == nil {
					d.expected[to] = make(map[keys.EnvelopeID]*slip)
				}
				if open[to] == nil || len(open[to].ids) == slipSize {
					open[to] = &slip{sender: sender}
				}
				open[to].ids = append(open[to].ids, letters[i].id)
				open[to].missing++
				d.expected[to][letters[i].id] = open[to]
				d.due[to]++
			}
			d.due[sender] += len(letters[i].to)
		}
	}
	if sign {
		return d, nil
	}
	return d, d.signSlips()
}

// signSlips signs every receipt that will be sent.
func (d *drain) signSlips() error {
	d.slips = make(map[keys.EnvelopeID]int)
	for to, expected := range d.expected {
		for _, one := range expected {
			if one.receipt != nil {
				continue
			}
			receipt := envelope.Receipt{Org: d.org.id, Sender: one.sender, Opened: one.ids}
			var err error
			if one.receipt, err = envelope.SignReceipt(receipt, d.org.byKey[to].key); err != nil {
				return err
			}
			d.slips[rvproto.ReceiptID(one.receipt)] = len(one.ids)
		}
	}
	return nil
}

// run has every device that is due anything listen until the group ends. delivered and settled tell when all have all.
func (d *drain) run(group *task.Group) {
	tokens := make(chan struct{}, atOnce)
	listeners := 0
	for _, due := range d.due {
		if due > 0 {
			listeners++
		}
	}
	d.listening.set(listeners)
	listen := func(devices []*device, all *countdown, take func(context.Context, *device, *rvclient.DeliverStream) error) {
		var listeners []*device
		for _, one := range devices {
			if d.due[one.public] > 0 {
				listeners = append(listeners, one)
			}
		}
		all.set(len(listeners))
		for _, one := range listeners {
			group.Go("listener", func(ctx context.Context) error {
				tokens <- struct{}{}
				start := time.Now()
				stream, err := listenTo(ctx, one)
				d.noteConnect(time.Since(start))
				<-tokens
				if err != nil {
					return fmt.Errorf("listening: %w", err)
				}
				d.listening.tell()
				return take(ctx, one, stream)
			})
		}
	}
	listen(d.org.senders, &d.settled, d.settle)
	listen(d.org.receivers, &d.delivered, d.take)
}

// listenTo opens a deliver stream. A node at work may be slow to answer; a device would try for ever.
func listenTo(ctx context.Context, d *device) (*rvclient.DeliverStream, error) {
	var errs []error
	for range dials {
		stream, err := d.client.OpenDeliver(ctx)
		if err == nil {
			return stream, nil
		}
		if errs = append(errs, err); ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(errs...)
}

// noteConnect remembers the slowest one.
func (d *drain) noteConnect(took time.Duration) {
	for slowest := d.slowest.Load(); int64(took) > slowest; slowest = d.slowest.Load() {
		if d.slowest.CompareAndSwap(slowest, int64(took)) {
			return
		}
	}
}

// until waits for a countdown, for drainTime at most, or for what keeps it from ending.
func until(group *task.Group, all *countdown) error {
	late := time.NewTimer(drainTime)
	defer late.Stop()
	select {
	case <-all.done:
		return nil
	case <-group.Context().Done():
		return errors.Join(group.Wait(), context.Cause(group.Context()))
	case <-late.C:
		return fmt.Errorf("after %s, %d devices still miss something", drainTime, all.left.Load())
	}
}

// take is one receiver: it acknowledges whatever has arrived together.
func (d *drain) take(ctx context.Context, to *device, stream *rvclient.DeliverStream) error {
	missing := d.due[to.public]
	var batch []envelope.Envelope
	for {
		in, err := stream.Next()
		if err != nil {
			if missing == 0 && ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("receiving, %d are missing: %w", missing, err)
		}
		if in.Head != nil && d.head != nil {
			d.head(to)
		}
		if in.Deliver != nil {
			e, err := envelope.Parse(in.Deliver.Body, rvproto.MaxEnvelope)
			if err != nil {
				return err
			}
			if err := d.open(to, e); err != nil {
				return err
			}
			batch = append(batch, e)
		}
		if len(batch) == 0 || stream.Buffered() && len(batch) < 64 {
			continue
		}
		ack, err := d.acknowledge(to, batch)
		if err != nil {
			return err
		}
		if len(ack.Receipts) > 0 {
			if err := stream.Ack(ack); err != nil {
				return err
			}
		}
		missing -= len(batch)
		batch = batch[:0]
		if missing == 0 {
			d.delivered.tell()
		}
	}
}

// open opens an envelope if the drain is for that.
func (d *drain) open(to *device, e envelope.Envelope) error {
	if d.opened == nil {
		return nil
	}
	header := e.ParsedHeader()
	if header.Kind == envelope.KindAnnounce {
		inbound, err := envelope.OpenAnnounce(e, d.org.id, to.public, to.prekeyFor, d.org.admits)
		if err != nil {
			return fmt.Errorf("opening an announcement: %w", err)
		}
		to.heard[inbound.Chain()] = inbound
		return nil
	}
	inbound := to.heard[header.Chain]
	if inbound == nil {
		return errors.New("a message of a chain that was not announced")
	}
	opened, err := inbound.Open(e)
	if err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	d.opened(opened.Content)
	return nil
}

func (d *device) prekeyFor(id keys.PrekeyID) (envelope.PrekeyPrivate, bool) {
	return d.prekey, d.prekey.Prekey.ID() == id
}

// admits lets who is listed take part.
func (o *org) admits(place envelope.Place, device keys.PublicKey) bool {
	id, ok := o.memberOf[device]
	return ok && place.Has(id)
}

// acknowledge checks that each envelope was expected and comes the first time, and makes the receipts. What was opened
// came the first time: a chain opens nothing twice.
func (d *drain) acknowledge(to *device, batch []envelope.Envelope) (ack rvproto.AckFrame, err error) {
	bySender := make(map[keys.PublicKey][]keys.EnvelopeID)
	for _, e := range batch {
		id := e.ID()
		if expected := d.expected[to.public]; expected != nil {
			one := expected[id]
			if one == nil {
				return ack, errors.New("an envelope came that was not posted, or came twice")
			}
			delete(expected, id)
			if one.missing--; !d.sign && one.missing == 0 {
				ack.Receipts = append(ack.Receipts, one.receipt)
			}
		}
		if d.sign {
			sender := e.ParsedHeader().Sender
			bySender[sender] = append(bySender[sender], id)
		}
	}
	for sender, ids := range bySender {
		receipt, err := envelope.SignReceipt(envelope.Receipt{Org: d.org.id, Sender: sender, Opened: ids}, to.key)
		if err != nil {
			return ack, err
		}
		ack.Receipts = append(ack.Receipts, receipt)
	}
	d.receipts.Add(int64(len(ack.Receipts)))
	return ack, nil
}

// settle is one sender: it takes the receipts and gives back their ids.
func (d *drain) settle(ctx context.Context, from *device, stream *rvclient.DeliverStream) error {
	missing := d.due[from.public]
	var ids []keys.EnvelopeID
	for {
		in, err := stream.Next()
		if err != nil {
			if missing == 0 && ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("waiting for receipts, %d are missing: %w", missing, err)
		}
		if in.Deliver != nil {
			id := rvproto.ReceiptID(in.Deliver.Body)
			ids = append(ids, id)
			if !from.receipts[id] { // of an earlier drain, if the end of its stream was faster than the last ack
				from.receipts[id] = true
				count, err := d.countReceipt(id, in.Deliver.Body)
				if err != nil {
					return err
				}
				if missing -= count; missing == 0 && count > 0 {
					d.settled.tell()
				}
			}
		}
		if len(ids) == 0 || stream.Buffered() && len(ids) < 256 {
			continue
		}
		if err := stream.Ack(rvproto.AckFrame{IDs: ids}); err != nil {
			return err
		}
		ids = ids[:0]
	}
}

// countReceipt returns how many envelopes a receipt speaks of.
func (d *drain) countReceipt(id keys.EnvelopeID, data []byte) (int, error) {
	if !d.sign {
		return d.slips[id], nil
	}
	receipt, err := envelope.OpenReceipt(data, d.org.id)
	if err != nil {
		return 0, fmt.Errorf("opening a receipt: %w", err)
	}
	return len(receipt.Opened), nil
}
