package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/sync/reconcile"
)

var (
	// ErrNotFound means that nothing lies under the key.
	ErrNotFound = kv.ErrNotFound
	// ErrTooLarge means that an Update changed more than one transaction holds: about 600 KiB, not counting values of
	// 64 KiB and more, and 6,000 keys. Nothing was changed; it has to be done in parts.
	ErrTooLarge = kv.ErrTooLarge
)

// Store is the device's store. Safe for concurrent use.
type Store struct {
	kv    *kv.Store
	reads atomic.Uint64
	noted atomic.Uint64
}

// Open opens or makes the store in dir under the data key. See kv.Open for the errors.
func Open(dir string, key [32]byte) (*Store, error) { return OpenWith(dir, key, kv.Options{}) }

// OpenWith is Open with settings of the engine.
func OpenWith(dir string, key [32]byte, opt kv.Options) (*Store, error) {
	db, err := kv.Open(dir, key, opt)
	if err != nil {
		return nil, err
	}
	return &Store{kv: db}, nil
}

// Reads returns how many values were read since the store was opened: what listings cost, for tests and benchmarks.
func (s *Store) Reads() uint64 { return s.reads.Load() }

// Noted returns a number that changes after each transaction that noted a message for the search index: who has found no note
// since it has had this value need not look again.
func (s *Store) Noted() uint64 { return s.noted.Load() }

// Collect gives back the room of large values that are gone: envelopes that were delivered. For idle times.
func (s *Store) Collect(ctx context.Context) error { return s.kv.Collect(ctx) }

// Close ends the store. What Update returned nil for is durable already.
func (s *Store) Close() error { return s.kv.Close() }

// View reads. The transaction sees one moment.
func (s *Store) View(read func(*Tx) error) error {
	return s.kv.View(func(tx *kv.Tx) error { return read(&Tx{kv: tx, reads: &s.reads}) })
}

// Update changes. When it returns nil everything is durable; on any error nothing has changed.
func (s *Store) Update(change func(*Tx) error) error {
	notes := false
	err := s.kv.Update(func(tx *kv.Tx) error {
		t := &Tx{kv: tx, reads: &s.reads}
		if err := change(t); err != nil {
			return err
		}
		notes = t.notes
		return t.putDigests()
	})
	if notes {
		s.noted.Add(1)
	}
	return err
}

// Tx is a transaction. It must not be kept.
type Tx struct {
	kv      *kv.Tx
	reads   *atomic.Uint64
	notes   bool                            // a message was noted for the search index
	digests map[keys.OrgID]reconcile.Digest // that changed, to be stored at the end: one may change a thousand times
}

// bucket is a range of keys whose values are one type. The first byte of a key names its bucket; the numbers are part
// of the disk format. [STO-31]
type bucket[V any] struct {
	id   byte
	name string // for errors
}

func (b bucket[V]) key(parts ...[]byte) []byte {
	key := []byte{b.id}
	for _, part := range parts {
		key = append(key, part...)
	}
	return key
}

func (b bucket[V]) get(tx *Tx, parts ...[]byte) (V, error) {
	var v V
	tx.reads.Add(1)
	data, err := tx.kv.Get(b.key(parts...))
	if err != nil {
		if errors.Is(err, kv.ErrNotFound) {
			return v, ErrNotFound
		}
		return v, fmt.Errorf("reading %s: %w", b.name, err)
	}
	return v, b.decode(data, &v)
}

func (b bucket[V]) decode(data []byte, v *V) error {
	if err := wire.Decode(data, v); err != nil {
		return fmt.Errorf("reading %s: %w", b.name, err)
	}
	return nil
}

func (b bucket[V]) put(tx *Tx, v V, parts ...[]byte) error {
	if err := tx.kv.Put(b.key(parts...), wire.Encode(v)); err != nil {
		return fmt.Errorf("writing %s: %w", b.name, err)
	}
	return nil
}

func (b bucket[V]) delete(tx *Tx, parts ...[]byte) error {
	if err := tx.kv.Delete(b.key(parts...)); err != nil {
		return fmt.Errorf("deleting %s: %w", b.name, err)
	}
	return nil
}

// each visits the values under parts in the order of their keys, from behind after (nil: from the first), until visit
// returns false. rest, like after, is what follows parts in the key.
func (b bucket[V]) each(tx *Tx, after []byte, visit func(rest []byte, v V) (more bool, err error), parts ...[]byte) error {
	prefix := b.key(parts...)
	var from []byte
	if after != nil {
		from = append(append(from, prefix...), after...)
	}
	err := tx.kv.Range(prefix, from, false, func(key, value []byte) (bool, error) {
		var v V
		tx.reads.Add(1)
		if err := b.decode(value, &v); err != nil {
			return false, err
		}
		return visit(key[len(prefix):], v)
	})
	if err != nil {
		return fmt.Errorf("listing %s: %w", b.name, err)
	}
	return nil
}

// number is the key form of a number: big-endian, so that keys sort as numbers do.
func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func readNumber(key []byte) uint64 { return binary.BigEndian.Uint64(key) }
