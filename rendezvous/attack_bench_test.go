package rendezvous

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// posters are eight devices of members with what they are to post.
type posters struct {
	clients []*rvclient.Client
	bodies  [][][]byte
}

func (s *benchNode) posters(b *testing.B, founder *device) (p posters) {
	const senders = 8
	for i := range senders {
		name := fmt.Sprint("sender ", i)
		p.clients = append(p.clients, s.sender(b, founder, name))
		var bodies [][]byte
		for range max(b.N/senders, 1) {
			bodies = append(bodies, handMade(keyOf(name), envelope.Leave{}, 1, 700))
		}
		p.bodies = append(p.bodies, bodies)
	}
	return p
}

// measure has them post, 16 in flight each, and reports accepts a second and the times to an answer.
func (p posters) measure(b *testing.B, recipients []keys.PublicKey) {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var times []time.Duration
	b.ResetTimer()
	for i, c := range p.clients {
		wait.Go(func() {
			took, err := postTimed(c, p.bodies[i], recipients, 16)
			if err != nil {
				b.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			times = append(times, took...)
		})
	}
	wait.Wait()
	b.StopTimer()
	if len(times) == 0 {
		return
	}
	slices.Sort(times)
	b.ReportMetric(float64(len(times))/b.Elapsed().Seconds(), "accepts/s")
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
}

// attacker is where attacks come from.
type attacker struct {
	node    *benchNode
	port    string
	member  *rvclient.Client // a device of a hostile member
	own     keys.PublicKey
	letter  []byte
	rounds  atomic.Int64
	founder *device
}

// BenchmarkMembersUnderAttack is BenchmarkMembersInAFlood with other attacks: what members notice of each.
func BenchmarkMembersUnderAttack(b *testing.B) {
	for _, attack := range []struct {
		name    string
		workers int
		round   func(a *attacker, ctx context.Context, worker int)
	}{
		{"none", 0, nil},
		{"silent", 600, (*attacker).beSilent},
		{"garbage", 8, (*attacker).sendGarbage},
		{"handshakes", 8, (*attacker).shakeHands},
		{"streams", 4, (*attacker).openStreams},
		{"endless posts", 4, (*attacker).beginPosts},
		{"oversize posts", 4, (*attacker).postOversize},
		{"stuck receivers", 16, (*attacker).listenOnly},
	} {
		b.Run(attack.name, func(b *testing.B) {
			s, founder, recipients := benchSite(b, 200)
			members := s.posters(b, founder)
			a := &attacker{node: s, port: strings.Split(founder.Addresses[0], "/")[4], founder: founder}
			a.member = s.sender(b, founder, "hostile")
			a.own, a.letter = keyOf("hostile").Public(), handMade(keyOf("hostile"), envelope.Leave{}, 1, 60_000)
			ctx, cancel := context.WithCancel(context.Background())
			var wait sync.WaitGroup
			for worker := range attack.workers {
				wait.Go(func() {
					for ctx.Err() == nil {
						attack.round(a, ctx, worker)
						a.rounds.Add(1)
					}
				})
			}
			members.measure(b, recipients)
			cancel()
			wait.Wait()
			b.ReportMetric(float64(a.rounds.Load()), "rounds")
		})
	}
}

// dial connects from one of 200 loopback addresses.
func (a *attacker) dial(ctx context.Context, worker int) net.Conn {
	dialler := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 9, byte(1+worker%200))}}
	c, err := dialler.DialContext(ctx, "tcp", "127.0.0.1:"+a.port)
	if err != nil {
		pauseFor(ctx, time.Second)
		return nil
	}
	return c
}

// beSilent dials and says a byte a second.
func (a *attacker) beSilent(ctx context.Context, worker int) {
	c := a.dial(ctx, worker)
	if c == nil {
		return
	}
	defer c.Close()
	for {
		if _, err := c.Write([]byte{0x13}); err != nil || !pauseFor(ctx, time.Second) {
			return
		}
	}
}

// sendGarbage dials and sends 64 KiB of noise, 60 times a second: the attacker is on the same cores.
func (a *attacker) sendGarbage(ctx context.Context, worker int) {
	c := a.dial(ctx, worker)
	if c == nil {
		return
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	_, _ = c.Write(noise)
	pauseFor(ctx, time.Second/60)
}

var noise = func() []byte {
	noise := make([]byte, 64<<10)
	for i := range noise {
		noise[i] = byte(rand.N(256))
	}
	return noise
}()

// shakeHands connects as a new stranger, ten times a second.
func (a *attacker) shakeHands(ctx context.Context, _ int) {
	h, err := p2p.NewHost(p2p.Config{Identity: keys.Generate()})
	if err != nil {
		return
	}
	defer h.Close()
	c := rvclient.Client{Host: h, Node: a.founder.Node, Addresses: a.founder.Addresses, Org: a.founder.Org}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = c.Connect(ctx)
	pauseFor(ctx, time.Second/10)
}

// connection returns the hostile member's connection.
func (a *attacker) connection(ctx context.Context) network.Conn {
	if err := a.member.Connect(ctx); err != nil {
		pauseFor(ctx, time.Second)
		return nil
	}
	if all := a.member.Host.Network().ConnsToPeer(p2p.PeerID(a.member.Node)); len(all) > 0 {
		return all[0]
	}
	return nil
}

// openStreams opens 64 streams, begins to name a protocol on each, and drops them.
func (a *attacker) openStreams(ctx context.Context, _ int) {
	c := a.connection(ctx)
	if c == nil {
		return
	}
	for range 64 {
		stream, err := c.NewStream(ctx)
		if err != nil {
			return
		}
		defer stream.Reset()
		_, _ = stream.Write([]byte{0x13, '/'})
	}
}

// beginPosts begins a post of 1 MiB and says no more for a second.
func (a *attacker) beginPosts(ctx context.Context, _ int) {
	stream, err := a.member.Host.NewStream(ctx, p2p.PeerID(a.member.Node), rvproto.Post)
	if err != nil {
		_ = a.connection(ctx)
		return
	}
	defer stream.Reset()
	_, _ = stream.Write(append(binary.AppendUvarint(nil, 1<<20), make([]byte, 512<<10)...))
	pauseFor(ctx, time.Second)
}

// postOversize posts 2 MiB, which no policy here allows, as fast as they are read.
func (a *attacker) postOversize(ctx context.Context, _ int) {
	stream, err := a.member.Host.NewStream(ctx, p2p.PeerID(a.member.Node), rvproto.Post)
	if err != nil {
		_ = a.connection(ctx)
		return
	}
	defer stream.Reset()
	_ = stream.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = stream.Write(append(binary.AppendUvarint(nil, 2<<20), make([]byte, 2<<20)...))
}

// listenOnly listens for deliveries on a device of its own, for which something waits, and never reads them.
func (a *attacker) listenOnly(ctx context.Context, _ int) {
	stream, err := a.member.Host.NewStream(ctx, p2p.PeerID(a.member.Node), rvproto.Deliver)
	if err != nil {
		_ = a.connection(ctx)
		return
	}
	defer stream.Reset()
	if post, err := a.member.OpenPost(ctx); err == nil {
		defer post.Close()
		_ = post.Send([]rvproto.PostFrame{{Recipients: []keys.PublicKey{a.own}, Envelope: a.letter}})
	}
	pauseFor(ctx, time.Second)
}

// pauseFor waits; false if the context has ended.
func pauseFor(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
