package node

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"

	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
)

// meetingConnections is the high-water mark of a host that waits at a meeting: one visitor is talked to at a time.
const meetingConnections = 8

// meetingForms are the addresses that a meeting waits on, at one port. A machine without IPv6 does with the first ones.
var meetingForms = []string{"/ip4/0.0.0.0/udp/%d/quic-v1", "/ip4/0.0.0.0/tcp/%d", "/ip6/::/udp/%d/quic-v1", "/ip6/::/tcp/%d"}

const (
	firstPort    = 49152 // of those that are nobody's (RFC 6335 section 6)
	portAttempts = 4     // a port can be taken
)

// meetingHost makes a host for one meeting, under an identity of its own, that waits on one port by QUIC and TCP. The caller
// closes it.
func (n *Node) meetingHost(identity keys.PrivateKey) (local host.Host, port uint16, err error) {
	for attempt := range portAttempts {
		port = uint16(firstPort + rand.IntN(1<<16-firstPort))
		var listen []string
		for _, form := range meetingForms {
			listen = append(listen, fmt.Sprintf(form, port))
		}
		if attempt >= portAttempts/2 {
			listen = listen[:len(listen)/2]
		}
		local, err = n.config.NewHost(p2p.Config{Identity: identity, Gater: localGate{}, Connections: meetingConnections, Listen: listen})
		if err == nil {
			return local, listeningPort(local), nil
		}
	}
	return nil, 0, fmt.Errorf("waiting on the local network: %w", err)
}

// listeningPort returns the port that a host waits on by QUIC.
func listeningPort(local host.Host) (port uint16) {
	for _, address := range local.Network().ListenAddresses() {
		if text, err := address.ValueForProtocol(multiaddr.P_UDP); err == nil {
			number, _ := strconv.ParseUint(text, 10, 16) // the socket's own
			port = uint16(number)
		}
	}
	return port
}

// localAddresses returns where a host waits on local networks, as a link may tell: private and link-local addresses of the
// machine, as far as they can be called by their text alone. [PAIR-2]
func localAddresses(local host.Host) (texts []string) {
	for _, text := range p2p.Addresses(local) {
		if ip, ok := addressIP(text); ok && isLocal(ip) && !needsZone(ip) {
			texts = append(texts, text)
		}
	}
	return texts
}

// addressIP returns the IP address in the text of a multiaddr.
func addressIP(text string) (netip.Addr, bool) {
	address, err := multiaddr.NewMultiaddr(text)
	if err != nil {
		return netip.Addr{}, false
	}
	return multiaddrIP(address)
}

func multiaddrIP(address multiaddr.Multiaddr) (netip.Addr, bool) {
	ip, err := manet.ToIP(address)
	if err != nil {
		return netip.Addr{}, false
	}
	addr, ok := netip.AddrFromSlice(ip)
	return addr.Unmap(), ok
}

// isLocal reports whether an address is of a kind that routers do not pass on.
func isLocal(ip netip.Addr) bool { return ip.IsPrivate() || ip.IsLinkLocalUnicast() }

// needsZone reports whether an address means nothing without the interface that it is behind. The host calls none of these.
func needsZone(ip netip.Addr) bool { return ip.Is6() && ip.IsLinkLocalUnicast() }

// localInfo returns how to call somebody at addresses of the local network: over QUIC, and over TCP. Whoever is there can announce anything.
func localInfo(who keys.PublicKey, addresses []netip.AddrPort) peer.AddrInfo {
	info := peer.AddrInfo{ID: p2p.PeerID(who)}
	for _, at := range addresses {
		ip := at.Addr().Unmap()
		if needsZone(ip) || !p2p.Callable(at) {
			continue
		}
		family := "ip4"
		if ip.Is6() {
			family = "ip6"
		}
		for _, form := range []string{"/%s/%s/udp/%d/quic-v1", "/%s/%s/tcp/%d"} {
			if address, err := multiaddr.NewMultiaddr(fmt.Sprintf(form, family, ip, at.Port())); err == nil {
				info.Addrs = append(info.Addrs, address)
			}
		}
	}
	return info
}

// localGate lets call only who is on one of the machine's own networks, or has an address that routers do not pass on.
type localGate struct{}

// InterceptPeerDial implements connmgr.ConnectionGater.
func (localGate) InterceptPeerDial(peer.ID) bool { return true }

// InterceptAddrDial implements connmgr.ConnectionGater.
func (localGate) InterceptAddrDial(peer.ID, multiaddr.Multiaddr) bool { return true }

// InterceptAccept implements connmgr.ConnectionGater.
func (localGate) InterceptAccept(c network.ConnMultiaddrs) bool {
	ip, ok := multiaddrIP(c.RemoteMultiaddr())
	return ok && (isLocal(ip) || ip.IsLoopback() || onOwnNetwork(ip))
}

// InterceptSecured implements connmgr.ConnectionGater: who has the code is found out by talking.
func (localGate) InterceptSecured(network.Direction, peer.ID, network.ConnMultiaddrs) bool {
	return true
}

// InterceptUpgraded implements connmgr.ConnectionGater.
func (localGate) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }

// onOwnNetwork reports whether an address is of a network that an interface of this machine is on.
func onOwnNetwork(ip netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, one := range all {
		if network, ok := one.(*net.IPNet); ok && network.Contains(ip.AsSlice()) {
			return true
		}
	}
	return false
}
