package mdns

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"muster.example/internal/nearby"
)

// air is one link with several machines on it, and the time there.
type air struct {
	t        *testing.T
	now      time.Time
	machines []*machine
	down     map[int]bool // a machine that has vanished
	found    [][]nearby.Found
	sent     []sent
}

// sent is a packet that was on the air.
type sent struct {
	at   time.Time
	from int
	data []byte
}

// newAir makes a link with some machines at 192.0.2.1 and on.
func newAir(t *testing.T, machines int) *air {
	a := &air{t: t, now: time.Unix(1_000_000, 0), down: make(map[int]bool), found: make([][]nearby.Found, machines)}
	for i := range machines {
		m := newMachine(rand.New(rand.NewPCG(1, uint64(i))))
		a.machines = append(a.machines, m)
		m.setLinks(a.now, []link{a.link(i)})
	}
	return a
}

func (a *air) address(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}) }

func (a *air) link(i int) link {
	return link{index: 7, name: "eth0", prefixes: []netip.Prefix{netip.PrefixFrom(a.address(i), 24)}}
}

// deliver passes on what the machines want to send, also to the one that sends, until none wants to.
func (a *air) deliver() {
	for quiet := false; !quiet; {
		quiet = true
		for i, m := range a.machines {
			out, told := m.take()
			for _, n := range told {
				a.found[i] = append(a.found[i], n.found)
			}
			for _, p := range out {
				quiet = false
				if a.down[i] {
					continue
				}
				a.sent = append(a.sent, sent{a.now, i, p.data})
				for j, other := range a.machines {
					if !a.down[j] {
						other.receive(a.now, p.link, netip.AddrPortFrom(a.address(i), port), p.data)
					}
				}
			}
		}
	}
}

// pass lets time go by.
func (a *air) pass(d time.Duration) {
	for end := a.now.Add(d); ; {
		a.deliver()
		for _, m := range a.machines {
			m.tick(a.now)
		}
		a.deliver()
		next := end
		for _, m := range a.machines {
			if at := m.next(); !at.IsZero() && at.Before(next) {
				next = at
			}
		}
		a.now = next
		if next.Equal(end) {
			return
		}
	}
}

func (a *air) announce(i int, payload string) string {
	a.t.Helper()
	name, err := a.machines[i].announce(a.now, nearby.Announcement{Kind: nearby.Devices, Port: 4747, Payload: []byte(payload)})
	if err != nil {
		a.t.Fatal(err)
	}
	return name
}

// count returns how many packets went out since a time, and of what size.
func (a *air) count(since time.Time, from int) (packets, size int) {
	for _, s := range a.sent {
		if !s.at.Before(since) && s.from == from {
			packets, size = packets+1, size+len(s.data)
		}
	}
	return packets, size
}

func payloads(found []nearby.Found) (all []string) {
	for _, f := range found {
		all = append(all, string(f.Payload))
	}
	slices.Sort(all)
	return all
}

// What is there and what comes is found within a second, under names that say nothing, and by nobody twice.
func TestFinds(t *testing.T) {
	a := newAir(t, 3)
	a.announce(0, "first")
	a.pass(time.Minute)
	a.machines[1].startBrowsing(a.now, nearby.Devices)
	a.machines[0].startBrowsing(a.now, nearby.Devices)
	a.pass(time.Second)
	if got := payloads(a.found[1]); !slices.Equal(got, []string{"first"}) {
		t.Fatalf("found after a second: %q", got)
	}
	want := []netip.AddrPort{netip.AddrPortFrom(a.address(0), 4747)}
	if got := a.found[1][0].Addresses; !slices.Equal(got, want) {
		t.Errorf("it is at %v", got)
	}
	if len(a.found[0]) != 0 {
		t.Errorf("a device hears itself: %q", payloads(a.found[0]))
	}
	a.pass(time.Hour)
	a.announce(2, "second")
	a.pass(100 * time.Millisecond)
	if got := payloads(a.found[1]); !slices.Equal(got, []string{"first", "second"}) {
		t.Errorf("found in a moment: %q", got)
	}
	a.pass(24 * time.Hour)
	if len(a.found[1]) != 2 || len(a.machines[1].browse[nearby.Devices].heard) != 2 {
		t.Errorf("after a day: told %q, known %d", payloads(a.found[1]), len(a.machines[1].browse[nearby.Devices].heard))
	}
}

// Who leaves says goodbye, who vanishes is forgotten in its time, and who comes back is told again.
func TestLeavesAndComesBack(t *testing.T) {
	a := newAir(t, 3)
	name := a.announce(0, "polite")
	a.announce(2, "sudden")
	a.machines[1].startBrowsing(a.now, nearby.Devices)
	a.pass(10 * time.Second)
	known := func() int { return len(a.machines[1].browse[nearby.Devices].heard) }
	a.machines[0].withdraw(name)
	a.pass(time.Millisecond)
	if known() != 1 {
		t.Errorf("%d known after a goodbye", known())
	}
	a.down[2] = true
	a.pass(2 * time.Hour)
	if known() != 0 {
		t.Errorf("%d known of those that vanished", known())
	}
	a.down[2] = false
	a.pass(time.Hour + time.Minute)
	if got := payloads(a.found[1]); !slices.Equal(got, []string{"polite", "sudden", "sudden"}) {
		t.Errorf("told %q", got)
	}
}

// A laptop changes its network: it is found at its new address, and finds what is there.
func TestLinkChanges(t *testing.T) {
	a := newAir(t, 2)
	a.announce(0, "laptop")
	a.machines[1].startBrowsing(a.now, nearby.Devices)
	a.pass(time.Hour)
	a.machines[0].setLinks(a.now, nil)
	a.pass(time.Minute)
	moved := link{index: 7, name: "eth0", prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.99/24"), netip.MustParsePrefix("fe80::1/64")}}
	a.machines[0].setLinks(a.now, []link{moved})
	a.pass(time.Second)
	last := a.found[1][len(a.found[1])-1]
	want := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.99:4747"), netip.MustParseAddrPort("[fe80::1%eth0]:4747")}
	if !slices.Equal(last.Addresses, want) {
		t.Errorf("it is at %v, want %v", last.Addresses, want)
	}
}

// On links that are the same, with others on them, what is said anew is heard at once, and only then.
func TestAnew(t *testing.T) {
	for _, anew := range []bool{false, true} {
		a := newAir(t, 3)
		a.down[1] = true // behind a switch without a cable
		a.announce(0, "laptop")
		a.machines[1].startBrowsing(a.now, nearby.Devices)
		a.pass(time.Hour)
		a.down[1] = false
		if anew {
			a.machines[0].anew(a.now)
		}
		a.pass(5 * time.Second)
		if heard := len(a.found[1]) > 0; heard != anew {
			t.Errorf("said anew: %v, heard: %v", anew, heard)
		}
	}
}

// What a device of a quiet office costs, that announces two things and browses for one kind: in its first hour, and in each later one.
// The figures of docs/adr/0032.
func TestIdleTraffic(t *testing.T) {
	for _, devices := range []int{2, 10, 25} {
		a := newAir(t, devices)
		for i, m := range a.machines {
			a.announce(i, "payload of sixty-four bytes, as that of a device's announcement is")
			a.announce(i, "another payload of sixty-four bytes, for another organization of it")
			m.startBrowsing(a.now, nearby.Devices)
		}
		begin := a.now
		a.pass(time.Hour)
		first, firstBytes := a.count(begin, 0)
		later := a.now
		a.pass(4 * time.Hour)
		packets, size := a.count(later, 0)
		t.Logf("%d devices: each sends %d packets, %d bytes in its first hour; %.1f packets, %d bytes in each later one",
			devices, first, firstBytes, float64(packets)/4, size/4)
		if first > 60 || packets > 48 {
			t.Errorf("%d devices: %d packets in the first hour, %d in four later ones", devices, first, packets)
		}
		if known := len(a.machines[0].browse[nearby.Devices].heard); known != 2*(devices-1) {
			t.Errorf("%d devices: %d announcements are known", devices, known)
		}
	}
}

// Questions come ever more seldom, and answers at most once a second, however often is asked.
func TestPoliteness(t *testing.T) {
	a := newAir(t, 2)
	a.machines[0].startBrowsing(a.now, nearby.Devices)
	begin := a.now
	a.pass(3 * time.Hour)
	var last time.Duration
	for i, s := range a.sent[1:] {
		pause := s.at.Sub(a.sent[i].at)
		if pause < 2*last && last < time.Hour/2 || pause > lastQuestion {
			t.Errorf("a question %v after one that came after %v", pause, last)
		}
		last = pause
	}
	if n, _ := a.count(begin, 0); n < 8 || n > 12 {
		t.Errorf("%d questions in three hours", n)
	}
	a.announce(1, "asked")
	a.pass(time.Minute)
	begin = a.now
	data, err := question(nearby.Devices, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		a.machines[1].receive(a.now, 7, netip.AddrPortFrom(a.address(0), port), data)
		a.pass(10 * time.Millisecond)
	}
	if n, _ := a.count(begin, 1); n < 9 || n > 11 {
		t.Errorf("%d answers in ten seconds", n)
	}
	// Who knows it already gets none; neither does who asks from elsewhere or from another port.
	a.pass(time.Minute)
	begin = a.now
	name := a.machines[1].ownKnown(nearby.Devices)
	knows, err := question(nearby.Devices, name)
	if err != nil {
		t.Fatal(err)
	}
	a.machines[1].receive(a.now, 7, netip.AddrPortFrom(a.address(0), port), knows)
	a.machines[1].receive(a.now, 7, netip.MustParseAddrPort("198.51.100.1:5353"), data)
	a.machines[1].receive(a.now, 7, netip.AddrPortFrom(a.address(0), 5000), data)
	a.machines[1].receive(a.now, 8, netip.AddrPortFrom(a.address(0), port), data)
	a.pass(time.Minute)
	if n, _ := a.count(begin, 1); n != 0 {
		t.Errorf("%d answers to who need or may have none", n)
	}
}

// One machine that announces without end crowds nobody out, and points nobody at the world.
func TestFlood(t *testing.T) {
	a := newAir(t, 2)
	m := a.machines[1]
	m.startBrowsing(a.now, nearby.Devices)
	hostile := func(i int, from, at string) {
		r := record{instance: instance{nearby.Devices, fmt.Sprint("x", i), "host"}, port: 1, payload: []byte{1}, ttl: timeToLive,
			addresses: []netip.Addr{netip.MustParseAddr(at)}}
		data, err := r.encode()
		if err != nil {
			t.Fatal(err)
		}
		m.receive(a.now, 7, netip.AddrPortFrom(netip.MustParseAddr(from), port), data)
	}
	for i := range 1000 {
		hostile(i, "192.0.2.66", "192.0.2.66")
	}
	if n := len(m.browse[nearby.Devices].heard); n != maxFromOne {
		t.Errorf("%d announcements of one machine are kept", n)
	}
	a.announce(0, "honest")
	a.pass(time.Second)
	if got := payloads(a.found[1]); !slices.Contains(got, "honest") {
		t.Error("the honest one is not found")
	}
	for i, at := range []string{"8.8.8.8", "192.168.77.7", "10.0.0.9", "fd00::9", "127.0.0.1", "224.0.0.251", "0.0.0.0", "2001:db8::1", "::1"} {
		before := len(a.found[1])
		hostile(2000+i, "192.0.2.77", at)
		if a.deliver(); len(a.found[1]) != before {
			t.Errorf("an announcement at %s is told", at)
		}
	}
	for i := range 4000 {
		hostile(3000+i, fmt.Sprintf("192.0.2.%d", 100+i%100), "192.0.2.77")
	}
	if n := len(m.browse[nearby.Devices].heard); n != nearby.MaxHeard {
		t.Errorf("%d announcements are kept", n)
	}
}

// Names are new for each announcement, and none is that of the machine.
func TestNames(t *testing.T) {
	a, seen := newAir(t, 1), make(map[string]bool)
	for range 100 {
		one := a.machines[0].own[a.announce(0, "x")]
		if seen[one.name] || seen[one.host] || one.name == one.host || !goodLabel(one.name) || !goodLabel(one.host) {
			t.Errorf("names %q and %q", one.name, one.host)
		}
		seen[one.name], seen[one.host] = true, true
	}
}

func TestPacketIsWhole(t *testing.T) {
	r := record{instance: instance{nearby.Meetings, "abc", "def"}, port: 4747, payload: make([]byte, nearby.MaxPayload), ttl: timeToLive}
	for i := range nearby.MaxAddresses {
		r.addresses = append(r.addresses, netip.AddrFrom16([16]byte{0xfd, 15: byte(i)}))
	}
	data, err := r.encode()
	if err != nil || len(data) > packetSize {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	m, err := parse(data)
	if err != nil || !m.answer || len(m.heard) != 1 {
		t.Fatalf("read as %+v, %v", m, err)
	}
	got := m.heard[0]
	if got.instance != r.instance || got.port != r.port || string(got.payload) != string(r.payload) || !slices.Equal(got.addresses, r.addresses) {
		t.Errorf("read as %+v", got)
	}
	var all []known
	for i := range 1000 {
		all = append(all, known{nearby.Devices, fmt.Sprintf("%026d", i), 4000})
	}
	if data, err = question(nearby.Devices, all); err != nil || len(data) > packetSize {
		t.Errorf("a question of %d bytes, %v", len(data), err)
	}
	if m, err = parse(data); err != nil || len(m.asked) != 1 || len(m.known) < 25 {
		t.Errorf("a question read as %d asked, %d known, %v", len(m.asked), len(m.known), err)
	}
}

// Whatever comes is read in bounds, and nothing of it makes the machine fail.
func FuzzReceive(f *testing.F) {
	whole, err := record{instance: instance{nearby.Devices, "abc", "def"}, port: 1, payload: []byte("p"), ttl: 60,
		addresses: []netip.Addr{netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("fe80::1")}}.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	asked, _ := question(nearby.Devices, []known{{nearby.Devices, "abc", 4000}})
	f.Add(asked)
	other := dnsmessage.Message{Header: dnsmessage.Header{Response: true}, Answers: []dnsmessage.Resource{{
		Header: header("_http._tcp.local.", 10), Body: &dnsmessage.TXTResource{TXT: []string{"x", ""}},
	}}}
	packed, _ := other.Pack()
	f.Add(packed)
	f.Fuzz(func(t *testing.T, data []byte) {
		a := &air{t: t, now: time.Unix(1_000_000, 0)}
		m := newMachine(rand.New(rand.NewPCG(1, 1)))
		m.setLinks(a.now, []link{a.link(0)})
		m.startBrowsing(a.now, nearby.Devices)
		if _, err := m.announce(a.now, nearby.Announcement{Kind: nearby.Devices, Port: 1, Payload: []byte("own")}); err != nil {
			t.Fatal(err)
		}
		m.receive(a.now, 7, netip.AddrPortFrom(a.address(1), port), data)
		m.tick(a.now.Add(time.Hour))
		_, told := m.take()
		for _, n := range told {
			if len(n.found.Addresses) == 0 || len(n.found.Addresses) > nearby.MaxAddresses || len(n.found.Payload) == 0 ||
				len(n.found.Payload) > nearby.MaxPayload {
				t.Errorf("told %+v", n)
			}
		}
	})
}
