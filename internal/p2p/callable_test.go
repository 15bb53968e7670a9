package p2p

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/keys"
)

// home is a machine that is on the networks of these tests.
var home = Networks{
	netip.MustParsePrefix("192.168.1.20/24"), netip.MustParsePrefix("10.7.200.9/16"), netip.MustParsePrefix("172.16.5.4/31"), netip.MustParsePrefix("93.184.216.20/28"),
	netip.MustParsePrefix("fd00:1::20/64"), netip.MustParsePrefix("2001:db8:1::20/64"), netip.MustParsePrefix("127.0.0.1/8"),
}

// A device is called where one machine may wait for it, and where no service of a system does; from afar nowhere that is another place for
// each. [NEAR-12] [NEAR-15]
func TestWhereADeviceMayBe(t *testing.T) {
	const near, afar = 1, 2
	for text, want := range map[string]int{
		"93.184.216.34:40000": near | afar, "[2001:db8::1]:5000": near | afar, "100.63.255.255:5000": near | afar, "198.17.255.255:5000": near | afar,
		"192.168.1.7:5000": near, "10.9.9.9:5000": near, "172.31.0.1:5000": near, "100.64.0.1:5000": near, "198.18.0.1:5000": near, "[fd00::1]:5000": near,
		"169.254.3.4:5000": near, "[fe80::1%eth0]:5000": near, "[fe80::1]:5000": near, "[fec0::1]:5000": near, "[::ffff:10.9.9.9]:5000": near,
		"[2001:db8::1%eth0]:5000": near,
		// No port of a device.
		"192.168.1.7:53": 0, "192.168.1.7:1023": 0, "192.168.1.7:0": 0, "[2001:db8::1]:443": 0,
		// Nobody, the machine itself, many, or what is reserved.
		"0.0.0.0:5000": 0, "0.1.2.3:5000": 0, "[::]:5000": 0, "127.0.0.1:5000": 0, "127.1.2.3:5000": 0, "[::1]:5000": 0, "224.0.0.251:5353": 0,
		"239.255.255.250:1900": 0, "[ff02::fb]:5353": 0, "[ff0e::1]:5000": 0, "255.255.255.255:5000": 0, "240.0.0.1:5000": 0, "192.88.99.1:5000": 0,
		// The same, put otherwise.
		"[::ffff:127.0.0.1]:5000": 0, "[::ffff:224.0.0.251]:5353": 0, "[::ffff:255.255.255.255]:5000": 0, "[::ffff:0.0.0.0]:5000": 0,
		// IPv4 addresses, of anybody, behind a translator.
		"[::10.0.0.1]:5000": 0, "[::ffff:0:10.0.0.1]:5000": 0, "[64:ff9b::a00:1]:5000": 0, "[64:ff9b::5db8:d822]:5000": 0, "[64:ff9b:1::a00:1]:5000": 0,
		"[2002:a00:1::1]:5000": 0, "[2001::1]:5000": 0, "[2001:0:4136:e378:8000:63bf:3fff:fdd2]:5000": 0, "[100::1]:5000": 0,
	} {
		at := netip.MustParseAddrPort(text)
		if got := Callable(at); got != (want&near > 0) {
			t.Errorf("%s: near by %v", text, got)
		}
		if got := home.callableAfar(at, netip.Addr{}); got != (want&afar > 0) {
			t.Errorf("%s: from afar %v", text, got)
		}
	}
}

// What one says from afar that means another place for each is called by that device alone which the rendezvous node sees at a private
// address of its own: there is no router between that changes addresses. [NEAR-15]
func TestPrivateAddressesFromAfar(t *testing.T) {
	for _, test := range []struct {
		at, seen string
		want     bool
	}{
		{"10.9.9.9:5000", "10.7.200.9", true}, {"192.168.77.7:5000", "10.7.200.9", true}, {"[fd00:9::9]:5000", "fd00:1::20", true}, {"10.9.9.9:5000", "::ffff:10.7.200.9", true},
		{"10.9.9.9:5000", "93.184.216.20", false}, // a public address of its own says nothing of private ones
		{"10.9.9.9:5000", "198.51.100.7", false},  // that of its router
		{"10.9.9.9:5000", "10.7.200.10", false},   // somebody says so who does not know
		{"127.0.0.1:5000", "127.0.0.1", false}, {"169.254.3.4:5000", "10.7.200.9", false}, {"[fe80::1]:5000", "fd00:1::20", false},
		{"10.7.255.255:5000", "10.7.200.9", false}, {"10.7.0.0:5000", "10.7.200.9", false}, {"[::ffff:10.7.255.255]:5000", "10.7.200.9", false},
		{"93.184.216.34:5000", "10.7.200.9", true},
	} {
		if got := home.callableAfar(netip.MustParseAddrPort(test.at), netip.MustParseAddr(test.seen)); got != test.want {
			t.Errorf("%s, seen at %s: %v", test.at, test.seen, got)
		}
	}
}

// The first and the last address of an own network stand for all on it. [NEAR-12]
func TestAddressesOfMany(t *testing.T) {
	for text, want := range map[string]bool{
		"192.168.1.255": true, "192.168.1.0": true, "192.168.1.20": false, "192.168.2.255": false, "::ffff:192.168.1.255": true,
		"10.7.255.255": true, "10.7.0.0": true, "10.7.1.255": false, "10.7.1.0": false, "93.184.216.31": true, "93.184.216.16": true, "93.184.216.17": false,
		"172.16.5.4": false, "172.16.5.5": false, // two hosts
		"fd00:1::": false, "fd00:1::ffff:ffff:ffff:ffff": false, "2001:db8:1::1": false,
		"224.0.0.1": true, "ff02::1": true, "255.255.255.255": true, "0.0.0.0": true, "::": true, "240.0.0.1": true, "::ffff:224.0.0.1": true,
	} {
		if got := home.oneHost(netip.MustParseAddr(text)); got == want {
			t.Errorf("%s stands for one: %v", text, got)
		}
	}
}

// noHost are addresses in the own networks of this machine, or anywhere, that stand for many.
func noHost(t *testing.T) (all []ma.Multiaddr) {
	t.Helper()
	for _, text := range []string{"/ip4/224.0.0.251/udp/5353/quic-v1", "/ip6/ff02::fb/udp/5353/quic-v1", "/ip4/255.255.255.255/udp/5000/quic-v1", "/ip4/0.0.0.0/udp/5000/quic-v1",
		"/ip6/::ffff:224.0.0.251/udp/5353/quic-v1", "/ip4/240.0.0.1/tcp/5000"} {
		all = append(all, ma.StringCast(text))
	}
	for _, p := range ownNetworks() {
		if last, ok := lastOf(p); ok {
			all = append(all, ma.StringCast("/ip4/"+last.String()+"/udp/5000/quic-v1"))
		}
	}
	return all
}

// No host, whatever its gate lets through, sends anything to where many or nobody may be. [NEAR-12]
func TestNoHostDialsMany(t *testing.T) {
	for _, cfg := range []Config{{Identity: keys.Generate()}, {Identity: keys.Generate(), Gater: anybody{}}} {
		h := newHost(t, cfg)
		for _, at := range noHost(t) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			err := h.Connect(ctx, peer.AddrInfo{ID: PeerID(keys.Generate().Public()), Addrs: []ma.Multiaddr{at}})
			cancel()
			if err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s is dialled: %v", at, err)
			}
		}
	}
}

// What the roll says of a rendezvous node is no address if it stands for many everywhere; where it does so here alone the others are dialled.
func TestNodesAtAddressesOfMany(t *testing.T) {
	key := keys.Generate().Public()
	for text, want := range map[string]bool{
		"/ip4/224.0.0.251/udp/5353/quic-v1": false, "/ip4/255.255.255.255/udp/4001/quic-v1": false, "/ip6/ff02::1/udp/4001/quic-v1": false,
		"/ip4/0.1.2.3/tcp/4001": false, "/ip4/127.0.0.1/tcp/4001": true, "/ip4/10.0.0.1/udp/443/quic-v1": true,
	} {
		if _, err := AddressInfo(key, []string{text}); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, p := range ownNetworks() {
		if last, ok := lastOf(p); ok {
			if _, err := AddressInfo(key, []string{"/ip4/" + last.String() + "/tcp/4001", "/ip4/10.0.0.1/tcp/4001"}); err != nil {
				t.Error(err)
			}
		}
	}
}

// Whatever is said, what is called is one host's, on no low port; from afar nobody's who is on the own network alone.
func FuzzCallable(f *testing.F) {
	f.Add([]byte{10, 7, 255, 255}, uint16(5000), []byte{10, 7, 200, 9})
	f.Add([]byte{224, 0, 0, 251}, uint16(5353), []byte{})
	f.Add([]byte(net.ParseIP("64:ff9b::a00:1").To16()), uint16(5000), []byte{93, 184, 216, 20})
	f.Add([]byte(net.ParseIP("::ffff:192.168.1.255").To16()), uint16(1024), []byte{192, 168, 1, 20})
	f.Fuzz(func(t *testing.T, raw []byte, port uint16, watched []byte) {
		ip, ok := netip.AddrFromSlice(raw)
		if !ok {
			return
		}
		seen, _ := netip.AddrFromSlice(watched)
		at := netip.AddrPortFrom(ip, port)
		near, afar := Callable(at), home.callableAfar(at, seen)
		std := net.IP(raw)
		if near && (port < 1024 || std.IsMulticast() || std.IsUnspecified() || std.IsLoopback() || std.Equal(net.IPv4bcast)) {
			t.Errorf("%s is called", at)
		}
		if afar && (!near || std.IsLinkLocalUnicast() || std.IsPrivate() && !net.IP(watched).IsPrivate()) {
			t.Errorf("%s is called from afar by one at %s", at, seen)
		}
		for _, p := range home {
			if last, ok := lastOf(p); afar && (ok && last == ip.Unmap() || ip.Unmap() == p.Masked().Addr() && p.Bits() < 31) {
				t.Errorf("%s stands for many, and is called", at)
			}
		}
		mapped := netip.AddrPortFrom(netip.AddrFrom16(ip.As16()), port)
		if ip.Is4() && (Callable(mapped) != near || home.callableAfar(mapped, seen) != afar) {
			t.Errorf("%s is judged otherwise as %s", at, mapped)
		}
	})
}
