package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// A node whose folder is an old copy has forgotten entries that it signed. Would it sign others in their place, that would
// be a fork. So a checkpoint of its own that goes beyond its roll stops it, until somebody shows it the entries. [RV-64]

// recall reads whether the node knows that it has forgotten something.
func (r *roll) recall() error {
	var note []byte
	err := r.store.View(func(tx *kv.Tx) (err error) {
		note, err = tx.Get(kv.Key(tableAhead, r.org[:]))
		return err
	})
	if errors.Is(err, kv.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	checkpoint, err := membership.OpenCheckpoint(note, r.org, r.node.Public())
	if err != nil {
		return fmt.Errorf("%w: the checkpoint of a forgotten roll: %v", kv.ErrCorrupt, err)
	}
	if checkpoint.Size > r.roll.Size() {
		r.ahead = checkpoint.Size
	}
	return nil
}

// learn takes note of a checkpoint. It returns an error unless this node signed it, for a roll of which ours can be a
// beginning or the other way round; behind says that it goes beyond what we have. The caller is the sequencer.
func (r *roll) learn(note []byte) (checkpoint membership.Checkpoint, behind bool, err error) {
	checkpoint, err = membership.OpenCheckpoint(note, r.org, r.node.Public())
	if err != nil {
		return checkpoint, false, wire.StatusRefused
	}
	r.mu.RLock()
	size, ahead := r.roll.Size(), r.ahead
	var root membership.Hash
	if checkpoint.Size <= size {
		root, err = r.roll.Root(checkpoint.Size)
	}
	void := r.roll.State().VoidHead(checkpoint.Term, checkpoint.Size)
	r.mu.RUnlock()
	switch {
	case err != nil:
		return checkpoint, false, err
	case void: // of a term in which the node had the duty before, and lost it
		return checkpoint, false, wire.StatusRefused
	case checkpoint.Size <= size && root != checkpoint.Root:
		return checkpoint, false, errForked
	case checkpoint.Size <= size || checkpoint.Size <= ahead:
		return checkpoint, checkpoint.Size > size, nil
	}
	err = r.store.Update(func(tx *kv.Tx) error { return tx.Put(kv.Key(tableAhead, r.org[:]), note) })
	if err != nil {
		return checkpoint, false, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ahead = checkpoint.Size
	return checkpoint, true, nil
}

// relearn takes entries back that lead to a checkpoint of our own: the roll with them is stored and folded, or nothing
// has changed. The caller is the sequencer.
func (r *roll) relearn(checkpoint membership.Checkpoint, show *rvproto.ShowRequest, now time.Time) error {
	size := r.roll.Size() // only the sequencer changes it
	if show.From > size {
		return wire.StatusStale
	}
	entries := show.Entries[min(size-show.From, uint64(len(show.Entries))):]
	if len(entries) == 0 {
		return nil
	}
	next := blankRoll(r.store, r.node, r.org, r.table)
	root, err := r.roll.Root(size)
	if err != nil {
		return err
	}
	if err := next.reload(size, root); err != nil {
		return err
	}
	for _, data := range entries {
		entry, err := membership.ParseEntry(data)
		if err == nil && entry.Hidden() {
			err = wire.StatusRefused // whoever has it whole must show it
		}
		if err == nil {
			err = next.take(entry)
		}
		if err != nil {
			return fmt.Errorf("%w: %v", wire.StatusRefused, err)
		}
	}
	if err := leadsTo(next.roll, checkpoint, show.Proof); err != nil {
		return err
	}
	root, err = next.roll.Root(next.roll.Size())
	if err != nil {
		return err
	}
	err = r.store.Update(func(tx *kv.Tx) error {
		if err := r.vouch(tx, next.roll.Size(), root); err != nil {
			return err
		}
		for i, data := range entries {
			if err := tx.Put(kv.Key(r.table, r.org[:], kv.Number(size+uint64(i))), data); err != nil {
				return err
			}
		}
		if next.roll.Size() >= r.ahead {
			return tx.Delete(kv.Key(tableAhead, r.org[:]))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("storing entries that were forgotten: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.roll, r.seen, r.about = next.roll, next.seen, next.about
	if r.roll.Size() >= r.ahead {
		r.ahead = 0
	}
	return r.sign(now)
}

// leadsTo: a roll is a beginning of that of a checkpoint.
func leadsTo(roll *membership.Roll, checkpoint membership.Checkpoint, proof [][32]byte) error {
	root, err := roll.Root(roll.Size())
	if err != nil {
		return err
	}
	hashes := make([]membership.Hash, 0, len(proof))
	for _, hash := range proof {
		hashes = append(hashes, hash)
	}
	if membership.VerifyConsistency(roll.Size(), root, checkpoint.Size, checkpoint.Root, hashes) != nil {
		return wire.StatusRefused
	}
	return nil
}

// show answers a device that shows a roll which this node signed and may have forgotten. [RV-64]
func (n *Node) show(ctx context.Context, o *org, from keys.PublicKey, show *rvproto.ShowRequest) rvproto.RollAnswer {
	n.sequence.Lock()
	defer n.sequence.Unlock()
	if !o.roll.orders() {
		return n.showFurther(o, show)
	}
	known := o.roll.ahead // only the sequencer changes it
	checkpoint, behind, err := o.roll.learn(show.Checkpoint)
	if err == nil && behind && o.roll.ahead > known {
		n.log.Warn("this node's folder is older than what it has signed: it orders nothing before a device has shown it the rest",
			"org", o.id.Short(), "size", checkpoint.Size)
	}
	if err == nil && behind && len(show.Entries) > 0 {
		if o.charge(from, n.cfg.Now()) != nil {
			return rollRefusal(wire.StatusFull)
		}
		err = o.roll.relearn(checkpoint, show, n.cfg.Now())
		if err == nil && o.roll.ahead == 0 {
			n.log.Info("the roll is whole again", "org", o.id.Short(), "size", o.roll.roll.Size())
		}
		n.judge(o, keys.PublicKey{})
		o.sessions.wakeAll()
		wake(n.news)
	}
	switch {
	case errors.Is(err, errForked):
		n.log.Error("this node has signed two rolls", "org", o.id.Short(), "size", checkpoint.Size)
		return rollRefusal(wire.StatusRefused)
	case err != nil:
		return rollRefusal(n.answerFor("taking back entries", err))
	}
	return n.submitted(o, wire.StatusOK)
}
