package p2p

import (
	"time"

	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/x/rate"
)

// Caps on addresses, as text and as a list.
const (
	MaxAddresses     = 16
	MaxAddressLength = 128
)

// DefaultConnections is the high-water mark of a host whose Config names none: enough for a person's peers.
const DefaultConnections = 256

// RequestTime is how long Request and Serve give one exchange whose context has no deadline of its own.
const RequestTime = 30 * time.Second

const (
	minConnections   = 8 // below this a host could not even redial the peers that it lost
	dialTime         = 15 * time.Second
	gracePeriod      = time.Minute // how long a fresh connection is spared when the connection manager trims
	streamsPerPeer   = 256
	streamWindow     = 4 << 20 // most that one yamux stream may have on its way: 40 MB/s at 100 ms
	memoryPerPeer    = 64 << 20
	memoryPerConn    = 4 << 20 // counts promised windows, of which few are ever filled
	memoryBase       = 256 << 20
	handshakesBase   = 128    // handshakes under way at once, at least
	addressBurst     = 64     // connections from one address at once, at least
	addressPerSecond = 50.0   // new connections from one address: a twentieth of a core
	hostPerSecond    = 1000.0 // new connections from anywhere: about what one core can shake hands with
)

// limits derives every limit of the resource manager from the high-water mark. Nothing is left to libp2p's defaults,
// which allow 8 connections and one new one in five seconds for each IPv4 address: an office behind one NAT would be
// locked out. Loopback is not exempt, so that tests see what the office sees.
func limits(connections int) (rcmgr.ConcreteLimitConfig, []rcmgr.Option) {
	total := connections + connections/4 + 64 // above the high-water mark, which trims only every ten seconds
	handshakes := max(handshakesBase, connections/2)
	system := rcmgr.ResourceLimits{
		Conns: rcmgr.LimitVal(total), ConnsInbound: rcmgr.LimitVal(total), ConnsOutbound: rcmgr.LimitVal(total),
		FD:      rcmgr.LimitVal(total),
		Streams: rcmgr.LimitVal(total * 32), StreamsInbound: rcmgr.LimitVal(total * 32), StreamsOutbound: rcmgr.LimitVal(total * 32),
		Memory: rcmgr.LimitVal64(memoryBase + int64(total)*memoryPerConn),
	}
	transient := rcmgr.ResourceLimits{
		Conns: rcmgr.LimitVal(handshakes), ConnsInbound: rcmgr.LimitVal(handshakes), ConnsOutbound: rcmgr.LimitVal(handshakes),
		FD:      rcmgr.LimitVal(handshakes),
		Streams: rcmgr.LimitVal(handshakes * 4), StreamsInbound: rcmgr.LimitVal(handshakes * 4), StreamsOutbound: rcmgr.LimitVal(handshakes * 4),
		Memory: rcmgr.LimitVal64(memoryBase),
	}
	peer := rcmgr.ResourceLimits{
		Conns: 8, ConnsInbound: 8, ConnsOutbound: 8, FD: 8,
		Streams: streamsPerPeer, StreamsInbound: streamsPerPeer, StreamsOutbound: streamsPerPeer,
		Memory: memoryPerPeer,
	}
	open := rcmgr.InfiniteLimits.ToPartialLimitConfig().System
	one := rcmgr.ResourceLimits{
		Conns: 1, ConnsInbound: 1, ConnsOutbound: 1, FD: 1,
		Streams: 1, StreamsInbound: 1, StreamsOutbound: 1, Memory: memoryPerPeer,
	}
	concrete := rcmgr.PartialLimitConfig{
		System: system, Transient: transient,
		AllowlistedSystem: system, AllowlistedTransient: transient, // the allow list is empty
		ServiceDefault: open, ServicePeerDefault: open, // the protocols here name no services
		ProtocolDefault: open, ProtocolPeerDefault: peer, PeerDefault: peer,
		Conn: one, Stream: one,
	}.Build(rcmgr.InfiniteLimits)
	return concrete, addressLimits(total)
}

// addressLimits bounds what one address or one IPv6 site may hold and how fast it may come back: three quarters of
// the host, so that a whole office fits and yet no one address can shut out everybody else.
func addressLimits(total int) []rcmgr.Option {
	share := max(addressBurst, total*3/4)
	fast := rate.Limit{RPS: addressPerSecond, Burst: share}
	return []rcmgr.Option{
		rcmgr.WithMetricsDisabled(),
		rcmgr.WithNetworkPrefixLimit([]rcmgr.NetworkPrefixLimit{}, []rcmgr.NetworkPrefixLimit{}),
		rcmgr.WithLimitPerSubnet(
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 32, ConnCount: share}},
			[]rcmgr.ConnLimitPerSubnet{{PrefixLength: 56, ConnCount: share}, {PrefixLength: 48, ConnCount: share}},
		),
		rcmgr.WithConnRateLimiters(&rate.Limiter{
			GlobalLimit: rate.Limit{RPS: hostPerSecond, Burst: max(int(hostPerSecond), total)},
			SubnetRateLimiter: rate.SubnetLimiter{
				IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: fast}},
				IPv6SubnetLimits: []rate.SubnetLimit{{PrefixLength: 56, Limit: fast}, {PrefixLength: 48, Limit: fast}},
				GracePeriod:      time.Minute,
			},
		}),
	}
}
