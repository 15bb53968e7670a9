package archive

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/rendezvous/archive/segment"
)

// known is the service's index: where the chain stands, and the ids of what is stored, each with the number of its segment. It can be made anew
// from the store, whose segments name the ids. [ARC-53]
type known struct{ store *kv.Store }

var headKey = kv.Key([]byte("head"))

func idKey(id keys.EnvelopeID) []byte { return kv.Key([]byte("id"), id[:]) }

func openKnown(dir string, identity keys.PrivateKey, log *slog.Logger) (*known, error) {
	path := filepath.Join(dir, indexFolder)
	store, err := kv.Open(path, indexKey(identity), kv.Options{Logger: log})
	switch {
	case errors.Is(err, kv.ErrLocked):
		return nil, ErrRunning
	case errors.Is(err, kv.ErrCorrupt):
		return nil, fmt.Errorf("%w: %w", ErrIndex, err)
	case err != nil:
		return nil, fmt.Errorf("opening the index: %w", err)
	}
	return &known{store}, nil
}

func (k *known) close() error { return k.store.Close() }

// head returns the head of the last segment that was noted; false if none was.
func (k *known) head() (head segment.SignedHead, ok bool, err error) {
	err = k.store.View(func(tx *kv.Tx) error {
		data, err := tx.Get(headKey)
		if errors.Is(err, kv.ErrNotFound) {
			return nil
		}
		if err == nil {
			head, err = segment.OpenHead(data)
			ok = err == nil
		}
		return err
	})
	if err != nil {
		err = fmt.Errorf("reading the index: %w", err)
	}
	return head, ok, err
}

// stored reports which of some ids are stored, in their order.
func (k *known) stored(ids []keys.EnvelopeID) (held []bool, err error) {
	held = make([]bool, len(ids))
	err = k.store.View(func(tx *kv.Tx) error {
		for i, id := range ids {
			_, err := tx.Get(idKey(id))
			if err != nil && !errors.Is(err, kv.ErrNotFound) {
				return err
			}
			held[i] = err == nil
		}
		return nil
	})
	if err != nil {
		err = fmt.Errorf("reading the index: %w", err)
	}
	return held, err
}

// note notes a segment: its ids, and that the chain stands there.
func (k *known) note(head segment.SignedHead, items []segment.Entry) error {
	err := k.store.Update(func(tx *kv.Tx) error {
		for _, item := range items {
			if err := tx.Put(idKey(item.ID), kv.Number(head.Number)); err != nil {
				return err
			}
		}
		return tx.Put(headKey, head.Bytes)
	})
	if err != nil {
		return fmt.Errorf("noting what is stored: %w", err)
	}
	return nil
}
