package p2p

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	"github.com/quic-go/quic-go"

	"muster.example/internal/keys"
)

// Direct is what lets a host be called without a relay, once ListenDirect was called: by QUIC, on one UDP port. Whoever a host with
// it is connected to is told no addresses of its.
type Direct struct {
	// Callers is from where packets are read.
	Callers *Callers
	// Punch reports whether a direct path may be opened to and by a peer with which a relayed connection stands.
	Punch func(peer keys.PublicKey) bool
	// Observer returns a peer that tells the host from where it is seen, and where that peer is called; none if there is none now.
	Observer func() (peer keys.PublicKey, addresses []string)
}

// ErrNoDirect means that a host was made without Direct.
var ErrNoDirect = errors.New("p2p: the host takes no direct calls")

// ListenDirect has a host with Direct wait for calls, if it does not yet, on a UDP port of the system's choice: for IPv4, and for
// IPv6 if that has the port too. From then on it opens direct paths to peers that call it through a relay. It returns the port.
func ListenDirect(h host.Host) (port uint16, err error) {
	parts, ok := h.(*hostParts)
	if !ok || parts.direct == nil {
		return 0, ErrNoDirect
	}
	parts.listening.Lock()
	defer parts.listening.Unlock()
	if port = udpPort(h); port == 0 {
		if err := h.Network().Listen(quicAny("/ip4/0.0.0.0", 0)); err != nil {
			return 0, fmt.Errorf("listening for direct calls: %w", err)
		}
		port = udpPort(h)
		_ = h.Network().Listen(quicAny("/ip6/::", port)) // the machine may have no IPv6
	}
	if parts.punch == nil {
		if parts.punch, err = newPuncher(parts); err != nil {
			return 0, fmt.Errorf("beginning to open direct paths: %w", err)
		}
	}
	return port, nil
}

func quicAny(ip string, port uint16) ma.Multiaddr {
	return ma.StringCast(ip + "/udp/" + strconv.Itoa(int(port)) + "/quic-v1")
}

// udpPort returns the port on which a host listens, 0 if it does not.
func udpPort(h host.Host) uint16 {
	for _, address := range h.Network().ListenAddresses() {
		if at, ok := UDPOf(address); ok {
			return at.Port()
		}
	}
	return 0
}

// UDPOf returns the UDP address in a multiaddr of QUIC that goes through no relay.
func UDPOf(address ma.Multiaddr) (netip.AddrPort, bool) {
	if IsRelayed(address) {
		return netip.AddrPort{}, false
	}
	if _, err := address.ValueForProtocol(ma.P_QUIC_V1); err != nil {
		return netip.AddrPort{}, false
	}
	found, err := manet.ToNetAddr(address.Decapsulate(ma.StringCast("/quic-v1")))
	if err != nil {
		return netip.AddrPort{}, false
	}
	udp, ok := found.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}, false
	}
	at := udp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), true
}

// CallAt connects to a peer by QUIC at addresses, without a relay, unless there is such a connection already.
func CallAt(ctx context.Context, h host.Host, to keys.PublicKey, addresses []netip.AddrPort) error {
	info := peer.AddrInfo{ID: PeerID(to)}
	for _, at := range addresses[:min(len(addresses), MaxAddresses)] {
		address, err := quicreuse.ToQuicMultiaddr(net.UDPAddrFromAddrPort(at), quic.Version1)
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrAddress, at, err)
		}
		info.Addrs = append(info.Addrs, address)
	}
	if len(info.Addrs) == 0 {
		return fmt.Errorf("%w: there is none", ErrAddress)
	}
	if parts, ok := h.(*hostParts); ok && parts.direct != nil {
		parts.direct.Callers.name(to, addresses[:len(info.Addrs)]...)
	}
	CallAnew(h, to)
	return h.Connect(network.WithForceDirectDial(ctx, "it was heard there"), info)
}

// Way is how a host is connected to a peer.
type Way struct {
	// Relayed says that the connection goes through a relay; From is where it comes from if it does not.
	Relayed bool
	From    netip.Addr
}

// WayTo returns how a host is connected to a peer: the way that new streams take. It is not, if ok is false.
func WayTo(h host.Host, to keys.PublicKey) (way Way, ok bool) {
	for _, c := range h.Network().ConnsToPeer(PeerID(to)) {
		if IsRelayed(c.RemoteMultiaddr()) {
			way, ok = Way{Relayed: true}, true
		} else if from, err := manet.ToIP(c.RemoteMultiaddr()); err == nil {
			address, _ := netip.AddrFromSlice(from)
			return Way{From: plain(address)}, true
		}
	}
	return way, ok
}

// EndRelayed closes the relayed connections to a peer if a direct one stands, but those on which streams of a protocol are open.
func EndRelayed(h host.Host, to keys.PublicKey, unless protocol.ID) {
	if way, ok := WayTo(h, to); !ok || way.Relayed {
		return
	}
	for _, c := range h.Network().ConnsToPeer(PeerID(to)) {
		if IsRelayed(c.RemoteMultiaddr()) && !carries(c, unless) {
			_ = c.Close()
		}
	}
}

// EndCircuits closes the relayed connections to a peer.
func EndCircuits(h host.Host, to keys.PublicKey) {
	for _, c := range h.Network().ConnsToPeer(PeerID(to)) {
		if IsRelayed(c.RemoteMultiaddr()) {
			_ = c.Close()
		}
	}
}

func carries(c network.Conn, id protocol.ID) bool {
	for _, stream := range c.GetStreams() {
		if stream.Protocol() == id {
			return true
		}
	}
	return false
}
