package testnet

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"muster.example/internal/nearby"
)

// hearTime is how long it takes until an announcement is heard, or heard again by those whose link was cut.
const hearTime = 500 * time.Millisecond

// air is what is announced on a simulated network, of which every place is one machine.
type air struct {
	mu  sync.Mutex // guards the following
	all []*announced
}

// announced is one announcement while it holds.
type announced struct {
	at netip.Addr
	nearby.Announcement
}

// Nearby returns the local network as the machine at Address(i) has it: it hears all places to which no link is cut.
func (n *Net) Nearby(i int) nearby.Network { return place{n, mustIP(Address(i))} }

type place struct {
	net *Net
	ip  netip.Addr
}

// Announce implements nearby.Network.
func (p place) Announce(ctx context.Context, a nearby.Announcement) error {
	if err := a.Check(); err != nil {
		return err
	}
	one := &announced{at: p.ip, Announcement: a}
	one.Payload = slices.Clone(a.Payload)
	air := &p.net.air
	air.mu.Lock()
	air.all = append(air.all, one)
	air.mu.Unlock()
	<-ctx.Done()
	air.mu.Lock()
	defer air.mu.Unlock()
	air.all = slices.DeleteFunc(air.all, func(other *announced) bool { return other == one })
	return ctx.Err()
}

// Browse implements nearby.Network.
func (p place) Browse(ctx context.Context, kind nearby.Kind, found func(nearby.Found)) error {
	heard := make(map[*announced]bool)
	tick := time.NewTicker(hearTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		for _, one := range p.net.announcements(kind, p.ip) {
			reaches := p.net.reaches(one.at, p.ip)
			if reaches && !heard[one] {
				found(nearby.Found{Payload: slices.Clone(one.Payload), Addresses: []netip.AddrPort{netip.AddrPortFrom(one.at, one.Port)}})
			}
			heard[one] = reaches
		}
	}
}

// announcements returns those of one kind that others than one place make now.
func (n *Net) announcements(kind nearby.Kind, but netip.Addr) (all []*announced) {
	n.air.mu.Lock()
	defer n.air.mu.Unlock()
	for _, one := range n.air.all {
		if one.Kind == kind && one.at != but {
			all = append(all, one)
		}
	}
	return all
}

// reaches reports whether a link between two places carries anything.
func (n *Net) reaches(from, to netip.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.link(from, to)
	return !s.cut && s.loss < 1 && !n.down[from] && !n.down[to]
}
