package p2p

import (
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"

	"muster.example/internal/keys"
)

// firstWindow is what the other side may send on a stream of yamux before anybody has read a byte of it: as much memory is
// promised with each stream.
const firstWindow = 256 << 10

// chooser is a limiter that asks for each peer how much it may have. What it is told counts at once, also for peers that
// are connected.
type chooser struct {
	rcmgr.Limiter
	streams func(peer keys.PublicKey) int
	most    int64 // bytes that a peer may make this host hold
}

// GetPeerLimits implements rcmgr.Limiter.
func (c chooser) GetPeerLimits(id peer.ID) rcmgr.Limit {
	limit := c.Limiter.GetPeerLimits(id)
	key, err := Key(id)
	if err != nil {
		return limit // it is refused before it can open a stream
	}
	return chosenLimit{Limit: limit, key: key, chooser: c}
}

// chosenLimit is the limit of one peer.
type chosenLimit struct {
	rcmgr.Limit
	key     keys.PublicKey
	chooser chooser
}

func (l chosenLimit) streams() int { return min(l.chooser.streams(l.key), streamsPerPeer) }

// GetStreamLimit implements rcmgr.Limit.
func (l chosenLimit) GetStreamLimit(network.Direction) int { return l.streams() }

// GetStreamTotalLimit implements rcmgr.Limit.
func (l chosenLimit) GetStreamTotalLimit() int { return 2 * l.streams() }

// GetMemoryLimit implements rcmgr.Limit: the first window of each stream, and for who may have many, larger ones.
func (l chosenLimit) GetMemoryLimit() int64 {
	if n := l.streams(); n < streamsPerPeer {
		return int64(2*n) * firstWindow
	}
	return l.chooser.most
}
