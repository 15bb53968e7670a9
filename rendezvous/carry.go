package rendezvous

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// How much of others' one member may hand over: so much at once, and so much more in a second. [RV-192]
const (
	carryBurst = 256 << 20
	carrySpeed = 1 << 20
	// carriesAtOnce bounds the requests that are worked off at the same time.
	carriesAtOnce = 4
)

// carriers bounds what members hand over of others'.
type carriers struct {
	turns chan struct{} // capacity carriesAtOnce
	pace  *rate[keys.MemberID]
}

func newCarriers() *carriers {
	return &carriers{turns: make(chan struct{}, carriesAtOnce), pace: newRate[keys.MemberID]()}
}

// mayHand reports whether a member may hand over so many bytes more.
func (c *carriers) mayHand(member keys.MemberID, bytes int, now time.Time) bool {
	cost := func(n int) time.Duration { return time.Duration(n) * time.Second / carrySpeed }
	return c.pace.take(member, cost(bytes+1024), cost(carryBurst), now) == 0
}

func (r refusal) carry() rvproto.CarryAnswer {
	return rvproto.CarryAnswer{Status: r.status, Move: r.move}
}
func encodeCarry(r refusal) []byte { return wire.Encode(r.carry()) }

// serveCarry answers /muster/carry/1. Guests carry nothing. A request has its turn once all of it is there: who sends slowly, or not at
// all, holds memory of the member's share, and nobody up. [RV-190] [RV-191] [RV-192]
func (n *Node) serveCarry(ctx context.Context, o *org, from keys.PublicKey, s network.Stream) error {
	member, _ := o.roll.memberOf(from)
	wait, cancel := context.WithTimeout(ctx, rvproto.RequestTime)
	defer cancel()
	if err := n.bulk.await(wait, member, rvproto.MaxCarryRequest); err != nil {
		return err
	}
	defer n.bulk.give(member, rvproto.MaxCarryRequest)
	return exchange(s, rvproto.MaxCarryRequest, rvproto.AnswerTime, n.still(from), refusal.carry,
		func(request rvproto.CarryRequest) rvproto.CarryAnswer {
			select {
			case n.carriers.turns <- struct{}{}:
				defer func() { <-n.carriers.turns }()
			case <-ctx.Done():
				return refusal{status: wire.StatusUnavailable}.carry()
			case <-n.stop:
				return refusal{status: wire.StatusUnavailable}.carry()
			}
			carrier, ok := o.roll.memberOf(from)
			if !ok || o.isGuest(from) {
				return refusal{status: wire.StatusRefused}.carry()
			}
			return n.takeAllCarried(ctx, o, carrier, request)
		})
}

// takeAllCarried takes what a member hands over of others'.
func (n *Node) takeAllCarried(ctx context.Context, o *org, carrier keys.MemberID, request rvproto.CarryRequest) (answer rvproto.CarryAnswer) {
	for _, data := range request.Receipts {
		status := wire.StatusFull
		if n.carriers.mayHand(carrier, len(data), n.cfg.Now()) {
			status = n.takeCarriedReceipt(ctx, o, data)
		}
		answer.Receipts = append(answer.Receipts, status)
	}
	for _, data := range request.Carried {
		status := wire.StatusFull
		if n.carriers.mayHand(carrier, len(data), n.cfg.Now()) {
			status = n.takeCarried(ctx, o, data)
		}
		answer.Carried = append(answer.Carried, status)
	}
	return answer
}

// takeCarried takes an envelope that another than its sender hands over: by the sender's own word, judged and charged as if the
// sender had posted it. [RV-191] [RV-193]
func (n *Node) takeCarried(ctx context.Context, o *org, data []byte) wire.Status {
	c, err := envelope.ParseCarried(data, rvproto.MaxEnvelope)
	if err != nil {
		return wire.StatusMalformed
	}
	sender := c.Envelope.ParsedHeader().Sender
	member, ok := o.roll.memberOf(sender)
	if !ok || c.Verify(o.id, append(o.roll.nodes(), n.key.Public())...) != nil {
		return wire.StatusRefused
	}
	terms, now := o.terms(), n.cfg.Now()
	guest := o.isGuest(sender)
	p := &poster{node: n, org: o, from: sender, guest: guest, batch: &batch{tab: n.tab(o, member, guest, terms, now)}}
	post := rvproto.PostFrame{Recipients: c.Label.Wanted, Envelope: c.EnvelopeBytes()}
	if len(post.Recipients) > 0 {
		// The sender's own other devices get it too, and who is barred since nothing.
		post.Recipients = slices.DeleteFunc(slices.Clone(post.Recipients), func(d keys.PublicKey) bool {
			_, active := o.roll.memberOf(d)
			return !active && !o.roll.archiveInForce(d) || d == sender
		})
		if len(post.Recipients) == 0 {
			return wire.StatusOK
		}
	}
	judged, v := p.judge(member, post, terms, now)
	o.done.spare(judged.ID, &v)
	p.accept(member, post, judged, v, terms, now)
	p.commit(ctx, member)
	status := p.answers[0].Status
	for _, refused := range p.answers[0].Refused {
		if status == wire.StatusOK && refused.Status.Retryable() {
			status = refused.Status
		}
	}
	return status
}

// nodes returns the keys of the rendezvous nodes that the roll names.
func (r *roll) nodes() (named []keys.PublicKey) {
	r.read(func(state *membership.State) {
		for _, node := range state.AllNodes() {
			named = append(named, node.Key)
		}
	})
	return named
}

// archiveInForce reports whether a key is that of the archive's service now.
func (r *roll) archiveInForce(key keys.PublicKey) (inForce bool) {
	r.read(func(state *membership.State) { _, inForce = state.IsArchive(key) })
	return inForce
}

// takeCarriedReceipt takes a receipt that another than its device hands over: the sender is told, and what the receipt names waits
// for the device no longer. [RV-194]
func (n *Node) takeCarriedReceipt(ctx context.Context, o *org, signed []byte) wire.Status {
	r, err := envelope.OpenReceipt(signed, o.id)
	if err != nil {
		return wire.StatusMalformed
	}
	if _, active := o.roll.memberOf(r.Device); !active {
		return wire.StatusRefused
	}
	var payer keys.MemberID
	var known bool
	o.roll.read(func(state *membership.State) { payer, known = state.MemberOf(r.Sender) })
	if !known {
		return wire.StatusRefused
	}
	if !n.room.receipt(o.id, payer, len(signed)) {
		return wire.StatusFull
	}
	item := queue.Item{
		ID: rvproto.ReceiptID(signed), Org: o.id, Kind: queue.Receipt, Body: slices.Clone(signed), Payer: payer,
		Recipients: []keys.PublicKey{r.Sender}, Expires: n.cfg.Now().Add(o.terms().queueTime),
	}
	for _, err := range n.queue.Put(ctx, []queue.Item{item}) {
		if errors.Is(err, queue.ErrFull) {
			return wire.StatusFull
		} else if err != nil {
			return n.fault("queueing a receipt", err)
		}
	}
	ids := slices.Concat(r.Opened, r.Failed)
	if err := n.queue.Ack(context.WithoutCancel(ctx), r.Device, ids); err != nil {
		return n.fault("acknowledging", err)
	}
	o.done.add(r.Device, ids) // a copy may come later
	return wire.StatusOK
}
