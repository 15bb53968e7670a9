package node

import (
	"context"
	"fmt"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/mesh"
	"muster.example/node/router"
)

const (
	// carrierLook is how often everything is looked at again on a stream: habits change, and last copies may move.
	carrierLook = 5 * time.Minute
	// summaryPause is the least time between two summaries of receipts on one stream. [MSH-50]
	summaryPause = 5 * time.Second
	// offersPause is the least time between two looks at what there is to offer on one stream.
	offersPause = time.Second
	// mostTheirWants is how many wants of the other side wait, mostReplies how many frames to it do, and mostExpected how many
	// envelopes it may have been asked for.
	mostTheirWants = 256
	mostReplies    = 256
	mostExpected   = 256
	// mostExpectedBytes bounds what of envelopes that came in part is held in memory for one stream.
	mostExpectedBytes = 24 << 20
	// receiptsAtOnce and receiptsBack bound the receipts that a stream is told: at once, and each second from then on, less than what
	// the other side has patience for.
	receiptsAtOnce = 400
	receiptsBack   = 5
)

// What is due on a stream.
const (
	dueOffers uint8 = 1 << iota
	dueReceipts
	dueMissed
)

// carrierTalk is what is said as carriers on one stream. carriers.mu guards it, but for what only its own goroutine uses.
type carrierTalk struct {
	p    *meshPeer
	wake chan struct{} // capacity 1
	ends bool          // nothing more is said

	due      uint8
	told     time.Time                         // when receipts were summed up last
	looked   time.Time                         // when it was last looked what there is to offer
	offered  map[keys.EnvelopeID]carrierOffer  // what the other side was offered last
	wants    []mesh.Want                       // what it asked for, of that
	replies  []mesh.Frame                      // what is to be answered
	receipts [][]byte                          // that it lacks
	expected map[keys.EnvelopeID]*carrierInput // what it was asked for
	missed   map[keys.EnvelopeID]mesh.Offer    // what another stream brought, or there was no room for
	given    map[keys.EnvelopeID]carrierGift   // what was handed over and is not done

	// Of the talk's own goroutine.
	sending *carrierOutput
	budget  float64 // receipts that may be told now
	counted time.Time
	summary *mesh.ReceiptSummary // that was told last
}

// carrierOffer is what was offered of an envelope.
type carrierOffer struct {
	share  uint32
	moves  bool
	isFor  bool
	wanted int
	at     time.Time
}

// carrierInput is an envelope that the other side hands over.
type carrierInput struct {
	offer  mesh.Offer
	take   router.Take
	author keys.MemberID    // whose it is
	wanted []keys.PublicKey // of those that the offer names, those that may act and are not known to have it
	from   keys.PublicKey   // the other side
	kept   uint64           // bytes from its beginning that are on the disk
	bytes  []byte           // what has come behind these
	fresh  time.Time        // when the first of bytes came
}

// carrierOutput is an envelope that is handed to the other side.
type carrierOutput struct {
	id        keys.EnvelopeID
	bytes     []byte
	offset    int
	signature keys.Signature
	share     uint64
}

// carrierGift is what goes along with an envelope that is handed over.
type carrierGift struct {
	share uint64
	moves bool
}

func newCarrierTalk(p *meshPeer) *carrierTalk {
	return &carrierTalk{
		p: p, wake: make(chan struct{}, 1), offered: make(map[keys.EnvelopeID]carrierOffer), expected: make(map[keys.EnvelopeID]*carrierInput),
		missed: make(map[keys.EnvelopeID]mesh.Offer), given: make(map[keys.EnvelopeID]carrierGift), budget: receiptsAtOnce, counted: p.began,
	}
}

// dueLocked has something be said. Callers hold carriers.mu.
func (t *carrierTalk) dueLocked(what uint8) {
	t.due |= what
	wake(t.wake)
}

// reply puts a frame behind those that are to be answered.
func (c *carriers) reply(t *carrierTalk, frames ...mesh.Frame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(t.replies)+len(frames) > mostReplies {
		return fmt.Errorf("%w: it asks for more than it reads", errMisbehaved)
	}
	t.replies = append(t.replies, frames...)
	wake(t.wake)
	return nil
}

// began speaks as a carrier on a stream until that ends. [MSH-40]
func (c *carriers) began(ctx context.Context, p *meshPeer) error {
	t := p.carries
	if !p.can(mesh.CanCarry) {
		<-ctx.Done()
		return ctx.Err()
	}
	c.mu.Lock()
	c.talks[t] = true
	t.dueLocked(dueOffers | dueReceipts)
	c.mu.Unlock()
	defer c.hangUp(t)
	look := time.NewTicker(jitter(carrierLook))
	defer look.Stop()
	if err := c.met(p.key, c.o.now()); err != nil {
		return err
	}
	for {
		more, wait, err := c.turn(ctx, t)
		if err != nil {
			return err
		}
		if more {
			continue
		}
		soon := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			soon.Stop()
			return ctx.Err()
		case <-t.wake:
		case <-soon.C:
		case <-look.C:
			if err := c.met(p.key, c.o.now()); err != nil {
				return err
			}
			c.mu.Lock()
			t.dueLocked(dueOffers)
			c.mu.Unlock()
		}
		soon.Stop()
	}
}

// turn says one thing. It reports whether there may be more at once, and else after how long there is.
func (c *carriers) turn(ctx context.Context, t *carrierTalk) (more bool, wait time.Duration, err error) {
	now := time.Now()
	if f, ok := c.nextReply(t, now); ok {
		return true, 0, t.p.send(ctx, f)
	}
	c.mu.Lock()
	due := t.due
	wait = carrierLook
	if pause := summaryPause - now.Sub(t.told); due&dueReceipts != 0 && pause > 0 {
		wait, due = pause, due&^dueReceipts
	}
	if pause := offersPause - now.Sub(t.looked); due&dueOffers != 0 && pause > 0 {
		wait, due = min(wait, pause), due&^dueOffers
	}
	switch {
	case due&dueReceipts != 0:
		t.due, t.told = t.due&^dueReceipts, now
	case due&dueOffers != 0:
		t.due, t.looked = t.due&^dueOffers, now
	case due&dueMissed != 0:
		t.due &^= dueMissed
	}
	telling := len(t.receipts) > 0
	c.mu.Unlock()
	switch {
	case due&dueReceipts != 0:
		return true, 0, c.tellSummary(ctx, t)
	case due&dueOffers != 0:
		return true, 0, c.tellOffers(ctx, t)
	case due&dueMissed != 0:
		return true, 0, c.takeMissed(t)
	}
	if more, err = c.handPiece(ctx, t); more || err != nil {
		return more, 0, err
	}
	if telling {
		wait = min(wait, time.Second)
	}
	return false, wait, nil
}

// nextReply returns what is to be answered next: also a receipt, as far as there may be more of them.
func (c *carriers) nextReply(t *carrierTalk, now time.Time) (f mesh.Frame, ok bool) {
	t.budget = min(receiptsAtOnce, t.budget+receiptsBack*now.Sub(t.counted).Seconds())
	t.counted = now
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(t.replies) > 0:
		f, t.replies = t.replies[0], t.replies[1:]
		return f, true
	case len(t.receipts) > 0 && t.budget >= 1:
		t.budget--
		f = mesh.Frame{Kind: mesh.KindReceipt, Body: t.receipts[0]}
		t.receipts = t.receipts[1:]
		return f, true
	}
	return f, false
}

// took takes a frame of carriers. It waits for nothing to be sent. [MSH-41]
func (c *carriers) took(_ context.Context, p *meshPeer, f mesh.Frame) (err error) {
	if err := p.spend(costFrame, "frames of carriers"); err != nil && f.Kind != mesh.KindHanding {
		return err
	}
	t := p.carries
	switch f.Kind {
	case mesh.KindOffers:
		var m mesh.Offers
		if m, err = mesh.ReadOffers(f); err == nil {
			return c.takeOffers(t, m.List)
		}
	case mesh.KindWants:
		var m mesh.Wants
		if m, err = mesh.ReadWants(f); err == nil {
			return c.takeWants(t, m.List)
		}
	case mesh.KindHanding:
		var m mesh.Handing
		if m, err = mesh.ReadHanding(f); err == nil {
			return c.takePiece(t, m)
		}
	case mesh.KindDone:
		var m mesh.Done
		if m, err = mesh.ReadDone(f); err == nil {
			return c.takeDone(t, m.List)
		}
	case mesh.KindReceipts:
		var m mesh.ReceiptSummary
		if m, err = mesh.ReadReceiptSummary(f); err == nil {
			return c.takeSummary(t, &m)
		}
	case mesh.KindListed:
		var m mesh.ReceiptList
		if m, err = mesh.ReadReceiptList(f); err == nil {
			return c.takeList(t, m)
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errMisbehaved, err)
	}
	return nil
}

// hangUp ends a talk: what it was to bring may come by another stream, and what it was handing over stays. [MSH-48]
func (c *carriers) hangUp(t *carrierTalk) {
	var partly []*carrierInput
	c.mu.Lock()
	t.ends = true
	for _, in := range t.expected {
		if len(in.bytes) >= partLeast && in.came() < in.offer.Size {
			partly = append(partly, in)
		}
	}
	c.mu.Unlock()
	for _, in := range partly {
		c.keepPart(in)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.talks, t)
	for id := range t.expected {
		c.freeLocked(id)
	}
	for id, gift := range t.given {
		c.backLocked(id, gift.share)
	}
}

// freeLocked lets another stream bring an envelope. Callers hold mu.
func (c *carriers) freeLocked(id keys.EnvelopeID) {
	delete(c.coming, id)
	for t := range c.talks {
		if len(t.missed) > 0 {
			t.dueLocked(dueMissed)
		}
	}
}

// backLocked has copies that were on their way be this device's again, or be gone for good. Callers hold mu.
func (c *carriers) backLocked(id keys.EnvelopeID, share uint64) {
	if c.going[id] <= share {
		delete(c.going, id)
		return
	}
	c.going[id] -= share
}
