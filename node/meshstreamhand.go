package node

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/mesh"
	"muster.example/node/store"
)

const (
	// handWindow and handWindowBytes bound what is on its way to a device without a receipt. [MSH-15]
	handWindow      = 256
	handWindowBytes = 2 << 20
	// handAtOnce bounds what is read from the store at once.
	handAtOnce      = 32
	handBytesAtOnce = 512 << 10
	// handPatience is how long nothing may have moved until a device is the rendezvous node's again. [MSH-16]
	handPatience = 10 * time.Second
	// handTrial is after how long it is tried with one envelope again. It doubles up to handTrialMost.
	handTrial     = 30 * time.Second
	handTrialMost = 16 * time.Minute
	// handLook is how often everything that waits is looked at again.
	handLook = time.Minute
)

// delivery is how far what this device has for another one is on its way to it. streams.mu guards it.
type delivery struct {
	ready  bool // both sides know the same
	still  bool // nothing moved for handPatience
	again  bool // look at everything that waits
	after  uint64
	bytes  int
	flying map[keys.EnvelopeID]int // sizes of what was sent and has no receipt
	moved  time.Time               // when something was written, or a receipt came
	trial  time.Time               // while it is still: when to try again
	pause  time.Duration           // until the next one
}

func newDelivery() delivery {
	return delivery{flying: make(map[keys.EnvelopeID]int), pause: handTrial}
}

// hand sends what waits for the device, in the order of its numbers, for as long as the stream lives. [MSH-12]
func (p *meshPeer) hand(ctx context.Context) error {
	if err := p.begin(ctx); err != nil {
		return err
	}
	p.setReady()
	look := time.NewTicker(handLook)
	defer look.Stop()
	for {
		some, err := p.handSome(ctx)
		if err != nil {
			return err
		}
		if some {
			continue
		}
		soon := time.NewTimer(p.check(time.Now()))
		select {
		case <-ctx.Done():
			soon.Stop()
			return ctx.Err()
		case <-p.handing:
		case <-soon.C:
		case <-look.C:
			p.again()
		}
		soon.Stop()
	}
}

func (p *meshPeer) setReady() {
	p.streams.mu.Lock()
	p.direct.ready, p.direct.again, p.direct.moved = true, true, time.Now()
	p.streams.mu.Unlock()
	o := p.streams.o
	wake(p.streams.apart)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.noteChangeLocked()
}

// again has everything that waits looked at once more.
func (p *meshPeer) again() {
	p.streams.mu.Lock()
	p.direct.again = true
	p.streams.mu.Unlock()
	wake(p.handing)
}

// room returns how many envelopes and bytes may be sent now, and behind which number.
func (p *meshPeer) room(now time.Time) (after uint64, count, size int) {
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	d := &p.direct
	if d.again {
		d.again, d.after = false, 0
	}
	most, mostBytes := handWindow, handWindowBytes
	if d.still {
		if now.Before(d.trial) {
			return d.after, 0, 0
		}
		most, mostBytes = 1, mesh.MaxEnvelope
	}
	return d.after, min(most-len(d.flying), handAtOnce), min(mostBytes-d.bytes, handBytesAtOnce)
}

// handSome sends some of what waits. It reports whether there may be more at once.
func (p *meshPeer) handSome(ctx context.Context) (more bool, err error) {
	o := p.streams.o
	after, count, size := p.room(time.Now())
	if count <= 0 || size <= 0 {
		return false, nil
	}
	some, last, err := o.toHand(p, after, count, size)
	if err != nil {
		return false, err
	}
	for _, w := range some {
		f, err := o.carriedTo(p.key, w)
		if err != nil {
			return false, err
		}
		p.fly(w.ID, len(w.envelope))
		if err := p.send(ctx, f); err != nil {
			return false, err
		}
	}
	p.streams.mu.Lock()
	round := p.direct.still && len(some) == 0 && after > 0 // a trial begins anew behind the last one
	if round {
		last = 0
	}
	if !p.direct.again {
		p.direct.after = last
	}
	p.streams.mu.Unlock()
	if len(some) > 0 {
		p.use()
	}
	return len(some) > 0 || round, nil
}

// carriedTo makes the frame that brings a device an envelope. The archive is not named on its label: this device owes it its copy at a
// rendezvous node. [MSH-12] [MSH-18]
func (o *organization) carriedTo(device keys.PublicKey, w outgoing) (mesh.Frame, error) {
	e, err := envelope.View(w.envelope, envelope.MaxEnvelope)
	if err != nil {
		return mesh.Frame{}, fmt.Errorf("an envelope that waits: %w", err)
	}
	c, err := envelope.Carry(e, w.envelope, o.org, []keys.PublicKey{device}, o.self)
	if err != nil {
		return mesh.Frame{}, err
	}
	return mesh.Frame{Kind: mesh.KindEnvelope, Body: c.Bytes()}, nil
}

// toHand returns the next envelopes that wait for a device in reach and are not on their way to it, and the number up to which was
// looked.
func (o *organization) toHand(p *meshPeer, after uint64, count, size int) (some []outgoing, last uint64, err error) {
	connected, now := o.connection() != nil, o.now()
	sober := o.sober().Unix()
	last = after
	leave := o.newTalkLeaves()
	err = o.node.store.View(func(tx *store.Tx) error {
		some, last = nil, after
		bytesOf := 0
		return tx.Waiting(o.org, after, func(w store.Waiting) (bool, error) {
			ready := slices.Contains(w.Pending, p.key) && w.Expires >= sober && !isWithNode(w, p.key, now) && !p.flies(w.ID)
			if !ready || !goesDirectly(w, connected) || !leave.lets(w, p.key, connected) || !o.mayTravel(w) {
				last = w.Number
				return true, nil
			}
			if len(some) > 0 && bytesOf+int(w.Size) > size {
				return false, nil
			}
			data, err := tx.Envelope(o.org, w)
			if err != nil {
				return false, err
			}
			some, last = append(some, outgoing{w, bytes.Clone(data)}), w.Number
			bytesOf += len(data)
			return len(some) < count && bytesOf < size, nil
		})
	})
	return some, last, err
}

// fly notes that an envelope is on its way.
func (p *meshPeer) fly(id keys.EnvelopeID, size int) {
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	if len(p.direct.flying) == 0 {
		p.direct.moved = time.Now()
	}
	p.direct.flying[id] = size
	p.direct.bytes += size
}

func (p *meshPeer) flies(id keys.EnvelopeID) bool {
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	_, flies := p.direct.flying[id]
	return flies
}

// wrote notes that some of an envelope went out: a slow link moves.
func (p *meshPeer) wrote(now time.Time) {
	p.streams.mu.Lock()
	defer p.streams.mu.Unlock()
	p.direct.moved = now
}

// landed notes the receipts of the device for envelopes that were sent to it.
func (p *meshPeer) landed(ids ...keys.EnvelopeID) {
	p.streams.mu.Lock()
	d := &p.direct
	some := false
	for _, id := range ids {
		if size, flies := d.flying[id]; flies {
			delete(d.flying, id)
			d.bytes -= size
			some = true
		}
	}
	if some {
		d.moved, d.pause = time.Now(), handTrial
		if d.still {
			d.still, d.again = false, true
		}
	}
	p.streams.mu.Unlock()
	wake(p.handing)
}

// check gives a device back to the rendezvous node when nothing moves, and returns after how long to look again. [MSH-16]
func (p *meshPeer) check(now time.Time) time.Duration {
	p.streams.mu.Lock()
	d := &p.direct
	stopped := len(d.flying) > 0 && now.Sub(d.moved) >= handPatience
	switch {
	case stopped:
		clear(d.flying)
		d.still, d.bytes = true, 0 // what is tried next is behind what had no answer, which may hold up nothing else
		d.trial, d.pause = now.Add(jitter(d.pause)), min(2*d.pause, handTrialMost)
	}
	wait := handLook
	if len(d.flying) > 0 {
		wait = handPatience - now.Sub(d.moved)
	} else if d.still {
		wait = d.trial.Sub(now)
	}
	p.streams.mu.Unlock()
	if stopped {
		p.streams.o.log.Info("a neighbour gives no receipts: it is left to the rendezvous node", "device", p.key.Short())
		p.streams.serveNoMore()
	}
	return max(wait, 10*time.Millisecond)
}
