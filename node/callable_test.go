package node

import (
	"context"
	"crypto/rand"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/multiformats/go-multiaddr"

	"muster.example/internal/beacon"
	"muster.example/internal/keys"
	"muster.example/internal/nearby"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/membership"
)

// Members meet members, guests meet desks, and who is suspended meets nobody. [NEAR-9]
func TestWhoMayMeet(t *testing.T) {
	const admin, member, desk, guest = membership.RoleAdmin, membership.RoleMember, membership.RoleDesk, membership.RoleGuest
	may := map[[2]membership.Role]bool{
		{admin, admin}: true, {admin, member}: true, {admin, desk}: true, {member, member}: true, {member, desk}: true, {desk, desk}: true,
		{desk, guest}: true,
	}
	for _, one := range []membership.Role{0, admin, member, desk, guest} {
		for _, other := range []membership.Role{0, admin, member, desk, guest} {
			want := may[[2]membership.Role{one, other}] || may[[2]membership.Role{other, one}]
			if mayMeet(one, other) != want {
				t.Errorf("%v and %v: %v", one, other, !want)
			}
		}
	}
}

// ends are the addresses of a connection.
type ends struct{ from multiaddr.Multiaddr }

func (e ends) LocalMultiaddr() multiaddr.Multiaddr  { return nil }
func (e ends) RemoteMultiaddr() multiaddr.Multiaddr { return e.from }

// The gate lets devices of other members in from local networks, and from afar those that may, through a relay only so often; and it has
// them dialled where they were heard and nowhere else. [NEAR-9] [NEAR-10] [NEAR-12] [NEAR-14]
func TestGate(t *testing.T) {
	g := (&Node{}).newGate()
	stranger, member, contact, sibling := keys.Generate().Public(), keys.Generate().Public(), keys.Generate().Public(), keys.Generate().Public()
	g.siblings.Store(&map[keys.PublicKey]struct{}{sibling: {}})
	g.members.Store(&callable{member: false, contact: true})
	g.near.Expect(time.Hour, netip.MustParseAddr("93.184.216.1")) // a local network of public addresses
	relay := "/ip4/93.184.216.34/tcp/4001/p2p/" + p2p.PeerID(keys.Generate().Public()).String() + "/p2p-circuit"
	for _, test := range []struct {
		from                             string
		stranger, member, contact, other bool
	}{
		{"/ip4/192.168.1.2/udp/5000/quic-v1", false, true, true, true},
		{"/ip4/93.184.216.1/udp/5000/quic-v1", false, true, true, true},
		{"/ip4/93.184.216.2/udp/5000/quic-v1", false, false, true, true},
		{relay, false, false, true, true},
	} {
		at := ends{multiaddr.StringCast(test.from)}
		for key, want := range map[keys.PublicKey]bool{stranger: test.stranger, member: test.member, contact: test.contact, sibling: test.other} {
			if got := g.InterceptSecured(network.DirInbound, p2p.PeerID(key), at); got != want {
				t.Errorf("from %s: %v, want %v", test.from, got, want)
			}
		}
	}
	for range 2 * relayedEach {
		g.InterceptSecured(network.DirInbound, p2p.PeerID(contact), ends{multiaddr.StringCast(relay)})
	}
	if g.InterceptSecured(network.DirInbound, p2p.PeerID(contact), ends{multiaddr.StringCast(relay)}) {
		t.Error("one may call through the relay without end")
	}
	g.full.Store(true)
	near := ends{multiaddr.StringCast("/ip4/192.168.1.2/udp/5000/quic-v1")}
	if g.InterceptSecured(network.DirInbound, p2p.PeerID(member), near) || !g.InterceptSecured(network.DirInbound, p2p.PeerID(sibling), near) {
		t.Error("with as many neighbours as there may be one more comes in, or no sibling")
	}
	for _, test := range []struct {
		to   keys.PublicKey
		at   string
		want bool
	}{
		{member, "/ip4/10.1.2.3/udp/5000/quic-v1", false}, {member, "/ip4/10.1.2.3/tcp/5000", false}, {member, relay, true},
		{sibling, "/ip4/10.1.2.3/udp/5000/quic-v1", false}, {stranger, "/ip4/10.1.2.3/tcp/5000", true}, // a rendezvous node
	} {
		if got := g.InterceptAddrDial(p2p.PeerID(test.to), multiaddr.StringCast(test.at)); got != test.want {
			t.Errorf("dialling %s: %v", test.at, got)
		}
	}
}

// Whoever makes up beacons has a device keep and expect a bounded number, and call nothing that is no place of a device. [NEAR-12] [NEAR-13]
func TestMadeUpBeacons(t *testing.T) {
	org := newRoll(t, "Ben")
	o := newDevice(t, org, org.Founder)
	key, err := o.beaconKey()
	if err != nil {
		t.Fatal(err)
	}
	many := make(callable)
	for range 2 * mostHeardDevices {
		many[keys.Generate().Public()] = false
	}
	o.gate.members.Store(&many)
	at, n, now := netip.MustParseAddr("10.0.0.0"), o.neighbours, time.Now()
	for device := range many {
		var addresses []netip.AddrPort
		for range mostHeard {
			at = at.Next()
			addresses = append(addresses, netip.AddrPortFrom(at, 5000))
		}
		n.hear(key, nearby.Found{Payload: sealed(t, key, device), Addresses: addresses}, now)
	}
	expected := 0
	for at := netip.MustParseAddr("10.0.0.1"); at.Less(netip.MustParseAddr("10.0.128.0")); at = at.Next() {
		if o.gate.callers.Expected(at) {
			expected++
		}
	}
	if heard := len(n.near()); heard != mostHeardDevices || expected == 0 || expected > mostNear {
		t.Errorf("%d devices are heard, %d addresses expected", heard, expected)
	}
	bad := keys.Generate().Public()
	o.gate.members.Store(&callable{bad: false})
	n.forgetHeard()
	for _, text := range []string{"127.0.0.1:5000", "224.0.0.251:5353", "0.0.0.0:5000", "255.255.255.255:5000", "192.168.1.1:53", "[::1]:5000", "[ff02::1]:5000"} {
		n.hear(key, nearby.Found{Payload: sealed(t, key, bad), Addresses: []netip.AddrPort{netip.MustParseAddrPort(text)}}, now)
	}
	if at := n.heardAt(bad); len(at) > 0 {
		t.Errorf("it is called at %v", at)
	}
	for i := range 10 * mostMoves { // one that is somewhere else each time
		n.hear(key, nearby.Found{Payload: sealed(t, key, bad), Addresses: []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("10.9.9.9"), uint16(5000+i))}},
			now.Add(time.Duration(i)*20*time.Second))
	}
	if one := n.all[bad]; len(one.heard.at) != mostHeardOther || one.from.Sub(now) > 20*time.Second*mostMoves+yieldTime {
		t.Errorf("it has %d places, and is to be called at once after %v", len(one.heard.at), one.from.Sub(now))
	}
}

// TestBeaconBeforeTheRoll hears devices that the roll does not have yet: local networks tell of them once, and they count when it has them.
func TestBeaconBeforeTheRoll(t *testing.T) { // [NEAR-3]
	org := newRoll(t, "Ben")
	o := newDevice(t, org, org.Founder)
	key, err := o.beaconKey()
	if err != nil {
		t.Fatal(err)
	}
	o.gate.members.Store(&callable{})
	n, now, at := o.neighbours, time.Now(), netip.MustParseAddrPort("10.0.0.1:5000")
	var devices []keys.PublicKey
	for range mostEarly + 1 {
		devices = append(devices, keys.Generate().Public())
		n.hear(key, nearby.Found{Payload: sealed(t, key, devices[len(devices)-1]), Addresses: []netip.AddrPort{at}}, now)
	}
	if len(n.near()) != 0 || o.gate.callers.Expected(at.Addr()) || len(n.early) != mostEarly {
		t.Errorf("of %d that may not call %d are heard, %d remembered", len(devices), len(n.near()), len(n.early))
	}
	last := devices[mostEarly]
	turn, end := context.WithCancel(t.Context())
	group := task.New(turn)
	group.Go("early beacons", func(ctx context.Context) error { return n.keepHearingEarly(ctx, key) })
	o.mu.Lock()
	o.setCallableLocked(callable{last: false})
	o.mu.Unlock()
	for len(n.near()) == 0 {
		<-n.wake
	}
	end()
	_ = group.Wait()
	if near := n.near(); !slices.Equal(near, []keys.PublicKey{last}) || !o.gate.callers.Expected(at.Addr()) || !n.all[last].due {
		t.Errorf("once the roll has it, %d are heard", len(near))
	}
	o.gate.members.Store(&callable{devices[mostEarly-1]: false})
	if n.hearEarly(key, now.Add(heardTime)); len(n.near()) != 1 || len(n.early) != 0 {
		t.Errorf("what was heard long ago counts: %d are heard, %d remembered", len(n.near()), len(n.early))
	}
}

func sealed(t *testing.T, key beacon.Key, device keys.PublicKey) []byte {
	t.Helper()
	payload, err := key.Seal(rand.Reader, device, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// A burst of calls, and then one from time to time. [NEAR-13]
func TestCallsAreSpent(t *testing.T) {
	var a allowance
	now := time.Now()
	for i := range callBurst {
		if wait := a.take(now); wait > 0 {
			t.Fatalf("call %d waits %v", i, wait)
		}
	}
	if wait := a.take(now); wait != callEvery {
		t.Errorf("one more waits %v", wait)
	}
	if wait := a.take(now.Add(callEvery)); wait > 0 {
		t.Errorf("later it waits %v", wait)
	}
}
