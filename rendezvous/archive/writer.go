package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/archive/audit"
	"muster.example/rendezvous/archive/segment"
	"muster.example/rendezvous/archive/storage"
)

// writer puts arrivals into the store, one segment at a time. It is one goroutine's.
type writer struct {
	*Service
	stand  segment.SignedHead // the end of the chain; Number 0 before the first segment
	heads  heads
	failed bool // the last attempt did
}

// write makes segments of arrivals until ctx ends. What is not stored then was not acknowledged, and is given again. [ARC-51]
func (w *writer) write(ctx context.Context) error {
	for {
		batch, err := w.batch(ctx)
		if err != nil {
			return err
		}
		for wait := firstRetry; ; wait = min(2*wait, longestRetry) {
			err := w.store(ctx, batch)
			w.tellStored(err)
			if err == nil {
				break
			}
			if err := pause(ctx, wait); err != nil {
				return err
			}
		}
		for _, a := range batch {
			a.from.settle(taken{a.item.ID, a.sender})
		}
		w.state.wait(len(w.arrivals))
	}
}

// batch waits for a first arrival, and takes more until there is a segment of them or the first has waited long enough.
func (w *writer) batch(ctx context.Context) (batch []arrival, err error) {
	var late <-chan time.Time
	for size := 0; len(batch) < maxBatch && size < maxBatchBytes; {
		select {
		case a := <-w.arrivals:
			batch = append(batch, a)
			size += len(a.item.Body)
			w.state.wait(len(w.arrivals) + len(batch))
			if late == nil {
				timer := time.NewTimer(w.cfg.BatchAge)
				defer timer.Stop()
				late = timer.C
			}
		case <-late:
			return batch, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return batch, nil
}

// store makes what of a batch is new durable. Repeated after an error, it goes on where it failed. [ARC-51] [ARC-53]
func (w *writer) store(ctx context.Context, batch []arrival) error {
	items, err := w.fresh(batch)
	if err != nil || len(items) == 0 {
		return err
	}
	data, head, err := w.create(ctx, items)
	if errors.Is(err, errTaken) {
		return w.store(ctx, batch)
	}
	if err != nil {
		return err
	}
	read, err := segment.Parse(data)
	if err != nil {
		return fmt.Errorf("reading what was just stored: %w", err)
	}
	if err := w.advance(head, read.Items); err != nil {
		return err
	}
	w.counters.segments.Add(1)
	w.counters.items.Add(int64(len(items)))
	w.counters.bytes.Add(int64(len(data)))
	return nil
}

// fresh returns the items that are not stored yet, each once.
func (w *writer) fresh(batch []arrival) (items []segment.Named, err error) {
	ids := make([]keys.EnvelopeID, len(batch))
	for i, a := range batch {
		ids[i] = a.item.ID
	}
	held, err := w.known.stored(ids)
	if err != nil {
		return nil, err
	}
	seen := make(map[keys.EnvelopeID]bool)
	for i, a := range batch {
		if held[i] || seen[ids[i]] {
			w.counters.repeated.Add(1)
			continue
		}
		seen[ids[i]] = true
		items = append(items, a.item)
	}
	return items, nil
}

// create puts a segment under the next free name. Where that is taken, by a segment of this very chain the chain goes on
// behind it: it is what an attempt stored of which no answer came. What somebody else has put there is passed over, for ever. [ARC-45] [ARC-53]
func (w *writer) create(ctx context.Context, items []segment.Named) ([]byte, segment.SignedHead, error) {
	for number := w.stand.Number + 1; ; number++ {
		data, head, err := segment.Write(w.identity, segment.Writing{
			After: w.stand.Head, Number: number, Made: w.cfg.Now().UnixMilli(), Key: w.cfg.Key, Items: items,
		})
		if err != nil {
			return nil, head, err
		}
		name := audit.Name(w.identity.Public(), number)
		err = w.put(ctx, name, data)
		if !errors.Is(err, storage.ErrExists) {
			return data, head, err
		}
		there, err := w.cfg.Storage.Read(ctx, name, segment.MaxBytes)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, head, err
		}
		if read, ours := segment.Of(there, w.cfg.Org, w.identity.Public()); ours && read.Number == number && read.Follows(w.stand.Head) == nil {
			if err := w.advance(read.Head, read.Items); err != nil {
				return nil, head, err
			}
			return nil, head, errTaken
		}
		w.log.Error("somebody else has put something where the next segment was to be; it is passed over", "object", name)
	}
}

// errTaken means that the chain has grown by what an earlier attempt stored: the batch is looked at anew.
var errTaken = errors.New("archive: an earlier attempt had stored a segment")

// put creates an object. If no answer comes, what is there says whether it was done.
func (w *writer) put(ctx context.Context, name string, data []byte) error {
	err := w.cfg.Storage.Create(ctx, name, data)
	if err == nil || errors.Is(err, storage.ErrFull) || ctx.Err() != nil {
		return err
	}
	there, readErr := w.cfg.Storage.Read(ctx, name, segment.MaxBytes)
	if readErr == nil && bytes.Equal(there, data) {
		return nil
	}
	return err
}

// advance notes that the chain stands behind a segment.
func (w *writer) advance(head segment.SignedHead, items []segment.Entry) error {
	if err := w.known.note(head, items); err != nil {
		return err
	}
	w.stand = head
	w.state.stands(head)
	if err := w.heads.add(head, w.cfg.Now(), headPause); err != nil {
		w.log.Error("the head of the store is not kept elsewhere", "error", err)
		w.state.trouble(troubleHeads, err)
	} else {
		w.state.trouble(troubleHeads, nil)
	}
	return nil
}

// tellStored tells of the first failure, and that it is over.
func (w *writer) tellStored(err error) {
	if err != nil {
		w.counters.failures.Add(1)
	}
	w.state.trouble(troubleStore, err)
	switch {
	case err != nil && !w.failed:
		w.log.Error("nothing can be stored; what comes is left with the rendezvous node", "store", w.cfg.Storage, "error", err)
	case err == nil && w.failed:
		w.log.Info("it can be stored again", "store", w.cfg.Storage)
	}
	w.failed = err != nil
}
