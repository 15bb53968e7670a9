package store

import (
	"errors"

	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// renumbered are records that lie under another number than the one that is named here, which their device gave twice. [HIST-29]
var renumbered = bucket[uint64]{72, "a record that was given another number"}

// MakeWay gives other numbers to an own record and to one of this device that another of the account gives, if both have one number and
// say different things: this folder was put back from an older state, and has used numbers twice. Other devices may have either. Clocks
// stay, so that both count as before. What no other device would get is dropped if it says nothing. It returns the record that is given
// as it is to be merged, and whether it did anything. [HIST-29]
func (tx *Tx) MakeWay(org keys.OrgID, self keys.PrivateKey, r history.Record) (history.Record, bool, error) {
	at := place{r.Device, r.Sequence}
	had, err := tx.record(org, at)
	switch {
	case errors.Is(err, ErrNotFound):
		return r, false, nil
	case err != nil || !collide(had, r):
		return r, false, err
	}
	if known, err := tx.isRenumbered(org, r); err != nil || known {
		return r, false, err
	}
	share, err := tx.isShared(org, had)
	if err != nil {
		return r, false, err
	}
	if err := errors.Join(tx.dropRecord(org, had), tx.SkipTo(org, r.Sequence)); err != nil {
		return r, false, err
	}
	c, err := histories.get(tx, org[:])
	if err != nil {
		return r, false, err
	}
	if had.Act == nil || len(had.Act.Body) > 0 {
		c.Sequence++
		moved := had.Renumber(c.Sequence).Sign(org, self)
		err = errors.Join(tx.noteRenumbered(org, moved), tx.putRecord(org, moved, share), tx.refer(org, at, moved))
	}
	c.Sequence++
	return r.Renumber(c.Sequence).Sign(org, self), true, errors.Join(err, histories.put(tx, c, org[:]))
}

// isRenumbered reports whether a record lies here under another number.
func (tx *Tx) isRenumbered(org keys.OrgID, r history.Record) (bool, error) {
	like := r.Likeness()
	_, err := renumbered.get(tx, org[:], r.Device[:], number(r.Sequence), like[:])
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (tx *Tx) noteRenumbered(org keys.OrgID, r history.Record) error {
	like := r.Likeness()
	return renumbered.put(tx, r.Sequence, org[:], r.Device[:], number(r.Was), like[:])
}

// renumber has a record that another device gives under its second number take the place of the same under its first, and reports
// whether that was here. What is the account's own word stays where it was too, and is given to others no more: the second number may
// be one from which on a bar lets nothing count. [HIST-27] [HIST-29]
func (tx *Tx) renumber(org keys.OrgID, r history.Record) (bool, error) {
	if err := tx.noteRenumbered(org, r); err != nil {
		return false, err
	}
	at := place{r.Device, r.Was}
	had, err := tx.record(org, at)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	} else if err != nil || had.Kind != r.Kind || had.Likeness() != r.Likeness() {
		return false, err
	}
	if had.Message != nil && had.Message.Erased > 0 {
		erased := r.Message.Erase(had.Message.Erased)
		r.Message = &erased
	}
	share, err := tx.isShared(org, had)
	if err != nil {
		return false, err
	}
	if r.ProvesItself() || r.Draft != nil {
		err = tx.dropRecord(org, had)
	} else {
		err = tx.unshare(org, had)
	}
	return true, errors.Join(err, tx.putRecord(org, r, share), tx.refer(org, at, r))
}

// collide reports whether two records of one name cannot be one, whatever was erased of either.
func collide(had, r history.Record) bool {
	switch {
	case had.ID() == r.ID():
		return false
	case had.Message != nil && r.Message != nil:
		return had.Message.ID() != r.Message.ID()
	case had.Act != nil && r.Act != nil:
		return !same(had, r)
	case had.Draft != nil && r.Draft != nil:
		return had.Draft.ID != r.Draft.ID || had.Draft.Content != nil && r.Draft.Content != nil
	}
	return true
}

// refer has what was found at a place be found where a record lies now.
func (tx *Tx) refer(org keys.OrgID, from place, r history.Record) error {
	to := place{r.Device, r.Sequence}
	move := func(b bucket[place], parts ...[]byte) error {
		at, err := b.get(tx, parts...)
		if errors.Is(err, ErrNotFound) || err == nil && at != from {
			return nil
		} else if err != nil {
			return err
		}
		return b.put(tx, to, parts...)
	}
	switch {
	case r.Message != nil:
		id := r.Message.ID()
		return move(messages, org[:], id[:])
	case r.Draft != nil:
		return errors.Join(move(drafts, org[:], r.Draft.ID[:]), move(dropped, org[:], r.Draft.ID[:]))
	case r.Act != nil:
		action, err := r.Act.Open()
		if err != nil {
			return err
		}
		key := keyOf(*r.Act)
		for _, message := range action.Messages() {
			err = errors.Join(err, move(acts, org[:], message[:], key[:]))
		}
		return err
	}
	return nil
}
