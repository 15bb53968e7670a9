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
	dialTime         = time.Minute
	connectTime      = 20 * time.Second // for a TCP connection, before its handshake: four times lost packets, at a second each
	handshakeIdle    = 30 * time.Second // without a packet of the other side in a handshake over QUIC, which takes twice that at most; that over TCP as well
	negotiationTime  = time.Minute      // for a stream to say what it speaks
	gracePeriod      = time.Minute      // how long a fresh connection is spared when the connection manager trims
	streamsPerPeer   = 128              // each way
	streamsPerProto  = 64               // of them, of one protocol
	streamsPerConn   = 8                // that connections have on average
	streamsBase      = 1024             // beyond these
	streamWindow     = 4 << 20          // most that one yamux stream may have on its way: 40 MB/s at 100 ms
	streamBacklog    = 64               // streams that a peer may open faster than they are looked at; each connection holds room for them
	measureEvery     = time.Hour
	writeTime        = time.Minute // for the other side to take a frame or answer a ping over TCP, before the connection is given up
	peerPart         = 16          // of the machine's memory that one peer may make the host hold, within the following
	leastPerPeer     = 16 << 20
	mostPerPeer      = 64 << 20
	memoryPerConn    = 4 << 20 // counts promised windows, of which few are ever filled
	memoryBase       = 256 << 20
	handshakesBase   = 128       // handshakes under way at once, at least
	handshakeMemory  = 512 << 10 // of the machine's memory for each beyond: a handshake takes a fifth of it
	siteHandshakes   = 8         // one site may have one part in so many of those under way,
	leastOfSite      = 32        // and so many in any case
	provenAbove      = 32        // handshakes under way from which on a QUIC caller proves its address before anything is kept for it
	addressBurst     = 64        // connections from one address at once, at least
	addressPerSecond = 50.0      // new connections from one address: a twentieth of a core
	hostPerSecond    = 1000.0    // new connections from anywhere: about what one core can shake hands with
)

// referenceMemory is the memory of the machine that a host is on whose Config names none.
const referenceMemory = 512 << 20

// handshakesAtOnce returns how many handshakes may be under way.
func handshakesAtOnce(connections int, memory int64) int {
	return max(handshakesBase, min(connections/2, int(min(memory/handshakeMemory, 1<<20))))
}

// memoryPerPeer returns what one peer may make the host hold.
func memoryPerPeer(memory int64) int64 { return min(max(memory/peerPart, leastPerPeer), mostPerPeer) }

// limits derives every limit of the resource manager from the high-water mark and the machine's memory. Nothing is left to libp2p's defaults,
// which allow 8 connections and one new one in five seconds for each IPv4 address: an office behind one NAT would be
// locked out. Loopback is not exempt, so that tests see what the office sees.
func limits(connections int, memory int64) (rcmgr.ConcreteLimitConfig, []rcmgr.Option) {
	total := connections + connections/4 + 64 // above the high-water mark, which trims only every ten seconds
	handshakes, held := handshakesAtOnce(connections, memory), memoryPerPeer(memory)
	streams := rcmgr.LimitVal(total*streamsPerConn + streamsBase)
	system := rcmgr.ResourceLimits{
		Conns: rcmgr.LimitVal(total), ConnsInbound: rcmgr.LimitVal(total), ConnsOutbound: rcmgr.LimitVal(total),
		FD:      rcmgr.LimitVal(total),
		Streams: streams, StreamsInbound: streams, StreamsOutbound: streams,
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
		Streams: 2 * streamsPerPeer, StreamsInbound: streamsPerPeer, StreamsOutbound: streamsPerPeer,
		Memory: rcmgr.LimitVal64(held),
	}
	protocol := peer
	protocol.Streams, protocol.StreamsInbound, protocol.StreamsOutbound = 2*streamsPerProto, streamsPerProto, streamsPerProto
	open := rcmgr.InfiniteLimits.ToPartialLimitConfig().System
	one := rcmgr.ResourceLimits{
		Conns: 1, ConnsInbound: 1, ConnsOutbound: 1, FD: 1,
		Streams: 1, StreamsInbound: 1, StreamsOutbound: 1, Memory: rcmgr.LimitVal64(held),
	}
	concrete := rcmgr.PartialLimitConfig{
		System: system, Transient: transient,
		AllowlistedSystem: system, AllowlistedTransient: transient, // the allow list is empty
		ServiceDefault: open, ServicePeerDefault: open, // the protocols here name no services
		ProtocolDefault: open, ProtocolPeerDefault: protocol, PeerDefault: peer,
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
