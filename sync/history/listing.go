package history

import (
	"slices"

	"muster.example/internal/keys"
)

// MessagesIn returns the messages of a conversation that are to be shown, oldest first.
func (t *Threads) MessagesIn(id keys.ConversationID) []keys.MessageID {
	talk, known := t.talkOf[id]
	if !known {
		return nil
	}
	var refs []uint32
	for n := range t.entries {
		if e := &t.entries[n]; e.shown() && e.says.conversation == talk && !t.hidden(e) {
			refs = append(refs, uint32(n))
		}
	}
	slices.SortFunc(refs, t.comparePlaces)
	all := make([]keys.MessageID, len(refs))
	for i, n := range refs {
		all[i] = t.entries[n].id
	}
	return all
}
