package rendezvous

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// A further node has the roll of another node, which it verifies as a device does. It serves under that node's checkpoints,
// signs none, and puts nothing on the roll. [RV-163]

// orders reports whether this node orders the roll, by what is on it.
func (r *roll) orders() (orders bool) {
	r.read(func(state *membership.State) {
		named, ok := state.Sequencer()
		orders = ok && named.Node == r.node.Public()
	})
	return orders
}

// serves reports whether the roll has this node among those of the organization.
func (r *roll) serves() (serves bool) {
	r.read(func(state *membership.State) { serves = state.Serves(r.node.Public()) })
	return serves
}

// elsewhere says that another node orders the roll, by the event that made it so; the zero refusal if this one does.
// [RV-164]
func (o *org) elsewhere() refusal {
	if no := o.moved(); no.status != wire.StatusOK || o.roll.orders() {
		return no
	}
	no := refusal{status: wire.StatusMoved, org: o.id}
	o.roll.read(func(state *membership.State) {
		terms := state.Terms()
		at := terms[len(terms)-1].From
		_ = o.roll.store.View(func(tx *kv.Tx) error { // without it the answer names nobody
			value, err := tx.Get(kv.Key(o.roll.table, o.id[:], kv.Number(at)))
			if err != nil {
				return err
			}
			entry, err := membership.ParseEntry(value)
			no.move = entry.Event
			return err
		})
	})
	if len(no.move) == 0 {
		return refusal{status: wire.StatusUnavailable}
	}
	return no
}

// recallNote reads the checkpoint under which a further node serves.
func (r *roll) recallNote() error {
	var note []byte
	err := r.store.View(func(tx *kv.Tx) (err error) {
		note, err = tx.Get(kv.Key(tableHead, r.org[:]))
		return err
	})
	if err == nil {
		err = r.within(note)
	}
	if err == nil {
		err = r.adopt(bytes.Clone(note))
	}
	if err != nil {
		return fmt.Errorf("%w: the checkpoint of the roll of %s: %v", kv.ErrCorrupt, r.org.Short(), err)
	}
	return nil
}

// within leaves out what was stored beyond a checkpoint when the node was killed before it stored the next one: it comes again.
func (r *roll) within(note []byte) error {
	size, err := rvproto.CheckpointSize(note)
	if err != nil || size >= r.roll.Size() {
		return err
	}
	shorter := blankRoll(r.store, r.node, r.org, r.table)
	if err := shorter.load(size); err != nil {
		return err
	}
	r.roll, r.seen, r.about = shorter.roll, shorter.seen, shorter.about
	return nil
}

// retired notes that a node that followed the roll serves no more, if it was killed before it noted that. [RV-168]
func (r *roll) retired(record *orgRecord, now time.Time) error {
	if followed, err := value(r.store, kv.Key(tableHead, r.org[:])); err != nil || followed == nil {
		return err
	}
	err := r.store.View(func(tx *kv.Tx) error {
		return tx.Range(kv.Key(r.table, r.org[:]), nil, false, func(_, value []byte) (bool, error) {
			entry, err := membership.ParseEntry(value)
			if event := lastOfNodes([]membership.Entry{entry}); err == nil && event != nil {
				record.Move, record.Given = event, now.Unix()
			}
			return true, err
		})
	})
	if err != nil {
		return err
	}
	return r.store.Update(func(tx *kv.Tx) error { return tx.Put(kv.Key(tableOrg, r.org[:]), wire.Encode(*record)) })
}

// adopt makes a checkpoint of the roll's sequencer the newest one. The caller holds mu, or is alone.
func (r *roll) adopt(note []byte) error {
	named, _ := r.roll.State().Sequencer()
	checkpoint, err := membership.OpenCheckpoint(note, r.org, named.Node)
	if err != nil {
		return err
	}
	if checkpoint.Size != r.roll.Size() {
		return fmt.Errorf("%w: size %d of %d", membership.ErrSize, checkpoint.Size, r.roll.Size())
	}
	r.noted(note, checkpoint.Time)
	return nil
}

// extend takes in what another node shows of the roll beyond what is here, and stores it before the checkpoint is shown to
// anybody. It returns the entries that are new. Errors are those of membership.Roll.Extend; ErrShrunk, and a checkpoint that
// is no fresher, are none. The caller holds Node.sequence.
func (r *roll) extend(note []byte, entries []membership.Entry, proof []membership.Hash) ([]membership.Entry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	from := r.roll.Size()
	if len(entries) == 0 && len(r.unstored) == 0 {
		named, _ := r.roll.State().Sequencer()
		if shown, err := membership.OpenCheckpoint(note, r.org, named.Node); err == nil && shown.Size == from && !shown.Time.After(r.signed) {
			return nil, nil
		}
	}
	_, err := r.roll.Extend(note, keys.PublicKey{}, entries, proof)
	if errors.Is(err, membership.ErrShrunk) {
		return nil, nil
	}
	for i, entry := range entries[:r.roll.Size()-from] {
		r.index(from+uint64(i), entry)
		r.unstored = append(r.unstored, entry)
	}
	if err != nil {
		return nil, err
	}
	return r.storeNew(bytes.Clone(note))
}

// storeNew stores what was folded and is not on disk, with the checkpoint of all. What could not be stored is kept for the
// next time. The caller holds mu.
func (r *roll) storeNew(note []byte) ([]membership.Entry, error) {
	root, err := r.roll.Root(r.roll.Size())
	if err != nil {
		return nil, err
	}
	first := r.roll.Size() - uint64(len(r.unstored))
	for start := 0; start < len(r.unstored); start += dropBatch {
		err := r.store.Update(func(tx *kv.Tx) error {
			for i, entry := range r.unstored[start:min(start+dropBatch, len(r.unstored))] {
				if err := tx.Put(kv.Key(r.table, r.org[:], kv.Number(first+uint64(start+i))), entry.Marshal()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("storing entries of the roll: %w", err)
		}
	}
	err = r.store.Update(func(tx *kv.Tx) error {
		return errors.Join(tx.Put(kv.Key(tableHead, r.org[:]), note), r.vouch(tx, r.roll.Size(), root))
	})
	if err != nil {
		return nil, fmt.Errorf("storing a checkpoint: %w", err)
	}
	stored := r.unstored
	r.unstored = nil
	return stored, r.adopt(note)
}

// shown takes in entries that a device shows to a further node, because the sequencer is gone or does not: they lead to
// its checkpoint, all at once. [RV-163]
func (r *roll) shown(show *rvproto.ShowRequest) ([]membership.Entry, error) {
	size := r.roll.Size() // only who holds sequence changes it
	named, _ := r.roll.State().Sequencer()
	checkpoint, err := membership.OpenCheckpoint(show.Checkpoint, r.org, named.Node)
	switch {
	case err != nil:
		return nil, wire.StatusRefused
	case checkpoint.Size <= size:
		_, err := r.extend(show.Checkpoint, nil, nil)
		return nil, err
	case show.From > size || show.From+uint64(len(show.Entries)) != checkpoint.Size:
		return nil, wire.StatusStale
	}
	root, err := r.roll.Root(size)
	if err != nil {
		return nil, err
	}
	next := blankRoll(r.store, r.node, r.org, r.table)
	if err := next.reload(size, root); err != nil {
		return nil, err
	}
	for _, data := range show.Entries[size-show.From:] {
		entry, err := membership.ParseEntry(data)
		if err == nil && entry.Hidden() {
			err = wire.StatusRefused // whoever has it whole must show it
		}
		if err == nil {
			err = next.take(entry)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %v", wire.StatusRefused, err)
		}
		next.unstored = append(next.unstored, entry)
	}
	if root, err := next.roll.Root(checkpoint.Size); err != nil || root != checkpoint.Root {
		return nil, wire.StatusRefused
	}
	if after, _ := next.roll.State().Sequencer(); after.Term != named.Term {
		return nil, wire.StatusRefused // a move is followed from node to node
	}
	added, err := next.storeNew(bytes.Clone(show.Checkpoint))
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.roll, r.seen, r.about = next.roll, next.seen, next.about
	r.noted(next.note, next.signed)
	return added, nil
}

// seenElsewhere notes that a device came to another node, if that was lately.
func (a *attendance) seenElsewhere(device keys.PublicKey, on uint64, now time.Time) {
	today := daysOf(now)
	a.mu.Lock()
	before := a.devices[device].Day
	a.mu.Unlock()
	if on > before && on <= today+1 && on+1 >= today {
		a.come(device, now)
	}
}

// showFurther answers a device that shows a further node what the sequencer has signed.
func (n *Node) showFurther(o *org, show *rvproto.ShowRequest) rvproto.RollAnswer {
	added, err := o.roll.shown(show)
	if err == nil {
		err = n.followed(o, added)
	}
	if err != nil {
		return rollRefusal(n.answerFor("taking in entries that a device shows", err))
	}
	return n.submitted(o, wire.StatusOK)
}

// takesOver reports whether an event moves the sequencing duty to this node, which serves already.
func (n *Node) takesOver(event []byte) bool {
	move, err := membership.ReadEvent(event)
	return err == nil && move.Rendezvous != nil && move.Rendezvous.Node == n.key.Public()
}

// lags reports whether the sender of something knows more of the roll than this node, which follows another's. [RV-163]
func (o *org) lags(size uint64) (lags bool) {
	if !o.several.Load() {
		return false
	}
	o.roll.read(func(state *membership.State) {
		named, _ := state.Sequencer()
		lags = size > state.Size() && named.Node != o.roll.node.Public()
	})
	return lags
}

// barEarly has a further node shut a device out whose bar the rules allow, before the roll has it: the sequencer may be gone.
// It ends when the node is started anew; by then the roll has the bar, or who holds it tells it again. Nothing is removed
// for it. [RV-164]
func (n *Node) barEarly(o *org, event []byte) {
	n.sequence.Lock()
	defer n.sequence.Unlock()
	bar, err := membership.ReadEvent(event)
	if err != nil || bar.Bar == nil || !o.roll.allows(event, n.cfg.Now()) || n.directory.active(bar.Bar.Device) != o {
		return
	}
	n.directory.enter(bar.Bar.Device, o, membership.StandingBarred)
	o.sessions.cut(bar.Bar.Device)
	n.parcels.drop(bar.Bar.Device)
	n.dismiss(bar.Bar.Device, keys.PublicKey{})
	n.log.Info("a device is shut out ahead of the roll", "org", o.id.Short())
}
