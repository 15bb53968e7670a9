package sim

import (
	"context"
	"testing"
	"time"

	"muster.example/internal/p2p"
)

// connect makes two people's devices neighbours, as on a shared LAN.
func (p *person) connect(other *person) {
	p.world.t.Helper()
	info, err := p2p.AddressInfo(other.device(), []string{other.address()})
	if err == nil {
		err = p.host.Connect(context.Background(), info)
	}
	if err != nil {
		p.world.t.Fatalf("%s connects to %s: %v", p.name, other.name, err)
	}
}

// TestSimGossipFindsFork has a rendezvous node show carol another roll than the rest, and nobody write to anybody. Her
// device and bob's are neighbours: their gossip is enough for both to end trust, and to hold the proof.
func TestSimGossipFindsFork(t *testing.T) {
	hostile(t, 21, func(t *testing.T, s *scene) {
		s.forkForCarol()
		dave := s.newcomer("dave")
		s.carol.follow(dave)
		s.carol.connect(s.bob)
		for _, p := range []*person{s.carol, s.bob} {
			p.alarmed(3*time.Hour, "was shown another roll")
			p.holdsEvidence(s.org, s.key.Public())
		}
	})
}
