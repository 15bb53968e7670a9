package node

import (
	"fmt"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
)

// gate is the connection gater of a device: from outside it accepts only other devices of the account, through a relay.
type gate struct {
	siblings atomic.Pointer[map[keys.PublicKey]struct{}] // nil: nobody
}

// newHost makes the host of one organization, which nobody but siblings may call.
func (n *Node) newHost(identity keys.PrivateKey, gate *gate) (host.Host, error) {
	local, err := n.config.NewHost(p2p.Config{Identity: identity, Gater: gate, Relayed: true, UserAgent: "muster"})
	if err != nil {
		return nil, fmt.Errorf("making the libp2p host: %w", err)
	}
	return local, nil
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

// InterceptPeerDial implements connmgr.ConnectionGater.
func (g *gate) InterceptPeerDial(peer.ID) bool { return true }

// InterceptAddrDial implements connmgr.ConnectionGater.
func (g *gate) InterceptAddrDial(peer.ID, multiaddr.Multiaddr) bool { return true }

// InterceptAccept implements connmgr.ConnectionGater.
func (g *gate) InterceptAccept(c network.ConnMultiaddrs) bool {
	return p2p.IsRelayed(c.RemoteMultiaddr())
}

// InterceptSecured implements connmgr.ConnectionGater.
func (g *gate) InterceptSecured(direction network.Direction, id peer.ID, c network.ConnMultiaddrs) bool {
	if direction == network.DirOutbound {
		return true
	}
	key, err := p2p.Key(id)
	return err == nil && p2p.IsRelayed(c.RemoteMultiaddr()) && g.isSibling(key)
}

// InterceptUpgraded implements connmgr.ConnectionGater.
func (g *gate) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }
