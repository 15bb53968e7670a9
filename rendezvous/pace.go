package rendezvous

import (
	"sync"
	"time"

	"muster.example/internal/keys"
)

// How fast one device may put events on the roll: what is on it stays for ever, at every member. A person with a list of
// people to invite stays far below. [RV-26]
const (
	eventBurst = 100
	eventEvery = time.Minute
)

// pace bounds how fast each device of an organization puts events on its roll. It forgets at a restart.
type pace struct {
	mu    sync.Mutex                   // guards the following
	spent map[keys.PublicKey]time.Time // when the device will have all of its burst again
}

func newPace() *pace { return &pace{spent: make(map[keys.PublicKey]time.Time)} }

// take reports whether a device may put one more event on the roll at now, and counts it.
func (p *pace) take(device keys.PublicKey, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	full := p.spent[device]
	if full.Before(now) {
		full = now
	}
	if full = full.Add(eventEvery); full.Sub(now) > eventBurst*eventEvery {
		return false
	}
	p.spent[device] = full
	return true
}
