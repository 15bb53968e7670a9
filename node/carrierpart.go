package node

import (
	"errors"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/mesh"
	"muster.example/node/router"
	"muster.example/node/store"
)

const (
	// partsKept bounds what is kept of envelopes that came in part, in bytes, and partLife for how long it is kept: who walks the same
	// way every day brings the rest tomorrow. [CAR-23]
	partsKept = 32 << 20
	partLife  = 48 * time.Hour
	// partAtOnce and partPause are after how much that came, or how long, it is written to the disk: a fast link brings an envelope
	// before that.
	partAtOnce = 256 << 10
	partPause  = 2 * time.Second
	// partLeast is what is worth writing when a stream ends.
	partLeast = 4 << 10
)

// came is how much of an envelope has come, with what came on earlier streams. Callers hold mu.
func (in *carrierInput) came() uint64 { return in.kept + uint64(len(in.bytes)) }

// part names what comes by an input.
func (in *carrierInput) part() store.PartOf { return store.PartOf{ID: in.offer.ID, From: in.from} }

// toKeep reports whether what came is to be written now. Callers hold mu.
func (in *carrierInput) toKeep(now time.Time) bool {
	return len(in.bytes) >= partAtOnce || len(in.bytes) > 0 && now.Sub(in.fresh) >= partPause
}

// keepPart writes what came of an envelope to the disk, where it outlives the stream and the program: behind what is there, and if there is
// room. Without it the envelope begins anew. [CAR-23]
func (c *carriers) keepPart(in *carrierInput) {
	o := c.o
	c.mu.Lock()
	offset, piece := in.kept, in.bytes
	busy := map[store.PartOf]bool{in.part(): true}
	for t := range c.talks {
		for _, other := range t.expected {
			busy[other.part()] = true
		}
	}
	c.mu.Unlock()
	if len(piece) == 0 || !o.node.roomToCarry() {
		return
	}
	now := o.now()
	kept := false
	err := o.node.store.Update(func(tx *store.Tx) (err error) {
		if offset == 0 {
			err = o.dropOldPart(tx, in, now) // it was not asked to go on
		}
		if err != nil {
			return err
		}
		if kept, err = o.roomForPart(tx, uint64(len(piece)), busy, now); err != nil || !kept {
			return err
		}
		return tx.AddCarriedPiece(o.org, in.part(), offset, piece, now.UnixMilli())
	})
	if err != nil || !kept {
		o.log.Debug("what came of an envelope is not written to the disk", "error", err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if in.kept == offset {
		in.kept, in.bytes = offset+uint64(len(piece)), in.bytes[len(piece):]
	}
}

// dropOldPart forgets what came of an envelope before if it is of no use.
func (o *organization) dropOldPart(tx *store.Tx, in *carrierInput, now time.Time) error {
	before, err := tx.CarriedPart(o.org, in.part())
	if err != nil || before.Bytes == 0 || goesOn(before, in.offer.Size, now) {
		return err
	}
	return tx.DeleteCarriedPart(o.org, in.part())
}

// goesOn reports whether what came of an envelope of a size is still good for its beginning.
func goesOn(p store.CarriedPart, size uint64, now time.Time) bool {
	return p.Bytes < size && now.Sub(time.UnixMilli(p.Last)).Abs() < partLife
}

// roomForPart makes room for more of what came in part, as for what is carried: of the device that brought most of it, the largest and oldest
// goes, but nothing of what comes now. It reports whether there is room.
func (o *organization) roomForPart(tx *store.Tx, more uint64, busy map[store.PartOf]bool, now time.Time) (room bool, err error) {
	var items []router.Item
	err = tx.CarriedParts(o.org, func(of store.PartOf, p store.CarriedPart) (bool, error) {
		if busy[of] {
			more += p.Bytes
		} else {
			items = append(items, router.Item{ID: of.ID, Author: keys.MemberID(of.From), Size: p.Bytes, Age: max(0, now.Sub(time.UnixMilli(p.Last)))})
		}
		return true, nil
	})
	if err != nil || more > partsKept {
		return false, err
	}
	within := router.Router{Bounds: router.Bounds{Bytes: partsKept - more, Count: len(items), Age: partLife}}
	for _, gone := range within.Excess(items) {
		err = errors.Join(err, tx.DeleteCarriedPart(o.org, store.PartOf{ID: gone.ID, From: keys.PublicKey(gone.Author)}))
	}
	return err == nil, err
}

// whole returns all bytes of an envelope of which the last piece has come; nil if what came on earlier streams is not there any more.
func (c *carriers) whole(in *carrierInput) (data []byte, err error) {
	if in.kept == 0 {
		return in.bytes, nil
	}
	err = c.o.node.store.View(func(tx *store.Tx) error {
		data, err = tx.CarriedPieces(c.o.org, in.part(), in.kept)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return append(data, in.bytes...), err
}

// dropPart forgets what came of an envelope that is whole, or that is none.
func (c *carriers) dropPart(in *carrierInput) error {
	if in.kept == 0 {
		return nil
	}
	return c.o.node.store.Update(func(tx *store.Tx) error { return tx.DeleteCarriedPart(c.o.org, in.part()) })
}

// tidyParts forgets what came in part long ago, of a device that may not act any more, or of an envelope that has come by another way. [CAR-23]
func (o *organization) tidyParts() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.now()
	var gone []store.PartOf
	err := o.node.store.View(func(tx *store.Tx) error {
		gone = nil
		return tx.CarriedParts(o.org, func(of store.PartOf, p store.CarriedPart) (bool, error) {
			is, was, err := tx.CarriedBefore(o.org, of.ID)
			if err != nil {
				return false, err
			}
			seen, err := tx.Seen(o.org, of.ID)
			if is || was || seen || !goesOn(p, mesh.MostHanded+1, now) || !o.activeSenderLocked(of.From) {
				gone = append(gone, of)
			}
			return true, err
		})
	})
	if err != nil {
		return err
	}
	return inParts(gone, func(some []store.PartOf) error {
		return o.node.store.Update(func(tx *store.Tx) (err error) {
			for _, of := range some {
				err = errors.Join(err, tx.DeleteCarriedPart(o.org, of))
			}
			return err
		})
	})
}
