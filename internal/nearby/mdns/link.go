package mdns

import (
	"net/netip"
	"slices"

	"muster.example/internal/nearby"
)

// link is a local network as an interface of this machine is on it.
type link struct {
	index    int
	name     string
	prefixes []netip.Prefix // the machine's own addresses there, with the length of the network's prefix
}

// same reports whether a link is as another one.
func (l link) same(other link) bool {
	return l.index == other.index && l.name == other.name && slices.Equal(l.prefixes, other.prefixes)
}

// holds reports whether an address is on this link: of one of its networks, or of the kind that no router passes on.
func (l link) holds(ip netip.Addr) bool {
	ip = ip.WithZone("").Unmap()
	return ip.IsLinkLocalUnicast() || slices.ContainsFunc(l.prefixes, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// addresses are the machine's own on this link.
func (l link) addresses() (all []netip.Addr) {
	for _, p := range l.prefixes[:min(len(l.prefixes), nearby.MaxAddresses/2)] {
		all = append(all, p.Addr().WithZone(""))
	}
	return all
}

// callable returns those addresses that somebody on this link may be called at, link-local ones with their zone: nobody has this
// device call the world, nor another network that routers lead to. [NEAR-22]
func (l link) callable(all []netip.Addr, port uint16) (found []netip.AddrPort) {
	for _, ip := range all {
		ip = ip.Unmap()
		switch {
		case ip.Is6() && ip.IsLinkLocalUnicast():
			ip = ip.WithZone(l.name)
		case !l.holds(ip), ip.IsLoopback(), ip.IsMulticast(), ip.IsUnspecified():
			continue
		}
		found = append(found, netip.AddrPortFrom(ip, port))
	}
	return found
}
