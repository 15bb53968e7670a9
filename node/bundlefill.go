package node

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"muster.example/internal/bundle"
	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/store"
)

// bars writes the bars that the roll may lack. [CAR-21]
func (x *bundleExport) bars(context.Context) error {
	x.o.mu.Lock()
	var events [][]byte
	for _, bar := range x.o.early {
		events = append(events, bar.Event)
	}
	x.o.mu.Unlock()
	slices.SortFunc(events, bytes.Compare)
	for _, event := range events {
		if in, err := x.put(bundle.Item{Kind: bundle.KindBar, Body: event}); err != nil {
			return err
		} else if in {
			x.result.Bars++
		}
	}
	return nil
}

// roll writes the newest entries of the roll with their checkpoint, those hidden that not all read whom the bundle is for. [CAR-19]
func (x *bundleExport) roll(context.Context) error {
	o := x.o
	o.mu.Lock()
	head, signed := o.roll.Head()
	piece := bundle.Roll{Checkpoint: o.roll.Note()}
	if !signed || head.Size != o.roll.Size() || o.distrust != nil {
		o.mu.Unlock()
		return nil
	}
	if head.Size > bundledEntries {
		piece.First = head.Size - bundledEntries
	}
	size := 0
	err := o.node.store.View(func(tx *store.Tx) error {
		return tx.EntriesFrom(o.org, piece.First, func(index uint64, data []byte) (bool, error) {
			entry, err := membership.ParseEntry(data)
			if err != nil {
				return false, err
			}
			shown := bytes.Clone(data)
			if !o.readsAllLocked(x.members, entry.Audience, index) {
				shown = entry.Hide().Marshal()
			}
			piece.Entries, size = append(piece.Entries, shown), size+len(shown)
			return index+1 < head.Size, nil
		})
	})
	o.mu.Unlock()
	if err != nil {
		return err
	}
	for ; size > bundledRoll; piece.First++ {
		size -= len(piece.Entries[0])
		piece.Entries = piece.Entries[1:]
	}
	if in, err := x.put(piece.Item()); err != nil || !in {
		return err
	}
	x.result.Entries = len(piece.Entries)
	return nil
}

// prekeys writes this device's prekey and those that it knows of others, so that who reads it can write to them.
func (x *bundleExport) prekeys(context.Context) error {
	own, err := x.o.currentPrekey()
	if err != nil {
		return err
	}
	all := []bundle.Prekey{{Device: x.o.device, Signed: own}}
	x.o.mu.Lock()
	err = x.o.node.store.View(func(tx *store.Tx) error {
		return x.o.eachDeviceLocked(func(device keys.PublicKey) error {
			signed, err := tx.KnownPrekey(x.o.org, device)
			if errors.Is(err, store.ErrNotFound) || len(all) >= bundledPrekeys {
				return nil
			}
			if _, old := envelope.OpenPrekey(signed, x.o.org, device, x.o.now()); err == nil && old == nil {
				all = append(all, bundle.Prekey{Device: device, Signed: signed})
			}
			return err
		})
	})
	x.o.mu.Unlock()
	if err != nil {
		return err
	}
	for _, p := range all {
		if in, err := x.put(p.Item()); err != nil {
			return err
		} else if in {
			x.result.Prekeys++
		}
	}
	return nil
}

// receipts writes the receipts that are on their way back.
func (x *bundleExport) receipts(ctx context.Context) error {
	var all [][]byte
	x.o.mu.Lock()
	err := x.o.node.store.View(func(tx *store.Tx) error {
		return tx.CarriedReceipts(x.o.org, func(_ keys.EnvelopeID, r store.CarriedReceipt) (bool, error) {
			if !r.Landed && x.isFor(r.Sender) && x.o.activeSenderLocked(r.Sender) {
				all = append(all, r.Bytes)
			}
			return len(all) < maxCarriedReceipts, nil
		})
	})
	x.o.mu.Unlock()
	if err != nil {
		return err
	}
	for _, signed := range all {
		if in, err := x.put(bundle.Item{Kind: bundle.KindReceipt, Body: signed}); err != nil {
			return err
		} else if in {
			x.result.Receipts++
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}
