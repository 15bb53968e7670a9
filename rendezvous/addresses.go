package rendezvous

import (
	"github.com/libp2p/go-libp2p/core/host"
	manet "github.com/multiformats/go-multiaddr/net"

	"muster.example/internal/p2p"
	"muster.example/rendezvous/rvproto"
)

// advertised returns where the node can be dialled: its listening addresses, with the unspecified one replaced by those
// of the interfaces. Loopback and link-local ones are told only if there is nothing else.
func advertised(h host.Host) []string {
	var far, near []string
	for _, address := range h.Addrs() {
		text := address.String()
		if p2p.CheckAddress(text) != nil {
			continue
		}
		if manet.IsIPLoopback(address) || manet.IsIP6LinkLocal(address) {
			near = append(near, text)
		} else {
			far = append(far, text)
		}
	}
	if len(far) == 0 {
		far = near
	}
	return far[:min(len(far), rvproto.MaxAddresses)]
}
