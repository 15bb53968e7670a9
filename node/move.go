package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// errMove means that an event does not move the sequencing duty, as far as this device can know.
var errMove = errors.New("not a move of the sequencing duty by an admin or the root key")

// hearMove takes in the signed event by which the sequencing duty moves to another node. The device follows at its next
// session: it believes the move only when the new node shows the roll that it leads to. errKnown says that there is
// nothing to do.
func (o *organization) hearMove(data []byte) error {
	event, principal, err := membership.OpenEvent(data)
	switch {
	case err != nil:
		return err
	case event.Rendezvous == nil || principal.Org != o.org:
		return errMove
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.roll.State()
	if now, ok := state.Sequencer(); ok && event.Rendezvous.Term <= now.Term {
		return errKnown
	}
	if bytes.Equal(o.move, data) {
		return errKnown
	}
	if !o.maybeMoveLocked(event, principal.Signer) {
		return errMove // nobody else makes this device dial an address
	}
	if _, byRoot, ok := o.heardMove(); ok && byRoot && principal.Signer != state.RootKey() {
		return errKnown // the root key's word stands
	}
	kept := o.keptLocked()
	kept.Move = data
	if err := o.node.store.Update(func(tx *store.Tx) error { return tx.PutOrganization(kept) }); err != nil {
		return err
	}
	o.move = data
	o.tellLocked()
	o.log.Info("the sequencing duty moves", "node", event.Rendezvous.Node.Short(), "term", event.Rendezvous.Term)
	return nil
}

// maybeMoveLocked reports whether a move may be worth following: it is signed by who may act for the organization now, and
// is of the next term or, by the root key, of any later one. Callers hold mu.
func (o *organization) maybeMoveLocked(event membership.Event, signer keys.PublicKey) bool {
	now, _ := o.roll.State().Sequencer()
	next := event.Rendezvous.Term == now.Term+1 || event.Rendezvous.Term > now.Term && signer == o.roll.State().RootKey()
	return next && o.governsLocked(signer)
}

// governsLocked reports whether a key is the root key or an admin's active device. Callers hold mu.
func (o *organization) governsLocked(key keys.PublicKey) bool {
	state := o.roll.State()
	if key == state.RootKey() {
		return true
	}
	id, ok := o.memberOfLocked(key)
	member, _ := state.Member(id)
	return ok && member.Role == membership.RoleAdmin
}

// heardMove returns the move that the device has heard of and not followed, as long as it may be worth following, and
// whether the root key signed it. Of several moves of one term the one heard last is tried. Callers hold mu.
func (o *organization) heardMove() (move membership.Rendezvous, byRoot, ok bool) {
	if len(o.move) == 0 {
		return membership.Rendezvous{}, false, false
	}
	event, principal, err := membership.OpenEvent(o.move)
	if err != nil || event.Rendezvous == nil || !o.maybeMoveLocked(event, principal.Signer) {
		return membership.Rendezvous{}, false, false
	}
	return *event.Rendezvous, principal.Signer == o.roll.State().RootKey(), true
}

// keptLocked is what the store has of the organization. Callers hold mu.
func (o *organization) keptLocked() store.Organization {
	return store.Organization{
		Org: o.org, Member: o.member, Identity: o.self.Seed(), Node: o.at, Joined: o.joined, Move: o.move, Common: o.common, Bear: o.bear,
	}
}

// follow goes to the node that a heard move names, if there is one. It reports whether the device now belongs there.
func (o *organization) follow(ctx context.Context, local host.Host) (bool, error) {
	return o.followWith(ctx, local, func(ctx context.Context, client *rvclient.Client) (rvclient.Page, error) { return client.Fetch(ctx, 0) })
}

// followWith is follow with a way to have the new node's roll.
func (o *organization) followWith(ctx context.Context, local host.Host, fetch func(context.Context, *rvclient.Client) (rvclient.Page, error)) (bool, error) {
	o.mu.Lock()
	move, _, heard := o.heardMove()
	o.mu.Unlock()
	if !heard {
		return false, nil
	}
	at := store.Node{Key: move.Node, Addresses: move.Addresses}
	client := &rvclient.Client{Host: local, Node: at.Key, Addresses: o.node.callAt(at), Org: o.org}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	page, err := fetch(ctx, client)
	if err != nil {
		_ = local.Network().ClosePeer(p2p.PeerID(at.Key))
		return false, fmt.Errorf("fetching the roll from the new rendezvous node: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return true, o.replaceLocked(page, at)
}

// replaceLocked puts a whole roll, as a node shows it, in the place of the own: because the sequencing duty has moved, or
// because this member has become a reader of entries that it has without their events. What the own roll had beyond the
// move is handed in again, and its bars obeyed meanwhile. Callers hold mu.
func (o *organization) replaceLocked(page rvclient.Page, at store.Node) error {
	entries, err := parseEntries(page.Entries)
	if err != nil {
		return err
	}
	next, checkpoint, err := membership.Rebuild(o.org, o.member, page.Checkpoint, at.Key, entries)
	if _, broken := errors.AsType[*membership.RuleBrokenError](err); broken && at.Key == o.at.Key {
		return o.suspectLocked(page, 0, nil, err)
	}
	if err != nil && at.Key == o.at.Key {
		o.alarmLocked(store.Alarm{Kind: "roll", Evidence: [][]byte{page.Checkpoint},
			Text: "the rendezvous node shows a roll that cannot be verified: nothing of it is taken"})
	}
	if err != nil {
		return fmt.Errorf("verifying the roll of %s: %w", at.Key.Short(), err)
	}
	common, err := o.roll.Succeed(next)
	changed := common // from where on entries are not the same bytes
	if errors.Is(err, membership.ErrSequencer) && sameTerm(o.roll, next) {
		common, err = o.continues(next) // all of ours; some of it may have been hidden
		changed = 0
	}
	if err != nil {
		return fmt.Errorf("the roll of %s does not follow from this device's: %w", at.Key.Short(), err)
	}
	lost, err := o.lostEvents(common)
	if err != nil {
		return err
	}
	if o.distrust != nil && sameTerm(o.roll, next) {
		return o.distrust // only a move of the duty settles that
	}
	if terms := next.State().Terms(); o.proved && !terms[len(terms)-1].ByRoot {
		return errors.New("the rendezvous node was caught lying: only a move by the root key settles that")
	}
	before, names := o.roll.Size(), o.contactNamesLocked()
	if named, ok := next.State().Sequencer(); ok && named.Node == at.Key && !sameTerm(o.roll, next) {
		at.Addresses = named.Addresses // it may be the same node, elsewhere
	}
	if err := o.storeReplaced(entries, common, changed, lost, page.Checkpoint, at); err != nil {
		return errors.Join(err, o.rereadLocked())
	}
	moved := at.Key != o.at.Key || common < before
	o.bear = o.bear || at.Key != o.at.Key
	o.roll, o.checkpoint, o.at, o.move, o.common = next, checkpoint, at, nil, 0
	o.distrust, o.proved, o.lacking = nil, false, false
	for _, event := range lost {
		o.resumeLocked(event)
	}
	if moved {
		o.log.Info("followed the sequencing duty", "node", at.Key.Short(), "size", next.Size(), "lost", len(lost))
	}
	o.settleEarlyLocked()
	o.settleNewcomersLocked()
	o.noteParticipantsLocked()
	o.tellLocked()
	o.tellChangesLocked(names)
	o.noteAccountsLocked(entries[min(before, uint64(len(entries))):])
	o.noteChangeLocked()
	wake(o.wakeSeal)
	return nil
}

// continues: a roll of the same term begins with all of ours.
func (o *organization) continues(next *membership.Roll) (common uint64, err error) {
	size := o.roll.Size()
	root, err := o.roll.Root(size)
	if err != nil {
		return 0, err
	}
	if next.Size() < size {
		return 0, membership.ErrShrunk
	}
	return size, next.Compare(size, root)
}

func sameTerm(a, b *membership.Roll) bool {
	one, _ := a.State().Sequencer()
	other, _ := b.State().Sequencer()
	return one.Term == other.Term && one.Node == other.Node
}

// lostEvents returns the events beyond a size, but for moves of the duty: those are dead.
func (o *organization) lostEvents(common uint64) (lost [][]byte, err error) {
	index := uint64(0)
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.Entries(o.org, func(data []byte) error {
			index++
			if index <= common {
				return nil
			}
			entry, err := membership.ParseEntry(data)
			if err == nil && !entry.Hidden() {
				lost = append(lost, entry.Event)
			}
			return err
		})
	})
	return lost, err
}

// storeReplaced stores the roll of a new node. From its first transaction to its last the store says how many of the old
// entries count, so that a crash leaves a roll that is short and true.
func (o *organization) storeReplaced(entries []membership.Entry, common, changed uint64, lost [][]byte, note []byte, at store.Node) error {
	kept := o.keptLocked()
	kept.Common = common + 1
	for start := 0; start < len(lost); start += entriesPerUpdate {
		err := o.node.store.Update(func(tx *store.Tx) error {
			for i, event := range lost[start:min(start+entriesPerUpdate, len(lost))] {
				if err := tx.PutLostEvent(o.org, common+uint64(start+i), event); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("storing what the move left behind: %w", err)
		}
	}
	if err := o.node.store.Update(func(tx *store.Tx) error { return tx.PutOrganization(kept) }); err != nil {
		return err
	}
	for index := uint64(len(entries)); index < o.roll.Size(); index++ {
		if err := o.node.store.Update(func(tx *store.Tx) error { return tx.DeleteEntry(o.org, index) }); err != nil {
			return err
		}
	}
	if err := o.putEntries(changed, entries[changed:]); err != nil {
		return err
	}
	if err := o.cutMoments(common); err != nil {
		return err
	}
	effects := newEffects()
	kept.Node, kept.Move, kept.Common, kept.Bear = at, nil, 0, kept.Bear || at.Key != o.at.Key
	err := o.node.store.Update(func(tx *store.Tx) error {
		if err := tx.PutCheckpoint(o.org, store.Checkpoint{Note: note, Seen: o.now().UnixMilli()}); err != nil {
			return err
		}
		if err := tx.DeleteDistrust(o.org); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if at.Key != o.at.Key {
			if err := o.offerAllAgain(tx, &effects); err != nil {
				return err
			}
		}
		return tx.PutOrganization(kept)
	})
	if err == nil {
		o.applyLocked(effects)
	}
	return err
}

// offerAllAgain has the new node told of everything that only the old one had: leave that this member gave, and envelopes
// that nobody has given a receipt for.
func (o *organization) offerAllAgain(tx *store.Tx, effects *effects) error {
	for _, contact := range o.view.Contacts() {
		if len(contact.Given) == 0 {
			continue
		}
		if _, err := membership.OpenGrant(contact.Given, o.roll.State(), o.roll.Size()); err != nil {
			// By a device that is barred since: it stands for those who knew it before, and the new node did not.
			given := o.givenLocked(contact)
			if given.Number == 0 {
				continue
			}
			given.Number++
			contact.Given, contact.GivenAt = membership.SignGrant(given, o.self), o.roll.Size()
			if err := o.putContact(tx, contact, effects); err != nil {
				return err
			}
		}
		if err := tx.PutGrant(o.org, contact.Member, contact.Given); err != nil {
			return err
		}
	}
	var posted []store.Waiting
	err := tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
		if w.Accepted {
			posted = append(posted, w)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, w := range posted {
		w.Offered = 0 // long ago: it is offered again at once
		if err := tx.PutWaiting(o.org, w); err != nil {
			return err
		}
	}
	return nil
}

// bearGrants gives a new rendezvous node the leave that others gave this member, or the same one what they gave face to face: they
// may be away, and their devices follow later.
func (o *organization) bearGrants(ctx context.Context, client *rvclient.Client) error {
	o.mu.Lock()
	bear, contacts := o.bear, o.view.Contacts()
	o.mu.Unlock()
	if !bear {
		return nil
	}
	for _, contact := range contacts {
		if len(contact.Got) == 0 {
			continue
		}
		err := client.PutGrant(ctx, contact.Got)
		if status, answered := errors.AsType[wire.Status](err); err != nil && (!answered || status.Retryable()) {
			return err
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bear = false
	kept := o.keptLocked()
	return o.node.store.Update(func(tx *store.Tx) error { return tx.PutOrganization(kept) })
}

// resumeLocked obeys a bar that the move left behind, until it is on the roll again. Callers hold mu.
func (o *organization) resumeLocked(event []byte) {
	_, principal, err := membership.OpenEvent(event)
	if err != nil {
		return
	}
	kept := store.EarlyBar{Event: event, Heard: o.now().UnixMilli()}
	if bar, err := o.judgeEarlyLocked(kept); err == nil {
		o.early[principal.Event] = bar
		if err := o.node.store.Update(func(tx *store.Tx) error { return tx.PutEarlyBar(o.org, principal.Event, kept) }); err != nil {
			o.log.Error("storing a bar ahead of the roll", "error", err)
		}
	}
}

// submitLost hands in the events that a move left behind, in their order. One that the rules refuse is given up: its
// author has signed another since, or somebody else's took its place.
func (o *organization) submitLost(ctx context.Context, client *rvclient.Client) error {
	type lostEvent struct {
		index uint64
		data  []byte
	}
	var lost []lostEvent
	err := o.node.store.View(func(tx *store.Tx) error {
		return tx.LostEvents(o.org, func(index uint64, event []byte) error {
			lost = append(lost, lostEvent{index, event})
			return nil
		})
	})
	if err != nil {
		return err
	}
	for _, event := range lost {
		err := client.Submit(ctx, event.data)
		status, answered := errors.AsType[wire.Status](err)
		if err != nil && (!answered || status.Retryable()) {
			return err // later
		}
		if err != nil {
			o.log.Warn("an event that the move left behind is not taken", "reason", err)
		}
		err = o.node.store.Update(func(tx *store.Tx) error { return tx.DeleteLostEvent(o.org, event.index) })
		if err != nil {
			return err
		}
	}
	return nil
}

func parseEntries(all [][]byte) ([]membership.Entry, error) {
	entries := make([]membership.Entry, len(all))
	for i, data := range all {
		entry, err := membership.ParseEntry(data)
		if err != nil {
			return nil, fmt.Errorf("entry %d of the roll: %w", i, err)
		}
		entries[i] = entry
	}
	return entries, nil
}
