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

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
)

// strangers is the gate: active devices of members pass, others are let in few at a time, for a short time and not too often from one
// address. It is the host's connection gater and is told of connections. [RV-2]
type strangers struct {
	limits  StrangerLimits
	members *directory
	isOut   func(device keys.PublicKey) bool // it is kept out for a while; nil: nobody is
	isPeer  func(node keys.PublicKey) bool   // it is another node of an organization here; nil: nobody is
	returns *rate[netip.Prefix]              // of handshakes from addresses that are familiar and have no patience left

	mu        sync.Mutex // guards the following
	unknown   map[network.Conn]time.Time
	guests    map[network.Conn]netip.Prefix // connections of guests' devices, and where they come from
	crowds    map[netip.Prefix]int          // how many of these come from each address
	addresses map[netip.Prefix]*allowance
	familiar  map[netip.Prefix]struct{}  // from where members' devices have come
	visiting  map[network.Conn]time.Time // strangers who are in a slot, and until when they may stay
}

// allowance is a token bucket of one address.
type allowance struct {
	tokens float64
	at     time.Time
}

// maxAddresses bounds the buckets: beyond it the full ones go, which say nothing, and then all.
const maxAddresses = 1 << 14

// How many more from an address without patience may prove to be members' devices, if such have come from there: at once,
// and how often beyond.
const (
	returnBurst = 256
	returnEvery = time.Second / 16
)

func newStrangers(limits StrangerLimits, members *directory) *strangers {
	return &strangers{
		limits: limits, members: members, returns: newRate[netip.Prefix](),
		unknown:   make(map[network.Conn]time.Time),
		guests:    make(map[network.Conn]netip.Prefix),
		crowds:    make(map[netip.Prefix]int),
		addresses: make(map[netip.Prefix]*allowance),
		familiar:  make(map[netip.Prefix]struct{}),
		visiting:  make(map[network.Conn]time.Time),
	}
}

// InterceptPeerDial implements connmgr.ConnectionGater: the node calls nobody but other nodes. [RV-160]
func (g *strangers) InterceptPeerDial(id peer.ID) bool { return g.knows(id) }

// InterceptAddrDial implements connmgr.ConnectionGater: the node calls nobody but other nodes.
func (g *strangers) InterceptAddrDial(id peer.ID, _ ma.Multiaddr) bool { return g.knows(id) }

// knows reports whether a peer is another node of an organization here.
func (g *strangers) knows(id peer.ID) bool {
	key, err := p2p.Key(id)
	return err == nil && g.isPeer != nil && g.isPeer(key)
}

// InterceptAccept implements connmgr.ConnectionGater: an address that has used up its patience is not worth a
// handshake.
func (g *strangers) InterceptAccept(c network.ConnMultiaddrs) bool {
	from := c.RemoteMultiaddr()
	return g.allowed(from) || g.mayReturn(from)
}

// InterceptSecured implements connmgr.ConnectionGater: now the peer's key is known.
func (g *strangers) InterceptSecured(_ network.Direction, id peer.ID, c network.ConnMultiaddrs) bool {
	key, err := p2p.Key(id)
	if err == nil && g.isOut != nil && g.isOut(key) {
		g.charge(c.RemoteMultiaddr())
		return false
	}
	if g.knows(id) {
		return true
	}
	if o := g.members.serves(key); err == nil && o != nil {
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
	if g.knows(c.RemotePeer()) {
		g.welcome(c.RemoteMultiaddr())
		return
	}
	if key, err := p2p.Key(c.RemotePeer()); err == nil {
		if o := g.members.serves(key); o != nil {
			if o.isGuest(key) {
				g.crowd(c)
			} else {
				g.welcome(c.RemoteMultiaddr())
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
	late, joined := g.split(now)
	for _, c := range joined {
		key, err := p2p.Key(c.RemotePeer())
		if o := g.members.serves(key); err == nil && o != nil && !o.isGuest(key) {
			g.welcome(c.RemoteMultiaddr())
		}
	}
	return late
}

func (g *strangers) split(now time.Time) (late, joined []network.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c, since := range g.unknown {
		if key, err := p2p.Key(c.RemotePeer()); err == nil && (g.members.serves(key) != nil || g.knows(c.RemotePeer())) {
			delete(g.unknown, c)
			joined = append(joined, c)
		} else if now.Sub(since) >= g.limits.Time && !now.Before(g.visiting[c]) {
			late = append(late, c)
		}
	}
	return late, joined
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

// failed notes that somebody at an address dialled and did not prove who they are: it uses up patience like a stranger.
func (g *strangers) failed(address ma.Multiaddr) { g.charge(address) }

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

// siteOf is what shares one bucket.
func siteOf(address ma.Multiaddr) (netip.Prefix, bool) { return p2p.Site(address) }

// welcome notes that a member's device has come from an address.
func (g *strangers) welcome(address ma.Multiaddr) {
	site, ok := siteOf(address)
	if !ok {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.familiar) >= maxAddresses {
		clear(g.familiar) // those who come next are noted again
	}
	g.familiar[site] = struct{}{}
}

// mayReturn reports whether one more from an address that has used up its patience may prove to be a member's device, since such
// have come from there: an office behind one address has neighbours.
func (g *strangers) mayReturn(address ma.Multiaddr) bool {
	site, ok := siteOf(address)
	return ok && g.isFamiliar(address) && g.returns.take(site, returnEvery, returnBurst*returnEvery, time.Now()) == 0
}

// isFamiliar reports whether a member's device has come from an address since the node was started.
func (g *strangers) isFamiliar(address ma.Multiaddr) bool {
	site, _ := siteOf(address)
	g.mu.Lock()
	defer g.mu.Unlock()
	_, familiar := g.familiar[site]
	return familiar
}
