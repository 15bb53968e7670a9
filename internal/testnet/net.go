package testnet

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/p2p/transport/quicreuse"
	"github.com/marcopolo/simnet"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
)

const (
	// DefaultLatency is how long a packet travels one way unless SetLatency says otherwise.
	DefaultLatency = 10 * time.Millisecond

	bitsPerSecond = 100_000_000
	port          = 8000
)

// Net is one simulated network. Its methods may be called from any goroutine of the bubble.
type Net struct {
	seed  uint64
	inner *simnet.Simnet

	mu    sync.Mutex // guards the following
	links map[link]*state
	down  map[netip.Addr]bool
	last  map[netip.Addr]int // the last port that was taken because any would do

	air air
}

// Environment variables that make Run use more seeds than the one it is given: how many, and the number that is added
// to each. A failure names its seed, and its subtest runs it again.
const (
	EnvSeeds = "MUSTER_SIM_SEEDS"
	EnvFrom  = "MUSTER_SIM_FROM"
)

// Run runs test in a bubble with a network made by New, under seed, or under as many seeds from there on as the
// environment asks for, each as a subtest.
func Run(t *testing.T, seed uint64, test func(t *testing.T, net *Net)) {
	t.Helper()
	seeds := number(t, EnvSeeds)
	seed += number(t, EnvFrom)
	if seeds < 2 {
		t.Logf("seed %d", seed)
		synctest.Test(t, func(t *testing.T) { test(t, New(t, seed)) })
		return
	}
	for ; seeds > 0; seeds-- {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, New(t, seed)) })
		})
		seed++
	}
}

// number reads an environment variable that holds a number, 0 if it is not set.
func number(t *testing.T, variable string) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// New starts a network inside a bubble and ends it with the test. It makes the bubble repeatable: one processor (which
// the race detector also needs in a bubble, golang/go#78156) and seeded randomness for the whole process, so the test
// cannot be parallel.
func New(t *testing.T, seed uint64) *Net {
	t.Helper()
	processors := runtime.GOMAXPROCS(1)
	t.Cleanup(func() { runtime.GOMAXPROCS(processors) })
	cryptotest.SetGlobalRandom(t, seed)
	n := &Net{
		seed:  seed,
		links: make(map[link]*state),
		down:  make(map[netip.Addr]bool),
		last:  make(map[netip.Addr]int),
	}
	n.inner = &simnet.Simnet{LatencyFunc: n.latency, Logger: slog.New(slog.DiscardHandler)}
	n.inner.Start()
	t.Cleanup(n.inner.Close)
	return n
}

// Seed returns the seed of the run.
func (n *Net) Seed() uint64 { return n.seed }

// Address returns the listening address of place number i, counted from 0. Places differ in their IP address.
func Address(i int) string {
	ip := netip.AddrFrom4([4]byte{1, 0, byte((i + 1) >> 8), byte(i + 1)})
	return fmt.Sprintf("/ip4/%s/udp/%d/quic-v1", ip, port)
}

// Key returns the private key that name has in runs with this seed.
func (n *Net) Key(name string) keys.PrivateKey {
	return keys.FromSeed(sha256.Sum256(binary.BigEndian.AppendUint64([]byte("testnet key "+name+"\x00"), n.seed)))
}

// Config returns the configuration of a host at Address(i). The caller may add to it.
func (n *Net) Config(i int, identity keys.PrivateKey) p2p.Config {
	return p2p.Config{Identity: identity, Listen: []string{Address(i)}, QUIC: n.QUICOptions(Address(i))}
}

// Host makes a host that is closed with the test, if the test has not closed it before.
func (n *Net) Host(t *testing.T, cfg p2p.Config) host.Host {
	t.Helper()
	h, err := p2p.NewHost(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// QUICOptions returns what p2p.Config.QUIC needs for a host at address, a text as Address makes it. A host that does
// not listen dials from the same IP address. Its sockets are wrapped in turn.
func (n *Net) QUICOptions(address string, wrap ...func(net.PacketConn) net.PacketConn) []quicreuse.Option {
	ip := mustIP(address)
	return []quicreuse.Option{
		quicreuse.OverrideSourceIPSelector(func() (quicreuse.SourceIPSelector, error) { return source(ip), nil }),
		quicreuse.OverrideListenUDP(func(network string, local *net.UDPAddr) (net.PacketConn, error) {
			if network == "udp6" {
				return nil, errors.New("testnet: there is no IPv6")
			}
			socket, err := n.listen(ip, local)
			if err != nil {
				return nil, err
			}
			for _, w := range wrap {
				socket = w(socket)
			}
			return socket, nil
		}),
	}
}

// listen opens an endpoint of the network at ip. Address and port of local count only where they are not "any".
func (n *Net) listen(ip netip.Addr, local *net.UDPAddr) (net.PacketConn, error) {
	if given, ok := netip.AddrFromSlice(local.IP); ok && !given.Unmap().IsUnspecified() && given.Unmap() != ip {
		return nil, fmt.Errorf("testnet: %v asked for on a host at %v", given, ip)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	number := local.Port
	if number == 0 {
		number = max(port, n.last[ip]) + 1
		n.last[ip] = number
	}
	// The network takes the 4-byte and the 16-byte form of one address for two.
	where := &net.UDPAddr{IP: net.IP(ip.AsSlice()).To16(), Port: number}
	one := simnet.LinkSettings{BitsPerSecond: bitsPerSecond, FlowBucketCount: 1}
	return &conn{
		SimConn: n.inner.NewEndpoint(where, simnet.NodeBiDiLinkSettings{Uplink: one, Downlink: one}),
		net:     n,
		ip:      ip,
	}, nil
}

// source is the IP address that a host dials from.
type source netip.Addr

// PreferredSourceIPForDestination implements quicreuse.SourceIPSelector.
func (s source) PreferredSourceIPForDestination(*net.UDPAddr) (net.IP, error) {
	return net.IP(netip.Addr(s).AsSlice()).To16(), nil
}

// mustIP returns the IP address in a multiaddr. Only a mistake in a test can make it panic.
func mustIP(address string) netip.Addr {
	parsed, err := ma.NewMultiaddr(address)
	if err != nil {
		panic(fmt.Sprintf("testnet: %v", err))
	}
	ip, err := manet.ToIP(parsed)
	if err != nil {
		panic(fmt.Sprintf("testnet: %v", err))
	}
	return ipOf(&net.UDPAddr{IP: ip})
}

// ipOf returns the IP address of a packet's end.
func ipOf(address net.Addr) netip.Addr {
	ip, _ := netip.AddrFromSlice(address.(*net.UDPAddr).IP)
	return ip.Unmap()
}
