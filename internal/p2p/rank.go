package p2p

import (
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
)

// quicDelay is how long QUIC waits for TCP: one round trip to the other side of the world.
const quicDelay = 250 * time.Millisecond

// rank orders the addresses of one dial. TCP with TLS goes first, since it costs half the idle processor time of QUIC
// and carries four times as much; QUIC follows where TCP has not answered. Within a transport libp2p's own order
// holds: IPv6 and IPv4 a little apart, private addresses beside public ones.
func rank(addresses []ma.Multiaddr) []network.AddrDelay {
	tcp, rest := split(addresses, ma.P_TCP)
	ranked := swarm.DefaultDialRanker(tcp)
	delay := time.Duration(0)
	if len(tcp) > 0 {
		delay = quicDelay
	}
	for _, later := range swarm.DefaultDialRanker(rest) {
		later.Delay += delay
		ranked = append(ranked, later)
	}
	return ranked
}

// split copies addresses into those that name the protocol and the others.
func split(addresses []ma.Multiaddr, protocol int) (with, without []ma.Multiaddr) {
	for _, address := range addresses {
		if _, err := address.ValueForProtocol(protocol); err == nil {
			with = append(with, address)
		} else {
			without = append(without, address)
		}
	}
	return with, without
}
