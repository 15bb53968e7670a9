package mdns

import (
	"net"
	"net/netip"
	"slices"
)

// currentLinks returns the local networks that this machine is on now, in the order of the system's interfaces: those of its interfaces
// that are up, take multicast, and lead to others than itself and one peer. [NEAR-20]
func currentLinks() ([]link, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var links []link
	for _, at := range all {
		const want, not = net.FlagUp | net.FlagMulticast, net.FlagLoopback | net.FlagPointToPoint
		if at.Flags&want != want || at.Flags&not != 0 {
			continue
		}
		addresses, err := at.Addrs()
		if err != nil {
			continue // it has just gone
		}
		l := link{index: at.Index, name: at.Name}
		for _, address := range addresses {
			if prefix, err := netip.ParsePrefix(address.String()); err == nil {
				l.prefixes = append(l.prefixes, prefix)
			}
		}
		slices.SortFunc(l.prefixes, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
		if len(l.prefixes) > 0 {
			links = append(links, l)
		}
	}
	return links, nil
}
