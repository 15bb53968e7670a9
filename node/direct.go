package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/multiformats/go-multiaddr"

	"muster.example/internal/beacon"
	"muster.example/internal/keys"
	"muster.example/internal/nearby"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/node/api"
	"muster.example/node/store"
)

// Times of direct paths.
const (
	// beaconTime is how long one beacon is announced, at most one and a half times. [NEAR-2]
	beaconTime = 40 * time.Minute
	// networksTime is how often the machine's addresses are looked at, to announce anew when they change.
	networksTime = time.Minute
	// lanTime is how long a call on a local network may take.
	lanTime = 3 * time.Second
	// punchPatience is how long an exchange waits for a path without the relay to open, and futileTime for how long it does not
	// after it has waited in vain.
	punchPatience = 2 * time.Second
	futileTime    = 10 * time.Minute
)

// errMoved means that an exchange was broken off to go on without the relay.
var errMoved = errors.New("a direct path has opened")

// keepDirect waits for direct calls, and finds and is found by others on local networks, for as long as there may be anybody to meet. A device
// that may meet nobody opens no port. [NEAR-2]
func (n *neighbours) keepDirect(ctx context.Context) error {
	for {
		if err := n.awaitCompany(ctx, true); err != nil {
			return err
		}
		turn, cancel := context.WithCancel(ctx)
		group := task.New(turn)
		group.Go("waiting for direct calls", n.waitDirect)
		err := n.awaitCompany(ctx, false)
		cancel()
		_ = group.Wait() // it ends with the turn
		n.forgetHeard()
		if err != nil {
			return err
		}
	}
}

// awaitCompany returns when there may be somebody to meet directly, or nobody any more.
func (n *neighbours) awaitCompany(ctx context.Context, company bool) error {
	for (len(n.o.siblingsNow()) > 0 || len(n.o.gate.callable()) > 0) != company {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.direct:
		}
	}
	return nil
}

// waitDirect waits for calls, announces the device and listens for others until the context ends.
func (n *neighbours) waitDirect(ctx context.Context) error {
	port, err := p2p.ListenDirect(n.host)
	if err != nil {
		n.o.log.Warn("no direct paths between devices", "error", err)
		return nil
	}
	networks := n.o.node.config.Nearby
	if networks == nil {
		return nil
	}
	key, err := n.o.beaconKey()
	if err != nil {
		return err
	}
	group := task.New(ctx)
	group.Go("announce", func(ctx context.Context) error { return n.o.keepAnnouncing(ctx, networks, key, n.o.device, port) })
	group.Go("early beacons", func(ctx context.Context) error { return n.keepHearingEarly(ctx, key) })
	group.Go("browse", func(ctx context.Context) error {
		return n.o.keepTrying(ctx, "listening for other devices on local networks", func(ctx context.Context) error {
			return networks.Browse(ctx, nearby.Devices, func(found nearby.Found) { n.hear(key, found, time.Now()) })
		})
	})
	return group.Wait()
}

// beaconKey returns what the organization's beacons are sealed under. [NEAR-1]
func (o *organization) beaconKey() (key beacon.Key, err error) {
	err = o.node.store.View(func(tx *store.Tx) error {
		founding, err := tx.Entry(o.org, 0)
		if err == nil {
			key, err = beacon.NewKey(o.org, founding)
		}
		return err
	})
	if err != nil {
		return key, fmt.Errorf("key of what is announced: %w", err)
	}
	return key, nil
}

// awaitOtherNetworks ends a turn when the machine's addresses are others than now.
func awaitOtherNetworks(ctx context.Context, end func()) error {
	now := networksNow()
	tick := time.NewTicker(networksTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if networksNow() != now {
			end()
			return nil
		}
	}
}

// reach has a connection to a sibling stand, by the best way that there is: directly, at once on a local network; else through the relay,
// and then it waits a moment for a direct path to open. Errors are p2p.ErrNotThere, or the network's.
func (s *siblingMeetings) reach(ctx context.Context, device keys.PublicKey) error {
	if way, ok := p2p.WayTo(s.host, device); ok && !way.Relayed {
		return nil
	}
	if at := s.o.neighbours.heardAt(device); len(at) > 0 {
		calling, cancel := context.WithTimeout(ctx, lanTime)
		err := p2p.CallAt(calling, s.host, device, at)
		cancel()
		if err == nil {
			return nil
		}
		s.o.log.Debug("calling on a local network", "device", device.Short(), "error", err)
	}
	relay := s.relayNow()
	if relay.IsZero() {
		return p2p.ErrNotThere
	}
	if err := p2p.Call(ctx, s.host, relay, device); err != nil {
		return err
	}
	s.awaitDirect(ctx, device)
	return nil
}

// awaitDirect waits until a direct path to a sibling has opened, but not for long, and not again soon after it was in vain.
func (s *siblingMeetings) awaitDirect(ctx context.Context, device keys.PublicKey) {
	s.mu.Lock()
	m := s.meetingLocked(device)
	futile, opened := m.futile, m.opened
	s.mu.Unlock()
	if s.o.gate.callers == nil || time.Since(futile) < futileTime {
		return
	}
	patience := time.NewTimer(punchPatience)
	defer patience.Stop()
	for {
		if way, ok := p2p.WayTo(s.host, device); !ok || !way.Relayed {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-opened:
		case <-patience.C:
			s.mu.Lock()
			m.futile = time.Now()
			s.mu.Unlock()
			return
		}
	}
}

// connected notes a new connection. An exchange with the device that goes on through the relay is broken off, to go on by the better
// way: what it has brought stays.
func (s *siblingMeetings) connected(_ network.Network, c network.Conn) {
	key, err := p2p.Key(c.RemotePeer())
	if err != nil || p2p.IsRelayed(c.RemoteMultiaddr()) || !s.o.gate.isSibling(key) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.meetingLocked(key)
	m.futile = time.Time{}
	wake(m.opened)
	if m.move != nil {
		m.move(errMoved)
		m.move = nil
	}
}

// movable returns a context for an exchange with a sibling that ends with errMoved when a better way than that of the exchange opens.
func (s *siblingMeetings) movable(ctx context.Context, device keys.PublicKey, by multiaddr.Multiaddr) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.meetingLocked(device)
	if p2p.IsRelayed(by) {
		m.move = cancel
	}
	return ctx, func() {
		s.mu.Lock()
		m.move = nil
		s.mu.Unlock()
		cancel(nil)
	}
}

// noteWay notes by which way an exchange with a sibling goes.
func (s *siblingMeetings) noteWay(device keys.PublicKey) {
	way, ok := p2p.WayTo(s.host, device)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meetingLocked(device).path = s.pathOf(way)
}

// path says how a sibling is reached, or was last; empty if it never was since the start.
func (s *siblingMeetings) path(device keys.PublicKey) api.Path {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.host != nil {
		if way, ok := p2p.WayTo(s.host, device); ok {
			return s.pathOf(way)
		}
	}
	if m := s.meetings[device]; m != nil {
		return m.path
	}
	return ""
}

// pathOf names a way: a device is on a local network if it was heard there or has an address of one.
func (s *siblingMeetings) pathOf(way p2p.Way) api.Path {
	switch {
	case way.Relayed:
		return api.PathRelayed
	case s.o.gate.isNearIP(way.From):
		return api.PathLAN
	}
	return api.PathDirect
}

// isSettled reports whether nothing is known to be left to exchange with a sibling: the next beacon of one that is where it was is
// no reason to call it.
func (s *siblingMeetings) isSettled(device keys.PublicKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.meetings[device]
	return m != nil && !m.retrying && !m.equal.IsZero()
}
