package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"muster.example/rendezvous/rvclient"
)

// path is what a device has learnt of its way to the rendezvous node, from one session to the next: how patient a dial has to
// be. It is kept in memory alone.
type path struct {
	mu    sync.Mutex // guards the following
	fails uint       // dials in a row that came to nothing
	stop  func()     // ends the dial that is under way; nil: there is none
	// hurried is when all began anew last for another network.
	hurried time.Time
	fresh   bool // the link has become another one, and no pause begun since
	slows   uint // sessions that ended since an answer did not come in time, less the long ones
}

// dialTime returns how long the next dial may take. A handshake is some 8 KB in four flights: at 9.6 kbit/s and with packets lost it
// takes longer than anybody wants to wait for a node that is not there, so only who fails gives more, each time twice as much.
func (p *path) dialTime() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return min(dialTimeout<<min(p.fails, 3), slowestDial)
}

// dialled notes how a dial ended.
func (p *path) dialled(reached bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if reached {
		p.fails = 0
		return
	}
	p.fails++
}

// mostSlows is when a device is at its most patient.
const mostSlows = 2

// slow returns how many times the usual an answer is waited for.
func (p *path) slow() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return 1 << p.slows
}

// ended notes why a session ended, and after how long. An answer that did not come may be under way: the next session waits twice as
// long. One that lasted gives half of that back.
func (p *path) ended(err error, lasted time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch late := errors.Is(err, rvclient.ErrSilent) || errors.Is(err, context.DeadlineExceeded); {
	case late && !errors.Is(err, errUnreachable):
		p.slows = min(p.slows+1, mostSlows)
	case lasted > longestPause*15 && p.slows > 0:
		p.slows--
	}
}

// dialling makes a context for a dial that hurry can end. done is called once it has ended.
func (p *path) dialling(ctx context.Context) (_ context.Context, done func()) {
	ctx, stop := context.WithCancel(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stop = stop
	return ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		stop()
		p.stop = nil
	}
}

// freshEvery is how often a dial that is under way, and the pauses between dials, begin anew for another network: as seldom as the most
// patient dial takes. [RV-205]
const freshEvery = slowestDial

// hurry forgets dials that came to nothing, and ends one that is under way: the link is another one now. Not soon again: it may be a bad
// one, that comes and goes.
func (p *path) hurry(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.hurried.IsZero() && now.Sub(p.hurried) < freshEvery {
		return
	}
	p.hurried, p.fails, p.fresh = now, 0, true
	if p.stop != nil {
		p.stop()
	}
}

// isFresh reports, once, whether the link has become another one.
func (p *path) isFresh() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	fresh := p.fresh
	p.fresh = false
	return fresh
}
