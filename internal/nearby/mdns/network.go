package mdns

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"muster.example/internal/nearby"
	"muster.example/internal/task"
)

// linksTime is how often the machine's networks are looked at: a laptop changes its Wi-Fi.
const linksTime = 5 * time.Second

// Network is the local networks of this machine. The zero value is not for use: see New. Its sockets are open while somebody announces
// or browses.
type Network struct {
	log *slog.Logger

	using sync.Mutex // one begins or ends at a time; guards the following
	users int
	run   *running
}

// New returns the local networks of this machine. A process has one of them.
func New(log *slog.Logger) *Network {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Network{log: log}
}

// Announce implements nearby.Network.
func (n *Network) Announce(ctx context.Context, a nearby.Announcement) error {
	if err := a.Check(); err != nil {
		return err
	}
	r, err := n.begin()
	if err != nil {
		return err
	}
	defer n.end()
	name, err := r.announce(a)
	if err != nil {
		return err
	}
	<-ctx.Done()
	r.do(func(m *machine, _ time.Time) { m.withdraw(name) })
	return ctx.Err()
}

// Browse implements nearby.Network.
func (n *Network) Browse(ctx context.Context, kind nearby.Kind, found func(nearby.Found)) error {
	r, err := n.begin()
	if err != nil {
		return err
	}
	defer n.end()
	b := &browser{kind: kind, found: found, queue: make(chan nearby.Found, nearby.MaxHeard)}
	r.browse(b)
	defer r.leave(b)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case f := <-b.queue:
			found(f)
		}
	}
}

// Anew says and asks everything again: the machine may be on other networks, or others on them. Whoever calls it bounds how often.
func (n *Network) Anew() {
	n.using.Lock()
	defer n.using.Unlock()
	if n.run == nil {
		return
	}
	n.run.look(time.Now())
	n.run.do((*machine).anew)
}

// begin opens the sockets for the first who needs them.
func (n *Network) begin() (*running, error) {
	n.using.Lock()
	defer n.using.Unlock()
	if n.run == nil {
		r, err := open(n.log)
		if err != nil {
			return nil, err
		}
		n.run = r
	}
	n.users++
	return n.run, nil
}

// end closes them after the last one, and waits for that.
func (n *Network) end() {
	n.using.Lock()
	defer n.using.Unlock()
	if n.users--; n.users == 0 {
		n.run.close()
		n.run = nil
	}
}

// browser is one call of Browse.
type browser struct {
	kind  nearby.Kind
	found func(nearby.Found)
	queue chan nearby.Found // what is to be told; one that does not keep up misses some
}

func (b *browser) tell(f nearby.Found) {
	select {
	case b.queue <- f:
	default:
	}
}

// running is the machine with open sockets.
type running struct {
	log     *slog.Logger
	sockets []*socket
	group   *task.Group
	wake    chan struct{} // capacity 1: something may be due earlier

	mu       sync.Mutex // guards the following
	machine  *machine
	links    map[int]link
	browsers map[*browser]struct{}
	alone    bool // it was said that there is no network
	counts   Counts
}

// Counts is what a network has sent and received since its sockets were opened: packets, and their bytes without headers.
type Counts struct{ Sent, SentBytes, Received, ReceivedBytes int }

// Counts returns what went over the sockets that are open now.
func (n *Network) Counts() Counts {
	n.using.Lock()
	defer n.using.Unlock()
	if n.run == nil {
		return Counts{}
	}
	n.run.mu.Lock()
	defer n.run.mu.Unlock()
	return n.run.counts
}

func open(log *slog.Logger) (*running, error) {
	var seed [32]byte
	crand.Read(seed[:]) //nolint:errcheck // it never fails
	group := task.New(context.Background())
	r := &running{
		log: log, group: group, wake: make(chan struct{}, 1), links: make(map[int]link),
		machine: newMachine(rand.New(rand.NewChaCha8(seed))), browsers: make(map[*browser]struct{}),
	}
	four, err4 := listen(group.Context(), group4)
	six, err6 := listen(group.Context(), group6)
	for _, s := range []*socket{four, six} {
		if s != nil {
			r.sockets = append(r.sockets, s)
		}
	}
	if len(r.sockets) == 0 {
		return nil, fmt.Errorf("no multicast on this machine: %w", errors.Join(err4, err6))
	}
	r.look(time.Now())
	for _, s := range r.sockets {
		group.Go("mdns reader", func(ctx context.Context) error { return r.read(ctx, s) })
	}
	group.Go("mdns", r.keep)
	return r, nil
}

// close sends what is left to say, and ends.
func (r *running) close() {
	r.group.Stop()
	for _, s := range r.sockets {
		_ = s.conn.Close() // its reader ends
	}
	_ = r.group.Wait() // a reader that failed has said so
}

// do changes the machine and sends what comes of it.
func (r *running) do(change func(m *machine, now time.Time)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	change(r.machine, now)
	r.machine.tick(now)
	r.flushLocked()
}

// flushLocked sends and tells what the machine wants. Callers hold mu.
func (r *running) flushLocked() {
	out, told := r.machine.take()
	for _, p := range out {
		for _, s := range r.sockets {
			if err := s.send(p, r.links[p.link].name); err != nil {
				r.log.Debug("multicast DNS is not sent", "interface", r.links[p.link].name, "error", err)
				continue
			}
			r.counts.Sent++
			r.counts.SentBytes += len(p.data)
		}
	}
	for _, one := range told {
		for b := range r.browsers {
			if b.kind == one.kind {
				b.tell(one.found)
			}
		}
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *running) announce(a nearby.Announcement) (name string, err error) {
	r.do(func(m *machine, now time.Time) { name, err = m.announce(now, a) })
	return name, err
}

func (r *running) browse(b *browser) {
	r.do(func(m *machine, now time.Time) {
		r.browsers[b] = struct{}{}
		if m.browse[b.kind] == nil {
			m.startBrowsing(now, b.kind)
			return
		}
		for _, f := range m.browse[b.kind].all() {
			b.tell(f)
		}
	})
}

func (r *running) leave(b *browser) {
	r.do(func(m *machine, _ time.Time) {
		delete(r.browsers, b)
		for other := range r.browsers {
			if other.kind == b.kind {
				return
			}
		}
		m.stopBrowsing(b.kind)
	})
}

// look finds out which links there are, and joins new ones.
func (r *running) look(now time.Time) {
	all, err := currentLinks()
	if err != nil {
		r.log.Debug("the interfaces of this machine are unknown", "error", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	links := make(map[int]link)
	for _, l := range all[:min(len(all), maxLinks)] {
		links[l.index] = l
		if old, was := r.links[l.index]; was && old.same(l) {
			continue
		}
		for _, s := range r.sockets {
			if err := s.join(l); err != nil {
				r.log.Debug("multicast DNS on an interface", "interface", l.name, "error", err) // joined already, or of another IP version
			}
		}
	}
	r.links = links
	if alone := len(links) == 0; alone != r.alone {
		if r.alone = alone; alone {
			r.log.Info("no local network: nobody nearby can be found until there is one")
		}
	}
	r.machine.setLinks(now, all)
	r.machine.tick(now)
	r.flushLocked()
}

// keep sends what is due in time.
func (r *running) keep(ctx context.Context) error {
	look := time.NewTicker(linksTime)
	defer look.Stop()
	for {
		r.mu.Lock()
		next := r.machine.next()
		r.mu.Unlock()
		var due <-chan time.Time
		if !next.IsZero() {
			due = time.After(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
			r.look(time.Now())
		case <-r.wake:
		case <-due:
			r.do(func(*machine, time.Time) {})
		}
	}
}

// read takes what comes to one socket. Packets that come faster wait in the system, which drops them.
func (r *running) read(ctx context.Context, s *socket) error {
	buffer := make([]byte, maxPacket+1)
	for {
		came, err := s.receive(buffer)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errPacket):
			continue
		case err != nil:
			r.log.Warn("multicast DNS is not heard any more", "error", err)
			<-ctx.Done()
			return ctx.Err()
		}
		r.mu.Lock()
		r.counts.Received++
		r.counts.ReceivedBytes += len(came.data)
		r.mu.Unlock()
		r.do(func(m *machine, now time.Time) { m.receive(now, r.linkLocked(came), came.from, came.data) })
	}
}

// linkLocked returns the link that a packet came by. Where the system does not say, its sender's address does. Callers hold mu.
func (r *running) linkLocked(came arrival) int {
	if came.link != 0 {
		return came.link
	}
	for index, l := range r.links {
		for _, p := range l.prefixes {
			if p.Contains(came.from.Addr().WithZone("")) {
				return index
			}
		}
	}
	return 0
}
