package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// head is a roll as somebody spoke of it.
type head struct {
	Size uint64
	Root membership.Hash
	From keys.MemberID
}

const (
	// clockTolerance is how far the sequencer's stamps may be from the own clock before an alarm is raised.
	clockTolerance = 10 * time.Minute
	// staleAfter is the age at which a checkpoint that a connected node calls its newest raises an alarm: it should
	// sign anew every hour.
	staleAfter = 3 * time.Hour
	// rollPoll is how often the newest checkpoint is asked for when the node announces none.
	rollPoll = 30 * time.Minute
	// entriesPerUpdate bounds what one transaction writes.
	entriesPerUpdate = 128
)

// readRoll rebuilds the roll from the store, checking all of it again.
func (o *organization) readRoll(tx *store.Tx) error {
	kept, err := tx.Checkpoint(o.org)
	if err != nil {
		return err
	}
	var entries []membership.Entry
	err = tx.Entries(o.org, func(data []byte) error {
		entry, err := membership.ParseEntry(data)
		entries = append(entries, entry)
		return err
	})
	if err != nil {
		return err
	}
	// A crash between entries and checkpoint leaves entries that no checkpoint covers yet: they come again.
	newest, err := membership.OpenCheckpoint(kept.Note, o.org, o.at.Key)
	if err != nil {
		return err
	}
	if uint64(len(entries)) < newest.Size {
		return fmt.Errorf("%d entries where the checkpoint covers %d: run `muster check`", len(entries), newest.Size)
	}
	o.checkpoint, err = o.roll.Extend(kept.Note, o.at.Key, entries[:newest.Size], nil)
	return err
}

// keepRoll follows the roll for as long as the connection stands: at each head that the node announces, when a
// message speaks of a larger one, and from time to time anyway.
func (o *organization) keepRoll(ctx context.Context, client *rvclient.Client) error {
	poll := time.NewTimer(jitter(rollPoll))
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.wakeRoll:
		case <-poll.C:
			poll.Reset(jitter(rollPoll))
		}
		if err := o.catchUp(ctx, client); err != nil {
			return err
		}
	}
}

// catchUp fetches and adopts what the node has beyond the own roll.
func (o *organization) catchUp(ctx context.Context, client *rvclient.Client) error {
	select { // a page fits the size that it was asked for
	case o.fetching <- struct{}{}:
		defer func() { <-o.fetching }()
	case <-ctx.Done():
		return ctx.Err()
	}
	o.mu.Lock()
	size, asked := o.roll.Size(), maps.Clone(o.ahead) // what is heard from here on, the answer may be too old for
	o.mu.Unlock()
	page, err := client.Fetch(ctx, size)
	if err != nil {
		return fmt.Errorf("fetching the roll from entry %d: %w", size, err)
	}
	if err := o.adopt(page); err != nil {
		return err
	}
	o.checkAhead(asked)
	return nil
}

// adopt verifies a page of the roll and stores it. A node that was caught lying is believed no further; messaging
// over the roll as it was goes on.
func (o *organization) adopt(page rvclient.Page) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.adoptLocked(page)
}

func (o *organization) adoptLocked(page rvclient.Page) error {
	if o.distrust != nil {
		return nil
	}
	before := o.roll.Size()
	checkpoint, added, err := extend(o.roll, page, o.at.Key)
	if err != nil {
		return o.suspectLocked(page.Checkpoint, err)
	}
	if err := o.storeRoll(before, added, page.Checkpoint); err != nil {
		return errors.Join(err, o.rereadLocked()) // what is not on disk is not known
	}
	o.checkpoint = checkpoint
	o.checkClockLocked(added)
	if len(added) > 0 {
		o.log.Info("roll adopted", "size", o.roll.Size())
		o.noteChangeLocked()
		o.node.hub.publish(api.Event{Kind: api.EventOrg, Time: time.Now().UTC(), Org: o.org.String()})
		wake(o.wakeSeal)
	}
	return nil
}

// rereadLocked puts the roll back to what the store has. Callers hold mu.
func (o *organization) rereadLocked() error {
	advanced := o.roll
	o.roll = membership.NewRoll(o.org)
	err := o.node.store.View(o.readRoll)
	if err != nil {
		o.roll = advanced // true all the same, and better than none
	}
	return err
}

func (o *organization) storeRoll(from uint64, entries []membership.Entry, note []byte) error {
	for start := 0; start < len(entries); start += entriesPerUpdate {
		err := o.node.store.Update(func(tx *store.Tx) error {
			for i, entry := range entries[start:min(start+entriesPerUpdate, len(entries))] {
				if err := tx.PutEntry(o.org, from+uint64(start+i), entry.Marshal()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("storing the roll: %w", err)
		}
	}
	return o.node.store.Update(func(tx *store.Tx) error {
		return tx.PutCheckpoint(o.org, store.Checkpoint{Note: note, Seen: time.Now().UnixMilli()})
	})
}

// suspectLocked judges an error of Extend: proof of a lie raises an alarm, keeps the evidence and ends trust in new
// events; anything else is an error of the connection. Callers hold mu.
func (o *organization) suspectLocked(note []byte, err error) error {
	var text string
	fork, forked := errors.AsType[*membership.ForkError](err)
	broken, ruleBroken := errors.AsType[*membership.RuleBrokenError](err)
	evidence := [][]byte{note}
	switch {
	case forked:
		text = "the rendezvous node shows different rolls to different devices"
		evidence = append(evidence, fork.Own, fork.Other)
	case errors.Is(err, membership.ErrShrunk):
		text = "the rendezvous node shows an older roll than before"
		o.alarmLocked("shrunk", text, evidence) // it may be a restored backup: messages go on over the own roll
		return nil
	case ruleBroken:
		text = fmt.Sprintf("the rendezvous node put an event on the roll that the rules forbid: %v", broken)
	default:
		return fmt.Errorf("verifying the roll: %w", err)
	}
	o.alarmLocked("roll", text, evidence)
	o.distrust = err
	return nil
}

// alarmLocked stores an alarm and tells watchers. Callers hold mu.
func (o *organization) alarmLocked(kind, text string, evidence [][]byte) {
	o.log.Warn("alarm", "kind", kind, "text", text)
	err := o.node.store.Update(func(tx *store.Tx) error {
		return tx.PutAlarm(o.org, store.Alarm{Time: time.Now().UnixMilli(), Kind: kind, Text: text, Evidence: evidence})
	})
	if err != nil {
		o.log.Error("storing an alarm", "error", err)
	}
	o.node.hub.publish(api.Event{Kind: api.EventOrg, Time: time.Now().UTC(), Org: o.org.String()})
}

// checkClockLocked raises an alarm when the sequencer's stamps, or the time of a checkpoint it calls its newest, are
// far from the own clock. Callers hold mu.
func (o *organization) checkClockLocked(added []membership.Entry) {
	now := time.Now()
	if len(added) > 0 {
		if ahead := time.UnixMilli(added[len(added)-1].Time).Sub(now); ahead > clockTolerance {
			o.alarmLocked("clock", "the rendezvous node's clock is ahead of this device's by more than 10 minutes", nil)
		}
	}
	age := now.Sub(o.checkpoint.Time)
	switch {
	case age > staleAfter:
		o.alarmLocked("stale", "the rendezvous node's newest checkpoint is more than 3 hours old: it may be showing an old roll", nil)
	case age < -clockTolerance:
		o.alarmLocked("clock", "the rendezvous node's checkpoint is dated more than 10 minutes in the future", nil)
	}
}

// heardHeadLocked compares the roll that a message's author saw with the own one. It runs on every message, so that a
// node that shows different rolls to different devices is found out by the first message between them. Callers hold mu.
func (o *organization) heardHeadLocked(heard head) {
	err := o.roll.Compare(heard.Size, heard.Root)
	switch {
	case err == nil:
	case errors.Is(err, membership.ErrAhead):
		if heard.Size > o.ahead[heard.From].Size {
			o.ahead[heard.From] = heard
		}
		wake(o.wakeRoll)
	default:
		// A member's word, which the member could have made up: an alarm for people, and no end of trust in the node.
		o.alarmLocked("split", fmt.Sprintf("member %s was shown another roll than this device, or says so", o.memberNameLocked(heard.From)),
			[][]byte{wire.Encode([]any{heard.Size, heard.Root[:]})})
	}
}

// checkAhead judges, after a fetch, the rolls that members had spoken of before it: by now they must be here. A member
// who makes one up is named, and hides no other's word.
func (o *organization) checkAhead(asked map[keys.MemberID]head) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.distrust != nil {
		return
	}
	for member, heard := range asked {
		if o.ahead[member] == heard {
			delete(o.ahead, member)
		}
		if heard.Size > o.roll.Size() {
			o.alarmLocked("withheld", fmt.Sprintf("member %s knows a larger roll than the rendezvous node shows this device",
				o.memberNameLocked(member)), [][]byte{wire.Encode([]any{heard.Size, heard.Root[:]})})
			continue
		}
		o.heardHeadLocked(heard)
	}
}

// submit has the rendezvous node sequence an event of this device and returns when the own roll holds it. It fills in
// counter and roll size, again if the roll has moved on meanwhile.
func (o *organization) submit(ctx context.Context, event membership.Event) error {
	const attempts = 4
	client, err := o.awaitConnection(ctx)
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		o.mu.Lock()
		event.Counter, event.At = o.roll.State().NextCounter(o.device), o.roll.Size()
		o.mu.Unlock()
		err := client.Submit(ctx, membership.SignEvent(event, o.self, nil))
		if errors.Is(err, wire.StatusStale) || errors.Is(err, wire.StatusUsed) {
			if attempt < attempts {
				if err := o.catchUp(ctx, client); err != nil {
					return err
				}
				continue
			}
		}
		if err != nil {
			return refusal("putting the event on the roll", err)
		}
		return o.catchUp(ctx, client)
	}
}

// connectWait is how long a request that needs the rendezvous node waits for a connection: a node that has just been
// started is about to have one.
const connectWait = 10 * time.Second

// awaitConnection returns the client of the rendezvous node, waiting for it if need be.
func (o *organization) awaitConnection(ctx context.Context) (*rvclient.Client, error) {
	o.await(ctx, connectWait, func() bool { return o.connection() != nil })
	if client := o.connection(); client != nil {
		return client, nil
	}
	return nil, api.Errorf(api.CodeFailed, "the rendezvous node cannot be reached now").
		WithHint("check the network and `muster status`, then try again; messages sent meanwhile are held here")
}

// memberNameLocked returns a member's name, or the short id of who is not on the roll. Callers hold mu.
func (o *organization) memberNameLocked(id keys.MemberID) string {
	if m, ok := o.roll.State().Member(id); ok {
		return m.Name
	}
	return id.Short()
}
