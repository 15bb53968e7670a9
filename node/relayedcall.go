package node

import (
	"sync"
	"time"

	"muster.example/internal/keys"
)

const (
	// relayedEach is how often one device of another member may call through a relay within relayedTime, and relayedAll how often all
	// may: each call can have this device send some packets to addresses of the caller's choice. [NEAR-14]
	relayedEach = 3
	relayedAll  = 60
	relayedTime = 10 * time.Minute
)

// relayedCalls counts calls through a relay in the time that goes on.
type relayedCalls struct {
	mu    sync.Mutex // guards the following
	began time.Time
	all   int
	each  map[keys.PublicKey]int
}

func newRelayedCalls() *relayedCalls { return &relayedCalls{each: make(map[keys.PublicKey]int)} }

// take counts a call, and reports whether it is not one too many.
func (r *relayedCalls) take(from keys.PublicKey, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.began) >= relayedTime {
		r.began, r.all = now, 0
		clear(r.each)
	}
	if r.all >= relayedAll || r.each[from] >= relayedEach {
		return false
	}
	r.all++
	r.each[from]++
	return true
}
