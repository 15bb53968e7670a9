package store

import (
	"errors"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// DraftID names a draft.
type DraftID [history.NonceSize]byte

var (
	drafts  = bucket[place]{58, "a draft"}
	dropped = bucket[place]{59, "a draft that is gone"}
)

// Draft returns the record of a draft that stands. One that was dropped is not found.
func (tx *Tx) Draft(org keys.OrgID, id DraftID) (history.Record, error) {
	at, err := drafts.get(tx, org[:], id[:])
	if err != nil {
		return history.Record{}, err
	}
	r, err := tx.record(org, at)
	if err != nil {
		return r, fmt.Errorf("reading draft %x: %w", id[:4], err)
	}
	return r, nil
}

// Drafts visits the organization's drafts, in the order of their ids, until visit returns false.
func (tx *Tx) Drafts(org keys.OrgID, visit func(history.Record) (more bool, err error)) error {
	return drafts.each(tx, nil, func(_ []byte, at place) (bool, error) {
		r, err := tx.record(org, at)
		if err != nil {
			return false, err
		}
		return visit(r)
	}, org[:])
}

// indexDraft finds a draft by a record that is stored already, and erases the one of the two that does not stand: of each
// draft at most one record says what it said, whatever comes in whatever order. [HIST-22] [STO-34]
func (tx *Tx) indexDraft(org keys.OrgID, r history.Record) error {
	id := DraftID(r.Draft.ID)
	at, err := tx.draftAt(org, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err == nil && at != (place{r.Device, r.Sequence}) {
		have, err := tx.record(org, at)
		if err != nil {
			return err
		}
		if history.StandingDraft(have, r).Compare(have) == 0 {
			return tx.eraseDraft(org, r)
		}
		if err := tx.eraseDraft(org, have); err != nil {
			return err
		}
	}
	if r.Draft.Content == nil {
		return errors.Join(drafts.delete(tx, org[:], id[:]), dropped.put(tx, place{r.Device, r.Sequence}, org[:], id[:]))
	}
	return errors.Join(dropped.delete(tx, org[:], id[:]), drafts.put(tx, place{r.Device, r.Sequence}, org[:], id[:]))
}

// draftAt returns where the record of a draft lies that stands, whether it was dropped or not.
func (tx *Tx) draftAt(org keys.OrgID, id DraftID) (place, error) {
	at, err := drafts.get(tx, org[:], id[:])
	if errors.Is(err, ErrNotFound) {
		return dropped.get(tx, org[:], id[:])
	}
	return at, err
}

// eraseDraft takes what a draft said out of its record.
func (tx *Tx) eraseDraft(org keys.OrgID, r history.Record) error {
	if r.Draft.Content == nil {
		return tx.unshare(org, r)
	}
	erased := r.Draft.Erase()
	r.Draft, r.Signature = &erased, keys.Signature{} // it is for no other device
	return tx.putRecord(org, r, false)
}
