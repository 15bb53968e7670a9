package rendezvous

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/gossip"
	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// Node is one rendezvous node. Make it with New; Run is its life.
type Node struct {
	cfg       Config
	log       *slog.Logger
	counters  counters
	directory *directory
	strangers *strangers
	guests    *guests
	slots     *slots
	joins     chan struct{} // one token a join request being worked on

	departures *departures // devices whose connections are to be closed

	ready chan struct{} // closed when the following are set and the node listens
	key   keys.PrivateKey
	fresh bool // no claim was ever made here
	store *kv.Store
	queue Queue
	host  host.Host

	gossip  *gossip.Gossip
	news    chan struct{} // capacity 1: a checkpoint has changed
	rumours chan rumour   // heard by gossip, for the sequencer

	presence chan struct{} // capacity 1: somebody's presence may have changed

	sequence sync.Mutex    // held while a roll or a claim changes: one event at a time on the whole node
	stop     chan struct{} // closed when a stop begins
}

// New checks the configuration. It opens and starts nothing.
func New(cfg Config) (*Node, error) {
	if cfg.Dir == "" {
		return nil, errors.New("rendezvous: no folder")
	}
	if len(cfg.Listen) == 0 {
		cfg.Listen = DefaultListen()
	}
	for _, address := range cfg.Listen {
		if err := p2p.CheckAddress(address); err != nil {
			return nil, fmt.Errorf("address to listen on: %w", err)
		}
	}
	if cfg.Connections == 0 {
		cfg.Connections = defaultConnections
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.OpenQueue == nil {
		dir := filepath.Join(cfg.Dir, "queue")
		options := queue.Options{DeviceEntries: deviceEntries, DeviceBytes: deviceBytes, Logger: cfg.Logger}
		cfg.OpenQueue = func() (Queue, error) { return queue.Open(dir, options) }
	}
	if cfg.NewHost == nil {
		cfg.NewHost = p2p.NewHost
	}
	cfg.Strangers = cfg.Strangers.withDefaults()
	n := &Node{
		cfg: cfg, log: cfg.Logger, directory: newDirectory(), guests: newGuests(), slots: newSlots(),
		joins: make(chan struct{}, cfg.Strangers.Joins), departures: newDepartures(),
		news: make(chan struct{}, 1), rumours: make(chan rumour, maxRumours), presence: make(chan struct{}, 1),
		ready: make(chan struct{}), stop: make(chan struct{}),
	}
	n.strangers = newStrangers(cfg.Strangers, n.directory)
	return n, nil
}

// Ready is closed once the node listens. If Run returns before, it never is.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Key returns the node's public key. Valid once Ready.
func (n *Node) Key() keys.PublicKey { return n.key.Public() }

// Fresh reports whether no claim link was ever made for this folder when the node started. Valid once Ready.
func (n *Node) Fresh() bool { return n.fresh }

// Addresses returns where the node can be dialled. Valid once Ready.
func (n *Node) Addresses() []string { return advertised(n.host) }

// NewClaim makes a link with which one more organization can be founded here. Valid once Ready.
func (n *Node) NewClaim() (link string, err error) {
	token, err := n.newClaim()
	if err != nil {
		return "", err
	}
	return rvproto.Claim{Node: n.Key(), Addresses: n.Addresses(), Token: token}.Link(), nil
}

// Run opens the folder, listens and serves until ctx ends or a part fails. It first lets what is in flight finish, for
// softTime at most, and returns after every goroutine has ended. It can be called once.
func (n *Node) Run(ctx context.Context) (err error) {
	if err := n.open(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.queue.Close(), n.store.Close()) }()

	// What streams need outlives the streams: it ends after they have.
	services := task.New(context.WithoutCancel(ctx))
	defer func() {
		services.Stop()
		err = errors.Join(err, services.Wait())
	}()
	services.Go("queue", n.queue.Run)

	n.host, err = n.cfg.NewHost(p2p.Config{
		Identity: n.key, Listen: n.cfg.Listen, Gater: n.strangers, Connections: n.cfg.Connections,
		QUIC: n.cfg.QUIC, UserAgent: "muster-rendezvous", Circuits: n.circuits(),
	})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrListen, err)
	}
	defer func() { err = errors.Join(err, n.host.Close()) }()
	n.host.Network().Notify(n.strangers)

	if err := n.openGossip(); err != nil {
		return fmt.Errorf("gossip: %w", err)
	}
	gossiping := task.New(services.Context()) // ends before the host
	defer func() {
		gossiping.Stop()
		err = errors.Join(err, gossiping.Wait())
	}()
	gossiping.Go("gossip", n.gossip.Run)
	gossiping.Go("heads", n.tellHeads)
	gossiping.Go("rumours", n.takeRumours)

	services.Go("checkpoints", n.signAnew)
	services.Go("expiry", n.expire)
	services.Go("presence", n.tellPresence)
	services.Go("store", n.collect)
	services.Go("memory", n.giveBack)
	n.clearAll(ctx)
	services.Go("departures", n.seeOut)
	services.Go("strangers", func(ctx context.Context) error { return n.strangers.sweep(ctx) })
	closeFaces, err := n.openFaces(services)
	if err != nil {
		return err
	}
	defer closeFaces()

	streams := n.serve(context.WithoutCancel(ctx))
	close(n.ready)
	n.log.Info("listening", "node", n.Key(), "addresses", n.Addresses())
	select {
	case <-ctx.Done():
	case <-services.Context().Done():
	case <-gossiping.Context().Done():
	}
	close(n.stop)
	streams.finish(softTime)
	return nil
}

// open opens everything in the folder, as it was when it was last answered for. [RV-25]
func (n *Node) open() (err error) {
	n.key, err = openFolder(n.cfg.Dir, n.cfg.Random)
	if err != nil {
		return err
	}
	n.store, err = kv.Open(filepath.Join(n.cfg.Dir, "store"), storeKey(n.key), kv.Options{Logger: n.log})
	if errors.Is(err, kv.ErrLocked) {
		return ErrRunning
	}
	if err != nil {
		return err
	}
	n.fresh, err = noClaims(n.store)
	if err == nil {
		err = n.openOrgs()
	}
	if err != nil {
		return errors.Join(err, n.store.Close())
	}
	n.queue, err = n.cfg.OpenQueue()
	if err != nil {
		return errors.Join(fmt.Errorf("opening the queue: %w", err), n.store.Close())
	}
	return nil
}

func (n *Node) openOrgs() error {
	ids, err := listOrgs(n.store)
	if err != nil {
		return fmt.Errorf("listing organizations: %w", err)
	}
	for _, id := range ids {
		o, err := openOrg(n.store, n.key, id, n.cfg.Now())
		if err != nil {
			return fmt.Errorf("organization %s: %w", id.Short(), err)
		}
		n.enroll(o)
	}
	return nil
}

// handler answers one stream.
type handler = func(ctx context.Context, from keys.PublicKey, s network.Stream) error

// serve answers every protocol.
func (n *Node) serve(ctx context.Context) *streams {
	t := &streams{}
	for id, handle := range map[protocol.ID]handler{
		rvproto.Join:    n.serveJoin,
		rvproto.Roll:    membersOnly(n, encodeRoll, n.serveRoll),
		rvproto.Prekey:  membersOnly(n, encodePrekey, n.servePrekey),
		rvproto.Grant:   membersOnly(n, encodeGrant, n.serveGrant),
		rvproto.Post:    membersOnly(n, encodeHello, n.servePost),
		rvproto.Deliver: membersOnly(n, encodeHello, n.serveDeliver),

		rvproto.Presence: membersOnly(n, encodePresence, n.servePresence),

		rvproto.Pair: n.servePair,
	} {
		t.stops = append(t.stops, p2p.Handle(ctx, n.host, id, t.counted(handle)))
	}
	return t
}

// streams is every stream under way.
type streams struct {
	stops []func()

	mu   sync.Mutex // guards the following
	live map[network.Stream]struct{}
	idle chan struct{} // closed when the last one ends; nil while nobody waits for that
}

func (t *streams) counted(handle handler) handler {
	return func(ctx context.Context, from keys.PublicKey, s network.Stream) error {
		t.mu.Lock()
		if t.live == nil {
			t.live = make(map[network.Stream]struct{})
		}
		t.live[s] = struct{}{}
		t.mu.Unlock()
		defer t.ended(s)
		return handle(ctx, from, s)
	}
}

func (t *streams) ended(s network.Stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.live, s)
	if len(t.live) == 0 && t.idle != nil {
		close(t.idle)
		t.idle = nil
	}
}

// finish wakes those who wait for a peer, gives those at work some time, then cuts all and waits for them.
func (t *streams) finish(soft time.Duration) {
	idle := make(chan struct{})
	t.mu.Lock()
	if len(t.live) == 0 {
		close(idle)
	} else {
		t.idle = idle
	}
	for s := range t.live {
		_ = s.SetReadDeadline(time.Unix(1, 0))
	}
	t.mu.Unlock()
	timer := time.NewTimer(soft)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	}
	for _, stop := range t.stops {
		stop()
	}
}

// stopping reports whether a stop has begun: streams end after the batch in hand.
func (n *Node) stopping() bool {
	select {
	case <-n.stop:
		return true
	default:
		return false
	}
}

// signAnew keeps the checkpoints fresh.
func (n *Node) signAnew(ctx context.Context) error {
	return every(ctx, signEvery, func() error {
		for _, o := range n.directory.all() {
			if err := o.signAnew(n.cfg.Now()); err != nil {
				return err
			}
			o.sessions.wakeAll()
		}
		wake(n.news)
		return nil
	})
}

// expire removes what was not delivered in time.
func (n *Node) expire(ctx context.Context) error {
	return every(ctx, time.Minute, func() error {
		gone, err := n.queue.Expire(ctx, n.cfg.Now())
		if err != nil && ctx.Err() == nil {
			n.fault("removing what has expired", err)
		}
		n.counters.expired.Add(int64(len(gone)))
		return nil
	})
}

// collect gives back the room of what was replaced in the store: prekeys, grants, allowances. It also ends applications.
func (n *Node) collect(ctx context.Context) error {
	return every(ctx, collectEvery, func() error {
		if err := n.store.Collect(ctx); err != nil && ctx.Err() == nil {
			n.fault("giving back room in the store", err)
		}
		for _, o := range n.directory.all() {
			if err := o.expireApplications(n.cfg.Now()); err != nil {
				n.fault("ending applications", err)
			}
		}
		return nil
	})
}

// giveBack returns to the system, once, what memory the traffic before a quiet spell has left behind: the runtime would
// keep it for long, and most nodes share their machine.
func (n *Node) giveBack(ctx context.Context) error {
	last, given := int64(0), int64(-1) // reading the folder at the start leaves some behind too
	return every(ctx, quietTime, func() error {
		done := n.counters.answered.Load() + n.counters.delivered.Load() + n.counters.events.Load()
		if quiet := done == last; quiet && done != given {
			given = done
			debug.FreeOSMemory()
		}
		last = done
		return nil
	})
}

// every calls work each period until the context ends or work fails.
func every(ctx context.Context, period time.Duration, work func() error) error {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := work(); err != nil {
				return err
			}
		}
	}
}
