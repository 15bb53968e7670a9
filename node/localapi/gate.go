package localapi

import (
	"net"
	"sync"
)

// gate counts the handlers at work and lets none in once it is closed.
type gate struct {
	mu     *sync.Mutex // guards the following
	inside int
	closed bool
	empty  *sync.Cond // signalled when inside falls to 0
}

func newGate() gate {
	mu := new(sync.Mutex)
	return gate{mu: mu, empty: sync.NewCond(mu)}
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.inside++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside == 0 {
		g.empty.Broadcast()
	}
}

// closeAndWait returns once nobody is inside and nobody will be.
func (g *gate) closeAndWait() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for g.inside > 0 {
		g.empty.Wait()
	}
}

// limited is a listener with at most a number of connections at once: it accepts the next when one has closed. The
// rest wait in the system's backlog.
type limited struct {
	net.Listener
	slots  chan struct{} // holds one element for each connection
	closed chan struct{}
	once   sync.Once
}

func newLimited(listener net.Listener, connections int) *limited {
	return &limited{Listener: listener, slots: make(chan struct{}, connections), closed: make(chan struct{})}
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{Conn: conn, release: sync.OnceFunc(func() { <-l.slots })}, nil
}

// Close implements net.Listener.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	release func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
