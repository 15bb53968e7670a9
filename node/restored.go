package node

import (
	"context"
	"errors"
	"fmt"

	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// remind shows a rendezvous node that has forgotten a part of the roll, because it was restored from an old backup, what
// it signed itself. A node that does not take that up shows an old roll: an alarm, and messages go on over the own one.
func (o *organization) remind(ctx context.Context, client *rvclient.Client, page rvclient.Page) error {
	size, err := rvproto.CheckpointSize(page.Checkpoint)
	if err != nil {
		return err
	}
	o.mu.Lock()
	note := o.roll.Note()
	o.mu.Unlock()
	entries, err := o.shownEntries(size)
	if err != nil {
		return err
	}
	if err = client.Show(ctx, note, size, entries, o.proveTo); err == nil {
		o.log.Info("the rendezvous node had forgotten a part of the roll and was reminded", "from", size, "entries", len(entries))
		if page, err = client.Fetch(ctx, o.size()); err == nil {
			err = o.adopt(page)
		}
	}
	if _, answered := errors.AsType[wire.Status](err); err == nil || !answered && !errors.Is(err, errForgotten) {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.alarmLocked(store.Alarm{
		Kind: "shrunk", Evidence: [][]byte{page.Checkpoint},
		Text: "the rendezvous node shows an older roll than before, and does not take back what it forgot",
	})
	return nil
}

func (o *organization) size() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.roll.Size()
}

// errForgotten means that the rendezvous node shows a true beginning of the roll that it signed.
var errForgotten = errors.New("the rendezvous node has forgotten a part of the roll")

// shownEntries returns the entries from a position on, to the newest checkpoint's; none if some are hidden from this
// member, so that only the checkpoint can be shown.
func (o *organization) shownEntries(from uint64) (entries [][]byte, err error) {
	o.mu.Lock()
	size := o.checkpoint.Size
	o.mu.Unlock()
	hidden := false
	err = o.node.store.View(func(tx *store.Tx) error {
		return tx.EntriesFrom(o.org, from, func(index uint64, data []byte) (bool, error) {
			if index >= size {
				return false, nil
			}
			entry, err := membership.ParseEntry(data)
			hidden = hidden || entry.Hidden()
			entries = append(entries, data)
			return true, err
		})
	})
	if hidden {
		return nil, err
	}
	return entries, err
}

// proveTo returns the proof that the newest checkpoint continues a size.
func (o *organization) proveTo(size uint64) ([][32]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	proof, err := o.roll.ProveConsistency(size, o.checkpoint.Size)
	if err != nil {
		return nil, fmt.Errorf("proving what the rendezvous node forgot: %w", err)
	}
	hashes := make([][32]byte, len(proof))
	for i, hash := range proof {
		hashes[i] = hash
	}
	return hashes, nil
}
