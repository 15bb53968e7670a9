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
// What the record proves was checked before; what a message says is never erased because a record says that it was: acts, of which
// limits say how long they count, and lifetimes do that. Errors may be ErrClone. [HIST-25] [HIST-30]
func (tx *Tx) Merge(org keys.OrgID, r history.Record, limits history.Limits) (added bool, err error) {
	if err := r.Validate(); err != nil {
		return false, err
	}
	if r.Message != nil && r.Message.Erased > 0 {
		if deleted, err := tx.IsDeleted(org, *r.Message, limits); err != nil || !deleted || r.Message.Erased != history.ErasedDeleted {
			return false, err
		}
	}
	if known, err := tx.isRenumbered(org, r); err != nil || known {
		return false, err
	}
	had, err := tx.record(org, place{r.Device, r.Sequence})
	if r.Was > 0 && errors.Is(err, ErrNotFound) {
		if done, err := tx.renumber(org, r); err != nil || done {
			return done, err
		}
	}
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
		return tx.mergeMessage(org, r, err != nil, limits)
	case history.RecordAct:
		return tx.mergeAct(org, r)
	case history.RecordDraft:
		return tx.mergeDraft(org, r)
	}
	return true, tx.putRecord(org, r, true)
}

// supersedes reports whether of two records of one name the first may take the place of the second: a draft that is gone does, and a
// message if nothing deletes it.
func supersedes(r, had history.Record) bool {
	if r.Message != nil && had.Message != nil {
		return r.Message.Erased == 0 && had.Message.Erased == history.ErasedDeleted
	}
	return r.Draft != nil && r.Draft.Content == nil && had.Draft != nil && had.Draft.Content != nil
}

// IsDeleted reports whether its author deleted a message, by an act that is here. That a record says so proves nothing. [HIST-30]
func (tx *Tx) IsDeleted(org keys.OrgID, m history.Message, limits history.Limits) (bool, error) {
	all, err := tx.Acts(org, m.ID())
	m.Erased = 0
	return err == nil && history.Fold(m, all, limits).Deleted, err
}

// Disprove forgets that a message was deleted if the message as its author signed it shows that it was not, and reports whether it
// did: then the message is to be stored as one that was not here. One whose lifetime ended here stays so. [HIST-30]
func (tx *Tx) Disprove(org keys.OrgID, m history.Message, limits history.Limits) (bool, error) {
	id := m.ID()
	have, err := tx.Message(org, id)
	if errors.Is(err, ErrNotFound) || err == nil && (m.Erased > 0 || have.Message.Erased != history.ErasedDeleted) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if deleted, err := tx.IsDeleted(org, m, limits); err != nil || deleted {
		return false, err
	}
	err = errors.Join(tx.dropRecord(org, have), messages.delete(tx, org[:], id[:]), timeline.delete(tx, org[:], momentOf(have), id[:]),
		settled.delete(tx, org[:], id[:]))
	if expires := have.Message.Expires(have.Clock.Wall); expires > 0 {
		err = errors.Join(err, expiries.delete(tx, org[:], number(uint64(expires)), id[:]))
	}
	for _, file := range m.Text.Files {
		file := FileID{Author: m.Author, Nonce: file.Nonce}
		err = errors.Join(err, doomed.delete(tx, org[:], file.key()))
	}
	return err == nil, err
}

// momentOf returns where on the timeline a message's record has it, but for the message's id.
func momentOf(r history.Record) []byte {
	return append(number(uint64(r.Clock.Wall)), number(uint64(r.Clock.Counter))...)
}

// mergeMessage merges the record of a message, of whose name there is none yet, or a draft, or an erased one.
func (tx *Tx) mergeMessage(org keys.OrgID, r history.Record, fresh bool, limits history.Limits) (bool, error) {
	if _, err := tx.Disprove(org, *r.Message, limits); err != nil {
		return false, err
	}
	id := r.Message.ID()
	have, err := tx.Message(org, id)
	switch {
	case errors.Is(err, ErrNotFound):
		put := tx.putRecord
		if fresh {
			put = tx.putFresh
		}
		err := errors.Join(put(org, r, true), tx.enterMessage(org, r))
		if r.Message.Erased > 0 { // what came before of acts on it
			return true, errors.Join(err, settled.put(tx, piecesLeft, org[:], id[:]))
		}
		err = errors.Join(err, tx.noteLacking(org, r))
		return true, err
	case err != nil:
		return false, err
	case have.Message.Erased == history.ErasedExpired, have.Message.Erased == 0 && r.Message.Erased > 0:
		return false, nil
	case have.Message.Erased > 0 && r.Message.Erased == 0:
		erased := r.Message.Erase(have.Message.Erased)
		r.Message = &erased
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
	err := errors.Join(timeline.delete(tx, org[:], momentOf(from), id[:]), timeline.put(tx, id, org[:], momentOf(to), id[:]), tx.noteChanged(org, id))
	had, now := from.Message.Expires(from.Clock.Wall), to.Message.Expires(to.Clock.Wall)
	if had == now {
		return err
	}
	if had > 0 {
		err = errors.Join(err, expiries.delete(tx, org[:], number(uint64(had)), id[:]))
	}
	if now > 0 {
		err = errors.Join(err, expiries.put(tx, id, org[:], number(uint64(now)), id[:]))
	}
	return err
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
		return true, errors.Join(tx.dropRecord(org, *have), tx.putRecord(org, r, false), tx.shareAct(org, r, action))
	}
	counts, err := tx.counting(org, action)
	if err != nil || len(counts) == 0 {
		return false, err
	}
	return true, errors.Join(tx.putRecord(org, r, false), tx.indexAct(org, r, action, counts), tx.shareAct(org, r, action))
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
