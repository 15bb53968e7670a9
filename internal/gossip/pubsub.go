package gossip

import (
	"context"
	"iter"
	"log/slog"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
)

// running is what exists while Run does.
type running struct {
	pubsub *pubsub.PubSub
	gated  *gatedHost
}

// assemble makes a pubsub whose goroutines end after ctx.
func (g *Gossip) assemble(ctx context.Context) (*running, error) {
	gated, err := newGatedHost(g)
	if err != nil {
		return nil, err
	}
	quiet := slog.New(quiet{g.log.Handler()})
	frame := g.cfg.MaxMessage + frameOverhead
	ps, err := pubsub.NewGossipSubWithRouter(ctx, gated, pubsub.DefaultGossipSubRouter(gated),
		pubsub.WithGossipSubProtocols([]protocol.ID{Protocol}, everyFeature),
		pubsub.WithGossipSubParams(parameters(g.cfg.Neighbours, g.cfg.MaxMessage)),
		pubsub.WithFloodPublish(true), // an own message goes to all neighbours: one of them that is silent hides nothing
		pubsub.WithPeerExchange(false),
		pubsub.WithMessageSignaturePolicy(pubsub.StrictSign), // [GOS-6]
		pubsub.WithMaxMessageSize(frame),
		pubsub.WithMaxControlMessageSize(frame),
		pubsub.WithValidateQueueSize(validateQueue(g.cfg.MaxMessage)),
		pubsub.WithValidateWorkers(validateWorkers),
		pubsub.WithPeerOutboundQueueSize(peerQueue(g.cfg.MaxMessage)),
		pubsub.WithPeerFilter(g.mayPeer),
		pubsub.WithSubscriptionFilter(pubsub.WrapLimitSubscriptionFilter(subscriptions{g}, maxSubscriptions)),
		pubsub.WithAppSpecificRpcInspector(g.inspect),
		pubsub.WithBlacklist(blacklist{g}),
		pubsub.WithRawTracer(tracer{&g.neighbors, gated}),
		pubsub.WithLogger(quiet),
		pubsub.WithRPCLogger(quiet),
	)
	if err != nil {
		return nil, err
	}
	return &running{pubsub: ps, gated: gated}, nil
}

// parameters returns those of a mesh of up to n peers. A host that has fewer neighbours than half of n hands messages
// on to each, and refuses and prunes nobody: so a hub reaches every spoke, and no spoke loses its only hub. Peers beyond
// the mesh are all told which messages there are. No more are asked of a peer at once than half of what may wait to be verified.
func parameters(n, largest int) pubsub.GossipSubParams {
	p := pubsub.DefaultGossipSubParams()
	p.Dhi, p.D, p.Dlo = n, n*3/4, n/2
	p.Dscore, p.Dout = p.D, 2
	p.Dlazy, p.GossipFactor = n, 1
	p.MaxIHaveLength, p.MaxIHaveMessages = validateQueue(largest)/2, 10
	p.IDontWantMessageThreshold = MaxMessage + 1 // envelopes: other duplicates are small, and a hub would ask all its peers
	p.Connectors, p.MaxPendingConnections, p.PrunePeers = 0, 0, 0
	return p
}

// everyFeature has the one protocol mean the newest version. One without extensions would forget no peer's.
func everyFeature(pubsub.GossipSubFeature, protocol.ID) bool { return true }

// enter joins a topic. j.topic is nil if that does not work.
func (r *running) enter(name string, j *joined, validate pubsub.ValidatorEx) error {
	if err := r.pubsub.RegisterTopicValidator(name, validate, pubsub.WithValidatorInline(true)); err != nil {
		return err
	}
	topic, err := r.pubsub.Join(name)
	if err != nil {
		_ = r.pubsub.UnregisterTopicValidator(name)
		return err
	}
	// Relaying takes part without a queue of its own: the validator has seen everything.
	leave, err := topic.Relay()
	if err != nil {
		_ = topic.Close()
		_ = r.pubsub.UnregisterTopicValidator(name)
		return err
	}
	j.topic, j.leave = topic, leave
	return nil
}

// exit leaves a topic.
func (r *running) exit(name string, j *joined) {
	j.leave()
	_ = j.topic.Close()
	_ = r.pubsub.UnregisterTopicValidator(name)
}

// cut makes pubsub forget a peer and ends its streams. If it may take part, it can come again.
func (r *running) cut(id peer.ID) {
	r.pubsub.BlacklistPeer(id)
	r.gated.cut(id)
}

// validator judges messages of one topic whose signatures have been found good. [GOS-6]
func (g *Gossip) validator(name string, handle Handler) pubsub.ValidatorEx {
	return func(ctx context.Context, from peer.ID, m *pubsub.Message) pubsub.ValidationResult {
		if from == g.cfg.Host.ID() {
			return pubsub.ValidationAccept
		}
		author, err := p2p.Key(m.GetFrom())
		neighbor, err2 := p2p.Key(from)
		// Somebody may have been expelled since the message was inspected.
		if err != nil || err2 != nil || !g.may(author, name) || !g.may(neighbor, name) || !g.callbacks.enter() {
			return pubsub.ValidationIgnore
		}
		defer g.callbacks.leave()
		switch handle(ctx, Received{Author: author, From: neighbor, Data: m.GetData()}) {
		case Accept:
			return pubsub.ValidationAccept
		case Reject:
			g.log.Info("rejected a message of gossip", "author", author, "from", neighbor)
			return pubsub.ValidationReject
		default:
			return pubsub.ValidationIgnore
		}
	}
}

// only has a batch go to one peer. Without a schedule of its own pubsub has no way to.
func only(to peer.ID) pubsub.BatchPubOpt {
	return func(o *pubsub.BatchPublishOptions) error {
		o.Strategy = &onePeer{to: to}
		return nil
	}
}

// onePeer is a schedule that drops what is for others.
type onePeer struct {
	to   peer.ID
	rpcs []*pubsub.RPC
}

// AddRPC implements pubsub.RPCScheduler.
func (s *onePeer) AddRPC(id peer.ID, _ string, rpc *pubsub.RPC) {
	if id == s.to {
		s.rpcs = append(s.rpcs, rpc)
	}
}

// All implements pubsub.RPCScheduler.
func (s *onePeer) All() iter.Seq2[peer.ID, *pubsub.RPC] {
	return func(yield func(peer.ID, *pubsub.RPC) bool) {
		for _, rpc := range s.rpcs {
			if !yield(s.to, rpc) {
				return
			}
		}
	}
}

// tracer hears from pubsub's loop which streams there are. The rest of what it could hear costs nothing.
type tracer struct {
	*neighbors
	gated *gatedHost
}

// OnNewOutboundStream implements pubsub.RawTracer.
func (t tracer) OnNewOutboundStream(id peer.ID, _ protocol.ID) {
	if key, err := p2p.Key(id); err == nil {
		t.reachable(key, true)
	}
}

// OnClosedOutboundStream implements pubsub.RawTracer.
func (t tracer) OnClosedOutboundStream(id peer.ID) {
	if key, err := p2p.Key(id); err == nil {
		t.reachable(key, false)
		t.gated.setEnded(id)
	}
}

func (tracer) Join(string)                                          {}
func (tracer) Leave(string)                                         {}
func (tracer) Graft(peer.ID, string)                                {}
func (tracer) Prune(peer.ID, string)                                {}
func (tracer) ValidateMessage(*pubsub.Message)                      {}
func (tracer) DeliverMessage(*pubsub.Message)                       {}
func (tracer) RejectMessage(*pubsub.Message, string)                {}
func (tracer) DuplicateMessage(*pubsub.Message)                     {}
func (tracer) ThrottlePeer(peer.ID)                                 {}
func (tracer) RecvRPC(*pubsub.RPC)                                  {}
func (tracer) SendRPC(*pubsub.RPC, peer.ID)                         {}
func (tracer) SendRPCCompleted(*pubsub.RPC, peer.ID, time.Duration) {}
func (tracer) DropRPC(*pubsub.RPC, peer.ID)                         {}
func (tracer) UndeliverableMessage(*pubsub.Message)                 {}

// quiet keeps only pubsub's warnings: the rest says what peers do.
type quiet struct{ slog.Handler }

// Enabled implements slog.Handler.
func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (q quiet) WithAttrs(attributes []slog.Attr) slog.Handler {
	return quiet{q.Handler.WithAttrs(attributes)}
}

// WithGroup implements slog.Handler.
func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }

// blacklist has pubsub refuse expelled peers and authors.
type blacklist struct{ *Gossip }

// Add implements pubsub.Blacklist. Who is expelled is on the list already; others are only made to forget.
func (blacklist) Add(peer.ID) bool { return true }

// Contains implements pubsub.Blacklist.
func (b blacklist) Contains(id peer.ID) bool {
	key, err := p2p.Key(id)
	return err != nil || b.isExpelled(key)
}

func (g *Gossip) isExpelled(device keys.PublicKey) bool {
	g.mu.RLock()
	defer g.mu.RUnlock()
	_, expelled := g.expelled[device]
	return expelled
}
