package history

import (
	"slices"

	"muster.example/internal/keys"
)

// Returned lists the messages of this account that NoteReturned has named and that are here to show, the newest first.
func (t *Threads) Returned() []keys.MessageID {
	var found []uint32
	for n := range t.entries {
		if e := &t.entries[n]; e.state&isReturned > 0 && e.shown() && e.says.flags&isOwn > 0 {
			found = append(found, uint32(n))
		}
	}
	slices.SortFunc(found, func(a, b uint32) int { return t.comparePlaces(b, a) })
	ids := make([]keys.MessageID, len(found))
	for i, n := range found {
		ids[i] = t.entries[n].id
	}
	return ids
}
