package rendezvous

import (
	"sync"
	"time"
)

// rate bounds how often each of many may do something: so much at once, and so much more as time goes by. It forgets at a
// restart.
type rate[K comparable] struct {
	mu   sync.Mutex      // guards the following
	full map[K]time.Time // when each has all of its burst again; who is not here has it
	look int             // beyond so many, those who have it again are looked for
}

const rateLook = 1024

func newRate[K comparable]() *rate[K] { return &rate[K]{full: make(map[K]time.Time), look: rateLook} }

// take spends cost of a burst that grows back as fast as time goes by. It returns 0, or how long to wait until there is
// enough: then nothing was spent.
func (r *rate[K]) take(key K, cost, burst time.Duration, now time.Time) (wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	full := r.full[key]
	if full.Before(now) {
		full = now
	}
	if full = full.Add(cost); full.Sub(now) > burst {
		return full.Sub(now) - burst
	}
	r.full[key] = full
	if len(r.full) > r.look {
		r.forget(now)
	}
	return 0
}

// add spends cost whether there is enough or not.
func (r *rate[K]) add(key K, cost time.Duration, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	full := r.full[key]
	if full.Before(now) {
		full = now
	}
	r.full[key] = full.Add(cost)
}

// forget drops those who have all of their burst. The caller holds mu.
func (r *rate[K]) forget(now time.Time) {
	for key, full := range r.full {
		if !full.After(now) {
			delete(r.full, key)
		}
	}
	r.look = max(rateLook, 2*len(r.full))
}
