package gossip

import (
	"context"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/peer"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
)

// neighbors knows which peers take part in what. Each side opens one stream, which says what its owner takes part in,
// and which it alone writes to.
type neighbors struct {
	wake chan struct{} // holds one when somebody may have joined

	mu    sync.Mutex // guards the following
	peers map[keys.PublicKey]*neighbor
}

// neighbor is one peer with a stream.
type neighbor struct {
	number    int             // of its streams so far
	open      bool            // whether the last of them is
	reachable bool            // we have a stream to it
	topics    map[string]bool // in which it takes part, and whether that was told
}

func (n *neighbors) init() {
	n.wake = make(chan struct{}, 1)
	n.peers = make(map[keys.PublicKey]*neighbor)
}

// opened notes a new stream of a peer and returns its number, and whether we have a stream to the peer.
func (n *neighbors) opened(key keys.PublicKey) (number int, reachable bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.peer(key)
	p.number++
	p.open = true
	clear(p.topics)
	return p.number, p.reachable
}

// closed notes the end of a stream of a peer.
func (n *neighbors) closed(key keys.PublicKey, number int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.peers[key]
	if p == nil || p.number != number {
		return // another stream has taken its place
	}
	p.open = false
	clear(p.topics)
	n.forget(key, p)
}

// reachable notes that our stream to a peer begins or ends, at whose end pubsub forgets what the peer takes part in.
func (n *neighbors) reachable(key keys.PublicKey, yes bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.peer(key)
	if p.reachable = yes; !yes {
		clear(p.topics)
	}
	n.forget(key, p)
	n.stir()
}

// subscribed notes that a peer takes part in a topic, or no longer; false if it does in too many.
func (n *neighbors) subscribed(key keys.PublicKey, topic string, yes bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.peers[key]
	if p == nil {
		return false // its stream has ended since
	}
	_, known := p.topics[topic]
	switch {
	case yes == known:
	case !yes:
		delete(p.topics, topic)
	case len(p.topics) >= maxSubscriptions:
		return false
	default:
		p.topics[topic] = false
		n.stir()
	}
	return true
}

func (p *neighbor) in(topic string) (told, yes bool) {
	if p == nil {
		return false, false
	}
	told, yes = p.topics[topic]
	return told, yes
}

// joined returns the peers of each topic of ours that have not been told of and can be reached, and takes them as told.
func (n *neighbors) joined(ours func(topic string) bool) map[string][]keys.PublicKey {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make(map[string][]keys.PublicKey)
	for key, p := range n.peers {
		for topic, told := range p.topics {
			if p.reachable && !told && ours(topic) {
				p.topics[topic] = true
				all[topic] = append(all[topic], key)
			}
		}
	}
	return all
}

// in returns the peers that take part in a topic and can be reached.
func (n *neighbors) in(topic string) (peers []keys.PublicKey) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for key, p := range n.peers {
		if _, yes := p.in(topic); yes && p.reachable {
			peers = append(peers, key)
		}
	}
	return peers
}

// again has those told of anew who take part in a topic that is joined a second time.
func (n *neighbors) again(topic string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.peers {
		if _, yes := p.in(topic); yes {
			p.topics[topic] = false
		}
	}
	n.stir()
}

// has reports whether we have a stream to a peer.
func (n *neighbors) has(key keys.PublicKey) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.peers[key]
	return p != nil && p.reachable
}

// peer returns what is known of a peer. The caller holds mu.
func (n *neighbors) peer(key keys.PublicKey) *neighbor {
	p := n.peers[key]
	if p == nil {
		p = &neighbor{topics: make(map[string]bool)}
		n.peers[key] = p
	}
	return p
}

// forget drops a peer that has no stream. The caller holds mu.
func (n *neighbors) forget(key keys.PublicKey, p *neighbor) {
	if !p.open && !p.reachable {
		delete(n.peers, key)
	}
}

// stir wakes announce.
func (n *neighbors) stir() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// announce calls Config.PeerJoined.
func (g *Gossip) announce(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-g.neighbors.wake:
		}
		if g.cfg.PeerJoined == nil {
			continue
		}
		for topic, peers := range g.neighbors.joined(func(topic string) bool { return g.topic(topic) != nil }) {
			for _, key := range peers {
				if ctx.Err() == nil {
					g.cfg.PeerJoined(ctx, topic, key)
				}
			}
		}
	}
}

// watch offers pubsub the peers that the host gets to know.
func (g *Gossip) watch(ctx context.Context, r *running) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-r.gated.events.Out():
			switch e := e.(type) {
			case event.EvtPeerIdentificationCompleted:
				g.offer(r, e.Peer)
			case event.EvtPeerProtocolsUpdated:
				g.offer(r, e.Peer)
			}
		}
	}
}

// offer has pubsub open a stream to a peer that gossips and may take part, if there is none.
func (g *Gossip) offer(r *running, id peer.ID) {
	if key, err := p2p.Key(id); err == nil && !g.neighbors.has(key) && r.gated.speaks(id) && g.admits(id) {
		r.gated.offer(id)
	}
}

// keepUp cuts off who may no longer take part, offers who was passed over (pubsub gives up after a few attempts), and
// forgets silent authors.
func (g *Gossip) keepUp(ctx context.Context, r *running) error {
	tick := time.NewTicker(upkeepTime)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-tick.C:
			g.flood.sweep(now)
			r.gated.sweep()
		}
		for _, id := range r.gated.peers() {
			if !g.admits(id) {
				r.cut(id)
			}
		}
		for _, id := range g.cfg.Host.Network().Peers() {
			g.offer(r, id)
		}
	}
}
