package rvclient

import (
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/rendezvous/rvproto"
)

// pace says when a device pings on a stream, and when it gives the node up. [RV-6]
type pace struct {
	stream   network.Stream
	patience time.Duration // without a byte from the node though it is to answer
	rests    bool          // a post stream: with all posts answered the other stream shows whether the node is there

	mu    sync.Mutex // guards the following
	owed  int        // posts without an answer
	asked time.Time  // since when the node says nothing though it is to answer something; zero: it is not
	until time.Time  // until when the reader waits for a byte
}

// ask notes that something is about to be sent that the node answers: posts, or a ping if there are none.
func (p *pace) ask(posts int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.owed += posts
	if p.asked.IsZero() {
		p.asked = time.Now()
	}
	if due := time.Now().Add(rvproto.PingEvery); !p.until.IsZero() && due.Before(p.until) { // the stream had rested
		p.until = due
		_ = p.stream.SetReadDeadline(due)
	}
}

// hear notes that bytes came.
func (p *pace) hear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = time.Time{}
	if p.owed > 0 {
		p.asked = time.Now()
	}
}

// answered notes that a post has its answer.
func (p *pace) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.owed--; p.owed == 0 {
		p.asked = time.Time{}
	}
}

// every returns after how long without a word from the device it pings.
func (p *pace) every() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.everyLocked()
}

// everyLocked is every. Callers hold mu.
func (p *pace) everyLocked() time.Duration {
	if p.rests && p.owed == 0 && p.asked.IsZero() {
		return rvproto.RestEvery
	}
	return rvproto.PingEvery
}

// wait bounds the next read.
func (p *pace) wait() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Now().Add(p.everyLocked())
	if given := p.asked.Add(p.patience); !p.asked.IsZero() && given.Before(p.until) {
		p.until = given
	}
	_ = p.stream.SetReadDeadline(p.until)
}

// over reports whether a read that has timed out was the last: the node owes something for too long. A stream whose negotiation
// has timed out once says so ever after, at once: asking on would only burn time.
func (p *pace) over() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	return !p.asked.IsZero() && now.Sub(p.asked) >= p.patience || now.Before(p.until)
}
