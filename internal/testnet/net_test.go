package testnet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"muster.example/internal/keys"
	"muster.example/internal/nearby"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
)

const echoProtocol = "/muster/test-echo/1"

type echo struct {
	Number int `cbor:"1,keyasint"`
}

// site is a host at a place that answers echoes.
type site struct {
	host.Host
	where peer.AddrInfo
}

func newSite(t *testing.T, n *Net, i int) *site {
	t.Helper()
	identity := n.Key(fmt.Sprint("site ", i))
	h := n.Host(t, n.Config(i, identity))
	where, err := p2p.AddressInfo(identity.Public(), []string{Address(i)})
	if err != nil {
		t.Fatal(err)
	}
	stop := p2p.Serve(t.Context(), h, echoProtocol, p2p.ServeLimits{Request: 64},
		func(_ context.Context, _ keys.PublicKey, request echo) (echo, error) { return request, nil })
	t.Cleanup(stop)
	return &site{Host: h, where: where}
}

// ask sends one echo and reports whether it came back within limit.
func (s *site) ask(t *testing.T, to *site, number int, limit time.Duration) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := s.Connect(ctx, to.where); err != nil {
		return false
	}
	var answer echo
	err := p2p.Request(ctx, s, to.ID(), echoProtocol, echo{number}, &answer, 64)
	return err == nil && answer.Number == number
}

func three(t *testing.T, n *Net) (a, b, c *site) {
	return newSite(t, n, 0), newSite(t, n, 1), newSite(t, n, 2)
}

func TestSimThreeHostsTalk(t *testing.T) {
	Run(t, 1, func(t *testing.T, n *Net) {
		a, b, c := three(t, n)
		began := time.Now()
		for i, pair := range [][2]*site{{a, b}, {b, c}, {c, a}} {
			if !pair[0].ask(t, pair[1], i, time.Minute) {
				t.Errorf("pair %d does not talk", i)
			}
		}
		if took := time.Since(began); took < 4*DefaultLatency {
			t.Errorf("three exchanges took %v of simulated time, less than light does", took)
		}
	})
}

func TestSimPartitionAndHeal(t *testing.T) {
	Run(t, 2, func(t *testing.T, n *Net) {
		a, b, c := three(t, n)
		if !a.ask(t, b, 1, time.Minute) || !a.ask(t, c, 2, time.Minute) {
			t.Fatal("the network is broken before the partition")
		}
		n.Partition([]string{Address(0)}, []string{Address(1), Address(2)})
		before := n.Delivered(Address(0), Address(1))
		if a.ask(t, b, 3, 20*time.Second) {
			t.Error("a reached b through the partition")
		}
		if c.ask(t, a, 4, 20*time.Second) {
			t.Error("c reached a through the partition")
		}
		if got := n.Delivered(Address(0), Address(1)); got != before {
			t.Errorf("%d packets crossed the partition", got-before)
		}
		if !b.ask(t, c, 5, time.Minute) {
			t.Error("b and c are in one group and do not talk")
		}
		n.Heal()
		time.Sleep(time.Minute) // the back-off of the dialler
		if !a.ask(t, b, 6, time.Minute) || !c.ask(t, a, 7, time.Minute) {
			t.Error("the network did not heal")
		}
	})
}

func TestSimCutOneWay(t *testing.T) {
	Run(t, 3, func(t *testing.T, n *Net) {
		a, b, _ := three(t, n)
		n.Cut(Address(1), Address(0))
		if a.ask(t, b, 1, 20*time.Second) {
			t.Error("an answer came over a link that is cut")
		}
		if n.Delivered(Address(0), Address(1)) == 0 || n.Delivered(Address(1), Address(0)) != 0 {
			t.Error("the cut is not one-way")
		}
		n.Mend(Address(1), Address(0))
		time.Sleep(time.Minute)
		if !a.ask(t, b, 2, time.Minute) {
			t.Error("the link was not mended")
		}
	})
}

func TestSimLossAndDuplication(t *testing.T) {
	Run(t, 4, func(t *testing.T, n *Net) {
		a, b, _ := three(t, n)
		for _, link := range [][2]string{{Address(0), Address(1)}, {Address(1), Address(0)}} {
			n.SetLoss(link[0], link[1], 0.2)
			n.SetDuplication(link[0], link[1], 0.2)
		}
		for i := range 100 {
			if !a.ask(t, b, i, time.Minute) {
				t.Fatalf("echo %d was lost for good", i)
			}
		}
	})
}

func TestSimLossCanBeTotal(t *testing.T) {
	Run(t, 5, func(t *testing.T, n *Net) {
		a, b, _ := three(t, n)
		n.SetLoss(Address(0), Address(1), 1)
		if a.ask(t, b, 1, 20*time.Second) {
			t.Error("a link that loses everything delivered")
		}
	})
}

func TestSimCrashAndRestart(t *testing.T) {
	Run(t, 6, func(t *testing.T, n *Net) {
		a, b, _ := three(t, n)
		if !a.ask(t, b, 1, time.Minute) {
			t.Fatal("the network is broken before the crash")
		}
		n.Down(Address(1))
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		if a.ask(t, b, 2, 10*time.Second) {
			t.Error("a host that is down answered")
		}
		n.Up(Address(1))
		again := newSite(t, n, 1)
		time.Sleep(time.Minute) // until a has noticed that the old connection is dead
		if !a.ask(t, again, 3, time.Minute) {
			t.Error("the host did not come back")
		}
	})
}

func TestSimLatency(t *testing.T) {
	Run(t, 7, func(t *testing.T, n *Net) {
		a, b, _ := three(t, n)
		n.SetLatency(Address(0), Address(1), time.Second)
		n.SetLatency(Address(1), Address(0), 2*time.Second)
		if !a.ask(t, b, 1, time.Minute) {
			t.Fatal("no answer over a slow link")
		}
		began := time.Now()
		if !a.ask(t, b, 2, time.Minute) {
			t.Fatal("no second answer over a slow link")
		}
		if took := time.Since(began); took < 3*time.Second || took > 7*time.Second {
			t.Errorf("an exchange over 3 s there and back took %v", took)
		}
	})
}

// A link of 9.6 kbit/s with 8 KiB of room: what comes back at once over a fast link takes as long as its bytes do.
func TestSimBandwidth(t *testing.T) {
	Run(t, 10, func(t *testing.T, n *Net) {
		a, b, _ := three(t, n)
		for _, link := range [][2]string{{Address(0), Address(1)}, {Address(1), Address(0)}} {
			n.SetBandwidth(link[0], link[1], 9600, 8<<10)
		}
		before, began := n.Sent(Address(0), Address(1))+n.Sent(Address(1), Address(0)), time.Now()
		if !a.ask(t, b, 1, time.Minute) {
			t.Fatal("no answer over a narrow link")
		}
		took := time.Since(began)
		sent := n.Sent(Address(0), Address(1)) + n.Sent(Address(1), Address(0)) - before
		if least := time.Duration(sent/2) * 8 * time.Second / 9600; took < least {
			t.Errorf("%d bytes took %v, less than the %v of half of them", sent, took, least)
		}
		if sent < 1200 {
			t.Errorf("only %d bytes were sent", sent)
		}
	})
}

// What a link has no room for is dropped, and a link without a bound drops nothing.
func TestPipe(t *testing.T) {
	now := time.Unix(0, 0)
	p := pipe{bits: 8000, buffer: 3000}
	for i, want := range []bool{true, true, false} {
		if _, ok := p.admit(1000, now); ok != want {
			t.Errorf("packet %d was let in: %t", i, ok)
		}
	}
	if through, ok := p.admit(1000-packetHeaders, now.Add(2*time.Second)); !ok || through.Sub(now) != 3*time.Second+2*packetHeaders*time.Millisecond {
		t.Errorf("once there is room: %v after the first came, let in %t", through.Sub(now), ok)
	}
	if _, ok := new(pipe).admit(1<<20, now); !ok {
		t.Error("a link without a bound dropped a packet")
	}
}

func TestSimSeedFixesKeysAndRandomness(t *testing.T) {
	draw := func(seed uint64) (text string) {
		Run(t, seed, func(t *testing.T, n *Net) {
			text = n.Key("a").Public().String() + rand.Text()
			for range 100 {
				s := n.link(mustIP(Address(0)), mustIP(Address(1)))
				text += fmt.Sprint(s.random.Uint64())
			}
		})
		return text
	}
	first, again, other := draw(8), draw(8), draw(9)
	if first != again {
		t.Error("one seed gave two runs")
	}
	if first == other {
		t.Error("two seeds gave one run")
	}
}

func TestAddressesDiffer(t *testing.T) {
	seen := make(map[string]bool)
	for i := range 1000 {
		if a := Address(i); seen[a] || p2p.CheckAddress(a) != nil {
			t.Fatalf("place %d is at %s", i, a)
		} else {
			seen[a] = true
		}
	}
}

// hear browses at a place and returns how often it heard each payload so far.
func hear(t *testing.T, n *Net, i int) func() map[string]int {
	t.Helper()
	var mu sync.Mutex
	heard := make(map[string]int)
	group := task.New(t.Context())
	group.Go("browse", func(ctx context.Context) error {
		return n.Nearby(i).Browse(ctx, nearby.Devices, func(f nearby.Found) {
			mu.Lock()
			defer mu.Unlock()
			heard[string(f.Payload)]++
		})
	})
	return func() map[string]int {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(heard)
	}
}

func TestSimNearby(t *testing.T) {
	Run(t, 1, func(t *testing.T, n *Net) {
		at0, at1 := hear(t, n, 0), hear(t, n, 1)
		n.Cut(Address(0), Address(1))
		ctx, end := context.WithCancel(t.Context())
		group := task.New(t.Context())
		group.Go("announce", func(context.Context) error {
			return n.Nearby(0).Announce(ctx, nearby.Announcement{Kind: nearby.Devices, Port: 1, Payload: []byte("a")})
		})
		time.Sleep(time.Minute)
		if len(at0()) != 0 || len(at1()) != 0 {
			t.Errorf("heard own %v, and through a cut %v", at0(), at1())
		}
		n.Heal()
		time.Sleep(time.Minute)
		if at1()["a"] != 1 {
			t.Errorf("after the cut: %v", at1())
		}
		end()
		at2 := hear(t, n, 2)
		time.Sleep(time.Minute)
		if len(at2()) != 0 {
			t.Errorf("taken back, and heard: %v", at2())
		}
		if err := n.Nearby(0).Announce(t.Context(), nearby.Announcement{Kind: "x", Port: 1, Payload: []byte("a")}); !errors.Is(err, nearby.ErrAnnouncement) {
			t.Errorf("unknown kind: %v", err)
		}
	})
}
