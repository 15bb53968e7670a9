package p2p

import (
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
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
