package node

import (
	"sync"
	"time"

	"muster.example/internal/keys"
)

const (
	// overtakes is for how long what gossip brings may come behind the same envelope by another way. Pubsub itself takes no message of
	// gossip a second time in two minutes.
	overtakes = time.Minute
	// mostHandedOver bounds the envelopes that are remembered for that: of more, what gossip brings is not handed on.
	mostHandedOver = 1024
)

// handedOver remembers the envelopes of groups that came in the last minute, and which of them were handed on in their topics. A stream
// from the author is often quicker than gossip: what it brought is no news here, but may be for those behind. Whatever is older is
// a message that somebody plays again. [GOS-11] Its zero value is empty.
type handedOver struct {
	mu  sync.Mutex // guards the following
	all map[keys.EnvelopeID]*handed
}

type handed struct {
	at time.Time
	on bool
}

// came notes envelopes that were opened, whichever way they came.
func (h *handedOver) came(now time.Time, ids ...keys.EnvelopeID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		h.noteLocked(now, id)
	}
}

// handOn reports whether an envelope that gossip brings is to be handed on, and takes it as handed on: news, or what came otherwise lately.
func (h *handedOver) handOn(now time.Time, id keys.EnvelopeID, news bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if news {
		h.noteLocked(now, id)
	}
	one := h.all[id]
	if one == nil || one.on || now.Sub(one.at) >= overtakes {
		return news
	}
	one.on = true
	return true
}

func (h *handedOver) noteLocked(now time.Time, id keys.EnvelopeID) {
	if h.all[id] != nil {
		return
	}
	if len(h.all) >= mostHandedOver {
		for old, one := range h.all {
			if now.Sub(one.at) >= overtakes {
				delete(h.all, old)
			}
		}
	}
	if h.all == nil {
		h.all = make(map[keys.EnvelopeID]*handed)
	}
	if len(h.all) < mostHandedOver {
		h.all[id] = &handed{at: now}
	}
}
