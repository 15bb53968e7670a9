package p2p

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/quic-go/quic-go"

	"muster.example/internal/keys"
)

const (
	overTCP  = "/ip4/127.0.0.1/tcp/0"
	overQUIC = "/ip4/127.0.0.1/udp/0/quic-v1"
)

// newHost returns a host that the test closes.
func newHost(t *testing.T, cfg Config) host.Host {
	t.Helper()
	if cfg.Identity.IsZero() {
		cfg.Identity = keys.Generate()
	}
	h, err := NewHost(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("closing a host: %v", err)
		}
	})
	return h
}

// info returns how to dial h.
func info(t *testing.T, h host.Host) peer.AddrInfo {
	t.Helper()
	key, err := Key(h.ID())
	if err != nil {
		t.Fatal(err)
	}
	where, err := AddressInfo(key, Addresses(h))
	if err != nil {
		t.Fatal(err)
	}
	return where
}

// connect returns the connection of from to to.
func connect(t *testing.T, from, to host.Host) network.Conn {
	t.Helper()
	if err := from.Connect(t.Context(), info(t, to)); err != nil {
		t.Fatal(err)
	}
	return from.Network().ConnsToPeer(to.ID())[0]
}

// curveOverTLS is how a TLS 1.3 server hello names X25519MLKEM768 as its key share, in the clear: the extension's
// number and length, then the group's number (RFC 8446 section 4.2.8).
var curveOverTLS = []byte{0x00, 0x33, 0x04, 0x64, 0x11, 0xec}

func TestKeyExchangeOverTCPIsPostQuantum(t *testing.T) {
	answering := newHost(t, Config{Listen: []string{overTCP}})
	where := info(t, answering)
	proxy, heard := tap(t, where.Addrs[0])
	where.Addrs = []ma.Multiaddr{proxy}
	dialling := newHost(t, Config{})
	if err := dialling.Connect(t.Context(), where); err != nil {
		t.Fatal(err)
	}
	state := dialling.Network().ConnsToPeer(answering.ID())[0].ConnState()
	if state.Security != "/tls/1.0.0" || state.StreamMultiplexer != "/yamux/1.0.0" {
		t.Errorf("connection is %+v, want TLS and yamux", state)
	}
	if !bytes.Contains(heard(), curveOverTLS) {
		t.Error("the server hello does not choose X25519MLKEM768")
	}
}

// tap forwards one TCP connection to target and remembers what target says.
func tap(t *testing.T, target ma.Multiaddr) (address ma.Multiaddr, heard func() []byte) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	var mu sync.Mutex
	var said bytes.Buffer
	go func() {
		outer, err := listener.Accept()
		if err != nil {
			return
		}
		defer outer.Close()
		port, _ := target.ValueForProtocol(ma.P_TCP)
		inner, err := net.Dial("tcp4", "127.0.0.1:"+port)
		if err != nil {
			return
		}
		defer inner.Close()
		go io.Copy(inner, outer)
		buffer := make([]byte, 4096)
		for {
			n, err := inner.Read(buffer)
			mu.Lock()
			said.Write(buffer[:n])
			mu.Unlock()
			if err != nil {
				return
			}
			outer.Write(buffer[:n])
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return ma.StringCast("/ip4/127.0.0.1/tcp/" + port), func() []byte {
		mu.Lock()
		defer mu.Unlock()
		return bytes.Clone(said.Bytes())
	}
}

func TestKeyExchangeOverQUICIsPostQuantum(t *testing.T) {
	answering, dialling := newHost(t, Config{Listen: []string{overQUIC}}), newHost(t, Config{})
	var connection *quic.Conn
	if !connect(t, dialling, answering).As(&connection) {
		t.Fatal("the connection is not QUIC")
	}
	if curve := connection.ConnectionState().TLS.CurveID.String(); curve != "X25519MLKEM768" {
		t.Errorf("keys were exchanged by %s", curve)
	}
}

func TestDialPrefersTCP(t *testing.T) {
	answering, dialling := newHost(t, Config{Listen: []string{overQUIC, overTCP}}), newHost(t, Config{})
	if transport := connect(t, dialling, answering).ConnState().Transport; transport != "tcp" {
		t.Errorf("a peer with both transports was dialled over %q", transport)
	}
}

func TestRankPutsQUICLater(t *testing.T) {
	quicFirst := []ma.Multiaddr{
		ma.StringCast("/ip4/1.2.3.4/udp/7/quic-v1"), ma.StringCast("/ip4/1.2.3.4/tcp/7"),
	}
	ranked := rank(quicFirst)
	if len(ranked) != 2 || ranked[0].Delay != 0 || ranked[0].Addr.String() != "/ip4/1.2.3.4/tcp/7" || ranked[1].Delay < quicDelay {
		t.Errorf("rank gave %v", ranked)
	}
	if alone := rank(quicFirst[:1]); len(alone) != 1 || alone[0].Delay != 0 {
		t.Errorf("QUIC alone waits: %v", alone)
	}
}

// refuser is a gater that refuses one peer once it is authenticated.
type refuser struct{ who peer.ID }

var _ connmgr.ConnectionGater = refuser{}

func (r refuser) InterceptPeerDial(p peer.ID) bool                                { return p != r.who }
func (r refuser) InterceptAddrDial(peer.ID, ma.Multiaddr) bool                    { return true }
func (r refuser) InterceptAccept(network.ConnMultiaddrs) bool                     { return true }
func (r refuser) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) { return true, 0 }
func (r refuser) InterceptSecured(_ network.Direction, p peer.ID, _ network.ConnMultiaddrs) bool {
	return p != r.who
}

func TestGaterRefuses(t *testing.T) {
	for _, listen := range []string{overTCP, overQUIC} {
		t.Run(listen, func(t *testing.T) {
			stranger, friend := newHost(t, Config{}), newHost(t, Config{})
			guarded := newHost(t, Config{Listen: []string{listen}, Gater: refuser{who: stranger.ID()}})
			stop := serveEcho(t, guarded, ServeLimits{Request: 64})
			defer stop()
			stranger.Peerstore().AddAddrs(guarded.ID(), guarded.Addrs(), time.Hour)
			friend.Peerstore().AddAddrs(guarded.ID(), guarded.Addrs(), time.Hour)

			if answer, err := askEcho(t.Context(), friend, guarded.ID(), "hello"); err != nil || answer != "hello" {
				t.Errorf("the friend got %q, %v", answer, err)
			}
			// That Connect succeeds means nothing: over QUIC the dialler is done before it is refused.
			if answer, err := askEcho(t.Context(), stranger, guarded.ID(), "hello"); err == nil {
				t.Errorf("the stranger got %q", answer)
			}
			if err := guarded.Connect(t.Context(), peer.AddrInfo{ID: stranger.ID()}); err == nil {
				t.Error("the guarded host dialled the stranger")
			}
		})
	}
}

// An office behind one address: more hosts than libp2p's default of 8, in one burst, with loopback not exempt.
func TestManyPeersShareOneAddress(t *testing.T) {
	const peers = 24
	for _, listen := range []string{overTCP, overQUIC} {
		t.Run(listen, func(t *testing.T) {
			node := newHost(t, Config{Listen: []string{listen}, Connections: 64})
			where := info(t, node)
			for range peers {
				if err := newHost(t, Config{}).Connect(t.Context(), where); err != nil {
					t.Fatal(err)
				}
			}
			if got := len(node.Network().Conns()); got != peers {
				t.Errorf("%d of %d peers are connected", got, peers)
			}
		})
	}
}

func TestOneAddressCannotTakeAllConnections(t *testing.T) {
	const total = minConnections + minConnections/4 + 64
	node := newHost(t, Config{Listen: []string{overTCP}, Connections: minConnections})
	resources := node.Network().ResourceManager()
	from := ma.StringCast("/ip4/192.0.2.7/tcp/1000")
	var open int
	for ; open < total; open++ {
		scope, err := resources.OpenConnection(network.DirInbound, true, from)
		if err != nil {
			break
		}
		defer scope.Done()
		if err := scope.SetPeer(PeerID(keys.Generate().Public())); err != nil {
			t.Fatal(err)
		}
	}
	if want := total * 3 / 4; open != max(addressBurst, want) {
		t.Errorf("one address opened %d connections of %d", open, total)
	}
	elsewhere, err := resources.OpenConnection(network.DirInbound, true, ma.StringCast("/ip4/192.0.2.8/tcp/1000"))
	if err != nil {
		t.Fatalf("another address is shut out: %v", err)
	}
	elsewhere.Done()
}

func TestListenTakesEveryAddressOrFails(t *testing.T) {
	taken := newHost(t, Config{Listen: []string{overTCP}})
	again := Config{Identity: keys.Generate(), Listen: []string{overQUIC, Addresses(taken)[0]}}
	if h, err := NewHost(again); err == nil {
		h.Close()
		t.Error("a port that is taken was no error")
	}
	for _, bad := range []string{"/dns4/example.org/tcp/1", "127.0.0.1:80", "/ip4/127.0.0.1/tcp/0/ws"} {
		if h, err := NewHost(Config{Identity: keys.Generate(), Listen: []string{bad}}); !errors.Is(err, ErrAddress) {
			if err == nil {
				h.Close()
			}
			t.Errorf("listening on %q: %v, want ErrAddress", bad, err)
		}
	}
}

func TestCloseTwice(t *testing.T) {
	h := newHost(t, Config{Listen: []string{overTCP, overQUIC}})
	if err := errors.Join(h.Close(), h.Close()); err != nil {
		t.Error(err)
	}
}

func TestHostWithoutIdentity(t *testing.T) {
	if h, err := NewHost(Config{}); err == nil {
		h.Close()
		t.Error("a host came up with no identity")
	}
}

func TestPeerID(t *testing.T) {
	key := keys.Generate().Public()
	id := PeerID(key)
	if id.String() != key.String() {
		t.Errorf("peer id %s of key %s", id, key)
	}
	if back, err := Key(id); err != nil || back != key {
		t.Errorf("Key gave %s, %v, want %s", back, err, key)
	}
	for _, bad := range []peer.ID{"", id[:20], id + "x", peer.ID("\x12\x20" + strings.Repeat("a", 32))} {
		if _, err := Key(bad); !errors.Is(err, ErrPeer) {
			t.Errorf("Key(%q) gave %v, want ErrPeer", string(bad), err)
		}
	}
}

func TestAddressInfo(t *testing.T) {
	key := keys.Generate().Public()
	good := []string{
		"/ip4/192.0.2.1/tcp/4001", "/ip6/2001:db8::1/tcp/4001",
		"/ip4/192.0.2.1/udp/4001/quic-v1", "/ip6/2001:db8::1/udp/4001/quic-v1",
	}
	where, err := AddressInfo(key, good)
	if err != nil {
		t.Fatal(err)
	}
	if where.ID != PeerID(key) || len(where.Addrs) != len(good) {
		t.Errorf("AddressInfo gave %v", where)
	}
	for name, bad := range map[string][]string{
		"none":                  {},
		"too many":              make([]string, MaxAddresses+1),
		"a name":                {"/dns4/example.org/tcp/4001"},
		"a name to look up":     {"/dnsaddr/example.org"},
		"a name after the IP":   {"/ip4/192.0.2.1/tcp/443/tls/sni/example.org/ws"},
		"no port":               {"/ip4/192.0.2.1"},
		"bare UDP":              {"/ip4/192.0.2.1/udp/4001"},
		"draft QUIC":            {"/ip4/192.0.2.1/udp/4001/quic"},
		"a socket":              {"/unix/tmp/socket"},
		"a relayed path":        {"/ip4/192.0.2.1/tcp/4001/p2p/" + key.String() + "/p2p-circuit"},
		"a peer id":             {"/ip4/192.0.2.1/tcp/4001/p2p/" + key.String()},
		"an IPv6 zone":          {"/ip6zone/eth0/ip6/fe80::1/tcp/4001"},
		"the unspecified one":   {"/ip4/0.0.0.0/tcp/4001"},
		"port zero":             {"/ip4/192.0.2.1/tcp/0"},
		"another spelling":      {"/ip6/2001:DB8::1/tcp/4001"},
		"a trailing slash":      {"/ip4/192.0.2.1/tcp/4001/"},
		"text that is too long": {"/ip4/192.0.2.1/tcp/" + strings.Repeat("0", MaxAddressLength) + "1"},
		"one bad of two":        {good[0], "/dns/example.org/tcp/1"},
	} {
		if _, err := AddressInfo(key, bad); !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v, want ErrAddress", name, err)
		}
	}
}

func TestNamesAreNotResolved(t *testing.T) {
	dialling, who := newHost(t, Config{}), PeerID(keys.Generate().Public())
	// A peer may put such an address into the peer store through identify.
	dialling.Peerstore().AddAddr(who, ma.StringCast("/dns4/localhost/tcp/1"), time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := dialling.Network().DialPeer(ctx, who); err == nil || strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("dialling a name gave %v", err)
	}
}
