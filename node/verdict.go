package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

const (
	// verdictPause is about how long a device that is shut out waits before it asks again.
	verdictPause = 10 * time.Minute
	// wipeDelay is how long after a bar its device keeps the data that it was asked to remove: the recovery key can cancel.
	wipeDelay = 24 * time.Hour
)

// shutOut reports whether a rendezvous node refuses this device for what it is.
func shutOut(err error) bool {
	return errors.Is(err, wire.StatusBarred) || errors.Is(err, wire.StatusSuspended) || errors.Is(err, wire.StatusNotMember)
}

// afterSession learns from how a session ended what became of this device, and returns how long to wait before the next.
// A device that is shut out asks seldom. errWiped means that its data is to go.
func (o *organization) afterSession(ctx context.Context, local host.Host, err error, pause time.Duration) (time.Duration, error) {
	if !shutOut(err) {
		if o.excluded() != nil {
			return max(pause, verdictPause), nil
		}
		return pause, nil
	}
	defer local.Network().ClosePeer(p2p.PeerID(o.at.Key))
	if err := o.askVerdict(ctx, &rvclient.Client{Host: local, Node: o.at.Key, Addresses: o.node.callAt(o.at), Org: o.org}); err != nil {
		if errors.Is(err, errWiped) {
			return 0, err
		}
		o.log.Info("asking what became of this device", "error", err)
	}
	if o.excluded() != nil {
		pause = max(pause, verdictPause)
	}
	return pause, nil
}

// askVerdict asks what became of this device, verifies the answer and stores it.
func (o *organization) askVerdict(ctx context.Context, client *rvclient.Client) error {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	verdict, err := client.Verdict(ctx)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.takeVerdictLocked(verdict)
}

// takeVerdictLocked stores why this device may not act. What was not proved by entries of a checkpoint that the sequencer
// signed is kept too, and says so: the node lets the device do nothing either way. Callers hold mu.
func (o *organization) takeVerdictLocked(verdict rvclient.Verdict) error {
	checkpoint, err := membership.OpenCheckpoint(verdict.Checkpoint, o.org, o.at.Key)
	if err != nil {
		return err
	}
	if verdict.Standing == membership.StandingActive || verdict.Standing == membership.StandingNone {
		return nil // it has just changed, or the node has lost the roll: the next session says more
	}
	kept := store.Exclusion{Standing: uint8(verdict.Standing), Time: o.now().UnixMilli(), Size: checkpoint.Size}
	if had := o.exclusion; had != nil && had.Standing == verdict.Standing {
		kept.Time = had.Time
	}
	var wipe *membership.Event
	for _, shown := range verdict.Entries {
		entry, event, err := o.openShown(shown.Index, shown.Entry, shown.Proof, checkpoint)
		if err != nil {
			return fmt.Errorf("what the rendezvous node shows of this device: %w", err)
		}
		kept.Entries = append(kept.Entries, shown.Entry)
		if o.explainsLocked(event, verdict.Standing) {
			kept.Event, kept.Time, kept.Index = entry.Event, entry.Time, shown.Index
		}
		switch {
		case event.Bar != nil && event.Bar.Device == o.device:
			wipe, kept.Wipe = nil, 0
			if event.Bar.Wipe && o.obeysLocked(event.Signer) {
				wipe, kept.Wipe = &event, entry.Time+wipeDelay.Milliseconds()
			}
		case event.Lift != nil && event.Lift.Wipe == o.device:
			wipe, kept.Wipe = nil, 0
		}
	}
	if verdict.Standing != membership.StandingBarred {
		wipe, kept.Wipe = nil, 0
	}
	if err := o.node.store.Update(func(tx *store.Tx) error { return tx.PutExclusion(o.org, kept) }); err != nil {
		return err
	}
	if o.exclusion == nil || o.exclusion.Standing != verdict.Standing {
		o.log.Warn("this device may not act", "standing", verdict.Standing, "wipe", kept.Wipe > 0)
	}
	o.exclusion = newExclusion(kept)
	o.noteChangeLocked()
	o.node.hub.publish(api.Event{Kind: api.EventOrg, Time: o.now().UTC(), Org: o.org.String()})
	if wipe != nil && checkpoint.Time.UnixMilli() >= kept.Wipe {
		return o.beginWipeLocked(wipe.Signer)
	}
	return nil
}

// openShown verifies one entry of a verdict: it is in the roll of the checkpoint, and its event is whole.
func (o *organization) openShown(index uint64, data []byte, hashes [][32]byte, checkpoint membership.Checkpoint) (membership.Entry, membership.Event, error) {
	entry, err := membership.ParseEntry(data)
	if err != nil {
		return entry, membership.Event{}, err
	}
	proof := make([]membership.Hash, len(hashes))
	for i, hash := range hashes {
		proof[i] = hash
	}
	if err := membership.VerifyInclusion(entry, index, checkpoint.Size, checkpoint.Root, proof); err != nil {
		return entry, membership.Event{}, err
	}
	event, principal, err := membership.OpenEvent(entry.Event)
	if err == nil && principal.Org != o.org {
		err = errors.New("an event of another organization")
	}
	return entry, event, err
}

// explainsLocked reports whether an event made this device what it is. Callers hold mu.
func (o *organization) explainsLocked(event membership.Event, standing membership.Standing) bool {
	switch standing {
	case membership.StandingBarred: // by itself, or along with one that it descends from
		return event.Bar != nil && (event.Bar.Device == o.device || o.descendsLocked(o.device, event.Bar.Device))
	case membership.StandingSuspended:
		if end := event.Enrolment; end != nil && end.Suspend > 0 {
			self, _ := o.roll.State().Member(o.member)
			return self.Joined+1 >= end.Suspend
		}
		return event.Suspend != nil && event.Suspend.Member == o.member
	case membership.StandingRemoved:
		return event.Remove != nil && event.Remove.Member == o.member
	case membership.StandingEnded:
		return event.Enter != nil || event.Readmit != nil && event.Readmit.Member == o.member
	}
	return false
}

// descendsLocked reports whether one device was introduced by another, directly or not. Callers hold mu.
func (o *organization) descendsLocked(device, from keys.PublicKey) bool {
	self, _ := o.roll.State().Member(o.member)
	for range self.Devices {
		i := slices.IndexFunc(self.Devices, func(d membership.MemberDevice) bool { return d.Key == device })
		if i < 0 || self.Devices[i].By.IsZero() {
			return false
		}
		if device = self.Devices[i].By; device == from {
			return true
		}
	}
	return false
}

// readmitted notes that this device may act again, if it could not.
func (o *organization) readmitted() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.exclusion == nil || o.roll.State().Standing(o.device) != membership.StandingActive {
		return nil
	}
	if err := o.node.store.Update(func(tx *store.Tx) error { return tx.DeleteExclusion(o.org) }); err != nil {
		return err
	}
	o.log.Info("this device may act again")
	o.exclusion = nil
	o.noteChangeLocked()
	return nil
}
