package node

import (
	"net/netip"
	"slices"
	"testing"

	"muster.example/internal/keys"
)

// Whoever makes up beacons, of a rendezvous node or of a meeting, has nobody call a system's service, many, or the machine itself. [NEAR-12]
func TestWhereHeardIsCalled(t *testing.T) {
	bad := []string{"192.168.1.7:53", "192.168.1.7:0", "127.0.0.1:5000", "224.0.0.251:5353", "255.255.255.255:4001", "[::1]:5000", "[64:ff9b::a00:1]:5000", "0.0.0.0:443", "127.0.0.1:443"}
	good := []string{"192.168.1.7:4001", "[fd00::1]:4001", "192.168.1.7:443"}
	parsed := func(texts []string) (all []netip.AddrPort) {
		for _, text := range texts {
			all = append(all, netip.MustParseAddrPort(text))
		}
		return all
	}
	heard := parsed(slices.Concat(bad, good))
	if got := nodePlaces(heard, 443); !slices.Equal(got, parsed(good)) {
		t.Errorf("a node that the roll has at port 443 is called at %v", got)
	}
	if got := nodePlaces(heard, 0); !slices.Equal(got, parsed(good[:2])) {
		t.Errorf("a node is called at %v", got)
	}
	if got := localInfo(keys.Generate().Public(), heard).Addrs; len(got) != 4 { // over QUIC and TCP each
		t.Errorf("who announces a meeting is called at %v", got)
	}
}
