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
	stream, err := client.OpenDeliver(ctx)
	if err != nil {
		return fmt.Errorf("opening the deliver stream: %w", err)
	}
	defer stream.Close()
	o.heardCheckpoint(stream.Checkpoint())
	defer o.presence.attend(stream)()

	var batch []rvproto.DeliverFrame
	size := 0
	for {
		in, err := stream.Next()
		if err != nil {
			return fmt.Errorf("waiting for deliveries: %w", err)
		}
		if in.Head != nil {
			o.heardCheckpoint(in.Head)
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
		}
		batch, size = batch[:0], 0
	}
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
}

// receive opens and saves a batch of deliveries in one transaction and returns what to acknowledge. When it returns an
// error nothing is saved and nothing must be acknowledged.
func (o *organization) receive(ctx context.Context, client *rvclient.Client, batch []rvproto.DeliverFrame) (rvproto.AckFrame, error) {
	if client != nil {
		if err := o.fetchFirst(batch, time.Now(), func() error { return o.catchUp(ctx, client) }); err != nil {
			return rvproto.AckFrame{}, err
		}
	}
	var ack rvproto.AckFrame
	var units []unit
	for _, frame := range batch {
		if frame.Kind == rvproto.KindReceipt {
			ack.IDs = append(ack.IDs, rvproto.ReceiptID(frame.Body))
			units = append(units, o.receiptUnits(frame.Body)...)
			continue
		}
		e, err := envelope.Parse(frame.Body, envelope.MaxEnvelope)
		if err != nil { // without an id there is nothing to answer: the rest must not wait for it
			o.log.Warn("the rendezvous node delivered what is no envelope", "error", err)
			continue
		}
		units = append(units, unit{envelope: e})
	}
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

// unit is what one transaction takes whole: an envelope, or some of what a receipt says.
type unit struct {
	envelope envelope.Envelope
	receipt  *envelope.Receipt
}

// saveLocked takes deliveries in one transaction, and lets what was stored be seen. Callers hold mu.
func (o *organization) saveLocked(part []unit) (outcomes []outcome, err error) {
	var effects effects
	err = o.node.store.Update(func(tx *store.Tx) error {
		outcomes, effects = nil, newEffects()
		for _, u := range part {
			if u.receipt != nil {
				if err := o.takeReceipt(tx, *u.receipt, &effects); err != nil {
					return err
				}
				continue
			}
			outcome, err := o.takeEnvelope(tx, u.envelope, &effects)
			if err != nil {
				return err
			}
			outcomes = append(outcomes, outcome)
		}
		return effects.storeChains(tx, o.org)
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

// receiptUnits reads a receipt and cuts it into what one transaction takes at most: a receipt may speak of 1,024
// envelopes. One that does not verify is dropped.
func (o *organization) receiptUnits(data []byte) (units []unit) {
	receipt, err := envelope.OpenReceipt(data, o.org)
	if err != nil || receipt.Sender != o.device {
		o.log.Warn("a receipt that is not for this device, or not signed by its device, was ignored", "error", err)
		return nil
	}
	for ids := range slices.Chunk(receipt.Opened, receiptedAtOnce) {
		units = append(units, unit{receipt: &envelope.Receipt{Device: receipt.Device, Opened: ids}})
	}
	for ids := range slices.Chunk(receipt.Failed, receiptedAtOnce) {
		units = append(units, unit{receipt: &envelope.Receipt{Device: receipt.Device, Failed: ids}})
	}
	return units
}

// takeReceipt notes what another device says of envelopes of this one. What is about nothing that waits changes nothing.
func (o *organization) takeReceipt(tx *store.Tx, receipt envelope.Receipt, effects *effects) error {
	if err := o.sighted(tx, receipt.Device); err != nil {
		return err
	}
	for _, id := range receipt.Opened {
		if err := o.delivered(tx, id, receipt.Device, effects); err != nil {
			return err
		}
	}
	for _, id := range receipt.Failed {
		if err := o.unopened(tx, id, receipt.Device, effects); err != nil {
			return err
		}
	}
	return nil
}

// waitingFor returns the envelope with an id if it waits for a device.
func (o *organization) waitingFor(tx *store.Tx, id keys.EnvelopeID, device keys.PublicKey) (w store.Waiting, ok bool, err error) {
	w, err = tx.WaitingByID(o.org, id)
	if errors.Is(err, store.ErrNotFound) {
		return w, false, nil
	}
	return w, err == nil && len(intersection(w.Pending, []keys.PublicKey{device})) > 0, err
}

func (o *organization) delivered(tx *store.Tx, id keys.EnvelopeID, device keys.PublicKey, effects *effects) error {
	w, ok, err := o.waitingFor(tx, id, device)
	if err != nil || !ok {
		return err
	}
	if err := o.strike(tx, w, []keys.PublicKey{device}); err != nil {
		return err
	}
	if w.Message == nil {
		return nil
	}
	d, err := tx.Delivery(o.org, *w.Message, device)
	if errors.Is(err, store.ErrNotFound) || err == nil && d.State.Final() {
		return nil
	} else if err != nil {
		return err
	}
	if !w.Accepted && d.Unposted > 0 {
		d.Unposted--
	}
	if d.Missing > 0 {
		d.Missing--
	}
	state := d.State
	switch {
	case d.Missing == 0:
		state = store.StateDelivered
	case d.Unposted == 0:
		state = store.StateQueued
	}
	c, err := o.setState(tx, *w.Message, d, state)
	effects.changes = append(effects.changes, c)
	return err
}

// unopened has an envelope that a device could not open sealed anew for it, on a new chain: its prekey or the chain's
// announcement was lost.
func (o *organization) unopened(tx *store.Tx, id keys.EnvelopeID, device keys.PublicKey, effects *effects) error {
	w, ok, err := o.waitingFor(tx, id, device)
	if err != nil || !ok {
		return err
	}
	only := []keys.PublicKey{device}
	o.log.Info("a device could not open an envelope", "device", device.Short(), "kind", w.Kind, "attempt", w.Attempt)
	if w.Attempt+1 >= maxAttempts {
		changes, err := o.giveUp(tx, w, only)
		effects.changes = append(effects.changes, changes...)
		return err
	}
	if err := o.strike(tx, w, only); err != nil {
		return err
	}
	if err := o.loseChain(tx, w, device); err != nil {
		return err
	}
	job := store.Job{
		Place: w.Place, Only: only, Expires: w.Expires, Attempt: w.Attempt + 1,
		Message: w.Message, Next: w.Part, Last: w.Part + 1, Kind: w.BodyKind, Body: w.Body, Anew: w.At,
		Written: w.Written,
	}
	if job.Message == nil {
		job.Next, job.Last = 0, 1
	}
	effects.seal = true
	if envelope.Kind(w.Kind) == envelope.KindAnnounce {
		return nil // the messages that were sealed on the chain will be reported as well
	}
	return tx.AddJob(o.org, job)
}

// applyLocked lets what was stored be seen: the view, watchers, alarms, and other goroutines. Callers hold mu.
func (o *organization) applyLocked(effects effects) {
	for _, record := range slices.Concat(effects.records, effects.arrived, effects.left) {
		o.view.Apply(record)
		if record.Contact != nil {
			o.blocked = nil
			wake(o.presence.wake) // who is watched follows from who is known
		}
	}
	for _, heard := range effects.heads {
		o.heardLocked(heard)
	}
	for _, a := range effects.alarms {
		o.alarmLocked(a)
	}
	o.publishLocked(effects.changes)
	for _, event := range effects.events(o) {
		o.node.hub.publish(event)
	}
	maps.Copy(o.talks, effects.talks)
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
		wake(o.wakePost)
	}
}

// events returns what watchers are told of the records.
func (e effects) events(o *organization) []api.Event {
	var events []api.Event
	now := time.Now().UTC()
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
