package gossip

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/host/eventbus"

	"muster.example/internal/p2p"
)

// gatedHost is the host as pubsub sees it. Peers that may not take part cannot reach pubsub, and pubsub does not learn
// that they exist. Its event bus carries nothing but peers to open a stream to, so that pubsub keeps no addresses.
type gatedHost struct {
	host.Host // not Connect, which pubsub has no reason to call
	gossip    *Gossip
	events    event.Subscription // of the real host
	bus       event.Bus
	offers    event.Emitter
	handlers  gate

	mu  sync.Mutex // guards the following
	in  map[peer.ID]map[*inStream]struct{}
	out map[peer.ID]map[*outStream]struct{}
	// ended holds peers to which our stream has ended and no other has begun, and the streams that they had then.
	ended map[peer.ID][]*inStream
}

func newGatedHost(g *Gossip) (*gatedHost, error) {
	events, err := g.cfg.Host.EventBus().Subscribe(
		[]any{new(event.EvtPeerIdentificationCompleted), new(event.EvtPeerProtocolsUpdated)},
		eventbus.BufSize(eventQueue), eventbus.Name("gossip"))
	if err != nil {
		return nil, err
	}
	bus := eventbus.NewBus()
	offers, err := bus.Emitter(new(event.EvtPeerProtocolsUpdated))
	if err != nil {
		return nil, err
	}
	return &gatedHost{
		Host: g.cfg.Host, gossip: g, events: events, bus: bus, offers: offers,
		in:    make(map[peer.ID]map[*inStream]struct{}),
		out:   make(map[peer.ID]map[*outStream]struct{}),
		ended: make(map[peer.ID][]*inStream),
	}, nil
}

// EventBus implements host.Host.
func (h *gatedHost) EventBus() event.Bus { return h.bus }

// Connect implements host.Host: gossip dials nobody.
func (h *gatedHost) Connect(context.Context, peer.AddrInfo) error { return errNotAdmitted }

// NewStream implements host.Host.
func (h *gatedHost) NewStream(ctx context.Context, id peer.ID, ids ...protocol.ID) (network.Stream, error) {
	if !h.gossip.admits(id) {
		return nil, errNotAdmitted
	}
	if err := h.restart(ctx, id); err != nil {
		return nil, err
	}
	s, err := h.Host.NewStream(network.WithNoDial(ctx, "gossip"), id, ids...)
	if err != nil {
		return nil, err
	}
	out := &outStream{Stream: s, host: h}
	add(h, h.out, id, out)
	if ctx.Err() != nil { // close may not have seen it
		_ = out.Reset()
	}
	return out, nil
}

// SetStreamHandler implements host.Host.
func (h *gatedHost) SetStreamHandler(id protocol.ID, handle network.StreamHandler) {
	h.Host.SetStreamHandler(id, h.guard(handle))
}

// SetStreamHandlerMatch implements host.Host.
func (h *gatedHost) SetStreamHandlerMatch(id protocol.ID, match func(protocol.ID) bool, handle network.StreamHandler) {
	h.Host.SetStreamHandlerMatch(id, match, h.guard(handle))
}

// guard lets handle have streams only of peers that may take part. [GOS-3]
func (h *gatedHost) guard(handle network.StreamHandler) network.StreamHandler {
	return func(s network.Stream) {
		id := s.Conn().RemotePeer()
		key, err := p2p.Key(id)
		if err != nil || !h.gossip.admits(id) || !h.handlers.enter() {
			_ = s.Reset()
			return
		}
		defer h.handlers.leave()
		in := &inStream{Stream: s, closed: make(chan struct{})}
		add(h, h.in, id, in)
		defer remove(h, h.in, id, in)
		// An Expel that came before add has not cut it.
		if !h.gossip.admits(id) {
			_ = s.Reset()
			return
		}
		number, reachable := h.gossip.neighbors.opened(key)
		defer h.gossip.neighbors.closed(key, number)
		if !reachable {
			h.offer(id)
		}
		handle(in)
	}
}

// restart comes before a second stream to a peer. When our stream to it ends pubsub forgets what the peer takes part
// in, though the peer's stream goes on, on which it does not say so again. So the peer's is ended too, and both sides
// begin anew, after a pause in which both have forgotten.
func (h *gatedHost) restart(ctx context.Context, id peer.ID) error {
	h.mu.Lock()
	before, ended := h.ended[id]
	delete(h.ended, id)
	h.mu.Unlock()
	if !ended {
		return nil
	}
	for _, s := range before {
		s.cut()
	}
	pause := time.NewTimer(restartPause)
	defer pause.Stop()
	select {
	case <-pause.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// setEnded notes the end of our stream to a peer.
func (h *gatedHost) setEnded(id peer.ID) {
	before := list(h, h.in, id)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended[id] = append(h.ended[id], before...)
}

// sweep forgets peers that are gone.
func (h *gatedHost) sweep() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.ended {
		if h.Network().Connectedness(id) != network.Connected {
			delete(h.ended, id)
		}
	}
}

// offer has pubsub open a stream to a peer unless it has one.
func (h *gatedHost) offer(id peer.ID) {
	_ = h.offers.Emit(event.EvtPeerProtocolsUpdated{Peer: id, Added: []protocol.ID{Protocol}})
}

// cut resets all streams of a peer.
func (h *gatedHost) cut(id peer.ID) {
	for _, s := range list(h, h.in, id) {
		s.cut()
	}
	h.resetOut(id)
}

func (h *gatedHost) resetOut(id peer.ID) {
	for _, s := range list(h, h.out, id) {
		_ = s.Reset()
	}
}

// close lets nobody in any more, resets all streams and waits until nobody reads from them. The host goes on to name the
// protocol: to tell all peers that it is gone, just before they are cut off, would only make them complain.
func (h *gatedHost) close() {
	_ = h.events.Close()
	h.handlers.mu.Lock()
	h.handlers.closed = true
	h.handlers.mu.Unlock()
	for _, id := range h.peers() {
		h.cut(id)
	}
	h.handlers.close()
	_ = h.offers.Close()
}

// peers returns the peers that have streams.
func (h *gatedHost) peers() []peer.ID {
	h.mu.Lock()
	defer h.mu.Unlock()
	var ids []peer.ID
	for id := range h.in {
		ids = append(ids, id)
	}
	for id := range h.out {
		if h.in[id] == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

func add[S comparable](h *gatedHost, all map[peer.ID]map[S]struct{}, id peer.ID, s S) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if all[id] == nil {
		all[id] = make(map[S]struct{})
	}
	all[id][s] = struct{}{}
}

func remove[S comparable](h *gatedHost, all map[peer.ID]map[S]struct{}, id peer.ID, s S) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if delete(all[id], s); len(all[id]) == 0 {
		delete(all, id)
	}
}

func list[S comparable](h *gatedHost, all map[peer.ID]map[S]struct{}, id peer.ID) []S {
	h.mu.Lock()
	defer h.mu.Unlock()
	streams := make([]S, 0, len(all[id]))
	for s := range all[id] {
		streams = append(streams, s)
	}
	return streams
}

// speaks reports whether a peer says that it gossips.
func (h *gatedHost) speaks(id peer.ID) bool {
	known, err := h.Peerstore().GetProtocols(id)
	return err == nil && slices.Contains(known, Protocol)
}
