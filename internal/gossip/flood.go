package gossip

import (
	"sync"
	"time"

	"muster.example/internal/keys"
)

// bucket is a token bucket that fills evenly. Its zero value is full.
type bucket struct {
	used float64 // tokens that are gone, as of at
	at   time.Time
}

// fill gives back what has come in since the last look.
func (b *bucket) fill(now time.Time, perSecond float64) {
	b.used = max(0, b.used-now.Sub(b.at).Seconds()*perSecond)
	b.at = now
}

// take takes one token if there is one.
func (b *bucket) take(now time.Time, burst, perSecond float64) bool {
	b.fill(now, perSecond)
	if b.used+1 > burst {
		return false
	}
	b.used++
	return true
}

// link is one author's way to us: messages that a hostile neighbour repeats use up nothing of what the author may send
// by another way. [GOS-7]
type link struct {
	topic           string
	author, through keys.PublicKey
}

// flood counts messages of each link.
type flood struct {
	mu    sync.Mutex // guards the following
	links map[link]*bucket
}

// allow reports whether one more message of a link is within perMinute.
func (f *flood) allow(l link, perMinute int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.links[l]
	if b == nil {
		b = new(bucket)
		f.links[l] = b
	}
	return b.take(time.Now(), float64(perMinute), float64(perMinute)/60)
}

// sweep forgets the links that have been silent for so long that their buckets are full.
func (f *flood) sweep(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for l, b := range f.links {
		if now.Sub(b.at) >= time.Minute*AcceptedPerMinute/PublishedPerMinute {
			delete(f.links, l)
		}
	}
}

// meter slows down one reader.
type meter struct{ bytes bucket }

// pause counts n bytes and returns for how long to read no more.
func (m *meter) pause(n int) time.Duration {
	m.bytes.fill(time.Now(), readPerSecond)
	m.bytes.used += float64(n)
	if over := m.bytes.used - readBurst; over > 0 {
		return time.Duration(over / readPerSecond * float64(time.Second))
	}
	return 0
}
