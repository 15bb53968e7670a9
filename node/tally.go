package node

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"muster.example/node/api"
	"muster.example/sync/history"
)

// maxReasons is how many reasons a tally tells apart.
const maxReasons = 64

// tally says what came of records that were to be taken in. A nil one says nothing.
type tally struct {
	added    uint64
	messages uint64 // of those
	refused  map[string]uint64
}

func (t *tally) add(r history.Record) {
	t.added++
	if r.Kind == history.RecordMessage {
		t.messages++
	}
}

func (t *tally) refuse(why string, count uint64) {
	if t.refused == nil {
		t.refused = make(map[string]uint64)
	}
	if _, known := t.refused[why]; !known && len(t.refused) >= maxReasons {
		why = "for other reasons"
	}
	t.refused[why] += count
}

func (t *tally) sum(more tally) {
	if t == nil {
		return
	}
	t.added, t.messages = t.added+more.added, t.messages+more.messages
	for why, count := range more.refused {
		t.refuse(why, count)
	}
}

// items lists what was refused, the most frequent reason first.
func (t *tally) items() (all []api.RefusedItem) {
	for _, why := range slices.Sorted(maps.Keys(t.refused)) {
		all = append(all, api.RefusedItem{Why: why, Count: t.refused[why]})
	}
	slices.SortStableFunc(all, func(a, b api.RefusedItem) int { return cmp.Compare(b.Count, a.Count) })
	return all
}

// takeRecords checks records that a sibling gave, and stores those that hold.
// Deletions go first: they prove that other records are of messages that were deleted. [HIST-30]
func (o *organization) takeRecords(ctx context.Context, all []history.Record) error {
	return o.takeRecordsFor(ctx, all, nil)
}

// takeRecordsFor is takeRecords, and says in a tally, if there is one, what came of them.
func (o *organization) takeRecordsFor(ctx context.Context, all []history.Record, t *tally) error {
	deletes := func(r history.Record) bool { return r.Act != nil && r.Act.Kind == history.KindDelete }
	slices.SortStableFunc(all, func(a, b history.Record) int {
		switch {
		case deletes(a) == deletes(b):
			return 0
		case deletes(a):
			return -1
		}
		return 1
	})
	for some := range slices.Chunk(o.checkAll(ctx, all), takenAtOnce) {
		o.mu.Lock()
		err := inParts(some, func(part []checked) error { return o.takeRecordsLocked(part, t) })
		o.mu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}
