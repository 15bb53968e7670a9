package p2p

import (
	"maps"
	"sync"
	"time"

	"muster.example/internal/keys"
)

const (
	// mostTries is how often in triesTime a direct path to one peer is tried: libp2p tries three times for each relayed connection, but
	// the side that called tries as often as it is asked to. [NEAR-14]
	mostTries = 6
	triesTime = time.Minute
	// maxTried is for how many peers that is counted at a time; to further ones no path is tried.
	maxTried = 256
)

// punchTries counts tries to open direct paths. The zero value has counted none. It is safe for concurrent use.
type punchTries struct {
	mu    sync.Mutex // guards the following
	since map[keys.PublicKey]triesSince
}

type triesSince struct {
	from  time.Time
	count int
}

// take counts one try, and reports whether it may be.
func (p *punchTries) take(to keys.PublicKey, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since == nil {
		p.since = make(map[keys.PublicKey]triesSince)
	}
	tried, known := p.since[to]
	if !known && len(p.since) >= maxTried {
		maps.DeleteFunc(p.since, func(_ keys.PublicKey, t triesSince) bool { return now.Sub(t.from) >= triesTime })
		if len(p.since) >= maxTried {
			return false
		}
	}
	if now.Sub(tried.from) >= triesTime {
		tried = triesSince{from: now}
	}
	tried.count++
	p.since[to] = tried
	return tried.count <= mostTries
}
