package p2p

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/keys"
)

// newTestPuncher returns a puncher that nobody tells from where it is seen, of a host of its own.
func newTestPuncher(t *testing.T, may func(keys.PublicKey) bool) *puncher {
	t.Helper()
	direct := &Direct{Callers: &Callers{}, Punch: may, Observer: func() (keys.PublicKey, []string) { return keys.PublicKey{}, nil }}
	life, end := context.WithCancel(t.Context())
	t.Cleanup(end)
	return &puncher{host: &hostParts{direct: direct}, life: life, end: end}
}

func multiaddrs(texts ...string) (all []ma.Multiaddr) {
	for _, text := range texts {
		all = append(all, ma.StringCast(text))
	}
	return all
}

// Of what a peer tells to open a path, few addresses are dialled and expected, of the kinds that mean the same here. [NEAR-14] [NEAR-15]
func TestToldAddresses(t *testing.T) {
	friend, stranger := keys.Generate().Public(), keys.Generate().Public()
	p := newTestPuncher(t, func(key keys.PublicKey) bool { return key == friend })
	told := multiaddrs("/ip4/10.0.0.9/udp/5000/quic-v1", "/ip4/192.168.1.9/udp/5000/quic-v1", "/ip4/100.64.0.9/udp/5000/quic-v1", "/ip6/fd00::9/udp/5000/quic-v1",
		"/ip4/127.0.0.1/udp/5000/quic-v1", "/ip4/224.0.0.251/udp/5353/quic-v1", "/ip6/::ffff:10.0.0.9/udp/5000/quic-v1", "/ip6/64:ff9b::a00:9/udp/5000/quic-v1",
		"/ip4/93.184.216.34/tcp/5000", "/ip4/93.184.216.34/udp/53/quic-v1", "/ip4/93.184.216.34/udp/5000", "/dns4/victim.example/udp/5000/quic-v1",
		"/ip4/93.184.216.34/udp/5001/quic-v1/webtransport", "/ip4/93.184.216.34/udp/5000/quic-v1", "/ip6/2606:2800::1/udp/5000/quic-v1")
	for port := range 20 {
		told = append(told, ma.StringCast(fmt.Sprintf("/ip4/93.184.216.35/udp/%d/quic-v1", 6000+port)))
	}
	if kept := p.FilterRemote(PeerID(stranger), told); len(kept) > 0 {
		t.Errorf("a stranger has %v dialled", kept)
	}
	kept := p.FilterRemote(PeerID(friend), told)
	if len(kept) != maxPunched || kept[0].String() != "/ip4/93.184.216.34/udp/5000/quic-v1" || kept[1].String() != "/ip6/2606:2800::1/udp/5000/quic-v1" {
		t.Errorf("dialled are %v", kept)
	}
	callers := p.host.direct.Callers
	for _, address := range told {
		want := slices.ContainsFunc(kept, func(other ma.Multiaddr) bool { return other.Equal(address) })
		if at, ok := UDPOf(address); ok && callers.MayDial(friend, at) != want {
			t.Errorf("%s may be dialled: %v", address, !want)
		}
	}
	if callers.Expected(netip.MustParseAddr("10.0.0.9")) || !callers.Expected(netip.MustParseAddr("93.184.216.34")) {
		t.Error("expected are addresses that are not dialled, or not those that are")
	}
}

// A peer is told no address of the own networks that is somebody else's there, and no more than so often that there are any. [NEAR-15]
func TestTellingAddresses(t *testing.T) {
	friend := keys.Generate().Public()
	p := newTestPuncher(t, func(keys.PublicKey) bool { return true })
	own := multiaddrs("/ip4/127.0.0.1/udp/5000/quic-v1", "/ip4/192.168.1.9/udp/5000/quic-v1", "/ip4/93.184.216.34/udp/5000/quic-v1", "/ip6/fe80::1/udp/5000/quic-v1",
		"/ip6/fd00::9/udp/5000/quic-v1", "/ip6/2606:2800::1/udp/5000/quic-v1")
	for try := range mostTries + 1 {
		told := p.FilterLocal(PeerID(friend), own)
		if try < mostTries && (len(told) != 2 || told[0].String() != own[2].String() || told[1].String() != own[5].String()) || try == mostTries && len(told) > 0 {
			t.Errorf("try %d tells %v", try, told)
		}
	}
	if p.tries.take(friend, time.Now()) {
		t.Error("the tries are not counted")
	}
}
