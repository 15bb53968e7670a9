package p2p

import (
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"

	"muster.example/internal/keys"
)

// CallAnew has the next call of a peer made at once: the swarm would wait ever longer to call again one that was not there.
func CallAnew(h host.Host, to keys.PublicKey) {
	if s, ok := h.Network().(*swarm.Swarm); ok {
		s.Backoff().Clear(PeerID(to))
	}
}
