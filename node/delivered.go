package node

import (
	"errors"
	"slices"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/store"
)

// receiptUnits reads a receipt and cuts it into what one transaction takes at most: a receipt may speak of 1,024
// envelopes. One that does not verify changes nothing. [RV-59]
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
func (o *organization) takeReceipt(tx *store.Tx, receipt envelope.Receipt, via store.Via, effects *effects) error {
	if err := o.sighted(tx, receipt.Device); err != nil {
		return err
	}
	for _, id := range receipt.Opened {
		if err := o.delivered(tx, id, receipt.Device, via, effects); err != nil {
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

func (o *organization) delivered(tx *store.Tx, id keys.EnvelopeID, device keys.PublicKey, via store.Via, effects *effects) error {
	w, ok, err := o.waitingFor(tx, id, device)
	if err != nil || !ok {
		return err
	}
	effects.seal = effects.seal || !w.Accepted // it went directly: there is room for more, which no answer of a node tells
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
	d.Via = wayOf(w, d, via)
	state := d.State
	switch {
	case d.Missing == 0:
		state = store.StateDelivered
	case d.Unposted == 0:
		state = store.StateQueued
	}
	c, err := o.setState(tx, *w.Message, d, state, 0)
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
	effects.seal = effects.seal || !w.Accepted
	if envelope.Kind(w.Kind) == envelope.KindAttestation {
		return o.strike(tx, w, []keys.PublicKey{device})
	}
	o.log.Info("a device could not open an envelope", "device", device.Short(), "kind", w.Kind, "attempt", w.Attempt)
	if w.Attempt+1 >= maxAttempts {
		changes, err := o.giveUp(tx, w, []keys.PublicKey{device}, store.ReasonUnopened)
		effects.changes = append(effects.changes, changes...)
		return err
	}
	if err := o.strike(tx, w, []keys.PublicKey{device}); err != nil {
		return err
	}
	if err := o.loseChain(tx, w, device); err != nil {
		return err
	}
	return o.sealAnew(tx, w, []keys.PublicKey{device}, effects)
}

// sealAnew makes a job of an envelope that was taken off devices, to be sealed to them once more.
func (o *organization) sealAnew(tx *store.Tx, w store.Waiting, only []keys.PublicKey, effects *effects) error {
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
