package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// head is a roll as somebody spoke of it.
type head struct {
	membership.Head
	From keys.MemberID
}

// spoken is a head as it came with a message, not read yet; Head may be empty.
type spoken struct {
	Head []byte
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

// readRoll rebuilds the roll from the store. Entries up to the checkpoint were verified before it was stored: they are held
// against its root, and their signatures are not verified again, which would take most of the time of a start.
func (o *organization) readRoll(tx *store.Tx) error { return o.foldStored(tx, o.restore) }

// checkRoll is readRoll, verifying all of it again.
func (o *organization) checkRoll(tx *store.Tx) error {
	return o.foldStored(tx, func(kept []byte, _ membership.Checkpoint, entries []membership.Entry) (membership.Checkpoint, error) {
		return o.roll.Extend(kept, o.at.Key, entries, nil)
	})
}

// restore takes in entries that were verified before the checkpoint was stored.
func (o *organization) restore(kept []byte, newest membership.Checkpoint, entries []membership.Entry) (membership.Checkpoint, error) {
	if err := o.roll.Restore(entries, newest.Root); err != nil {
		return membership.Checkpoint{}, err
	}
	return o.roll.Extend(kept, o.at.Key, nil, nil)
}

// foldStored reads the roll from the store; fold takes in the entries up to the stored checkpoint.
func (o *organization) foldStored(
	tx *store.Tx, fold func(kept []byte, newest membership.Checkpoint, entries []membership.Entry) (membership.Checkpoint, error),
) error {
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
	if o.common > 0 {
		return o.readCommon(entries)
	}
	// A crash between entries and checkpoint leaves entries that no checkpoint covers yet: they come again.
	newest, err := membership.OpenCheckpoint(kept.Note, o.org, o.at.Key)
	if err != nil {
		return err
	}
	if uint64(len(entries)) < newest.Size {
		return fmt.Errorf("%d entries where the checkpoint covers %d: run `muster check`", len(entries), newest.Size)
	}
	o.checkpoint, err = fold(kept.Note, newest, entries[:newest.Size])
	if errors.Is(err, membership.ErrWithheld) {
		o.lacking, err = true, nil
	}
	if err != nil {
		return err
	}
	return o.readDistrust(tx, entries)
}

// readCommon folds the entries that the device and a new rendezvous node have in common: the last run ended while it put
// the new node's in the place of those beyond.
func (o *organization) readCommon(entries []membership.Entry) error {
	if uint64(len(entries)) < o.common-1 {
		return fmt.Errorf("%d entries where %d count: run `muster check`", len(entries), o.common-1)
	}
	o.lacking = true
	for _, entry := range entries[:o.common-1] {
		if err := o.roll.Append(entry); err != nil {
			return err
		}
	}
	return nil
}

// newRoll returns an empty roll as this member's device reads it.
func (o *organization) newRoll() *membership.Roll {
	roll := membership.NewRoll(o.org)
	roll.ReadAs(o.member)
	return roll
}

// readDistrust reads whether the sequencer was caught lying, and takes in the entries that it showed before a broken one.
func (o *organization) readDistrust(tx *store.Tx, entries []membership.Entry) error {
	kept, err := tx.Distrust(o.org)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	o.distrust, o.proved = fmt.Errorf("%w: %s", errDistrusted, kept.Text), true
	if kept.Size > uint64(len(entries)) {
		return fmt.Errorf("%d entries where %d count: run `muster check`", len(entries), kept.Size)
	}
	for o.roll.Size() < kept.Size {
		if err := o.roll.Append(entries[o.roll.Size()]); err != nil {
			return err
		}
	}
	return nil
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
	trusted := o.distrust == nil
	o.mu.Unlock()
	page, err := client.Fetch(ctx, size)
	if err != nil {
		return fmt.Errorf("fetching the roll from entry %d: %w", size, err)
	}
	if o.otherTerm(page.Checkpoint) {
		return o.followTerm(ctx, client)
	}
	if err = o.adopt(page); errors.Is(err, errForgotten) {
		err = o.remind(ctx, client, page)
	}
	if err != nil {
		return err
	}
	if err := o.fetchLacking(ctx, client); err != nil {
		return err
	}
	o.checkAhead(asked)
	o.submitEarly(ctx, client)
	o.submitNewcomers(ctx, client)
	if trusted && o.inDoubt() {
		if page, err = client.Fetch(ctx, 0); err == nil {
			err = o.settleFork(page)
		}
		if err != nil {
			o.log.Warn("asking for the other roll", "error", err)
		}
	}
	return nil
}

// fetchLacking fetches the whole roll if pieces of it cannot be told from the rest: what this member may read only since
// lately, or what a move of the sequencing duty brought.
func (o *organization) fetchLacking(ctx context.Context, client *rvclient.Client) error {
	o.mu.Lock()
	lacking := o.lacking && o.distrust == nil // messages go on over the roll as it is
	o.mu.Unlock()
	if !lacking {
		return nil
	}
	page, err := client.Fetch(ctx, 0)
	if err != nil {
		return fmt.Errorf("fetching the whole roll: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.replaceLocked(page, o.at)
}

// inDoubt reports whether the sequencer may have lied and nothing proves it.
func (o *organization) inDoubt() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.distrust != nil && !o.proved
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
	o.heardTimeLocked(page.Checkpoint)
	if o.tooOldLocked(page) {
		return nil
	}
	before, names, skin := o.roll.Size(), o.contactNamesLocked(), o.roll.State().Skin()
	checkpoint, added, err := extend(o.roll, page, o.at.Key)
	switch {
	case errors.Is(err, membership.ErrMoved), errors.Is(err, membership.ErrWithheld):
		o.lacking = true
		return o.rereadIfGrown(before)
	case err != nil:
		return o.suspectLocked(page, before, added, err)
	}
	if err := o.storeRoll(before, added, page.Checkpoint); err != nil {
		return errors.Join(err, o.rereadLocked()) // what is not on disk is not known
	}
	o.adoptedLocked(checkpoint, added, names, skin)
	o.checkClockLocked(added)
	return nil
}

// adoptedLocked has all know of what was added to the roll, under a checkpoint that ends with it. Names and skin are those of before.
// Callers hold mu.
func (o *organization) adoptedLocked(checkpoint membership.Checkpoint, added []membership.Entry, names map[keys.MemberID]string, skin membership.Skin) {
	o.checkpoint = checkpoint
	o.settleEarlyLocked()
	o.settleNewcomersLocked()
	if len(added) == 0 {
		return
	}
	o.log.Info("roll adopted", "size", o.roll.Size())
	if len(o.newcomers) > 0 {
		wake(o.wakeRoll) // what was in the way of a join may be there now: it is handed in again
	}
	o.noteChangeLocked()
	o.noteParticipantsLocked()
	o.sameHead = 0
	o.tellLocked()
	if o.client == nil { // others on the local network may not hear of it from elsewhere
		o.neighbours.news()
	}
	o.tellChangesLocked(names)
	o.noteAccountsLocked(added)
	o.node.hub.publish(api.Event{Kind: api.EventOrg, Time: o.now().UTC(), Org: o.org.String()})
	if !skin.Equal(o.roll.State().Skin()) {
		o.tellSkinLocked()
	}
	wake(o.wakeSeal)
}

// tooOldLocked reports whether a page brings entries under a checkpoint that is older than the offline grace: nobody
// becomes a member by it, since the roll may have gone on without them. Callers hold mu.
func (o *organization) tooOldLocked(page rvclient.Page) bool {
	if len(page.Entries) == 0 {
		return false
	}
	newest, err := membership.OpenCheckpoint(page.Checkpoint, o.org, o.at.Key)
	if err != nil || o.freshLocked(newest, o.now()) {
		return false
	}
	o.alarmLocked(store.Alarm{Kind: "stale", Text: "the rendezvous node shows new entries of the roll under an old checkpoint: " +
		"they are not taken before it signs a fresh one, or this device's clock is wrong"})
	return true
}

// rereadIfGrown puts the roll back to what the store has if entries were folded that are to be fetched again.
func (o *organization) rereadIfGrown(before uint64) error {
	if o.roll.Size() == before {
		return nil
	}
	return o.rereadLocked()
}

// rereadLocked puts the roll back to what the store has. Callers hold mu.
func (o *organization) rereadLocked() error {
	advanced := o.roll
	o.roll = o.newRoll()
	err := o.node.store.View(o.readRoll)
	if err != nil {
		o.roll = advanced // true all the same, and better than none
	}
	return err
}

func (o *organization) storeRoll(from uint64, entries []membership.Entry, note []byte) error {
	if err := o.putEntries(from, entries); err != nil {
		return err
	}
	return o.node.store.Update(func(tx *store.Tx) error {
		return tx.PutCheckpoint(o.org, store.Checkpoint{Note: note, Seen: o.now().UnixMilli()})
	})
}

func (o *organization) putEntries(from uint64, entries []membership.Entry) error {
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
	return nil
}

// checkClockLocked raises an alarm when the sequencer's stamps, or the time of a checkpoint it calls its newest, are
// far from the own clock. Callers hold mu.
func (o *organization) checkClockLocked(added []membership.Entry) {
	now := o.node.config.Clock()
	if len(added) > 0 {
		if ahead := time.UnixMilli(added[len(added)-1].Time).Sub(now); ahead > clockTolerance {
			o.alarmLocked(store.Alarm{Kind: "clock", Text: "the rendezvous node's clock is ahead of this device's by more than 10 minutes"})
		}
	}
	age := now.Sub(o.checkpoint.Time)
	switch {
	case age > staleAfter:
		o.alarmLocked(store.Alarm{Kind: "stale", Text: "the rendezvous node's newest checkpoint is more than 3 hours old: it may be showing an old roll"})
	case age < -clockTolerance:
		o.alarmLocked(store.Alarm{Kind: "clock", Text: "the rendezvous node's checkpoint is dated more than 10 minutes in the future"})
	}
}

// heardLocked judges the bytes of a head that came with a message or an introduction. Without any nothing is said. Callers
// hold mu.
func (o *organization) heardLocked(said spoken) {
	if len(said.Head) == 0 {
		return
	}
	parsed, err := membership.ParseHead(said.Head)
	if err != nil {
		o.madeUpLocked(said.From, said.Head)
		return
	}
	o.heardHeadLocked(head{parsed, said.From})
}

// heardHeadLocked compares the roll that a message's author saw with the own one. It runs on every message, so that a
// node that shows different rolls to different devices is found out by the first message between them. Nothing is
// believed that the sequencer did not sign: a member can raise an alarm about nobody but themselves. Callers hold mu.
func (o *organization) heardHeadLocked(heard head) {
	now, _ := o.roll.State().Sequencer()
	if o.proved || heard.Term > now.Term {
		return // nothing more can come of it, or it is of a node that this device has not followed yet
	}
	err := o.roll.CompareHead(heard.Head)
	_, forked := errors.AsType[*membership.ForkError](err)
	switch {
	case err == nil:
	case errors.Is(err, membership.ErrAhead) && heard.Term < now.Term: // of a term that never was here: no reason to fetch
	case errors.Is(err, membership.ErrAhead):
		if heard.Size > o.ahead[heard.From].Size {
			o.ahead[heard.From] = heard
		}
		wake(o.wakeRoll)
	case forked && heard.Term != o.checkpoint.Term: // it says nothing of the node that orders the roll now
		o.alarmLocked(store.Alarm{Kind: "fork", Evidence: [][]byte{heard.Marshal()}, Text: fmt.Sprintf(
			"a former rendezvous node signed another roll than this device has, and showed it to member %s", o.personText(heard.From))})
	case forked:
		text := fmt.Sprintf("the rendezvous node shows different rolls to different devices: member %s was shown another roll than this device",
			o.personText(heard.From))
		evidence, proofErr := o.proveFork(heard.Head)
		if err := o.distrustLocked("fork", text, [][]byte{heard.Marshal()}, evidence, proofErr); err != nil {
			o.log.Error("ending trust in the rendezvous node", "error", err)
		}
	default:
		o.madeUpLocked(heard.From, heard.Marshal())
	}
}

// madeUpLocked raises the alarm about a head that the sequencer did not sign: it says nothing of the node. Callers hold mu.
func (o *organization) madeUpLocked(from keys.MemberID, data []byte) {
	o.alarmLocked(store.Alarm{Kind: "head", Evidence: [][]byte{data}, Text: fmt.Sprintf(
		"member %s speaks of a roll that the rendezvous node did not sign: their device made it up or is damaged", o.personText(from))})
}

// checkAhead judges, after a fetch, the rolls that members had spoken of before it: by now they must be here, if the
// sequencer signed them. A member who makes one up is named, and hides no other's word.
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
		switch {
		case heard.Size <= o.roll.Size():
			o.heardHeadLocked(heard)
		case o.roll.VerifyHead(heard.Head) != nil:
			o.madeUpLocked(member, heard.Marshal())
		default:
			o.alarmLocked(store.Alarm{Kind: "withheld", Evidence: [][]byte{heard.Marshal()}, Text: fmt.Sprintf(
				"member %s knows a larger roll than the rendezvous node shows this device: the node signed it and withholds it",
				o.personText(member))})
		}
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

// memberNameLocked returns a member's name, or the short id of who is not on the roll or has none to be read. Callers hold mu.
func (o *organization) memberNameLocked(id keys.MemberID) string {
	m, ok := o.allPeopleLocked().Member(id)
	if passed := o.passedMemberLocked(id); !ok && passed != nil {
		m, ok = membership.Member{Name: passed.Name}, true
	}
	switch {
	case !ok, !o.showsLocked(id):
		return id.Short()
	case m.Name == "": // a guest's is for desks only
		return "guest " + id.Short()
	}
	return m.Name
}
