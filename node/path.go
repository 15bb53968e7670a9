package node

import (
	"context"
	"errors"
	"sync"
	"time"

	"muster.example/internal/p2p"
	"muster.example/rendezvous/rvclient"
)

// path is what a device has learnt of its way to the rendezvous node, from one session to the next: how patient a dial has to
// be. It is kept in memory alone.
type path struct {
	mu    sync.Mutex // guards the following
	fails uint       // dials in a row that came to nothing
	stop  func()     // ends the dial that is under way; nil: there is none
	slows uint       // sessions that ended since an answer did not come in time, less the long ones
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

// hurry ends a dial that is under way, and forgets those that came to nothing: the link is another one now.
func (p *path) hurry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fails = 0
	if p.stop != nil {
		p.stop()
	}
}

// Reconnect has every organization without a connection to its rendezvous node try now: the link has come up, or is another one. A dial
// that is under way begins anew, since what it sends again it sends ever more rarely.
func (n *Node) Reconnect() {
	for _, o := range n.all() {
		o.mu.Lock()
		local, at, connected := o.host, o.at.Key, o.client != nil
		o.mu.Unlock()
		if local == nil || connected {
			continue
		}
		p2p.CallAnew(local, at)
		o.path.hurry()
		wake(o.wakeSession)
	}
}
