package store

import (
	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/sync/reconcile"
)

// GivenUpward returns up to limit records that are shared, the oldest first, of those behind the item after, nil: from the first on;
// and whether there may be more. They are as Given has them.
func (tx *Tx) GivenUpward(org keys.OrgID, after *reconcile.Item, limit int) (given []Given, more bool, err error) {
	prefix := shared.key(org[:])
	var from []byte
	if after != nil {
		from = shared.key(org[:], number(after.Time), after.ID[:])
	}
	var page []kv.Entry
	page, whole, err := tx.kv.Page(prefix, from, false, limit)
	if err != nil {
		return nil, false, err
	}
	var places []place
	for _, entry := range page {
		item, ok := readItem(entry.Key[len(prefix):])
		if !ok {
			continue
		}
		var at place
		if err := shared.decode(entry.Value, &at); err != nil {
			return nil, false, err
		}
		given, places = append(given, Given{Item: item}), append(places, at)
	}
	if err := tx.readAlong(org, places, given); err != nil {
		return nil, false, err
	}
	size := 0
	for i, at := range places {
		if given[i].Record, err = tx.given(org, given[i], at); err != nil {
			return nil, false, err
		}
		if size += len(given[i].Record); size >= givenBytes && i+1 < len(given) {
			return given[:i+1], true, nil
		}
	}
	return given, !whole, nil
}
