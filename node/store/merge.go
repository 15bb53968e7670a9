package store

import (
	"errors"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// ErrClone means that a device made two records under one name: its folder was copied, or put back from an older state.
var ErrClone = errors.New("store: two records of one name")

// Merge stores a record that another device of the account gave, if it adds to what is here, and reports whether it does. Of one
// message, act and draft one record is kept, so that the same records lead to the same store in whatever order they come.
// What the record proves was checked before; what a message says is never erased because a record says that it was: acts and
// lifetimes do that. Errors may be ErrClone. [HIST-25]
func (tx *Tx) Merge(org keys.OrgID, r history.Record) (added bool, err error) {
	if err := r.Validate(); err != nil {
		return false, err
	}
	had, err := tx.record(org, place{r.Device, r.Sequence})
	switch {
	case err == nil && !same(had, r):
		return false, fmt.Errorf("%w: number %d of device %s", ErrClone, r.Sequence, r.Device.Short())
	case err == nil && !supersedes(r, had):
		return false, nil
	case err != nil && !errors.Is(err, ErrNotFound):
		return false, err
	}
	switch r.Kind {
	case history.RecordMessage:
		return tx.mergeMessage(org, r)
	case history.RecordAct:
		return tx.mergeAct(org, r)
	case history.RecordDraft:
		return tx.mergeDraft(org, r)
	}
	return true, tx.putRecord(org, r, true)
}

// supersedes reports whether of two records of one name the first takes the place of the second: a draft that is gone does.
func supersedes(r, had history.Record) bool {
	return r.Draft != nil && r.Draft.Content == nil && had.Draft != nil && had.Draft.Content != nil
}

func (tx *Tx) mergeMessage(org keys.OrgID, r history.Record) (bool, error) {
	id := r.Message.ID()
	have, err := tx.Message(org, id)
	switch {
	case errors.Is(err, ErrNotFound):
		err := errors.Join(tx.putRecord(org, r, true), tx.indexMessage(org, r))
		if r.Message.Erased > 0 { // what came before of acts on it
			return true, errors.Join(err, settled.put(tx, piecesLeft, org[:], id[:]))
		}
		err = errors.Join(err, tx.noteLacking(org, r))
		return true, err
	case err != nil:
		return false, err
	case have.Message.Erased > 0 && r.Message.Erased != have.Message.Erased:
		erased := r.Message.Erase(have.Message.Erased)
		r.Message = &erased
	case have.Message.Erased == 0 && r.Message.Erased > 0:
		return false, nil
	}
	if r.Compare(have) >= 0 {
		return false, nil
	}
	return true, errors.Join(tx.dropRecord(org, have), tx.putRecord(org, r, true), tx.moveMessage(org, have, r))
}

// moveMessage has a message be found by another record than before, at the place of that.
func (tx *Tx) moveMessage(org keys.OrgID, from, to history.Record) error {
	id := to.Message.ID()
	if err := messages.put(tx, place{to.Device, to.Sequence}, org[:], id[:]); err != nil {
		return err
	}
	if to.Message.Erased == history.ErasedExpired {
		return nil // it is on no timeline
	}
	moment := func(r history.Record) []byte {
		return append(number(uint64(r.Clock.Wall)), number(uint64(r.Clock.Counter))...)
	}
	err := errors.Join(timeline.delete(tx, org[:], moment(from), id[:]), timeline.put(tx, id, org[:], moment(to), id[:]), tx.noteChanged(org, id))
	had, now := from.Message.Expires(from.Clock.Wall), to.Message.Expires(to.Clock.Wall)
	if had == 0 || had == now || to.Message.Erased > 0 {
		return err
	}
	return errors.Join(err, expiries.delete(tx, org[:], number(uint64(had)), id[:]), expiries.put(tx, id, org[:], number(uint64(now)), id[:]))
}

func (tx *Tx) mergeAct(org keys.OrgID, r history.Record) (bool, error) {
	action, err := r.Act.Open()
	if err != nil {
		return false, err
	}
	key := keyOf(*r.Act)
	var have *history.Record
	for _, message := range action.Messages() {
		at, err := acts.get(tx, org[:], message[:], key[:])
		if errors.Is(err, ErrNotFound) {
			continue
		} else if err != nil {
			return false, err
		}
		if have == nil {
			found, err := tx.record(org, at)
			if err != nil {
				return false, err
			}
			if have = &found; r.Compare(found) >= 0 {
				return false, nil
			}
		}
		if err := acts.put(tx, place{r.Device, r.Sequence}, org[:], message[:], key[:]); err != nil {
			return false, err
		}
	}
	if have != nil {
		return true, errors.Join(tx.dropRecord(org, *have), tx.putRecord(org, r, true))
	}
	counts, err := tx.counting(org, action)
	if err != nil || len(counts) == 0 {
		return false, err
	}
	return true, errors.Join(tx.putRecord(org, r, true), tx.indexAct(org, r, action, counts))
}

func (tx *Tx) mergeDraft(org keys.OrgID, r history.Record) (bool, error) {
	at, err := tx.draftAt(org, DraftID(r.Draft.ID))
	switch {
	case err == nil:
		have, err := tx.record(org, at)
		if err != nil || history.StandingDraft(have, r).Compare(have) == 0 {
			return false, err
		}
	case !errors.Is(err, ErrNotFound):
		return false, err
	}
	return true, errors.Join(tx.putRecord(org, r, true), tx.indexDraft(org, r))
}

// Observe moves the clock of the account's history past that of a record which came from another device.
func (tx *Tx) Observe(org keys.OrgID, seen history.Clock) error {
	c, err := histories.get(tx, org[:])
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	c.Clock = c.Clock.Observe(seen)
	return histories.put(tx, c, org[:])
}

// Numbered returns how many records this device has made, by their numbers.
func (tx *Tx) Numbered(org keys.OrgID) (uint64, error) {
	c, err := histories.get(tx, org[:])
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return c.Sequence, err
}

// SkipTo has the next record of this device have a number above one that another device of the account has of it.
func (tx *Tx) SkipTo(org keys.OrgID, sequence uint64) error {
	c, err := histories.get(tx, org[:])
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	c.Sequence = max(c.Sequence, sequence)
	return histories.put(tx, c, org[:])
}
