package p2p

import (
	"net"
	"net/netip"
	"slices"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// leastPort is the lowest port at which a device waits: those below are the system's services.
const leastPort = 1024

var (
	// reserved are the IPv4 addresses that stand for no host: this network, and class E with broadcast.
	reserved = prefixes("0.0.0.0/8", "240.0.0.0/4")
	// translated are the addresses behind which somebody passes packets on to an IPv4 address that is in them, or to nobody: IPv4-compatible
	// and IPv4-translated addresses, NAT64, Teredo, 6to4 and its relays, and the discard prefix.
	translated = prefixes("::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "192.88.99.0/24", "100::/64")
	// shared are the addresses, beside those that netip calls private, that are somebody else's on each network: those between a provider's
	// routers and its customers', those for trying routers out, and site-local ones.
	shared = prefixes("100.64.0.0/10", "198.18.0.0/15", "fec0::/10")
)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func isIn(ip netip.Addr, all []netip.Prefix) bool {
	return slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// Callable reports whether a device may wait at an address at all, so that a call there reaches one machine, and no service of it.
// [NEAR-12]
func Callable(at netip.AddrPort) bool {
	ip := plain(at.Addr())
	return at.Port() >= leastPort && Networks(nil).oneHost(ip) && !ip.IsLoopback() && !isIn(ip, translated)
}

// isElsewhere reports whether an address is somebody else's on each network.
func isElsewhere(ip netip.Addr) bool { return ip.IsPrivate() || isIn(ip, shared) }

// Networks are a machine's own addresses, each with the length of its network's prefix.
type Networks []netip.Prefix

// ownNetworks returns those of this machine, none if the system does not tell.
func ownNetworks() (all Networks) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, address := range addresses {
		if p, err := netip.ParsePrefix(address.String()); err == nil {
			all = append(all, p)
		}
	}
	return all
}

// oneHost reports whether an address stands for one host: not for nobody, for a group, for all, or for all of an own network.
func (n Networks) oneHost(ip netip.Addr) bool {
	ip = plain(ip)
	return ip.IsValid() && !ip.IsUnspecified() && !ip.IsMulticast() && !isIn(ip, reserved) &&
		!slices.ContainsFunc(n, func(p netip.Prefix) bool { return standsForAll(p, ip) })
}

// standsForAll reports whether an address is the first or the last of an IPv4 network: what is sent there comes to all on it.
func standsForAll(p netip.Prefix, ip netip.Addr) bool {
	last, ok := lastOf(p)
	return ok && (ip == last || ip == p.Masked().Addr())
}

// lastOf returns the address by which all of an IPv4 network are reached.
func lastOf(p netip.Prefix) (netip.Addr, bool) {
	if !p.Addr().Is4() || p.Bits() > 30 {
		return netip.Addr{}, false
	}
	last := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		last[bit/8] |= 1 << (7 - bit%8)
	}
	return netip.AddrFrom4(last), true
}

// has reports whether an address is one of the machine's own.
func (n Networks) has(ip netip.Addr) bool {
	return slices.ContainsFunc(n, func(p netip.Prefix) bool { return p.Addr() == plain(ip) })
}

// callableAfar reports whether a device on another network may be called where somebody says that it is, by a machine that its rendezvous
// node sees at an address; none if that is not known. An address that is somebody else's on each network is called only if no router between
// this machine and the node changes addresses: then it is where the other one is, too. [NEAR-15]
func (n Networks) callableAfar(at netip.AddrPort, seen netip.Addr) bool {
	ip := plain(at.Addr())
	return at.Addr().Zone() == "" && Callable(at) && n.oneHost(ip) && !ip.IsLinkLocalUnicast() &&
		(!isElsewhere(ip) || isElsewhere(plain(seen)) && n.has(seen))
}

// isOneHost reports whether what a machine on these networks sends to an address comes to one host at most. What goes through a relay is for
// the relay alone.
func (n Networks) isOneHost(address ma.Multiaddr) bool {
	ip, err := manet.ToIP(address)
	if err != nil {
		return IsRelayed(address)
	}
	at, ok := netip.AddrFromSlice(ip)
	return ok && n.oneHost(at)
}

// dialGate keeps a host, whatever its own gate lets through, from sending anything to many. [NEAR-12]
type dialGate struct{ connmgr.ConnectionGater }

// InterceptAddrDial implements connmgr.ConnectionGater.
func (g dialGate) InterceptAddrDial(id peer.ID, address ma.Multiaddr) bool {
	return ownNetworks().isOneHost(address) && g.ConnectionGater.InterceptAddrDial(id, address)
}

// anybody is the gate of a host without one.
type anybody struct{}

// InterceptPeerDial implements connmgr.ConnectionGater.
func (anybody) InterceptPeerDial(peer.ID) bool { return true }

// InterceptAddrDial implements connmgr.ConnectionGater.
func (anybody) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return true }

// InterceptAccept implements connmgr.ConnectionGater.
func (anybody) InterceptAccept(network.ConnMultiaddrs) bool { return true }

// InterceptSecured implements connmgr.ConnectionGater.
func (anybody) InterceptSecured(network.Direction, peer.ID, network.ConnMultiaddrs) bool { return true }

// InterceptUpgraded implements connmgr.ConnectionGater.
func (anybody) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }
