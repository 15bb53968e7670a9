package p2p

import (
	"net/netip"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// Bits of an address that are one site.
const (
	siteBits4 = 32
	siteBits6 = 56 // what one IPv6 site commonly has: of it, anybody there may take any address
)

// Site returns what is taken for one place on the network: an IPv4 address, or an IPv6 site; false for what is no IP address.
func Site(address ma.Multiaddr) (netip.Prefix, bool) {
	ip, err := manet.ToIP(address)
	if err != nil {
		return netip.Prefix{}, false
	}
	parsed, ok := netip.AddrFromSlice(ip)
	if !ok {
		return netip.Prefix{}, false
	}
	parsed = parsed.Unmap()
	bits := siteBits4
	if parsed.Is6() {
		bits = siteBits6
	}
	site, err := parsed.Prefix(bits)
	return site, err == nil
}
