package node

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/mesh"
	"muster.example/node/store"
	"muster.example/rendezvous/rvproto"
)

// meshTaking is what came on a stream and is not taken in yet. The reader of the stream alone uses it.
type meshTaking struct {
	p      *meshPeer
	units  []unit
	frames []rvproto.DeliverFrame // the envelopes among them, as the rendezvous node would deliver them
	ids    []keys.EnvelopeID      // of these
	landed []keys.EnvelopeID      // of envelopes that the other side gave receipts for
	size   int
	others *bundleImport // takes what is of other senders

	announced bool // a chain was announced: what was kept for that can be opened
}

func newMeshTaking(p *meshPeer) *meshTaking {
	t := &meshTaking{p: p, others: p.streams.o.newImport()}
	t.others.given = p.tellReceipt
	return t
}

func (t *meshTaking) full() bool {
	return len(t.units) >= receivedAtOnce || t.size >= receivedBytesAtOnce
}

// add takes an envelope or a receipt into the batch. An error ends the stream. [MSH-12] [MSH-14]
func (t *meshTaking) add(ctx context.Context, f mesh.Frame) error {
	if f.Kind == mesh.KindReceipt {
		return t.addReceipt(f.Body)
	}
	o := t.p.streams.o
	c, err := envelope.ParseCarried(f.Body, mesh.MaxEnvelope)
	if err != nil {
		return fmt.Errorf("%w: %w", errMisbehaved, err)
	}
	header := c.Envelope.ParsedHeader()
	o.mu.Lock()
	active, over := o.activeSenderLocked(header.Sender), header.Expires < o.sober().Unix()
	if header.Sender == t.p.key { // who joins ahead of the roll speaks for themselves alone [MSH-25]
		_, active = o.personOfLocked(header.Sender)
	}
	mine := slices.Contains(c.Label.Wanted, o.device) || len(c.Label.Wanted) == 0 && o.meantByLocked(header.Leave)
	nodes := o.rollNodesLocked()
	o.mu.Unlock()
	counted := header.Kind != envelope.KindAnnounce && header.Kind != envelope.KindMessage
	if counted || !active || over || !mine || header.Sender == o.device || c.Verify(o.org, nodes...) != nil {
		return t.p.spend(costUseless, "envelopes that are not for this device")
	}
	if header.Kind == envelope.KindAnnounce {
		if err := t.p.spend(costAnnounce, "announcements"); err != nil {
			return err
		}
		t.announced = true
	}
	if header.Sender != t.p.key {
		return t.addOther(c)
	}
	t.units = append(t.units, unit{envelope: c.Envelope, unjudged: true})
	t.frames = append(t.frames, rvproto.DeliverFrame{Kind: rvproto.KindEnvelope, Body: c.EnvelopeBytes()})
	t.ids, t.size = append(t.ids, c.Label.ID), t.size+len(f.Body)
	if t.full() {
		return t.flush(ctx)
	}
	return nil
}

// addOther takes an envelope that the other side carries for its sender. It may come before the announcement of its chain, which another
// one carries: then it is kept for that, within the bounds of what is carried. [CAR-7]
func (t *meshTaking) addOther(c envelope.Carried) error {
	o := t.p.streams.o
	waiting := t.others.result.Waiting
	if err := t.others.open(c.For([]keys.PublicKey{o.device})); err != nil {
		return err
	}
	if t.others.result.Waiting == waiting {
		return nil
	}
	if _, err := o.keepCarriedWithin(); err != nil {
		return err
	}
	return t.p.spend(costUseless, "envelopes that do not open yet")
}

// flushOthers opens what is of other senders, and what was kept for an announcement that came.
func (t *meshTaking) flushOthers() error {
	before := t.others.result.Unopened + t.others.silent
	if err := t.others.flush(); err != nil {
		return err
	}
	return t.p.spend(costUseless*float64(t.others.result.Unopened+t.others.silent-before), "envelopes that do not open")
}

// addReceipt takes what a device says of envelopes: of this device's own, or of what it carries for others. What a receipt says counts for
// the device that signed it alone, and of envelopes that wait for that one. [MSH-14] [CAR-5]
func (t *meshTaking) addReceipt(signed []byte) error {
	o := t.p.streams.o
	r, err := envelope.OpenReceipt(signed, o.org)
	if err != nil {
		return fmt.Errorf("%w: %w", errMisbehaved, err)
	}
	if err := t.p.spend(costFrame, "receipts"); err != nil {
		return err
	}
	if r.Sender != o.device {
		_, err := o.passReceipt(signed, r)
		if errors.Is(err, errRefusedReceipt) {
			err = t.p.spend(costUseless, "receipts for others")
		}
		return err
	}
	if err := o.keepVaccine(signed, r, r.Device != t.p.key); err != nil {
		return err
	}
	via := store.ViaCarriers
	if r.Device == t.p.key {
		via = store.ViaDirect
		t.landed = append(append(t.landed, r.Opened...), r.Failed...)
	}
	for _, u := range o.receiptUnits(signed) {
		u.via = via
		t.units = append(t.units, u)
	}
	return nil
}

// flush saves what came, and has the receipts told. [MSH-13] [MSH-14]
func (t *meshTaking) flush(ctx context.Context) error {
	if err := t.flushOthers(); err != nil {
		return err
	}
	if err := t.flushOwn(ctx); err != nil || !t.announced {
		return err
	}
	t.announced = false
	return t.others.takeParked()
}

// flushOwn saves what is of the other side itself, and receipts.
func (t *meshTaking) flushOwn(ctx context.Context) error {
	if len(t.units) == 0 {
		return nil
	}
	o := t.p.streams.o
	seen, err := t.seen()
	if err != nil {
		return err
	}
	if client := o.connection(); client != nil && len(t.frames) > 0 {
		err := o.fetchFirst(t.frames, o.now(), func() error { return o.catchUp(ctx, client) })
		if err != nil {
			o.log.Info("the roll was not fetched for what a neighbour brought", "error", err)
		}
	}
	ack, err := o.saveUnits(rvproto.AckFrame{}, t.units)
	if err != nil {
		return fmt.Errorf("saving what a neighbour brought: %w", err)
	}
	useless := len(ack.IDs)
	for _, signed := range ack.Receipts {
		r, err := envelope.ReadReceipt(signed, o.org)
		if err != nil {
			return err
		}
		useless += len(r.Failed)
		if err := t.p.tellReceipt(signed); err != nil {
			return err
		}
	}
	if len(t.landed) > 0 {
		t.p.landed(t.landed...)
	}
	t.units, t.frames, t.ids, t.landed, t.size = nil, nil, nil, nil, 0
	return t.p.spend(costUseless*float64(useless)+costFrame*float64(seen), "envelopes that do not open or came before")
}

// seen returns how many of the envelopes came before.
func (t *meshTaking) seen() (count int, err error) {
	o := t.p.streams.o
	err = o.node.store.View(func(tx *store.Tx) error {
		count = 0
		for _, id := range t.ids {
			before, err := tx.Seen(o.org, id)
			if err != nil {
				return err
			}
			if before {
				count++
			}
		}
		return nil
	})
	return count, err
}

// tellReceipt has a receipt of this device told to the other side.
func (p *meshPeer) tellReceipt(signed []byte) error {
	p.streams.mu.Lock()
	full := len(p.owed.receipts) >= mostReceipts
	p.streams.mu.Unlock()
	if full {
		return fmt.Errorf("%w: it does not take receipts", errMisbehaved)
	}
	p.owe(func(owed *owed) { owed.receipts = append(owed.receipts, signed) })
	return nil
}

// keepUntold keeps the receipts that a stream that has ended could not tell: they go back by another way. [MSH-14]
func (p *meshPeer) keepUntold() {
	o := p.streams.o
	p.streams.mu.Lock()
	untold := p.owed.receipts
	p.owed.receipts = nil
	p.streams.mu.Unlock()
	for {
		f, ok := p.next()
		if !ok {
			break
		}
		if f.Kind == mesh.KindReceipt {
			untold = append(untold, f.Body)
		}
	}
	if len(untold) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	err := inParts(untold, func(part [][]byte) error {
		return o.updateReceipts(func(tx *store.Tx) (some bool, err error) {
			for _, signed := range part {
				r, err := envelope.ReadReceipt(signed, o.org)
				if err != nil {
					return false, err
				}
				if !o.activeSenderLocked(r.Sender) {
					continue
				}
				kept, err := o.keepReceipt(tx, signed, r.Sender, o.now().UnixMilli())
				if err != nil {
					return false, err
				}
				some = some || kept
			}
			return some, nil
		})
	})
	if err != nil {
		o.log.Warn("keeping receipts that a neighbour was not told", "error", err)
	}
	wake(o.wakeCarried)
}
