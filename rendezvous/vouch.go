package rendezvous

import (
	"errors"
	"fmt"

	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// A node that starts does not verify again the signatures of entries that it verified before. What these were it knows by
// the root that it keeps in its own store, which nobody else can write: not by its checkpoints, which it shows to others.
// [RV-28]

// vouchRecord says that this node itself has folded the entries that make a root, and verified every signature.
type vouchRecord struct {
	Size uint64   `cbor:"1,keyasint"`
	Root [32]byte `cbor:"2,keyasint"`
}

// vouchEvery is how many entries are verified at a start before what they amount to is written down.
const vouchEvery = 64

// vouch keeps that the first size entries, which make the root, were folded.
func (r *roll) vouch(tx *kv.Tx, size uint64, root membership.Hash) error {
	return tx.Put(kv.Key(tableVouch, r.org[:]), wire.Encode(vouchRecord{Size: size, Root: root}))
}

// vouchNow keeps that all entries were folded.
func (r *roll) vouchNow() error {
	root, err := r.roll.Root(r.roll.Size())
	if err == nil {
		err = r.store.Update(func(tx *kv.Tx) error { return r.vouch(tx, r.roll.Size(), root) })
	}
	if err != nil {
		return fmt.Errorf("keeping what was verified of the roll: %w", err)
	}
	return nil
}

// vouched returns what was kept, the zero record if nothing or what cannot be read: then all is verified.
func (r *roll) vouched() (record vouchRecord, err error) {
	err = r.store.View(func(tx *kv.Tx) error {
		value, err := tx.Get(kv.Key(tableVouch, r.org[:]))
		if err != nil {
			return err
		}
		if wire.Decode(value, &record) != nil {
			record = vouchRecord{}
		}
		return nil
	})
	if errors.Is(err, kv.ErrNotFound) {
		err = nil
	}
	return record, err
}

// reload folds into a blank roll the first size entries on disk, which this node has verified before and which must make
// the root. After an error the roll is of no use.
func (r *roll) reload(size uint64, root membership.Hash) error {
	var entries []membership.Entry
	err := r.store.View(func(tx *kv.Tx) error {
		return tx.Range(kv.Key(r.table, r.org[:]), nil, false, func(_, value []byte) (bool, error) {
			if uint64(len(entries)) >= size {
				return false, nil
			}
			entry, err := membership.ParseEntry(value)
			entries = append(entries, entry)
			return err == nil, err
		})
	})
	if err == nil {
		err = r.roll.Restore(entries, root)
	}
	if err == nil && uint64(len(entries)) != size {
		err = membership.ErrEntries
	}
	if err != nil {
		return fmt.Errorf("%w: the roll of %s: %v", kv.ErrCorrupt, r.org.Short(), err)
	}
	for i, entry := range entries {
		r.index(uint64(i), entry)
	}
	return nil
}

// last returns the key of the last entry on disk that is folded, nil for none.
func (r *roll) last() []byte {
	if r.roll.Size() == 0 {
		return nil
	}
	return kv.Key(r.table, r.org[:], kv.Number(r.roll.Size()-1))
}
