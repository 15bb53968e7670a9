package p2p

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
)

func TestCallersAreBounded(t *testing.T) {
	var c Callers
	here := netip.MustParseAddr("10.0.0.1")
	if c.Expected(here) {
		t.Error("somebody is expected from the first")
	}
	c.Expect(time.Hour, here)
	c.Expect(time.Minute, netip.MustParseAddr("::ffff:10.0.0.1"))
	if left := c.left(here); left < 59*time.Minute {
		t.Errorf("a shorter time took the place of a longer one: %v", left)
	}
	c.Expect(time.Hour, netip.MustParseAddr("fe80::1%eth0"))
	if !c.Expected(netip.MustParseAddr("fe80::1%eth1")) {
		t.Error("the zone counts")
	}
	c.Expect(-time.Second, netip.MustParseAddr("10.0.0.2"))
	if c.Expected(netip.MustParseAddr("10.0.0.2")) {
		t.Error("somebody is expected whose time is over")
	}
	at := netip.MustParseAddr("11.0.0.0")
	for range 2 * maxCallers {
		at = at.Next()
		c.Expect(time.Hour, at)
	}
	if len(c.until) != maxCallers || c.Expected(at) || !c.Expected(here) {
		t.Errorf("%d addresses are expected", len(c.until))
	}
}

// What somebody else says where a peer is is not where it is dialled: CallAt names that, for a minute, and a bounded number of peers.
func TestDialledWhereItWasNamed(t *testing.T) {
	var c Callers
	one, other, at := keys.Generate().Public(), keys.Generate().Public(), netip.MustParseAddrPort("10.0.0.1:5000")
	c.name(one, at)
	for _, test := range []struct {
		to   keys.PublicKey
		at   string
		want bool
	}{{one, "10.0.0.1:5000", true}, {one, "[::ffff:10.0.0.1]:5000", true}, {one, "10.0.0.1:5001", false}, {one, "10.0.0.2:5000", false}, {other, "10.0.0.1:5000", false}} {
		if c.MayDial(test.to, netip.MustParseAddrPort(test.at)) != test.want {
			t.Errorf("%s: want %v", test.at, test.want)
		}
	}
	for i := range 100 {
		c.name(one, netip.AddrPortFrom(at.Addr(), uint16(6000+i)))
	}
	for range 2 * maxToCall {
		c.name(keys.Generate().Public(), at)
	}
	if len(c.toCall) != maxToCall || len(c.toCall[one]) > 2*MaxAddresses {
		t.Errorf("%d peers have addresses, one of them %d", len(c.toCall), len(c.toCall[one]))
	}
}

// probe is a packet of a version that nobody speaks, which every QUIC server answers.
func probe() []byte {
	packet := make([]byte, 1200)
	copy(packet, []byte{0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 8, 1, 2, 3, 4, 5, 6, 7, 8})
	return packet
}

func newDirect(t *testing.T) (host.Host, *Callers, netip.AddrPort) {
	t.Helper()
	callers := &Callers{}
	h := newHost(t, Config{Identity: keys.Generate(), Relayed: true, Direct: &Direct{
		Callers: callers, Punch: func(keys.PublicKey) bool { return false },
		Observer: func() (keys.PublicKey, []string) { return keys.PublicKey{}, nil },
	}})
	if udpPort(h) != 0 {
		t.Error("it listens before it was told to")
	}
	port, err := ListenDirect(h)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ListenDirect(h); err != nil || again != port {
		t.Errorf("the second time: port %d, not %d, %v", again, port, err)
	}
	if len(h.Addrs()) > 0 {
		t.Errorf("it tells everybody its addresses: %v", h.Addrs())
	}
	return h, callers, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
}

// Who is not expected gets no answer at all, not even that there is somebody.
func TestUnexpectedCallersAreNotAnswered(t *testing.T) {
	_, callers, at := newDirect(t)
	expected, stranger := dialFrom(t, "127.0.0.1", at), dialFrom(t, "127.0.0.2", at)
	callers.Expect(time.Minute, netip.MustParseAddr("127.0.0.1"))
	for _, socket := range []*net.UDPConn{stranger, expected} { // both are read in this order
		if _, err := socket.Write(probe()); err != nil {
			t.Fatal(err)
		}
	}
	answer := make([]byte, 1500)
	if _, err := expected.Read(answer); err != nil {
		t.Fatal(err)
	}
	if err := stranger.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := stranger.Read(answer); err == nil {
		t.Errorf("a stranger is answered: %x", answer[:n])
	}
}

// dialFrom returns a socket of an address of this machine, of which Linux has many on loopback.
func dialFrom(t *testing.T, from string, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	local := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(from), 0))
	socket, err := net.DialUDP("udp4", local, net.UDPAddrFromAddrPort(to))
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("NOT TESTED: this machine has no second address on loopback: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	return socket
}

func TestCallAtAnAddress(t *testing.T) {
	called, callers, at := newDirect(t)
	caller, _, _ := newDirect(t)
	key, err := Key(called.ID())
	if err != nil {
		t.Fatal(err)
	}
	callers.Expect(time.Minute, at.Addr())
	if err := CallAt(t.Context(), caller, key, nil); !errors.Is(err, ErrAddress) {
		t.Errorf("calling nowhere: %v", err)
	}
	if err := CallAt(t.Context(), caller, key, []netip.AddrPort{at}); err != nil {
		t.Fatal(err)
	}
	way, ok := WayTo(caller, key)
	if !ok || way.Relayed || way.From != at.Addr() {
		t.Errorf("the way is %+v, %v", way, ok)
	}
	stop := serveEcho(t, called, ServeLimits{Request: 64})
	defer stop()
	if answer, err := askEcho(t.Context(), caller, called.ID(), "hello"); err != nil || answer != "hello" {
		t.Errorf("%q, %v", answer, err)
	}
	plain := newHost(t, Config{Identity: keys.Generate()})
	if _, err := ListenDirect(plain); !errors.Is(err, ErrNoDirect) {
		t.Errorf("a host that was not made for it listens: %v", err)
	}
}
