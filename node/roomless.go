package node

import (
	"sync"
	"time"

	"muster.example/internal/keys"
)

// How long what a node had no room for waits before it is offered again: the pause doubles, each spread by half. [RV-131]
const (
	firstFullPause   = 15 * time.Second
	longestFullPause = 10 * time.Minute
	// fullStreak is how many posts in a row a node refuses until it is taken for full: then one goes out at a time.
	fullStreak = 8
	// roomlessKept is how many envelopes are remembered; which are forgotten are offered again at once.
	roomlessKept = 1 << 14
)

// roomless is what the rendezvous node has no room for now, and until when it is not offered again. It is only in memory:
// after a start everything is offered once.
type roomless struct {
	mu        sync.Mutex // guards the following; innermost
	envelopes map[keys.EnvelopeID]*putOff
	node      putOff // of everything
	streak    int    // posts in a row that the node refused as a whole
}

// putOff says until when something is not offered.
type putOff struct {
	until   time.Time
	pause   time.Duration
	message keys.MessageID // that the envelope is a part of, or zero
	whole   bool           // the node had no room, rather than a device
	open    bool           // the pause is over: it is to be offered
}

// longer puts off for twice as long as the last time.
func (p *putOff) longer(now time.Time) {
	p.pause = min(max(2*p.pause, firstFullPause), longestFullPause)
	p.until = now.Add(jitter(p.pause))
}

// refused notes that there was no room for an envelope: for none of its devices if whole.
func (r *roomless) refused(id keys.EnvelopeID, message *keys.MessageID, whole bool, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.envelopes[id]
	if p == nil {
		if r.envelopes == nil || len(r.envelopes) >= roomlessKept {
			r.envelopes = make(map[keys.EnvelopeID]*putOff)
		}
		p = &putOff{}
		r.envelopes[id] = p
	}
	if p.whole, p.open = whole, false; message != nil {
		p.message = *message
	}
	p.longer(now)
	if !whole {
		r.streak = 0
	} else if r.streak++; r.streak >= fullStreak && !now.Before(r.node.until) {
		r.node.longer(now)
	}
}

// taken notes that the node took an envelope. It reports whether what the node had no room for is worth another try.
func (r *roomless) taken(id keys.EnvelopeID, now time.Time) (more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.envelopes, id)
	if r.streak >= fullStreak {
		for _, p := range r.envelopes {
			if p.whole {
				p.until, more = now, true
			}
		}
	}
	r.streak, r.node = 0, putOff{}
	return more
}

// forget drops what is said of an envelope, which ended.
func (r *roomless) forget(id keys.EnvelopeID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.envelopes, id)
}

// most returns how many of many posts may go out now.
func (r *roomless) most(many int, now time.Time) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case now.Before(r.node.until):
		return 0
	case r.streak >= fullStreak:
		return 1
	}
	return many
}

// offer reports whether an envelope may be offered now, and takes it for done.
func (r *roomless) offer(id keys.EnvelopeID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.envelopes[id]
	if p == nil {
		return true
	}
	open := p.open
	p.open = false
	return open
}

// messages returns those of which a part waits for room: no more of them is sealed.
func (r *roomless) messages() map[keys.MessageID]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	held := make(map[keys.MessageID]bool, len(r.envelopes))
	for _, p := range r.envelopes {
		held[p.message] = true
	}
	return held
}

// wait returns for how long nothing that was put off is due; false if nothing was.
func (r *roomless) wait(now time.Time) (wait time.Duration, some bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.envelopes {
		if d := p.until.Sub(now); !some || d < wait {
			wait, some = d, true
		}
	}
	return max(wait, r.node.until.Sub(now), 0), some
}

// due has offered again what was put off until now. What was due before and is not there to be offered any more is forgotten.
func (r *roomless) due(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, p := range r.envelopes {
		switch {
		case now.Before(p.until):
		case p.open:
			delete(r.envelopes, id)
		default:
			p.open, p.until = true, now.Add(p.pause)
		}
	}
}
