package gossip

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
)

// Config says where and with whom to gossip. Host and Member are required.
type Config struct {
	// Host carries the streams. It outlives Run: end Run's context, wait for it, then close the host.
	Host host.Host
	// Member reports whether a device, or a rendezvous node, may take part in a topic: as a neighbour and as an author.
	// It is asked for every message and from the loop that serves all peers, so it must be quick, must not block and
	// must not call this package. It is false for a topic that it does not know. When an answer turns to false call
	// Expel, when it turns to true Admit.
	Member func(device keys.PublicKey, topic string) bool
	// PeerJoined, if not nil, is called when a peer can be sent messages of a topic, and again whenever its streams
	// have been made anew. The peer knows nothing of the past: Send it what is newest. [GOS-8] Calls come one at a time; ctx
	// ends with Run.
	PeerJoined func(ctx context.Context, topic string, peer keys.PublicKey)
	// MaxMessage is the size in bytes of the largest message that the host publishes and takes in any topic; 0 stands for
	// MaxMessage, and MaxGroupMessage is the most.
	MaxMessage int
	// Neighbours is to how many peers the host hands on each message of others at once. Further ones are told of it
	// within a second and ask for it. A rendezvous node gives the number of its connections, so that nobody has to
	// ask. 0 stands for DefaultNeighbours.
	Neighbours int
	// Log takes what is worth a line. Nil discards.
	Log *slog.Logger
}

// Verdict is what a Handler makes of a message.
type Verdict uint8

// The verdicts. Whoever is in doubt ignores.
const (
	// Ignore drops the message: it is known already, or of no use, or cannot be judged here.
	Ignore Verdict = iota
	// Accept hands the message on to the other peers.
	Accept
	// Reject drops a message that no honest device could have published.
	Reject
)

// Received is one message. Its fields are shared and must not be changed.
type Received struct {
	Author keys.PublicKey // whose signature was checked; Config.Member had it
	From   keys.PublicKey // the neighbour that brought it
	Data   []byte         // as many bytes as the topic was joined for
}

// Handler judges one message of a topic. The signature shows who published the data, and in which topic, but not when:
// a neighbour may repeat it after minutes, so that what the data says must hold by itself. Calls come from a few
// goroutines at once; a handler must be quick, since messages of all topics wait for it. It sees no message of its own
// host. ctx ends with Run.
type Handler func(ctx context.Context, m Received) Verdict

// Gossip takes part in topics over one host. Its methods may be called from any goroutine, also from handlers.
type Gossip struct {
	cfg  Config
	self keys.PublicKey
	log  *slog.Logger

	flood     flood
	neighbors neighbors
	callbacks gate // closed when Run ends, so that nothing of the caller's is called any more

	lifecycle sync.RWMutex // held to use running, exclusively to change it or the topics' part in it; before mu
	running   *running
	ended     bool

	mu       sync.RWMutex // guards the following
	topics   map[string]*joined
	expelled map[keys.PublicKey]struct{}
}

// joined is one topic that the host takes part in.
type joined struct {
	handle  Handler
	largest int           // message, in bytes
	topic   *pubsub.Topic // nil before Run
	leave   pubsub.RelayCancelFunc
}

// New returns a Gossip that has joined nothing and does nothing before Run.
func New(cfg Config) (*Gossip, error) {
	self, err := p2p.Key(cfg.Host.ID())
	if err != nil {
		return nil, err
	}
	if cfg.MaxMessage == 0 {
		cfg.MaxMessage = MaxMessage
	}
	if cfg.MaxMessage < 1 || cfg.MaxMessage > MaxGroupMessage {
		return nil, fmt.Errorf("%w: at most %d bytes are asked for", ErrSize, cfg.MaxMessage)
	}
	if cfg.Neighbours == 0 {
		cfg.Neighbours = DefaultNeighbours
	}
	cfg.Neighbours = max(cfg.Neighbours, minNeighbours)
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	g := &Gossip{
		cfg: cfg, self: self, log: log,
		flood:    flood{links: make(map[link]*bucket)},
		topics:   make(map[string]*joined),
		expelled: make(map[keys.PublicKey]struct{}),
	}
	g.neighbors.init()
	return g, nil
}

// Run takes part until ctx ends. It runs once, and the host must be open for as long. When it returns, its streams are
// closed, no handler, Member or PeerJoined is being called or will be, and the goroutines of pubsub have been told to
// end: none of them waits for a peer, and each ends on its own, at the latest when its pause of a second is over.
func (g *Gossip) Run(ctx context.Context) error {
	group := task.New(ctx)
	// Pubsub ends after everything that calls it.
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	r, err := g.start(inner)
	if err != nil {
		return err
	}
	group.Go("peers", func(ctx context.Context) error { return g.watch(ctx, r) })
	group.Go("joins", g.announce)
	group.Go("upkeep", func(ctx context.Context) error { return g.keepUp(ctx, r) })
	err = group.Wait()
	g.lifecycle.Lock()
	g.running = nil
	g.lifecycle.Unlock()
	cancel()
	r.gated.close()
	g.callbacks.close()
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// start makes pubsub and joins the topics.
func (g *Gossip) start(ctx context.Context) (*running, error) {
	g.lifecycle.Lock()
	defer g.lifecycle.Unlock()
	if g.ended {
		return nil, fmt.Errorf("%w: it has run before", ErrStopped)
	}
	g.ended = true
	r, err := g.assemble(ctx)
	if err != nil {
		return nil, fmt.Errorf("assembling pubsub: %w", err)
	}
	for name, j := range g.copyTopics() {
		if err := r.enter(name, j, g.validator(name, j.handle)); err != nil {
			r.gated.close()
			return nil, fmt.Errorf("joining a topic: %w", err)
		}
	}
	g.running = r
	return r, nil
}

func (g *Gossip) copyTopics() map[string]*joined {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return maps.Clone(g.topics)
}

// Join takes part in a topic, as Topic or GroupTopic names it, now or as soon as Run begins: handle judges its messages, of
// which none is larger than largest bytes, or than Config.MaxMessage. A topic that has been joined is ErrTopic.
func (g *Gossip) Join(topic string, largest int, handle Handler) error {
	g.lifecycle.Lock()
	defer g.lifecycle.Unlock()
	j := &joined{handle: handle, largest: min(largest, g.cfg.MaxMessage)}
	if !g.addTopic(topic, j) {
		return fmt.Errorf("%w has been joined already", ErrTopic)
	}
	if g.running == nil {
		return nil
	}
	if err := g.running.enter(topic, j, g.validator(topic, handle)); err != nil {
		g.removeTopic(topic)
		return fmt.Errorf("joining a topic: %w", err)
	}
	g.neighbors.again(topic)
	// Who is connected may have been nobody's until now.
	for _, id := range g.cfg.Host.Network().Peers() {
		g.offer(g.running, id)
	}
	return nil
}

// Leave ends the part in a topic; one that was not joined is no error. A handler under way is not waited for.
func (g *Gossip) Leave(topic string) {
	g.lifecycle.Lock()
	defer g.lifecycle.Unlock()
	j := g.removeTopic(topic)
	if j != nil && g.running != nil {
		g.running.exit(topic, j)
	}
}

// Publish gives data to all neighbours that take part in a topic. Nobody confirms: nil means that it is on its way to
// those there are now. Errors are ErrStopped, ErrTopic, ErrSize, ErrRate after PublishedPerMinute in a minute, and ctx's.
// The data must not be changed afterwards.
func (g *Gossip) Publish(ctx context.Context, topic string, data []byte) error {
	return g.publish(topic, g.self, data, func(_ *running, t *pubsub.Topic) error { return t.Publish(ctx, data) })
}

// Send is Publish to one neighbour, which hands the message on if it accepts it. A peer that does not take part is no
// error. The bound of ErrRate holds for each peer.
func (g *Gossip) Send(ctx context.Context, topic string, to keys.PublicKey, data []byte) error {
	if to == g.self {
		return nil
	}
	return g.publish(topic, to, data, func(r *running, t *pubsub.Topic) error {
		var batch pubsub.MessageBatch
		if err := t.AddToBatch(ctx, &batch, data); err != nil {
			return err
		}
		return r.pubsub.PublishBatch(&batch, only(p2p.PeerID(to)))
	})
}

// publish checks what Publish and Send have in common. through tells their allowances apart.
func (g *Gossip) publish(topic string, through keys.PublicKey, data []byte,
	publish func(*running, *pubsub.Topic) error) error {
	g.lifecycle.RLock()
	defer g.lifecycle.RUnlock()
	j := g.topic(topic)
	switch {
	case j == nil && g.running == nil:
		return ErrStopped
	case j == nil:
		return fmt.Errorf("%w has not been joined", ErrTopic)
	case len(data) == 0 || len(data) > j.largest:
		return fmt.Errorf("%w: it has %d bytes of at most %d", ErrSize, len(data), j.largest)
	case g.running == nil:
		return ErrStopped
	case !g.flood.allow(link{topic, g.self, through}, PublishedPerMinute): // [GOS-7]
		return ErrRate
	}
	if err := publish(g.running, j.topic); err != nil {
		return fmt.Errorf("publishing: %w", err)
	}
	return nil
}

// Expel cuts a device off at once: its streams are reset, its messages dropped, and nothing is sent to it, until Admit,
// whatever Member says. Peers that Member no longer has are found within a minute without it. [GOS-3]
func (g *Gossip) Expel(device keys.PublicKey) {
	g.mu.Lock()
	g.expelled[device] = struct{}{}
	g.mu.Unlock()
	g.lifecycle.RLock()
	defer g.lifecycle.RUnlock()
	if g.running != nil {
		g.running.cut(p2p.PeerID(device))
	}
}

// Admit ends an Expel, and looks anew at a peer that was connected before Member had it. Call it for each device that
// becomes a member.
func (g *Gossip) Admit(device keys.PublicKey) {
	g.mu.Lock()
	delete(g.expelled, device)
	g.mu.Unlock()
	g.lifecycle.RLock()
	defer g.lifecycle.RUnlock()
	if g.running != nil {
		g.offer(g.running, p2p.PeerID(device))
	}
}

// Peers returns the neighbours that take part in a topic, sorted.
func (g *Gossip) Peers(topic string) []keys.PublicKey {
	peers := g.neighbors.in(topic)
	slices.SortFunc(peers, keys.PublicKey.Compare)
	return peers
}

func (g *Gossip) addTopic(topic string, j *joined) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.topics[topic] != nil {
		return false
	}
	g.topics[topic] = j
	return true
}

func (g *Gossip) removeTopic(topic string) *joined {
	g.mu.Lock()
	defer g.mu.Unlock()
	j := g.topics[topic]
	delete(g.topics, topic)
	return j
}

func (g *Gossip) topic(name string) *joined {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.topics[name]
}

// member reports whether a device may take part in a topic, ours or not. [GOS-3]
func (g *Gossip) member(device keys.PublicKey, topic string) bool {
	if g.isExpelled(device) || !g.callbacks.enter() {
		return false
	}
	defer g.callbacks.leave()
	return g.cfg.Member(device, topic)
}

// may reports whether a device may take part in a topic of ours. [GOS-3]
func (g *Gossip) may(device keys.PublicKey, topic string) bool {
	return g.topic(topic) != nil && g.member(device, topic)
}

// admits reports whether a peer may take part in any topic of ours. [GOS-3]
func (g *Gossip) admits(id peer.ID) bool {
	key, err := p2p.Key(id)
	if err != nil {
		return false
	}
	for topic := range g.copyTopics() {
		if g.may(key, topic) {
			return true
		}
	}
	return false
}
