package rendezvous

import (
	"github.com/libp2p/go-libp2p/core/host"
	ma "github.com/multiformats/go-multiaddr"
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

// local returns the listening addresses, with the unspecified one replaced by that of loopback.
func local(h host.Host) (all []string) {
	for _, address := range h.Network().ListenAddresses() {
		if manet.IsIPUnspecified(address) {
			first, rest := ma.SplitFirst(address)
			loopback := "/ip4/127.0.0.1"
			if first.Protocol().Code == ma.P_IP6 {
				loopback = "/ip6/::1"
			}
			address = ma.StringCast(loopback).Encapsulate(rest)
		}
		if text := address.String(); p2p.CheckAddress(text) == nil {
			all = append(all, text)
		}
	}
	return all
}
