package p2p

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/core/transport"
	basichost "github.com/libp2p/go-libp2p/p2p/host/basic"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"
	"github.com/libp2p/go-libp2p/p2p/host/peerstore/pstoremem"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	basicconnmgr "github.com/libp2p/go-libp2p/p2p/net/connmgr"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	"github.com/libp2p/go-libp2p/p2p/net/upgrader"
	circuitrelay "github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	libp2pquic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/quic-go/quic-go"

	"muster.example/internal/keys"
)

// Config says what host to assemble. Identity is required; the zero value of the rest is a host that only dials.
type Config struct {
	// Identity is the private key whose public half names the host.
	Identity keys.PrivateKey
	// Listen holds the addresses to listen on, of the form that CheckAddress accepts. Each must be had: a port that
	// is taken is an error, not a silent gap.
	Listen []string
	// Gater decides whom to talk to. Nil admits everybody.
	Gater connmgr.ConnectionGater
	// Connections is the high-water mark: above it the oldest unprotected connections are closed. The hard limits
	// follow from it. 0 stands for DefaultConnections.
	Connections int
	// Memory is what the machine has, from which further limits follow. 0 stands for 512 MiB.
	Memory int64
	// Streams says how many streams a peer may have open to the host at once, 128 at most. It is asked often. Nil stands for
	// 128 for everybody.
	Streams func(peer keys.PublicKey) int
	// MayOpen says whether a peer may open one more stream now. It is asked before a byte of the stream is read. Nil: everybody may.
	MayOpen func(peer keys.PublicKey) bool
	// Familiar says whether somebody who is welcome has come from an address before. While strangers begin many handshakes those
	// from there are still let in. It is asked before each inbound handshake. Nil stands for nowhere.
	Familiar func(from ma.Multiaddr) bool
	// Failed is told of each inbound handshake that came to nothing. Nil: nobody is.
	Failed func(from ma.Multiaddr)
	// QUIC, if not nil, makes a host for simulations that has only QUIC, over what these options say.
	QUIC []quicreuse.Option
	// Relayed lets the host wait at relays and call through them: WaitAt and Call. The gater decides who may call.
	Relayed bool
	// Direct, if not nil, lets the host be called without a relay, from ListenDirect on. It has to be Relayed.
	Direct *Direct
	// Circuits, if not nil, makes the host a relay.
	Circuits *Circuits
	// UserAgent is what the host calls its program to peers, "muster" if empty.
	UserAgent string
}

// hostParts is a basic host with the parts whose end it does not see to.
type hostParts struct {
	*basichost.BasicHost
	quic  *quicreuse.ConnManager
	relay *circuitrelay.Relay // nil if it is none

	remembered remembered

	direct    *Direct    // nil: nobody calls it without a relay
	listening sync.Mutex // guards the following
	punch     *puncher   // nil before ListenDirect

	once sync.Once // guards the following
	err  error
}

// Close ends the host and returns after its goroutines have ended. A second call waits for the first.
func (h *hostParts) Close() error {
	h.once.Do(func() {
		if h.relay != nil {
			h.err = h.relay.Close()
		}
		h.listening.Lock()
		defer h.listening.Unlock()
		if h.punch != nil {
			h.err = errors.Join(h.err, h.punch.Close())
		}
		h.err = errors.Join(h.err, h.BasicHost.Close(), h.quic.Close())
	})
	return h.err
}

// NewHost assembles a host and starts to listen. The caller closes it.
func NewHost(cfg Config) (host.Host, error) {
	listen := make([]ma.Multiaddr, len(cfg.Listen))
	for i, text := range cfg.Listen {
		address, err := parseAddress(text)
		if err != nil {
			return nil, fmt.Errorf("address to listen on: %w", err)
		}
		listen[i] = address
	}
	if cfg.Identity.IsZero() {
		return nil, fmt.Errorf("host without an identity: %w", ErrPeer)
	}
	identity, _, err := crypto.KeyPairFromStdKey(new(cfg.Identity.Standard()))
	if err != nil {
		return nil, fmt.Errorf("identity of the host: %w", err)
	}
	h, err := assemble(cfg, identity)
	if err != nil {
		return nil, fmt.Errorf("assembling the host: %w", err)
	}
	for _, address := range listen {
		// One at a time: given several, the swarm is content with one that works.
		if err := h.Network().Listen(address); err != nil {
			return nil, errors.Join(fmt.Errorf("listening on %s: %w", address, err), h.Close())
		}
	}
	h.Start()
	if cfg.Circuits != nil {
		if h.relay, err = serveCircuits(h, *cfg.Circuits); err != nil {
			return nil, errors.Join(fmt.Errorf("beginning to relay: %w", err), h.Close())
		}
	}
	return h, nil
}

// assemble builds the parts from the bottom up. A part that cannot be built is a fault in the program or a lack of
// memory, so what was built before it is left to the end of the process.
func assemble(cfg Config, identity crypto.PrivKey) (*hostParts, error) {
	connections := cfg.Connections
	if connections == 0 {
		connections = DefaultConnections
	}
	connections = max(connections, minConnections)
	resources, err := newResources(cfg, connections)
	if err != nil {
		return nil, err
	}
	bus := eventbus.NewBus()
	peers, err := newSwarm(cfg, identity, bus, resources)
	if err != nil {
		return nil, err
	}
	upgrade, err := newUpgrader(cfg, identity, resources)
	if err != nil {
		return nil, err
	}
	sockets, err := addTransports(peers, cfg, identity, resources, upgrade)
	if err != nil {
		return nil, err
	}
	trim, err := basicconnmgr.NewConnManager(connections-connections/8, connections,
		basicconnmgr.WithGracePeriod(gracePeriod))
	if err != nil {
		return nil, err
	}
	userAgent := cfg.UserAgent
	if userAgent == "" {
		userAgent = "muster"
	}
	options := &basichost.HostOpts{EventBus: bus, NegotiationTimeout: negotiationTime, ConnManager: trim, UserAgent: userAgent,
		DisableSignedPeerRecord: true, // whom to dial where is said by the roll, links and beacons, never by what peers pass on
	}
	if cfg.Direct != nil { // where a device is on its networks is for those alone who may call it there [NEAR-6]
		options.AddrsFactory = func([]ma.Multiaddr) []ma.Multiaddr { return nil }
	}
	basic, err := basichost.NewHost(peers, options)
	if err != nil {
		return nil, err
	}
	parts := &hostParts{BasicHost: basic, quic: sockets, direct: cfg.Direct}
	if cfg.Relayed {
		if err := addCircuits(parts, upgrade); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// newResources makes the resource manager: limits, what each peer may have, and how many handshakes are under way.
func newResources(cfg Config, connections int) (network.ResourceManager, error) {
	memory := cfg.Memory
	if memory == 0 {
		memory = referenceMemory
	}
	concrete, bounds := limits(connections, memory)
	limiter := rcmgr.NewFixedLimiter(concrete)
	if cfg.Streams != nil {
		limiter = chooser{Limiter: limiter, streams: cfg.Streams, most: memoryPerPeer(memory)}
	}
	resources, err := rcmgr.NewResourceManager(limiter, bounds...)
	if err != nil {
		return nil, err
	}
	bounded := newHandshakes(resources, handshakesAtOnce(connections, memory), cfg.Familiar)
	bounded.mayOpen, bounded.failed = cfg.MayOpen, cfg.Failed
	return bounded, nil
}

func newSwarm(cfg Config, identity crypto.PrivKey, bus event.Bus, resources network.ResourceManager) (*swarm.Swarm, error) {
	id, err := peer.IDFromPrivateKey(identity)
	if err != nil {
		return nil, err
	}
	peers, err := pstoremem.NewPeerstore()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(peers.AddPrivKey(id, identity), peers.AddPubKey(id, identity.GetPublic())); err != nil {
		return nil, err
	}
	options := []swarm.Option{
		swarm.WithResourceManager(resources),
		swarm.WithMultiaddrResolver(noNames{}),
		swarm.WithDialRanker(rank),
		swarm.WithDialTimeout(dialTime),
		// A field team loses its links for days: a host must not conclude from failures that UDP or IPv6 is useless.
		swarm.WithUDPBlackHoleSuccessCounter(nil),
		swarm.WithIPv6BlackHoleSuccessCounter(nil),
	}
	gate := cfg.Gater
	if gate == nil {
		gate = anybody{}
	}
	options = append(options, swarm.WithConnectionGater(dialGate{gate}))
	return swarm.NewSwarm(id, book{peers}, bus, options...)
}

// addTransports gives the swarm QUIC and, outside simulations, TCP. It returns the UDP sockets, which the caller closes.
func addTransports(s *swarm.Swarm, cfg Config, identity crypto.PrivKey, resources network.ResourceManager, upgrade transport.Upgrader) (*quicreuse.ConnManager, error) {
	sockets, err := newSockets(cfg, resources)
	if err != nil {
		return nil, err
	}
	overUDP, err := libp2pquic.NewTransport(identity, sockets, nil, cfg.Gater, resources)
	if err != nil {
		return nil, err
	}
	if err := s.AddTransport(overUDP); err != nil {
		return nil, err
	}
	if cfg.QUIC != nil {
		return sockets, nil
	}
	// Sharing the port would let a second process listen beside the first without an error.
	overTCP, err := tcp.NewTCPTransport(upgrade, resources, nil, tcp.DisableReuseport(), tcp.WithConnectionTimeout(connectTime))
	if err != nil {
		return nil, err
	}
	return sockets, s.AddTransport(overTCP)
}

// newUpgrader makes connections of bytes, over TCP or through a relay, into encrypted ones of streams.
func newUpgrader(cfg Config, identity crypto.PrivKey, resources network.ResourceManager) (transport.Upgrader, error) {
	muxers := []upgrader.StreamMuxer{{ID: yamux.ID, Muxer: newYamux()}}
	secure, err := libp2ptls.New(libp2ptls.ID, identity, muxers)
	if err != nil {
		return nil, err
	}
	return upgrader.New([]sec.SecureTransport{secure}, muxers, nil, resources, cfg.Gater, upgrader.WithAcceptTimeout(2*handshakeIdle))
}

// newYamux returns libp2p's multiplexer with a smaller window and room for fewer streams that nobody has looked at yet, and one that
// is quiet: every half minute each side would measure the round trip anew, 1.4 MB a day of an idle connection.
func newYamux() *yamux.Transport {
	muxer := *yamux.DefaultTransport
	muxer.MaxStreamWindowSize = streamWindow
	muxer.MeasureRTTInterval = measureEvery
	muxer.AcceptBacklog = streamBacklog
	muxer.ConnectionWriteTimeout = writeTime
	return &muxer
}

// newSockets returns the manager of UDP sockets, with the resource manager asked before each inbound handshake.
func newSockets(cfg Config, resources network.ResourceManager) (*quicreuse.ConnManager, error) {
	seed := cfg.Identity.Seed()
	reset, err := hkdf.Key(sha256.New, seed[:], nil, "muster quic stateless reset", len(quic.StatelessResetKey{}))
	if err != nil {
		return nil, err
	}
	token, err := hkdf.Key(sha256.New, seed[:], nil, "muster quic address token", len(quic.TokenGeneratorKey{}))
	if err != nil {
		return nil, err
	}
	options := append([]quicreuse.Option{
		quicreuse.ConnContext(func(ctx context.Context, client *quic.ClientInfo) (context.Context, error) {
			address, err := quicreuse.ToQuicMultiaddr(client.RemoteAddr, quic.Version1)
			if err != nil {
				return ctx, err
			}
			// libp2p would ask the gater only after the handshake, which is what costs.
			if cfg.Gater != nil && !cfg.Gater.InterceptAccept(caller{address}) {
				return ctx, errRefused
			}
			scope, err := resources.OpenConnection(network.DirInbound, false, address)
			if err != nil {
				return ctx, err
			}
			ctx = network.WithConnManagementScope(ctx, scope)
			context.AfterFunc(ctx, scope.Done)
			return ctx, nil
		}),
		quicreuse.VerifySourceAddress(func(address net.Addr) bool { return resources.VerifySourceAddress(address) }),
	}, cfg.QUIC...)
	if cfg.Direct != nil && cfg.QUIC == nil {
		options = append(options, quicreuse.OverrideListenUDP(func(network string, local *net.UDPAddr) (net.PacketConn, error) {
			socket, err := net.ListenUDP(network, local)
			if err != nil {
				return nil, err
			}
			return cfg.Direct.Callers.Guard(socket), nil
		}))
	}
	sockets, err := quicreuse.NewConnManager(quic.StatelessResetKey(reset), quic.TokenGeneratorKey(token), options...)
	if err != nil {
		return nil, err
	}
	return sockets, giveTime(sockets)
}

// noNames resolves nothing: peers may tell of addresses with names, and asking a name server would tell a third party.
type noNames struct{}

func (noNames) ResolveDNSAddr(context.Context, peer.ID, ma.Multiaddr, int, int) ([]ma.Multiaddr, error) {
	return nil, ErrAddress
}

func (noNames) ResolveDNSComponent(context.Context, ma.Multiaddr, int) ([]ma.Multiaddr, error) {
	return nil, ErrAddress
}

// errRefused means that the gater does not want a connection from an address.
var errRefused = errors.New("p2p: no connection from this address")

// caller is a connection that is to come, of which only the other side's address is known.
type caller struct{ from ma.Multiaddr }

// LocalMultiaddr implements network.ConnMultiaddrs.
func (c caller) LocalMultiaddr() ma.Multiaddr { return nil }

// RemoteMultiaddr implements network.ConnMultiaddrs.
func (c caller) RemoteMultiaddr() ma.Multiaddr { return c.from }
