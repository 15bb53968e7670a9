package node

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/node/store"
)

// mostNear is how many addresses of other members' devices on local networks are expected at a time: as many again are left for
// devices of the account.
const mostNear = 2048

// gate is the connection gater of a device: from outside it accepts other devices of the account, through a relay, and
// directly unless that is switched off; and devices of other members as the policy lets them.
type gate struct {
	siblings atomic.Pointer[map[keys.PublicKey]struct{}] // nil: nobody
	members  atomic.Pointer[callable]                    // nil: nobody
	full     atomic.Bool                                 // there are as many neighbours as there may be
	observer atomic.Pointer[store.Node]                  // the rendezvous node, while connected: it says from where it sees this device
	callers  *p2p.Callers                                // from where direct calls are answered; nil: there are none
	near     p2p.Callers                                 // where devices were heard on local networks
	relayed  *relayedCalls                               // how often devices of other members call through a relay
}

func (n *Node) newGate() *gate {
	g := &gate{near: p2p.Callers{Most: mostNear}, relayed: newRelayedCalls()}
	if !n.config.NoDirect {
		g.callers = &p2p.Callers{}
	}
	return g
}

// newHost makes the host of one organization, which nobody may call but whom the gate lets.
func (n *Node) newHost(identity keys.PrivateKey, gate *gate) (host.Host, error) {
	config := p2p.Config{Identity: identity, Gater: gate, Relayed: true, UserAgent: "muster"}
	if gate.callers != nil {
		config.Direct = &p2p.Direct{
			Callers: gate.callers, Observer: gate.observed,
			Punch: func(key keys.PublicKey) bool { return gate.mayCall(key, false) },
		}
	}
	local, err := n.config.NewHost(config)
	if err != nil {
		return nil, fmt.Errorf("making the libp2p host: %w", err)
	}
	return local, nil
}

// mayCall is the one rule of who may call this device, and is called by it without a server: devices of the account, and those of other
// members, on a local network or from afar. [NEAR-5] [NEAR-9] [NEAR-10]
func (g *gate) mayCall(key keys.PublicKey, local bool) bool {
	if g.isSibling(key) {
		return true
	}
	afar, may := g.callable()[key]
	return may && (local || afar)
}

// isSibling reports whether a key is that of another device of the account that may act.
func (g *gate) isSibling(key keys.PublicKey) bool {
	all := g.siblings.Load()
	if all == nil {
		return false
	}
	_, ok := (*all)[key]
	return ok
}

// isNear reports whether an address is one of a local network: by its kind, or since a device was heard there.
func (g *gate) isNear(address multiaddr.Multiaddr) bool {
	ip, err := manet.ToIP(address)
	if err != nil {
		return false
	}
	at, _ := netip.AddrFromSlice(ip)
	return g.isNearIP(at)
}

func (g *gate) isNearIP(at netip.Addr) bool {
	at = at.Unmap()
	return at.IsPrivate() || at.IsLinkLocalUnicast() || at.IsLoopback() || g.near.Expected(at)
}

// observed returns who says from where this device is seen, if anybody does now.
func (g *gate) observed() (keys.PublicKey, []string) {
	if node := g.observer.Load(); node != nil {
		return node.Key, node.Addresses
	}
	return keys.PublicKey{}, nil
}

// expect lets addresses at which a device was heard on a local network call for some time. There are bounds on those of other members'
// devices, which anybody of the organization can make up. [NEAR-4] [NEAR-13]
func (g *gate) expect(sibling bool, lasting time.Duration, address netip.Addr) {
	if g.callers == nil {
		return
	}
	g.near.Expect(lasting, address)
	if sibling || g.near.Expected(address) {
		g.callers.Expect(lasting, address)
	}
}

// takes reports whether a connection comes by a way that is open: through a relay, or directly unless that is switched off. What comes
// from where nobody is expected was dropped before its handshake.
func (g *gate) takes(c network.ConnMultiaddrs) bool {
	return g.callers != nil || p2p.IsRelayed(c.RemoteMultiaddr())
}

// InterceptPeerDial implements connmgr.ConnectionGater.
func (g *gate) InterceptPeerDial(peer.ID) bool { return true }

// InterceptAddrDial implements connmgr.ConnectionGater: a device is called through a relay, or where it was heard or said that it is to
// open a path; not where libp2p's identify has it. [NEAR-12]
func (g *gate) InterceptAddrDial(id peer.ID, address multiaddr.Multiaddr) bool {
	key, err := p2p.Key(id)
	if err != nil {
		return false
	}
	if _, member := g.callable()[key]; !member && !g.isSibling(key) || p2p.IsRelayed(address) {
		return true // a rendezvous node, which the roll names
	}
	at, ok := p2p.UDPOf(address)
	return ok && g.callers != nil && g.callers.MayDial(key, at)
}

// InterceptAccept implements connmgr.ConnectionGater.
func (g *gate) InterceptAccept(c network.ConnMultiaddrs) bool { return g.takes(c) }

// InterceptSecured implements connmgr.ConnectionGater.
func (g *gate) InterceptSecured(direction network.Direction, id peer.ID, c network.ConnMultiaddrs) bool {
	if direction == network.DirOutbound {
		return true
	}
	key, err := p2p.Key(id)
	switch {
	case err != nil || !g.takes(c) || !g.mayStay(key, c):
		return false
	case g.isSibling(key):
		return true
	case p2p.IsRelayed(c.RemoteMultiaddr()):
		return g.callers != nil && g.relayed.take(key, time.Now())
	}
	return !g.full.Load()
}

// InterceptUpgraded implements connmgr.ConnectionGater.
func (g *gate) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }
