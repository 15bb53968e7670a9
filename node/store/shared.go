package store

import (
	"bytes"
	"errors"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/sync/history"
	"muster.example/sync/reconcile"
)

// What the devices of the account keep in step: records by their time and id, in the order in which they are reconciled.
// [STO-36]
var (
	shared  = bucket[place]{61, "a record that is shared"}
	digests = bucket[reconcile.Digest]{62, "what is shared, in short"}
)

// itemOf returns a record as an item of the set that devices reconcile. [SYNC-1]
func itemOf(r history.Record) reconcile.Item {
	return reconcile.Item{Time: uint64(r.Clock.Wall), ID: r.ID()}
}

// putRecord stores a record in the place of the one of its name, if there is one. Only what is shared is given to other devices.
func (tx *Tx) putRecord(org keys.OrgID, r history.Record, share bool) error {
	if had, err := tx.record(org, place{r.Device, r.Sequence}); err == nil {
		if err := tx.unshare(org, had); err != nil {
			return err
		}
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	return tx.putFresh(org, r, share)
}

// putFresh stores a record of whose name there is none, or that is shared.
func (tx *Tx) putFresh(org keys.OrgID, r history.Record, share bool) error {
	if err := records.put(tx, wire.Encode(r), org[:], r.Device[:], number(r.Sequence)); err != nil || !share {
		return err
	}
	return tx.share(org, r)
}

// dropRecord removes a record in whose place another stands.
func (tx *Tx) dropRecord(org keys.OrgID, r history.Record) error {
	if err := tx.unshare(org, r); err != nil {
		return err
	}
	return records.delete(tx, org[:], r.Device[:], number(r.Sequence))
}

// share has other devices of the account get a record that is stored.
func (tx *Tx) share(org keys.OrgID, r history.Record) error {
	item := itemOf(r)
	_, err := shared.get(tx, org[:], number(item.Time), item.ID[:])
	if err == nil {
		return nil
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	return errors.Join(shared.put(tx, place{r.Device, r.Sequence}, org[:], number(item.Time), item.ID[:]),
		tx.count(org, func(d *reconcile.Digest) { d.Add(item.ID) }))
}

// unshare ends that for what is about to be replaced or removed.
func (tx *Tx) unshare(org keys.OrgID, r history.Record) error {
	item := itemOf(r)
	_, err := shared.get(tx, org[:], number(item.Time), item.ID[:])
	if errors.Is(err, ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return errors.Join(shared.delete(tx, org[:], number(item.Time), item.ID[:]),
		tx.count(org, func(d *reconcile.Digest) { d.Remove(item.ID) }))
}

func (tx *Tx) count(org keys.OrgID, change func(*reconcile.Digest)) error {
	d, err := tx.Digest(org)
	if err != nil {
		return err
	}
	change(&d)
	if tx.digests == nil {
		tx.digests = make(map[keys.OrgID]reconcile.Digest)
	}
	tx.digests[org] = d
	return nil
}

// putDigests stores what a transaction changed of the digests.
func (tx *Tx) putDigests() error {
	for org, d := range tx.digests {
		if err := digests.put(tx, d, org[:]); err != nil {
			return err
		}
	}
	return nil
}

// Digest returns what there is to share of an organization, in short.
func (tx *Tx) Digest(org keys.OrgID) (reconcile.Digest, error) {
	if d, changed := tx.digests[org]; changed {
		return d, nil
	}
	d, err := digests.get(tx, org[:])
	if errors.Is(err, ErrNotFound) {
		return reconcile.Digest{}, nil
	}
	return d, err
}

// Items returns what there is to share of an organization from a time on, in order.
func (tx *Tx) Items(org keys.OrgID, since uint64) ([]reconcile.Item, error) {
	var items []reconcile.Item
	var after []byte
	if since > 0 {
		after = append(number(since-1), bytes.Repeat([]byte{0xff}, reconcile.IDSize)...)
	} else if d, err := tx.Digest(org); err != nil {
		return nil, err
	} else {
		items = make([]reconcile.Item, 0, d.Count)
	}
	err := shared.each(tx, after, func(rest []byte, _ place) (bool, error) {
		item, ok := readItem(rest)
		if ok {
			items = append(items, item)
		}
		return true, nil
	}, org[:])
	return items, err
}

func readItem(rest []byte) (reconcile.Item, bool) {
	if len(rest) != 8+reconcile.IDSize {
		return reconcile.Item{}, false
	}
	return reconcile.Item{Time: readNumber(rest), ID: [reconcile.IDSize]byte(rest[8:])}, true
}

// Shared returns the record of an item as another device of the account gets it: with what its author signed. ErrNotFound means
// that it is not shared any more.
func (tx *Tx) Shared(org keys.OrgID, item reconcile.Item) (history.Record, error) {
	at, err := shared.get(tx, org[:], number(item.Time), item.ID[:])
	if err != nil {
		return history.Record{}, err
	}
	r, err := tx.record(org, at)
	if err != nil {
		return r, fmt.Errorf("reading a record that is shared: %w", err)
	}
	switch {
	case r.Message != nil && r.Message.Erased == 0 && len(r.Message.Signed) == 0:
		signed, err := tx.Proof(org, r.Message.ID())
		if err != nil {
			return r, fmt.Errorf("reading what an own message proves: %w", err)
		}
		m := *r.Message
		m.Signed, r.Message = history.Proof{Content: signed.Content, Signature: signed.Signature}.Encode(), &m
	case r.Act != nil && len(r.Act.Body) > 0 && len(r.Act.Signed) == 0:
		signed, err := tx.ActProof(org, *r.Act)
		if err != nil {
			return r, fmt.Errorf("reading what an own act proves: %w", err)
		}
		a := *r.Act
		a.Signed, r.Act = history.Proof{Content: signed.Content, Signature: signed.Signature}.Encode(), &a
	}
	return r, nil
}

// shares reports whether a record is for other devices from the moment that it is stored. What its author has not signed yet is
// not: nobody could check it. Of an act shareAct says so.
func shares(r history.Record) bool {
	return r.Act == nil && !r.IsEarly() && (r.Message == nil || r.Message.Erased == history.ErasedDeleted || len(r.Message.Signed) > 0)
}

// shareAct shares an act that its author signed and that is indexed if it counts for a message that is shared. Others would refuse one
// on a message whose lifetime ended there, which no device gives. [HIST-30]
func (tx *Tx) shareAct(org keys.OrgID, r history.Record, action history.Action) error {
	is, err := tx.isOnShared(org, action)
	if err != nil || !is {
		return err
	}
	return tx.share(org, r)
}

// isOnShared reports whether an act is kept on a message that is shared.
func (tx *Tx) isOnShared(org keys.OrgID, action history.Action) (is bool, err error) {
	key := keyOf(action.Act)
	for _, id := range action.Messages() {
		var r history.Record
		if _, err = acts.get(tx, org[:], id[:], key[:]); err == nil {
			if r, err = tx.Message(org, id); err == nil {
				is, err = tx.isShared(org, r)
			}
		}
		if is || err != nil && !errors.Is(err, ErrNotFound) {
			return is, err
		}
	}
	return false, nil
}

// ShareActs shares the acts on a message that is shared now. [HIST-30]
func (tx *Tx) ShareActs(org keys.OrgID, message keys.MessageID) error {
	var found []place
	err := acts.each(tx, nil, func(_ []byte, at place) (bool, error) {
		found = append(found, at)
		return true, nil
	}, org[:], message[:])
	for _, at := range found {
		if err != nil {
			return err
		}
		var r history.Record
		if r, err = tx.record(org, at); err != nil {
			return err
		}
		if len(r.Act.Signed) == 0 {
			if _, err := tx.ActProof(org, *r.Act); errors.Is(err, ErrNotFound) {
				continue
			} else if err != nil {
				return err
			}
		}
		var action history.Action
		if action, err = r.Act.Open(); err == nil {
			err = tx.shareAct(org, r, action)
		}
	}
	return err
}

// isShared reports whether other devices of the account get a record.
func (tx *Tx) isShared(org keys.OrgID, r history.Record) (bool, error) {
	item := itemOf(r)
	_, err := shared.get(tx, org[:], number(item.Time), item.ID[:])
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// same reports whether two records are one, or would be but for what was erased of one of them.
func same(a, b history.Record) bool {
	switch {
	case a.Kind != b.Kind:
		return a.Kind == history.RecordMessage && b.Kind == history.RecordDraft || a.Kind == history.RecordDraft && b.Kind == history.RecordMessage
	case a.Message != nil:
		return a.Message.ID() == b.Message.ID()
	case a.Act != nil:
		return len(a.Act.Body) == 0 || len(b.Act.Body) == 0 || bytes.Equal(a.Act.Body, b.Act.Body)
	case a.Draft != nil:
		return a.Draft.ID == b.Draft.ID
	}
	return a.ID() == b.ID()
}
