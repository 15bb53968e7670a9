package store

import (
	"errors"
	"slices"

	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// Indexed says up to which batch the search index was told of what changed, and which index: an index with another id, or
// behind that, is not the one that was told. [STO-40]
type Indexed struct {
	Index []byte `cbor:"1,keyasint"`
	Batch uint64 `cbor:"2,keyasint"`
}

var (
	unindexed = bucket[uint64]{70, "a message to index"}
	indexing  = bucket[Indexed]{71, "what the search index was told"}
)

// noteChanged notes in the transaction of a change that the search index does not know it yet, so that no crash hides it.
func (tx *Tx) noteChanged(org keys.OrgID, messages ...keys.MessageID) error {
	for _, id := range messages {
		tx.notes = true
		times, err := unindexed.get(tx, org[:], id[:])
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err := unindexed.put(tx, times+1, org[:], id[:]); err != nil {
			return err
		}
	}
	return nil
}

// Unindexed is a message that changed, and how often since the index was told.
type Unindexed struct {
	ID    keys.MessageID
	Times uint64
}

// noteAct does so for an act that changes what a message says.
func (tx *Tx) noteAct(org keys.OrgID, a history.Action) error {
	if a.Edit == nil && a.Delete == nil {
		return nil
	}
	return tx.noteChanged(org, a.Messages()...)
}

// Unindexed returns up to limit messages that changed.
func (tx *Tx) Unindexed(org keys.OrgID, limit int) (found []Unindexed, err error) {
	err = unindexed.each(tx, nil, func(rest []byte, times uint64) (bool, error) {
		if len(rest) == keys.IDSize {
			found = append(found, Unindexed{keys.MessageID(rest), times})
		}
		return len(found) < limit, nil
	}, org[:])
	return found, err
}

// Noted returns those of messages that changed.
func (tx *Tx) Noted(org keys.OrgID, messages []keys.MessageID) (found []Unindexed, err error) {
	for _, id := range messages {
		times, err := unindexed.get(tx, org[:], id[:])
		if errors.Is(err, ErrNotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		found = append(found, Unindexed{id, times})
	}
	return found, nil
}

// NoteIndexed notes that an index took a batch with these messages. One that has changed since they were read stays noted.
func (tx *Tx) NoteIndexed(i Indexed, org keys.OrgID, read []Unindexed) error {
	for _, u := range read {
		times, err := unindexed.get(tx, org[:], u.ID[:])
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err != nil || times != u.Times {
			continue
		}
		if err := unindexed.delete(tx, org[:], u.ID[:]); err != nil {
			return err
		}
	}
	return indexing.put(tx, i)
}

// Indexed returns what the search index was told.
func (tx *Tx) Indexed() (Indexed, error) {
	i, err := indexing.get(tx)
	if errors.Is(err, ErrNotFound) {
		return Indexed{}, nil
	}
	return i, err
}

// CountMessages returns how many messages lie behind a place of the timeline.
func (tx *Tx) CountMessages(org keys.OrgID, after []byte) (count int, err error) {
	err = timeline.each(tx, after, func([]byte, keys.MessageID) (bool, error) { count++; return true, nil }, org[:])
	return count, err
}

// MessagesAfter returns up to limit messages behind a place of the timeline (nil: from the first), and the place of the last.
func (tx *Tx) MessagesAfter(org keys.OrgID, after []byte, limit int) (ids []keys.MessageID, last []byte, err error) {
	last = after
	err = timeline.each(tx, after, func(at []byte, id keys.MessageID) (bool, error) {
		ids, last = append(ids, id), slices.Clone(at)
		return len(ids) < limit, nil
	}, org[:])
	return ids, last, err
}
