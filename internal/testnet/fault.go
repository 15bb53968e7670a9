package testnet

import (
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/marcopolo/simnet"
)

// link is one direction between two places.
type link struct{ from, to netip.Addr }

// state is what happens to the packets of one link.
type state struct {
	random    *rand.Rand
	loss      float64
	double    float64
	cut       bool
	latency   time.Duration
	packets   int
	delivered int
	bytes     int
	sent      int
	pipe      pipe
}

// SetLoss makes the link from one address to another lose this share of its packets, 0 to 1.
func (n *Net) SetLoss(from, to string, share float64) {
	n.change(from, to, func(s *state) { s.loss = share })
}

// SetDuplication makes the link from one address to another deliver this share of its packets twice, 0 to 1.
func (n *Net) SetDuplication(from, to string, share float64) {
	n.change(from, to, func(s *state) { s.double = share })
}

// SetLatency makes packets from one address to another travel for d. Those under way keep their time, so that a lower
// latency lets later ones overtake them.
func (n *Net) SetLatency(from, to string, d time.Duration) {
	n.change(from, to, func(s *state) { s.latency = d })
}

// SetBandwidth makes the link from one address to another carry so many bits a second, the 28 bytes of a packet's headers of
// UDP and IP included, one packet after the other. Of what waits for its turn it holds so many bytes and drops what comes
// beyond. A packet that SetLoss takes has taken its time all the same, as on the air. 0 bits: as fast as it comes.
func (n *Net) SetBandwidth(from, to string, bits, buffer int) {
	n.change(from, to, func(s *state) { s.pipe.bits, s.pipe.buffer = bits, buffer })
}

// Cut makes the link from one address to another lose everything, packets under way too, until Mend or Heal. The other
// direction goes on.
func (n *Net) Cut(from, to string) { n.change(from, to, func(s *state) { s.cut = true }) }

// Mend ends a Cut.
func (n *Net) Mend(from, to string) { n.change(from, to, func(s *state) { s.cut = false }) }

// Partition cuts every link between addresses of different groups, both ways. It adds to earlier cuts.
func (n *Net) Partition(groups ...[]string) {
	for i, here := range groups {
		for j, there := range groups {
			if i == j {
				continue
			}
			for _, from := range here {
				for _, to := range there {
					n.Cut(from, to)
				}
			}
		}
	}
}

// Heal mends every cut. Loss, duplication, latency and addresses that are down stay as they are.
func (n *Net) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.links {
		s.cut = false
	}
}

// Down makes an address vanish: nothing leaves or reaches it. Down and then Close of its host is a crash, since the
// host's goodbye goes nowhere.
func (n *Net) Down(address string) { n.setDown(address, true) }

// Up ends a Down.
func (n *Net) Up(address string) { n.setDown(address, false) }

// Delivered returns how many packets the link from one address to another has delivered so far.
func (n *Net) Delivered(from, to string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.link(mustIP(from), mustIP(to)).delivered
}

// Packets returns how many packets went out on the link from one address to another so far, whatever became of them.
func (n *Net) Packets(from, to string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.link(mustIP(from), mustIP(to)).packets
}

// Carried returns how many bytes of packets the link from one address to another has delivered so far, without the headers of
// UDP and IP.
func (n *Net) Carried(from, to string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.link(mustIP(from), mustIP(to)).bytes
}

// Sent returns how many bytes of packets were put on the link from one address to another so far, lost ones too, without
// the headers of UDP and IP.
func (n *Net) Sent(from, to string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.link(mustIP(from), mustIP(to)).sent
}

func (n *Net) setDown(address string, down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down[mustIP(address)] = down
}

func (n *Net) change(from, to string, change func(*state)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(n.link(mustIP(from), mustIP(to)))
}

// link returns the state of one direction. The caller holds mu.
func (n *Net) link(from, to netip.Addr) *state {
	key := link{from, to}
	s := n.links[key]
	if s == nil {
		h := fnv.New64a()
		h.Write(from.AsSlice())
		h.Write(to.AsSlice())
		s = &state{random: rand.New(rand.NewPCG(n.seed, h.Sum64())), latency: DefaultLatency}
		n.links[key] = s
	}
	return s
}

// copies decides how many copies of a packet of a size in bytes start on their way.
func (n *Net) copies(from, to netip.Addr, size int) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.link(from, to)
	s.packets++
	lost, doubled := s.random.Float64() < s.loss, s.random.Float64() < s.double
	if s.cut || n.down[from] || n.down[to] {
		return 0
	}
	copies := 1
	if doubled && !lost {
		copies = 2
	}
	entered := 0
	for range copies {
		through, ok := s.pipe.admit(size, time.Now())
		if !ok {
			break
		}
		s.sent += size
		if !lost {
			s.pipe.enter(through)
			entered++
		}
	}
	return entered
}

// arrives decides whether a packet of a size in bytes that has travelled is handed over.
func (n *Net) arrives(from, to netip.Addr, size int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.link(from, to)
	if s.cut || n.down[from] || n.down[to] {
		return false
	}
	s.delivered++
	s.bytes += size
	return true
}

func (n *Net) latency(p *simnet.Packet) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.link(ipOf(p.From), ipOf(p.To))
	return s.pipe.leave(time.Now()) + s.latency
}

// conn is an endpoint whose packets meet the faults of the network.
type conn struct {
	*simnet.SimConn
	net *Net
	ip  netip.Addr
}

// WriteTo implements net.PacketConn. A packet that is lost counts as written, as on a real network.
func (c *conn) WriteTo(packet []byte, to net.Addr) (int, error) {
	for range c.net.copies(c.ip, ipOf(to), len(packet)) {
		if n, err := c.SimConn.WriteTo(packet, to); err != nil {
			return n, err
		}
	}
	return len(packet), nil
}

// ReadFrom implements net.PacketConn.
func (c *conn) ReadFrom(buffer []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.SimConn.ReadFrom(buffer)
		if err != nil || c.net.arrives(ipOf(from), c.ip, n) {
			return n, from, err
		}
	}
}
