package node

import (
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
)

// dialOnly is the connection gater of a device that is not dialled: it accepts nothing from outside.
type dialOnly struct{}

// InterceptPeerDial implements connmgr.ConnectionGater.
func (dialOnly) InterceptPeerDial(peer.ID) bool { return true }

// InterceptAddrDial implements connmgr.ConnectionGater.
func (dialOnly) InterceptAddrDial(peer.ID, multiaddr.Multiaddr) bool { return true }

// InterceptAccept implements connmgr.ConnectionGater.
func (dialOnly) InterceptAccept(network.ConnMultiaddrs) bool { return false }

// InterceptSecured implements connmgr.ConnectionGater.
func (dialOnly) InterceptSecured(direction network.Direction, _ peer.ID, _ network.ConnMultiaddrs) bool {
	return direction == network.DirOutbound
}

// InterceptUpgraded implements connmgr.ConnectionGater.
func (dialOnly) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }
