package rotation

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"muster.example/internal/kv"
)

// Bounds of what is held in memory: a page of the old store, and one update of the new.
const (
	pageEntries  = 512       // a page has about a MiB, and at most one value more
	updateBytes  = 256 << 10 // of keys and of small values: less than half of what one holds
	smallValue   = 64 << 10  // larger ones count as their keys
	updatesSteps = 64        // updates between two words about how far it is
)

// copyStore writes all entries of one store into another, and shows that they are there: the new one is closed, opened and read
// whole. Each value is opened by its seal on the way, so that damage stops it.
func copyStore(ctx context.Context, from *kv.Store, to string, key [32]byte, told func(bytes int64)) (err error) {
	fresh, err := kv.Open(to, key, kv.Options{})
	if err != nil {
		return fmt.Errorf("making the new store: %w", err)
	}
	done, updates := int64(0), 0
	want, err := walk(ctx, from, func(page []kv.Entry) error {
		for len(page) > 0 {
			count, size := batch(page)
			if err := put(fresh, page[:count]); err != nil {
				return fmt.Errorf("writing the new store: %w", err)
			}
			page, done, updates = page[count:], done+size, updates+1
			if updates%updatesSteps == 1 {
				told(done)
			}
		}
		return nil
	})
	if err = errors.Join(err, fresh.Close()); err != nil {
		return err
	}
	told(done)
	if fresh, err = kv.Open(to, key, kv.Options{}); err != nil {
		return fmt.Errorf("reading the new store: %w", err)
	}
	got, err := walk(ctx, fresh, func([]kv.Entry) error { return nil })
	if err = errors.Join(err, fresh.Close()); err != nil {
		return fmt.Errorf("reading the new store: %w", err)
	}
	if got != want {
		return errors.New("the new store does not hold what the old one does: nothing was changed")
	}
	return nil
}

// walk visits all entries of one moment in pages, and returns a digest of them.
func walk(ctx context.Context, db *kv.Store, visit func([]kv.Entry) error) (digest [sha256.Size]byte, err error) {
	sum := sha256.New()
	err = db.View(func(tx *kv.Tx) error {
		var after []byte
		for {
			if err := ctx.Err(); err != nil {
				return err
			}
			page, whole, err := tx.Page(nil, after, false, pageEntries)
			if err != nil {
				return err
			}
			for _, entry := range page {
				sum.Write(binary.BigEndian.AppendUint64(nil, uint64(len(entry.Key))))
				sum.Write(entry.Key)
				sum.Write(binary.BigEndian.AppendUint64(nil, uint64(len(entry.Value))))
				sum.Write(entry.Value)
				after = entry.Key
			}
			if err := visit(page); err != nil || whole {
				return err
			}
		}
	})
	return [sha256.Size]byte(sum.Sum(nil)), err
}

// batch returns how many entries one update takes, and their bytes.
func batch(page []kv.Entry) (count int, size int64) {
	small := 0
	for _, entry := range page {
		small += len(entry.Key)
		if len(entry.Value) <= smallValue {
			small += len(entry.Value)
		}
		if small > updateBytes && count > 0 {
			break
		}
		count, size = count+1, size+int64(len(entry.Key)+len(entry.Value))
	}
	return count, size
}

func put(db *kv.Store, entries []kv.Entry) error {
	return db.Update(func(tx *kv.Tx) error {
		for _, entry := range entries {
			if err := tx.Put(entry.Key, entry.Value); err != nil {
				return err
			}
		}
		return nil
	})
}
