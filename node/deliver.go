package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

const (
	// receivedAtOnce and receivedBytesAtOnce bound what one transaction stores, and so what one acknowledgement is for.
	receivedAtOnce      = 64
	receivedBytesAtOnce = 256 << 10
	// receiptedAtOnce is of how many envelopes one transaction takes receipts at least.
	receiptedAtOnce = 8
	// maxAttempts is how often a message is sealed anew for a device that cannot open it before it is given up.
	maxAttempts = 4
)

// keepReceiving takes what the rendezvous node has for this device, for as long as the connection stands: it opens and
// saves, and then acknowledges.
func (o *organization) keepReceiving(ctx context.Context, client *rvclient.Client) error {
	o.awaitContacts(ctx)
	stream, err := o.openDeliver(ctx, client)
	if err != nil {
		return err
	}
	defer o.closeDeliver(client.Node, stream)
	if err := o.heardFrom(ctx, client, stream.Checkpoint()); err != nil {
		return err
	}
	home := o.connection()
	defer o.presence.attend(stream, home == nil || home.Node == client.Node)()
	return o.takeDeliveries(ctx, client, stream)
}

// takeDeliveries opens, saves and acknowledges what comes, to the end of the stream. client is nil if the node has given the duty up.
func (o *organization) takeDeliveries(ctx context.Context, client *rvclient.Client, stream *rvclient.DeliverStream) error {
	var batch []rvproto.DeliverFrame
	size := 0
	for {
		in, err := stream.Next()
		if err != nil {
			return fmt.Errorf("waiting for deliveries: %w", err)
		}
		if in.Head != nil {
			if err := o.heardFrom(ctx, client, in.Head); err != nil {
				return err
			}
		}
		if in.Parked != nil {
			if err := o.heardParked(*in.Parked); err != nil {
				return fmt.Errorf("noting that this device was parked: %w", err)
			}
		}
		o.heardPresence(in)
		if in.Deliver != nil {
			batch, size = append(batch, *in.Deliver), size+len(in.Deliver.Body)
		}
		if len(batch) == 0 || stream.Buffered() && len(batch) < receivedAtOnce && size < receivedBytesAtOnce {
			continue
		}
		ack, err := o.receive(ctx, client, batch)
		if err != nil {
			return fmt.Errorf("saving deliveries: %w", err)
		}
		if len(ack.Receipts)+len(ack.IDs) > 0 {
			if err := stream.Ack(ack); err != nil {
				return fmt.Errorf("acknowledging deliveries: %w", err)
			}
			if err := o.ackElsewhere(stream, batch); err != nil {
				return err
			}
		}
		batch, size = batch[:0], 0
	}
}

// heardFrom looks at a checkpoint that a node announces, and follows the duty if that is of another term.
func (o *organization) heardFrom(ctx context.Context, client *rvclient.Client, note []byte) error {
	if len(note) == 0 {
		return nil // of a node that serves no more
	}
	if client == nil || !o.otherTerm(note) {
		o.heardCheckpoint(note)
		return nil
	}
	if err := o.followTerm(ctx, client); err != nil {
		o.log.Warn("following the sequencing duty to where another node shows it", "error", err)
	}
	return ctx.Err()
}

// ackElsewhere signs that this device is done with the envelopes of a batch, wherever they wait, for the other nodes.
// [RV-165]
func (o *organization) ackElsewhere(stream *rvclient.DeliverStream, batch []rvproto.DeliverFrame) error {
	if !o.several.Load() {
		return nil
	}
	ack := rvproto.SignedAck{Org: o.org}
	for _, frame := range batch {
		if frame.Kind != rvproto.KindEnvelope {
			continue
		}
		if e, err := envelope.Parse(frame.Body, envelope.MaxEnvelope); err == nil {
			ack.IDs = append(ack.IDs, e.ID())
		}
	}
	if len(ack.IDs) == 0 {
		return nil
	}
	signed, err := rvproto.SignAck(ack, o.self)
	if err != nil {
		return fmt.Errorf("signing an acknowledgement: %w", err)
	}
	return stream.Signed(signed)
}

// heardCheckpoint looks at a checkpoint that the node announces: a larger roll is fetched, a fresh signature under the
// own size is kept. An older one, which the other stream may have brought too late, must at least be true.
func (o *organization) heardCheckpoint(note []byte) {
	newest, err := membership.OpenCheckpoint(note, o.org, o.at.Key)
	if err != nil {
		o.log.Warn("the rendezvous node announced a checkpoint that does not open", "error", err)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	switch size := o.roll.Size(); {
	case newest.Size > size:
		wake(o.wakeRoll)
	case newest.Size == size:
		err = o.adoptLocked(rvclient.Page{Checkpoint: note})
	case o.proved: // there is nothing more to learn
	default:
		if err = o.roll.Compare(newest.Size, newest.Root); err != nil {
			err = o.suspectLocked(rvclient.Page{Checkpoint: note}, size, nil, err)
		}
	}
	if err != nil {
		o.log.Warn("the rendezvous node announced a checkpoint that does not fit", "error", err)
	}
}

// outcome is what became of one delivery.
type outcome struct {
	sender keys.PublicKey
	id     keys.EnvelopeID
	opened bool
	silent bool // neither opened nor failed: its sender is told nothing
	unled  bool // it failed because its sender has no leave that is known here
}

// receive opens and saves a batch of deliveries in one transaction and returns what to acknowledge. When it returns an
// error nothing is saved and nothing must be acknowledged.
func (o *organization) receive(ctx context.Context, client *rvclient.Client, batch []rvproto.DeliverFrame) (rvproto.AckFrame, error) {
	if home := o.connection(); home != nil && client != nil {
		client = home
	}
	if client != nil {
		if err := o.fetchFirst(batch, time.Now(), func() error { return o.catchUp(ctx, client) }); err != nil {
			return rvproto.AckFrame{}, err
		}
	}
	var ack rvproto.AckFrame
	var units []unit
	for _, frame := range batch {
		if frame.Kind == rvproto.KindReceipt {
			if r, err := envelope.OpenReceipt(frame.Body, o.org); err == nil && r.Sender == o.device {
				if err := o.keepVaccine(frame.Body, r, false); err != nil {
					return ack, err
				}
			}
			ack.IDs = append(ack.IDs, rvproto.ReceiptID(frame.Body))
			for _, u := range o.receiptUnits(frame.Body) {
				if client != nil {
					u.via = store.ViaNode
				}
				units = append(units, u)
			}
			continue
		}
		if frame.Kind == rvproto.KindReturn {
			ack.IDs = append(ack.IDs, rvproto.ReturnID(frame.Body))
			units = append(units, o.returnUnits(frame.Body)...)
			continue
		}
		e, err := envelope.Parse(frame.Body, envelope.MaxEnvelope)
		if err != nil { // without an id there is nothing to answer: the rest must not wait for it
			o.log.Warn("the rendezvous node delivered what is no envelope", "error", err)
			continue
		}
		units = append(units, unit{envelope: e, unjudged: client == nil})
	}
	return o.saveUnits(ack, units)
}

// saveUnits opens and saves what came, and adds what is to be acknowledged to ack.
func (o *organization) saveUnits(ack rvproto.AckFrame, units []unit) (rvproto.AckFrame, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var outcomes []outcome
	err := inParts(units, func(part []unit) error {
		made, err := o.saveLocked(part)
		outcomes = append(outcomes, made...)
		return err
	})
	if err != nil {
		return ack, err
	}
	return o.receipts(ack, outcomes)
}

// unit is what one transaction takes whole: an envelope, or some of what a receipt or a return says.
type unit struct {
	envelope envelope.Envelope
	unjudged bool // no rendezvous node passed the envelope on
	receipt  *envelope.Receipt
	via      store.Via // by which way the receipt says that an envelope went, if that is known
	returned *lot
}

// saveLocked takes deliveries in one transaction, and lets what was stored be seen. Callers hold mu.
func (o *organization) saveLocked(part []unit) (outcomes []outcome, err error) {
	var effects effects
	err = o.node.store.Update(func(tx *store.Tx) error {
		outcomes, effects = nil, newEffects()
		for _, u := range part {
			if u.receipt != nil {
				if err := o.takeReceipt(tx, *u.receipt, u.via, &effects); err != nil {
					return err
				}
				continue
			}
			if u.returned != nil {
				if err := o.takeReturn(tx, *u.returned, &effects); err != nil {
					return err
				}
				continue
			}
			outcome, err := o.takeEnvelope(tx, u.envelope, &effects)
			if err != nil {
				return err
			}
			outcome.silent = outcome.silent || outcome.unled && u.unjudged
			outcomes = append(outcomes, outcome)
		}
		return errors.Join(o.attest(tx, &effects), effects.storeChains(tx, o.org))
	})
	if err != nil {
		return nil, err
	}
	o.applyLocked(effects)
	return outcomes, nil
}

// receipts signs what became of the envelopes, one receipt for each sender. What is dropped in silence is acknowledged by
// its id alone.
func (o *organization) receipts(ack rvproto.AckFrame, outcomes []outcome) (rvproto.AckFrame, error) {
	var senders []keys.PublicKey
	bySender := make(map[keys.PublicKey]*envelope.Receipt)
	for _, result := range outcomes {
		if result.silent {
			ack.IDs = append(ack.IDs, result.id)
			continue
		}
		receipt, ok := bySender[result.sender]
		if !ok {
			receipt = &envelope.Receipt{Org: o.org, Sender: result.sender}
			bySender[result.sender] = receipt
			senders = append(senders, result.sender)
		}
		if result.opened {
			receipt.Opened = append(receipt.Opened, result.id)
		} else {
			receipt.Failed = append(receipt.Failed, result.id)
		}
	}
	for _, sender := range senders {
		signed, err := envelope.SignReceipt(*bySender[sender], o.self)
		if err != nil {
			return ack, fmt.Errorf("signing a receipt: %w", err)
		}
		ack.Receipts = append(ack.Receipts, signed)
	}
	return ack, nil
}

// applyLocked lets what was stored be seen: the view, watchers, alarms, and other goroutines. Callers hold mu.
func (o *organization) applyLocked(effects effects) {
	for _, id := range effects.disproved {
		o.view.Forget(id)
	}
	for _, record := range slices.Concat(effects.records, effects.arrived, effects.left) {
		o.view.Apply(record)
		if record.Contact != nil {
			o.blocked = nil
			wake(o.presence.wake) // who is watched follows from who is known
			o.noteNeighboursLocked()
			o.noteContactLocked(record.Contact.Member)
		}
		if record.Setting != nil && record.Setting.Name == settingDirect { // another device of the account chose
			o.noteCallableLocked()
		}
	}
	for _, heard := range effects.heads {
		o.heardLocked(heard)
	}
	for _, a := range effects.alarms {
		o.alarmLocked(a)
	}
	for _, member := range effects.lockKeys {
		o.tellKeyChangeLocked(member)
	}
	o.publishLocked(effects.changes)
	for _, event := range effects.events(o) {
		o.node.hub.publish(event)
	}
	maps.Copy(o.talks, effects.talks)
	o.groups.handedOver.came(time.Now(), effects.inGroups...)
	if effects.erased || len(effects.records)+len(effects.left)+len(effects.arrived) > 0 {
		wake(o.node.index.wake)
	}
	if len(effects.records)+len(effects.left) > 0 {
		wake(o.wakeSiblings)
	}
	if effects.seal {
		wake(o.wakeSeal)
	}
	if effects.erased {
		wake(o.wakeErase)
	}
	if effects.post {
		o.postSoon()
	}
	if effects.offer {
		wake(o.wakeOffer)
		o.mesh.lookAgain()
	}
}

// events returns what watchers are told of the records.
func (e effects) events(o *organization) []api.Event {
	var events []api.Event
	now := o.now().UTC()
	for _, record := range e.records {
		event := api.Event{Time: now, Org: o.org.String()}
		switch {
		case record.Act != nil:
			events = append(events, o.changedLocked(*record.Act)...)
			continue
		case record.Message != nil && o.hidesLocked(*record.Message):
			continue
		case record.Message != nil:
			message := o.messageLocked(record)
			event.Kind, event.Message = api.EventMessage, &message
		case record.Contact != nil && e.introduced[record.Contact.Member]:
			message := o.introductionLocked(*record.Contact)
			event.Kind, event.Message = api.EventIntroduction, &message
		case record.Contact != nil:
			contact := o.contactLocked(*record.Contact)
			event.Kind, event.Contact = api.EventContact, &contact
		default:
			continue
		}
		events = append(events, event)
	}
	return events
}
