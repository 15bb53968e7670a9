package gossip

import "sync"

// gate counts calls under way and lets none begin once it is closed.
type gate struct {
	wait   sync.WaitGroup
	mu     sync.Mutex // guards the following
	closed bool
}

// enter reports whether a call may begin. If so the caller calls leave after it.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.wait.Add(1)
	return true
}

func (g *gate) leave() { g.wait.Done() }

// close waits for the calls under way.
func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.wait.Wait()
}
