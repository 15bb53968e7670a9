package store

import (
	"cmp"
	"fmt"
	"slices"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/sync/history"
	"muster.example/sync/reconcile"
)

// Given is a record as another device of the account gets it.
type Given struct {
	Item   reconcile.Item
	Record []byte
}

const (
	// givenBytes is how many bytes of records Given returns at most, but for the last.
	givenBytes = 1 << 20
	// sparse is how many records are read along, for each that is asked for, rather than each by itself: an iterator that goes on
	// to the next is several times as fast as a search.
	sparse = 4
)

// Given returns up to limit records of a range that are shared, the newest first, of those before the last item, nil: from the
// newest on; and whether there may be more. They are as they lie here, but for those which this device wrote: what it signed is
// added.
func (tx *Tx) Given(org keys.OrgID, missing reconcile.Missing, last *reconcile.Item, limit int) (given []Given, more bool, err error) {
	given, places, more, err := tx.placesOf(org, missing, last, limit)
	if err != nil {
		return nil, false, err
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
	return given, more, nil
}

// placesOf returns the items that Given returns, and where their records are.
func (tx *Tx) placesOf(org keys.OrgID, missing reconcile.Missing, last *reconcile.Item, limit int) (given []Given, places []place, more bool, err error) {
	prefix := shared.key(org[:])
	var after []byte
	switch end, isEnd := missing.To.Least(); {
	case last != nil:
		after = shared.key(org[:], number(last.Time), last.ID[:])
	case !isEnd:
		after = shared.key(org[:], number(end.Time), end.ID[:])
	}
	if missing.Names != nil {
		limit = min(limit, 2*len(missing.Names))
	}
	for whole := false; !whole && len(given) == 0; { // a page may have none of those that are named
		var page []kv.Entry
		if page, whole, err = tx.kv.Page(prefix, after, true, limit); err != nil {
			return nil, nil, false, err
		}
		for _, entry := range page {
			after = entry.Key
			item, ok := readItem(entry.Key[len(prefix):])
			switch {
			case ok && !missing.From.Before(item):
				return given, places, false, nil
			case !ok || !missing.Has(item):
				continue
			}
			var at place
			if err := shared.decode(entry.Value, &at); err != nil {
				return nil, nil, false, err
			}
			given, places = append(given, Given{Item: item}), append(places, at)
		}
		more = !whole
	}
	return given, places, more, nil
}

// readAlong reads the records of those of many places that lie close to one another.
func (tx *Tx) readAlong(org keys.OrgID, places []place, given []Given) error {
	order := make([]int, len(places))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(places[a].Device.Compare(places[b].Device), cmp.Compare(places[b].Sequence, places[a].Sequence))
	})
	for left := 2 * givenBytes; len(order) > 0 && left > 0; {
		n := 1
		for n < len(order) && places[order[n]].Device == places[order[0]].Device &&
			places[order[n-1]].Sequence-places[order[n]].Sequence <= sparse {
			n++
		}
		if err := tx.readRun(org, places, order[:n], given, &left); err != nil {
			return err
		}
		order = order[n:]
	}
	return nil
}

// readRun reads records of one device whose numbers go down with few in between, as long as there are bytes left.
func (tx *Tx) readRun(org keys.OrgID, places []place, run []int, given []Given, left *int) error {
	if len(run) < sparse {
		return nil
	}
	first, last := places[run[0]], places[run[len(run)-1]]
	prefix := records.key(org[:], first.Device[:])
	after := append(slices.Clone(prefix), number(first.Sequence+1)...)
	for whole := false; !whole && len(run) > 0 && *left > 0; {
		page, over, err := tx.kv.Page(prefix, after, true, int(places[run[0]].Sequence-last.Sequence)+1)
		if err != nil {
			return err
		}
		whole = over
		for _, entry := range page {
			after = entry.Key
			tx.reads.Add(1)
			number := readNumber(entry.Key[len(prefix):])
			for len(run) > 0 && number < places[run[0]].Sequence {
				run = run[1:]
			}
			if len(run) == 0 {
				return nil
			}
			if number == places[run[0]].Sequence {
				given[run[0]].Record, run = entry.Value, run[1:]
				*left -= len(entry.Value)
			}
		}
	}
	return nil
}

// given returns a record that may have been read along, as it is given.
func (tx *Tx) given(org keys.OrgID, g Given, at place) ([]byte, error) {
	value := g.Record
	if value == nil {
		tx.reads.Add(1)
		var err error
		if value, err = tx.kv.Get(records.key(org[:], at.Device[:], number(at.Sequence))); err != nil {
			return nil, fmt.Errorf("reading a record that is shared: %w", err)
		}
	}
	major, size, data, err := wire.Head(value)
	if err != nil || major != wire.MajorBytes || size != uint64(len(data)) {
		return nil, fmt.Errorf("reading a record that is shared: it is none")
	}
	signed, err := history.IsSigned(data)
	if err != nil || signed {
		return data, err
	}
	r, err := tx.Shared(org, g.Item)
	return wire.Encode(r), err
}
