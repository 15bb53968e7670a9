package store

import (
	"bytes"
	"errors"

	"muster.example/internal/keys"
	"muster.example/sync/history"
	"muster.example/sync/reconcile"
)

// Keeping is for how long this device keeps history, and what another device of the account chose since. [HIST-61]
type Keeping struct {
	Months uint64 `cbor:"1,keyasint"`           // in force; 0: for ever
	Coming uint64 `cbor:"2,keyasint,omitempty"` // chosen elsewhere: shorter
	At     int64  `cbor:"3,keyasint,omitempty"` // when that comes into force, unix milliseconds; 0: nothing comes
}

var keepings = bucket[Keeping]{90, "how long history is kept"}

// Keeping returns for how long history is kept: the zero value, for ever, if nobody chose.
func (tx *Tx) Keeping(org keys.OrgID) (Keeping, error) {
	k, err := keepings.get(tx, org[:])
	if errors.Is(err, ErrNotFound) {
		err = nil
	}
	return k, err
}

// PutKeeping stores for how long history is kept.
func (tx *Tx) PutKeeping(org keys.OrgID, k Keeping) error { return keepings.put(tx, k, org[:]) }

// lookedAt is how many records PastShared and PastNumbered look at in one transaction.
const lookedAt = 4096

// moment returns the wall time and kind of a stored record, and its encoding.
func (tx *Tx) moment(org keys.OrgID, at place) (o history.Outline, data []byte, err error) {
	if data, err = records.get(tx, org[:], at.Device[:], number(at.Sequence)); err == nil {
		o, err = history.ReadMoment(data)
	}
	return o, data, err
}

// PastShared returns up to limit records that are shared and past at the horizon, in their order, from behind a place (nil: from the
// first), and the place to go on from; nil: there are no more. [HIST-60]
func (tx *Tx) PastShared(org keys.OrgID, horizon int64, after []byte, limit int) (past []history.Record, next []byte, err error) {
	looked := 0
	err = shared.each(tx, after, func(rest []byte, at place) (bool, error) {
		next = nil
		if item, ok := readItem(rest); !ok || item.Time >= uint64(horizon) {
			return false, nil
		}
		o, data, err := tx.moment(org, at)
		if err == nil && o.IsPast(horizon) {
			var r history.Record
			r, err = history.DecodeRecord(data)
			past = append(past, r)
		}
		next = bytes.Clone(rest)
		looked++
		return len(past) < limit && looked < lookedAt, err
	}, org[:])
	return past, next, err
}

// PastNumbered does the same for all records, device by device in the order of their numbers, until the first of each that is not that
// old: also for what is no device's but this one's. A record whose number is another than it had may lie behind younger ones, and waits
// until they are past. [HIST-60]
func (tx *Tx) PastNumbered(org keys.OrgID, horizon int64, after []byte, limit int) (past []history.Record, next []byte, err error) {
	looked := 0
	for more := true; more; {
		more, next = false, nil
		err = records.each(tx, after, func(rest []byte, data []byte) (bool, error) {
			next = bytes.Clone(rest)
			looked++
			o, err := history.ReadMoment(data)
			switch {
			case err != nil:
				return false, err
			case o.Wall >= horizon && len(rest) > keys.IDSize: // behind this device's
				after, more = append(bytes.Clone(rest[:keys.IDSize]), bytes.Repeat([]byte{0xff}, 9)...), true
				next = after
				return false, nil
			case o.IsPast(horizon):
				r, err := history.DecodeRecord(data)
				if err != nil {
					return false, err
				}
				past = append(past, r)
			}
			return len(past) < limit && looked < lookedAt, nil
		}, org[:])
		more = more && err == nil && looked < lookedAt
	}
	if len(past) < limit && looked < lookedAt {
		next = nil
	}
	return past, next, err
}

// CountPast returns how many messages on the timeline are past at the horizon.
func (tx *Tx) CountPast(org keys.OrgID, horizon int64) (count int, err error) {
	err = timeline.each(tx, nil, func(rest []byte, _ keys.MessageID) (bool, error) {
		if len(rest) < 8 || readNumber(rest) >= uint64(horizon) {
			return false, nil
		}
		count++
		return true, nil
	}, org[:])
	return count, err
}

// deliveriesAtOnce is how many deliveries of a message one transaction forgets.
const deliveriesAtOnce = 256

// ForgetMessage removes what EraseMessage left of a message that is past, and reports whether all of it is gone: how it stood with
// many devices may take more than one transaction. Files and acts go by EraseRemains. [HIST-60] [STO-72]
func (tx *Tx) ForgetMessage(org keys.OrgID, id keys.MessageID) (gone bool, err error) {
	at, err := messages.get(tx, org[:], id[:])
	if errors.Is(err, ErrNotFound) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	var devices [][]byte
	err = deliveries.each(tx, nil, func(rest []byte, _ Delivery) (bool, error) {
		devices = append(devices, bytes.Clone(rest))
		return len(devices) <= deliveriesAtOnce, nil
	}, org[:], id[:])
	for _, device := range devices[:min(len(devices), deliveriesAtOnce)] {
		err = errors.Join(err, deliveries.delete(tx, org[:], id[:], device), undelivered.delete(tx, org[:], id[:], device))
	}
	if err != nil || len(devices) > deliveriesAtOnce {
		return false, err
	}
	r, err := tx.record(org, at)
	if err != nil {
		return false, err
	}
	if acts, err := tx.HasActs(org, id); err != nil {
		return false, err
	} else if !acts { // nothing is left for EraseRemains
		if err := settled.delete(tx, org[:], id[:]); err != nil {
			return false, err
		}
	}
	return true, errors.Join(tx.dropRecord(org, r), messages.delete(tx, org[:], id[:]))
}

// Forget removes a record of another kind that is past, and what finds it. [HIST-60]
func (tx *Tx) Forget(org keys.OrgID, r history.Record) error {
	if r.Act != nil && len(r.Act.Body) > 0 {
		action, err := r.Act.Open()
		if err != nil {
			return err
		}
		key := keyOf(*r.Act)
		for _, message := range action.Messages() {
			at, err := acts.get(tx, org[:], message[:], key[:])
			if errors.Is(err, ErrNotFound) || err == nil && at != (place{r.Device, r.Sequence}) {
				continue
			} else if err != nil {
				return err
			}
			if err := acts.delete(tx, org[:], message[:], key[:]); err != nil {
				return err
			}
		}
		if err := errors.Join(proofs.delete(tx, org[:], key[:]), tx.noteAct(org, action)); err != nil {
			return err
		}
	}
	return tx.dropRecord(org, r)
}

// Kept returns which of items are not past at the horizon. [HIST-62]
func (tx *Tx) Kept(org keys.OrgID, items []reconcile.Item, horizon int64) ([]reconcile.Item, error) {
	kept := items[:0]
	for _, item := range items {
		if item.Time < uint64(max(0, horizon)) {
			if past, err := tx.isPast(org, item, horizon); err != nil {
				return nil, err
			} else if past {
				continue
			}
		}
		kept = append(kept, item)
	}
	return kept, nil
}

func (tx *Tx) isPast(org keys.OrgID, item reconcile.Item, horizon int64) (bool, error) {
	at, err := shared.get(tx, org[:], number(item.Time), item.ID[:])
	if err != nil {
		return false, err
	}
	o, _, err := tx.moment(org, at)
	return o.IsPast(horizon), err
}

// IsPast reports whether a record that is to be given is past at the horizon.
func (g Given) IsPast(horizon int64) bool {
	if g.Item.Time >= uint64(max(0, horizon)) {
		return false
	}
	o, err := history.ReadMoment(g.Record)
	return err == nil && o.IsPast(horizon)
}
