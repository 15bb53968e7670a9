package rendezvous

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"muster.example/internal/p2p"
)

// strangers is the gate: active devices of members pass, others are let in few at a time, for a short time and not too often from one
// address. It is the host's connection gater and is told of connections. [RV-2]
type strangers struct {
	limits  StrangerLimits
	members *directory

	mu        sync.Mutex // guards the following
	unknown   map[network.Conn]time.Time
	guests    map[network.Conn]netip.Prefix // connections of guests' devices, and where they come from
	crowds    map[netip.Prefix]int          // how many of these come from each address
	addresses map[netip.Prefix]*allowance
	visiting  map[network.Conn]time.Time // strangers who are in a slot, and until when they may stay
}

// allowance is a token bucket of one address.
type allowance struct {
	tokens float64
	at     time.Time
}

// maxAddresses bounds the buckets: beyond it the full ones go, which say nothing, and then all.
const maxAddresses = 1 << 14

func newStrangers(limits StrangerLimits, members *directory) *strangers {
	return &strangers{
		limits: limits, members: members,
		unknown:   make(map[network.Conn]time.Time),
		guests:    make(map[network.Conn]netip.Prefix),
		crowds:    make(map[netip.Prefix]int),
		addresses: make(map[netip.Prefix]*allowance),
		visiting:  make(map[network.Conn]time.Time),
	}
}

// InterceptPeerDial implements connmgr.ConnectionGater: the node calls nobody.
func (g *strangers) InterceptPeerDial(peer.ID) bool { return false }

// InterceptAddrDial implements connmgr.ConnectionGater: the node calls nobody.
func (g *strangers) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return false }

// InterceptAccept implements connmgr.ConnectionGater: an address that has used up its patience is not worth a
// handshake.
func (g *strangers) InterceptAccept(c network.ConnMultiaddrs) bool {
	return g.allowed(c.RemoteMultiaddr())
}

// InterceptSecured implements connmgr.ConnectionGater: now the peer's key is known.
func (g *strangers) InterceptSecured(_ network.Direction, id peer.ID, c network.ConnMultiaddrs) bool {
	key, err := p2p.Key(id)
	if o := g.members.active(key); err == nil && o != nil {
		return !o.isGuest(key) || g.mayCrowd(c.RemoteMultiaddr())
	}
	allowed := g.charge(c.RemoteMultiaddr())
	g.mu.Lock()
	defer g.mu.Unlock()
	return err == nil && allowed && len(g.unknown) < g.limits.Connections
}

// InterceptUpgraded implements connmgr.ConnectionGater.
func (g *strangers) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

// Connected implements network.Notifiee.
func (g *strangers) Connected(_ network.Network, c network.Conn) {
	if key, err := p2p.Key(c.RemotePeer()); err == nil {
		if o := g.members.active(key); o != nil {
			if o.isGuest(key) {
				g.crowd(c)
			}
			return
		}
	}
	g.demote([]network.Conn{c})
}

// demote makes connections those of a stranger.
func (g *strangers) demote(connections []network.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range connections {
		if !c.IsClosed() {
			g.unknown[c] = time.Now()
		}
	}
}

// Disconnected implements network.Notifiee.
func (g *strangers) Disconnected(_ network.Network, c network.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.unknown, c)
	delete(g.visiting, c)
	if site, known := g.guests[c]; known {
		delete(g.guests, c)
		if g.crowds[site]--; g.crowds[site] <= 0 {
			delete(g.crowds, site)
		}
	}
}

// mayCrowd reports whether one more guest's device may connect from an address. [RV-95]
func (g *strangers) mayCrowd(from ma.Multiaddr) bool {
	site, _ := siteOf(from)
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.guests) < g.limits.Guests && g.crowds[site] < g.limits.SiteGuests
}

// crowd notes a connection of a guest's device.
func (g *strangers) crowd(c network.Conn) {
	site, _ := siteOf(c.RemoteMultiaddr())
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.guests[c]; !known && !c.IsClosed() {
		g.guests[c] = site
		g.crowds[site]++
	}
}

// Listen implements network.Notifiee.
func (g *strangers) Listen(network.Network, ma.Multiaddr) {}

// ListenClose implements network.Notifiee.
func (g *strangers) ListenClose(network.Network, ma.Multiaddr) {}

// sweep ends the connections of strangers who overstay.
func (g *strangers) sweep(ctx context.Context) error {
	return every(ctx, sweepTime, func() error {
		for _, c := range g.overdue(time.Now()) {
			_ = c.Close()
		}
		return nil
	})
}

// overdue returns the connections to close, and forgets those that have become members'.
func (g *strangers) overdue(now time.Time) (late []network.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c, since := range g.unknown {
		if key, err := p2p.Key(c.RemotePeer()); err == nil && g.members.active(key) != nil {
			delete(g.unknown, c)
		} else if now.Sub(since) >= g.limits.Time && !now.Before(g.visiting[c]) {
			late = append(late, c)
		}
	}
	return late
}

// visits lets a stranger's connection stay while it is in a slot, and until the time it ends by; the returned function ends
// that. [RV-122]
func (g *strangers) visits(c network.Conn, until time.Time) (leave func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !c.IsClosed() {
		g.visiting[c] = until
	}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.visiting, c)
	}
}

// allowed reports whether an address has patience left.
func (g *strangers) allowed(address ma.Multiaddr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.bucket(address)
	return b == nil || b.tokens >= 1
}

// charge takes one token from an address, down to a debt that takes a minute to pay off; false if it had none.
func (g *strangers) charge(address ma.Multiaddr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.bucket(address)
	if b == nil {
		return true
	}
	allowed := b.tokens >= 1
	b.tokens = max(b.tokens-1, -60*g.limits.PerSecond)
	return allowed
}

// bucket returns the bucket of an address, filled up to now; nil for what is no IP address. The caller holds mu.
func (g *strangers) bucket(address ma.Multiaddr) *allowance {
	site, ok := siteOf(address)
	if !ok {
		return nil
	}
	now, burst := time.Now(), float64(g.limits.Burst)
	b := g.addresses[site]
	if b == nil {
		if len(g.addresses) >= maxAddresses {
			g.forget(now)
		}
		b = &allowance{tokens: burst, at: now}
		g.addresses[site] = b
	}
	b.tokens = min(burst, b.tokens+now.Sub(b.at).Seconds()*g.limits.PerSecond)
	b.at = now
	return b
}

// forget makes room among the buckets. The caller holds mu.
func (g *strangers) forget(now time.Time) {
	for site, b := range g.addresses {
		if b.tokens+now.Sub(b.at).Seconds()*g.limits.PerSecond >= float64(g.limits.Burst) {
			delete(g.addresses, site)
		}
	}
	if len(g.addresses) >= maxAddresses {
		clear(g.addresses)
	}
}

// siteOf is what shares one bucket: an IPv4 address, or the /56 that one IPv6 site commonly has.
func siteOf(address ma.Multiaddr) (netip.Prefix, bool) {
	ip, err := manet.ToIP(address)
	if err != nil {
		return netip.Prefix{}, false
	}
	parsed, ok := netip.AddrFromSlice(ip)
	if !ok {
		return netip.Prefix{}, false
	}
	parsed = parsed.Unmap()
	bits := 32
	if parsed.Is6() {
		bits = 56
	}
	site, err := parsed.Prefix(bits)
	return site, err == nil
}
