package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

const (
	// maxEarlyBars bounds the bars that a device obeys ahead of the roll. Each is valid against the roll, so that there are
	// few; what comes beyond is left to the roll.
	maxEarlyBars = 256
	// earlyPatience is how long the roll may lack a bar before that is an alarm.
	earlyPatience = time.Hour
)

var (
	// errNotEarly means that an event is not one that is obeyed before the roll has it.
	errNotEarly = errors.New("not an event that travels ahead of the roll")
	// errKnown means that an event says nothing new.
	errKnown = errors.New("known already")
)

// earlyBar is a bar that is valid against the own roll, and not on it yet. A rendezvous node can hold a bar back; it
// cannot keep those who have it from obeying. [STO-31]
type earlyBar struct {
	store.EarlyBar
	signer  keys.PublicKey
	counter uint64
	device  keys.PublicKey
	ends    []keys.PublicKey // the devices that the bar would end now
}

// hearBar takes in a signed bar that came in some way: stop sending to the devices at once, and see that it gets on the
// roll. errKnown and errNotEarly say that nothing was done; any other error that the bytes are no valid event.
func (o *organization) hearBar(data []byte) error {
	event, principal, err := membership.OpenEvent(data)
	switch {
	case err != nil:
		return err
	case event.Bar == nil || principal.Org != o.org:
		return errNotEarly
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.early[principal.Event] != nil || event.Counter < o.roll.State().NextCounter(principal.Signer) {
		return errKnown
	}
	if len(o.early) >= maxEarlyBars || o.hasEarlyByLocked(principal.Signer) {
		return errNotEarly // of several under one counter at most one gets on the roll: the first heard is obeyed
	}
	kept := store.EarlyBar{Event: slices.Clone(data), Heard: o.now().UnixMilli()}
	bar, err := o.judgeEarlyLocked(kept)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotEarly, err) // it may hold against a roll that we do not have yet
	}
	err = o.node.store.Update(func(tx *store.Tx) error { return tx.PutEarlyBar(o.org, principal.Event, kept) })
	if err != nil {
		return err
	}
	o.early[principal.Event] = bar
	o.noteParticipantsLocked()
	o.settleNewcomersLocked() // those whom it invited go with it
	o.tellLocked()
	if o.client == nil {
		o.neighbours.news() // no rendezvous node tells them
	}
	o.log.Warn("a device was barred ahead of the roll: it gets nothing from here", "device", bar.device.Short())
	o.noteChangeLocked()
	wake(o.wakeSeal)
	wake(o.wakeRoll)
	return nil
}

// hasEarlyByLocked reports whether a bar of a signer is obeyed already. Callers hold mu.
func (o *organization) hasEarlyByLocked(signer keys.PublicKey) bool {
	for _, bar := range o.early {
		if bar.signer == signer {
			return true
		}
	}
	return false
}

// judgeEarlyLocked holds a bar against the roll as it is. Callers hold mu.
func (o *organization) judgeEarlyLocked(kept store.EarlyBar) (*earlyBar, error) {
	event, principal, err := membership.OpenEvent(kept.Event)
	if err != nil {
		return nil, err
	}
	if event.Bar == nil {
		return nil, errNotEarly
	}
	state := o.roll.State()
	now := o.rollTime(state)
	if err := o.roll.Check(kept.Event, now); err != nil {
		return nil, err
	}
	ends, _ := state.Outcome(event, now)
	return &earlyBar{EarlyBar: kept, signer: principal.Signer, counter: event.Counter, device: event.Bar.Device, ends: ends}, nil
}

// readEarly reads the bars that the roll lacked when the node last ran.
func (o *organization) readEarly(tx *store.Tx) error {
	return tx.EarlyBars(o.org, func(id keys.EventID, kept store.EarlyBar) error {
		if bar, err := o.judgeEarlyLocked(kept); err == nil {
			o.early[id] = bar
		}
		return nil
	})
}

// settleEarlyLocked forgets the bars that the roll has by now, or that can no longer get on it, and raises an alarm about
// those that it has lacked for too long. Callers hold mu.
func (o *organization) settleEarlyLocked() {
	for id, bar := range o.early {
		again, err := o.judgeEarlyLocked(bar.EarlyBar)
		late := o.sober().Sub(time.UnixMilli(bar.Heard)) > earlyPatience && !bar.Alarmed
		switch {
		case err != nil:
			delete(o.early, id)
			err = o.node.store.Update(func(tx *store.Tx) error { return tx.DeleteEarlyBar(o.org, id) })
		case late:
			again.Alarmed = true
			o.alarmLocked(store.Alarm{Kind: "withheld", Evidence: [][]byte{bar.Event}, Text: fmt.Sprintf(
				"the rendezvous node has not put the bar of device %s on the roll for an hour: it may be holding it back", bar.device.Short())})
			err = o.node.store.Update(func(tx *store.Tx) error { return tx.PutEarlyBar(o.org, id, again.EarlyBar) })
			fallthrough
		default:
			o.early[id] = again
		}
		if err != nil {
			o.log.Error("storing a bar ahead of the roll", "error", err)
		}
	}
}

// submitEarly hands the bars that the roll lacks to the rendezvous node: whoever holds one may.
func (o *organization) submitEarly(ctx context.Context, client *rvclient.Client) {
	if !o.orders(client) {
		return // no other puts it on the roll
	}
	o.mu.Lock()
	var events [][]byte
	for _, bar := range o.early {
		events = append(events, bar.Event)
	}
	o.mu.Unlock()
	for _, event := range events {
		if err := client.Submit(ctx, event); err != nil {
			o.log.Warn("handing in a bar", "error", err)
		}
	}
}

// endedEarlyLocked reports whether a device is barred ahead of the roll. Callers hold mu.
func (o *organization) endedEarlyLocked(device keys.PublicKey) bool {
	for _, bar := range o.early {
		if slices.Contains(bar.ends, device) {
			return true
		}
	}
	return false
}

// activeLocked returns the devices of a member that may be sealed to. Callers hold mu.
func (o *organization) activeLocked(member keys.MemberID) []keys.PublicKey {
	return filter(o.roll.State().Devices(member), func(d keys.PublicKey) bool { return !o.endedEarlyLocked(d) })
}
