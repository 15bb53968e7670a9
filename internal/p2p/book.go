package p2p

import (
	"context"
	"errors"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
)

// book is a host's book of addresses, into which libp2p's identify writes nothing: what a peer, which may be a hostile rendezvous node, says of
// where it listens would be dialled with the next call of it, whatever that is the address of. Whoever calls says where. [NEAR-12]
type book struct{ peerstore.Peerstore }

// AddAddrs implements peerstore.AddrBook. Identify alone writes for as long as a connection stands, or for some time after it stood.
func (b book) AddAddrs(id peer.ID, addresses []ma.Multiaddr, ttl time.Duration) {
	if ttl == peerstore.ConnectedAddrTTL || ttl == peerstore.RecentlyConnectedAddrTTL {
		return
	}
	b.Peerstore.AddAddrs(id, addresses, ttl)
}

// callTimes is how often a peer is called for which no addresses are found though they were just written down.
const callTimes = 3

// written calls a peer whose addresses the call writes down. Identify, as it ends with an earlier connection to that peer, takes back what
// lies there for a short time: then they are written down again.
func written(to peer.AddrInfo, call func() error) (err error) {
	for range callTimes {
		if err = call(); !errors.Is(err, swarm.ErrNoAddresses) || len(to.Addrs) == 0 {
			return err
		}
	}
	return err
}

// Connect implements host.Host.
func (h *hostParts) Connect(ctx context.Context, to peer.AddrInfo) error {
	return written(to, func() error { return h.BasicHost.Connect(ctx, to) })
}
