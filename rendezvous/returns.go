package rendezvous

import (
	"context"
	"fmt"
	"sync"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// returns is whose queues are to go. What goes is returned to its senders first. [RV-53]
type returns struct {
	wake chan struct{} // capacity 1

	mu  sync.Mutex // guards the following
	due map[keys.PublicKey]*org
}

func newReturns() *returns {
	return &returns{wake: make(chan struct{}, 1), due: make(map[keys.PublicKey]*org)}
}

// empty has the queue of a device emptied, if then it is still one of which nothing is kept.
func (r *returns) empty(o *org, device keys.PublicKey) {
	r.mu.Lock()
	r.due[device] = o
	r.mu.Unlock()
	wake(r.wake)
}

// take returns a device whose queue is to go, false for none.
func (r *returns) take() (device keys.PublicKey, o *org, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for device, o := range r.due {
		delete(r.due, device)
		return device, o, true
	}
	return device, nil, false
}

// takeBack returns what cannot be delivered any more: every minute what is over, and at once what waits for devices of which
// nothing is kept any more.
func (n *Node) takeBack(ctx context.Context) error {
	var again []keys.PublicKey // what failed: the disk may be full
	ticks := time.NewTicker(time.Minute)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.returns.wake:
			for device, o, ok := n.returns.take(); ok && ctx.Err() == nil; device, o, ok = n.returns.take() {
				if err := n.emptyQueue(ctx, o, device); err != nil && ctx.Err() == nil {
					n.fault("emptying a queue", err)
					n.queueFails.Store(true)
					again = append(again, device)
				}
			}
		case <-ticks.C:
			for _, device := range again {
				if o := n.directory.of(device); o != nil {
					n.returns.empty(o, device)
				}
			}
			again = nil
			if err := n.returnExpired(ctx); err != nil && ctx.Err() == nil {
				n.fault("returning what has expired", err)
				n.queueFails.Store(true)
			}
		}
	}
}

// returnExpired returns and removes what was not delivered in time. It goes on until nothing is over.
func (n *Node) returnExpired(ctx context.Context) error {
	for {
		over, err := n.queue.Expired(ctx, n.cfg.Now(), expiredAtOnce)
		if err != nil || len(over) == 0 {
			return err
		}
		gathered := make(map[keys.OrgID]*gathering)
		for _, entry := range over {
			g := gathered[entry.Org]
			if g == nil {
				g = n.gather(n.directory.org(entry.Org))
				gathered[entry.Org] = g
			}
			if err := g.expired(ctx, entry); err != nil {
				return err
			}
		}
		for _, g := range gathered {
			if err := g.finish(ctx); err != nil {
				return err
			}
		}
		n.counters.expired.Add(int64(len(over)))
		if len(over) < expiredAtOnce {
			return nil
		}
	}
}

// emptyQueue returns and removes what waits for a device of which nothing is kept any more, and what stands for envelopes to
// it. A crash in between is made good at the next start.
func (n *Node) emptyQueue(ctx context.Context, o *org, device keys.PublicKey) error {
	for _, queued := range []keys.PublicKey{device, silenceOf(device)} {
		for after := uint64(0); ; {
			reason := o.keepsNothing(device)
			if reason == 0 {
				return nil
			}
			page, err := n.queue.Next(ctx, queued, after, returnPage, returnPageBytes)
			if err != nil {
				return err
			}
			if len(page) == 0 {
				break
			}
			g := n.gather(o)
			for i := range page {
				after = page[i].Number
				if err := g.add(queued, page[i], reason); err != nil {
					n.fault("returning", err)
				}
			}
			if err := g.finish(ctx); err != nil {
				return err
			}
		}
		if o.keepsNothing(device) == rvproto.ReasonParked {
			continue // introductions wait for it still
		}
		if err := n.queue.Drop(ctx, queued); err != nil { // what cannot be read
			return err
		}
	}
	return nil
}

// keepsNothing says why nothing is kept for a device, zero if that is not so. [RV-14] [RV-56]
func (o *org) keepsNothing(device keys.PublicKey) (reason rvproto.Reason) {
	o.roll.read(func(state *membership.State) {
		switch state.Standing(device) {
		case membership.StandingBarred, membership.StandingEnded:
			reason = rvproto.ReasonBarred
		case membership.StandingRemoved, membership.StandingNone:
			reason = rvproto.ReasonRemoved
		case membership.StandingActive:
			if o.attendance.isParked(device) {
				reason = rvproto.ReasonParked
			}
		}
	})
	return reason
}

// gathering is some entries that are to go, and what their senders are to be told.
type gathering struct {
	node    *Node
	org     *org // nil for one that is not here
	senders map[keys.EnvelopeID]keys.PublicKey
	lots    map[keys.PublicKey]map[lot][]keys.EnvelopeID // by sender
	gone    map[keys.PublicKey][]keys.EnvelopeID         // by who they waited for
}

type lot struct {
	device keys.PublicKey
	reason rvproto.Reason
}

func (n *Node) gather(o *org) *gathering {
	return &gathering{
		node: n, org: o, senders: make(map[keys.EnvelopeID]keys.PublicKey),
		lots: make(map[keys.PublicKey]map[lot][]keys.EnvelopeID), gone: make(map[keys.PublicKey][]keys.EnvelopeID),
	}
}

// expired takes in an entry whose time is over. Who sent it stands in its body, which is read once for all devices.
func (g *gathering) expired(ctx context.Context, entry queue.Expired) error {
	delivery := queue.Delivery{Number: entry.Number, ID: entry.ID, Kind: entry.Kind}
	_, known := g.senders[entry.ID]
	if entry.Kind == queue.Silence || entry.Kind == queue.Envelope && !known {
		page, err := g.node.queue.Next(ctx, entry.Device, entry.Number-1, 1, 1)
		if err != nil {
			return err
		}
		if len(page) == 0 || page[0].ID != entry.ID { // it was acknowledged meanwhile, or cannot be read
			g.gone[entry.Device] = append(g.gone[entry.Device], entry.ID)
			return nil
		}
		delivery = page[0]
	}
	if err := g.add(entry.Device, delivery, rvproto.ReasonTime); err != nil {
		g.node.fault("returning", err)
	}
	return nil
}

// add takes in an entry that is to go. Of receipts and returns nobody is told, and what cannot be read has no sender. An
// introduction to a parked device stays until its time is over: whoever may introduce themselves is not to learn that a
// device is parked.
func (g *gathering) add(queued keys.PublicKey, d queue.Delivery, reason rvproto.Reason) error {
	if reason == rvproto.ReasonParked && isIntroduction(d) {
		return nil
	}
	g.gone[queued] = append(g.gone[queued], d.ID)
	switch d.Kind {
	case queue.Envelope:
		sender, known := g.senders[d.ID]
		if !known {
			e, err := envelope.View(d.Body, rvproto.MaxEnvelope)
			if err != nil {
				return fmt.Errorf("envelope %s in the queue: %w", d.ID.Short(), err)
			}
			sender = e.ParsedHeader().Sender
			g.senders[d.ID] = sender
		}
		g.tell(sender, lot{queued, reason}, d.ID)
	case queue.Silence:
		s, err := parseSilence(d.Body)
		if err != nil {
			return err
		}
		g.tell(s.Sender, lot{s.Device, reason}, s.ID)
	}
	return nil
}

func (g *gathering) tell(sender keys.PublicKey, l lot, id keys.EnvelopeID) {
	if g.lots[sender] == nil {
		g.lots[sender] = make(map[lot][]keys.EnvelopeID)
	}
	g.lots[sender][l] = append(g.lots[sender][l], id)
}

// finish queues the returns and then takes what they are about out of the queue: a crash in between returns it again, which
// senders notice; the other order could lose a return. A return for which there is no room is given up, as receipts are:
// the sender's own clock tells them. [RV-53] [RV-55]
func (g *gathering) finish(ctx context.Context) error {
	items, err := g.returns()
	if err != nil {
		return err
	}
	if len(items) > 0 {
		for _, err := range g.node.queue.Put(ctx, items) {
			switch {
			case isFull(err):
				g.node.counters.returnsGivenUp.Add(1)
			case err != nil:
				return fmt.Errorf("queueing a return: %w", err)
			default:
				g.node.counters.returns.Add(1)
			}
		}
	}
	for device, ids := range g.gone {
		if err := g.node.queue.Ack(ctx, device, ids); err != nil {
			return fmt.Errorf("removing what was returned: %w", err)
		}
	}
	g.count()
	return nil
}

// count counts what is gone for the admins: also what stood for envelopes to devices that had blocked their sender, so that a
// sender who is an admin learns no more than others.
func (g *gathering) count() {
	if g.org == nil || len(g.lots) == 0 {
		return
	}
	g.org.tally.note(g.node.cfg.Now(), func(sum *rvproto.Tally) {
		for _, lots := range g.lots {
			for l, ids := range lots {
				giveUp(sum, l.reason, uint64(len(ids)))
			}
		}
	})
}

// returns signs what the senders are to be told. A node that has given the duty up signs nothing: senders offer what has no
// receipt to the one that has it. [RV-54] [RV-72]
func (g *gathering) returns() (items []queue.Item, err error) {
	if g.org == nil || g.org.move.Load() != nil {
		return nil, nil
	}
	now := g.node.cfg.Now()
	for sender, lots := range g.lots {
		if g.org.keepsNothing(sender) != 0 {
			continue
		}
		var payer keys.MemberID
		g.org.roll.read(func(state *membership.State) { payer, _ = state.MemberOf(sender) })
		for _, part := range portions(lots) {
			signed, err := rvproto.SignReturn(rvproto.Return{
				Org: g.org.id, Sender: sender, Time: uint64(max(now.Unix(), 0)), Lots: part,
			}, g.node.key)
			if err != nil {
				return nil, fmt.Errorf("signing a return: %w", err)
			}
			items = append(items, queue.Item{
				ID: rvproto.ReturnID(signed), Org: g.org.id, Kind: queue.Return, Body: signed,
				Recipients: []keys.PublicKey{sender}, Expires: now.Add(g.org.terms().queueTime),
				Payer: payer,
			})
		}
	}
	return items, nil
}

// portions cuts lots into what one return holds.
func portions(lots map[lot][]keys.EnvelopeID) (parts [][]rvproto.Lot) {
	var part []rvproto.Lot
	room := rvproto.MaxReturned
	for l, ids := range lots {
		for len(ids) > 0 {
			n := min(len(ids), room)
			part = append(part, rvproto.Lot{Device: l.device, Reason: l.reason, IDs: ids[:n]})
			if ids, room = ids[n:], room-n; room == 0 {
				parts, part, room = append(parts, part), nil, rvproto.MaxReturned
			}
		}
	}
	if len(part) > 0 {
		parts = append(parts, part)
	}
	return parts
}

func isIntroduction(d queue.Delivery) bool {
	if d.Kind == queue.Silence {
		s, err := parseSilence(d.Body)
		return err == nil && s.Introduction
	}
	e, err := envelope.View(d.Body, rvproto.MaxEnvelope)
	return d.Kind == queue.Envelope && err == nil && e.ParsedHeader().Kind == envelope.KindIntroduction
}
