package rendezvous

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
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
	bulk      *bulk
	parcels   *parcels
	haste     *haste
	carriers  *carriers // what members hand over of others'
	slots     *slots

	memberCalls *rate[keys.PublicKey] // how often devices call those of other members
	joins       chan struct{}         // one token a join request being worked on

	peers      *peers      // the other nodes of the organizations here
	departures *departures // devices whose connections are to be closed
	returns    *returns    // devices whose queues are to be emptied

	reports reports

	ready   chan struct{} // closed when the following are set and the node listens
	key     keys.PrivateKey
	started time.Time
	epoch   [16]byte // of this life of the node
	fresh   bool     // no claim was ever made here
	store   *kv.Store
	queue   Queue
	shared  bool     // other processes may serve the same organizations
	foreign *foreign // what these have changed
	leaving bool     // what is in the cluster is being moved to the folder
	room    *ledger
	host    host.Host

	gossip  *gossip.Gossip
	news    chan struct{} // capacity 1: a checkpoint has changed
	rumours chan rumour   // heard by gossip, for the sequencer

	presence chan struct{} // capacity 1: somebody's presence may have changed

	queueFails atomic.Bool // the last thing asked of the queue failed, and not for want of room

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
	for _, address := range cfg.Announce {
		if err := p2p.CheckAddress(address); err != nil {
			return nil, fmt.Errorf("address to announce: %w", err)
		}
	}
	if len(cfg.Announce) > rvproto.MaxAddresses {
		return nil, fmt.Errorf("rendezvous: %d addresses to announce, at most %d are allowed", len(cfg.Announce), rvproto.MaxAddresses)
	}
	if cfg.Connections == 0 {
		cfg.Connections = connectionsOn(machineMemory())
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
	if cfg.Volume == nil {
		cfg.Volume = kv.Volume
	}
	if cfg.NewHost == nil {
		cfg.NewHost = p2p.NewHost
	}
	cfg.Strangers, cfg.Quotas = cfg.Strangers.withDefaults(), cfg.Quotas.withDefaults()
	n := &Node{
		cfg: cfg, log: cfg.Logger, directory: newDirectory(), guests: newGuests(), bulk: newBulk(machineMemory()), parcels: newParcels(machineMemory()), haste: newHaste(), carriers: newCarriers(), slots: newSlots(),
		memberCalls: newRate[keys.PublicKey](),
		joins:       make(chan struct{}, cfg.Strangers.Joins), departures: newDepartures(), peers: newPeers(), returns: newReturns(),
		foreign: newForeign(),
		news:    make(chan struct{}, 1), rumours: make(chan rumour, maxRumours), presence: make(chan struct{}, 1),
		ready: make(chan struct{}), stop: make(chan struct{}),
	}
	n.strangers = newStrangers(cfg.Strangers, n.directory)
	n.strangers.isOut, n.strangers.isPeer = n.haste.isOut, n.peers.knows
	return n, nil
}

// Ready is closed once the node listens. If Run returns before, it never is.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Key returns the node's public key. Valid once Ready.
func (n *Node) Key() keys.PublicKey { return n.key.Public() }

// Fresh reports whether no claim link was ever made for this folder when the node started. Valid once Ready.
func (n *Node) Fresh() bool { return n.fresh }

// Addresses returns where the node can be dialled: what it was told to announce, else where it listens. Valid once Ready.
func (n *Node) Addresses() []string {
	if len(n.cfg.Announce) > 0 {
		return n.cfg.Announce
	}
	return advertised(n.host)
}

// Local returns where the node is dialled on this very machine, whatever networks it is on. Valid once Ready.
func (n *Node) Local() []string { return local(n.host) }

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
		Memory: machineMemory(), Streams: n.mayOpen, MayOpen: n.haste.mayOpen, Familiar: n.strangers.isFamiliar, Failed: n.strangers.failed,
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
	services.Go("returns", n.takeBack)
	services.Go("attendance", n.keepAttendance)
	services.Go("presence", n.tellPresence)
	services.Go("store", n.collect)
	services.Go("shared store", n.followStore)
	services.Go("changes of others", n.takeForeign)
	services.Go("other processes", n.hearProcesses)
	services.Go("memory", n.giveBack)
	n.clearAll()
	services.Go("departures", n.seeOut)
	services.Go("haste", n.cutHasty)
	services.Go("peers", n.keepPeers)
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
	if err := compatible(n.cfg.Dir); err != nil {
		return err
	}
	n.key, err = openFolder(n.cfg.Dir, cmp.Or(n.cfg.Identity, identityFile), n.cfg.Seal, n.cfg.Random)
	if err != nil {
		return err
	}
	n.started = n.cfg.Now()
	_, _ = rand.Read(n.epoch[:]) // never an error
	n.store, err = kv.Open(filepath.Join(n.cfg.Dir, storeFolder), storeKey(n.key), kv.Options{Logger: n.log})
	if errors.Is(err, kv.ErrLocked) {
		return ErrRunning
	}
	if err != nil {
		return err
	}
	err = noteVersion(n.cfg.Dir, n.cfg.Version) // before the queue is opened, which may put it into a newer form
	if err == nil && n.cfg.OpenQueue != nil {   // its journal says what the store has
		if n.queue, err = n.openQueue(); err == nil {
			err = n.shareStore()
		}
	}
	if err == nil && !n.shared && !n.leaving && n.store.WasShared() {
		err = ErrShared
	}
	if err == nil {
		n.fresh, err = noClaims(n.store)
	}
	if err == nil {
		err = n.openOrgs()
	}
	if err == nil && n.queue == nil {
		n.queue, err = n.openQueue()
	}
	if err != nil {
		if n.queue != nil {
			err = errors.Join(err, n.queue.Close())
		}
		return errors.Join(err, n.store.Close())
	}
	n.room = &ledger{quotas: n.cfg.Quotas, queue: n.queue, volume: n.queueVolume()}
	return nil
}

// queueVolume returns how one asks for the room of what waits: the queue's own, if it is not in the folder.
func (n *Node) queueVolume() func() (free, size uint64, err error) {
	if q, has := n.queue.(interface {
		Volume() (free, size uint64, err error)
	}); has {
		return q.Volume
	}
	return n.volume
}

// openQueue opens the engine that holds bodies. Without the key of a node under a seal it cannot be read either.
func (n *Node) openQueue() (q Queue, err error) {
	defer func() {
		if err != nil {
			q, err = nil, fmt.Errorf("opening the queue: %w", err)
		}
	}()
	if n.cfg.OpenQueue != nil {
		return n.cfg.OpenQueue()
	}
	return n.openEmbedded(queue.Options{
		DeviceEntries: int(n.cfg.Quotas.DeviceEntries), DeviceBytes: n.cfg.Quotas.DeviceBytes,
		Payer: n.payer, Logger: n.log,
	})
}

// openEmbedded opens the engine in the folder.
func (n *Node) openEmbedded(options queue.Options) (*queue.Embedded, error) {
	if n.cfg.Seal != nil {
		options.Secret = queueSecret(n.key)
	}
	return queue.Open(filepath.Join(n.cfg.Dir, queueFolder), options)
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
		rvproto.Deliver: orArchive(n, membersOnly(n, encodeHello, n.serveDeliver)),

		rvproto.PostPieces:    membersOnly(n, encodeHello, n.servePost),
		rvproto.DeliverOne:    membersOnly(n, encodeHello, n.serveDeliver),
		rvproto.DeliverPieces: orArchive(n, membersOnly(n, encodeHello, n.serveDeliver)),

		rvproto.Presence: membersOnly(n, encodePresence, n.servePresence),
		rvproto.HealthOf: membersOnly(n, encodeHealth, n.serveHealth),

		rvproto.Pair:  n.servePair,
		rvproto.Node:  n.serveNode,
		rvproto.Carry: membersOnly(n, encodeCarry, n.serveCarry),
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

// collect gives back the room of what was replaced in the store: prekeys, grants, allowances. It also ends applications.
func (n *Node) collect(ctx context.Context) error {
	return every(ctx, collectEvery, func() error {
		if err := n.store.Collect(ctx); err != nil && ctx.Err() == nil {
			n.fault("giving back room in the store", err)
		}
		if err := n.store.Shorten(ctx, journalSlack); err != nil && ctx.Err() == nil {
			n.fault("shortening the shared store", err)
		}
		n.parcels.tidy(n.cfg.Now())
		for _, o := range n.directory.all() {
			if err := o.expireApplications(n.cfg.Now()); err != nil {
				n.fault("ending applications", err)
			}
		}
		return nil
	})
}

// giveBack returns to the system, once, what memory was left behind before a quiet spell, by traffic and by devices that came:
// the runtime would keep it for long, and most nodes share their machine.
func (n *Node) giveBack(ctx context.Context) error {
	last, given := int64(0), int64(-1) // reading the folder at the start leaves some behind too
	return every(ctx, quietTime, func() error {
		busy := n.counters.traffic()
		if done := busy + n.counters.sessions.Load(); busy == last && done != given {
			given = done
			debug.FreeOSMemory()
		}
		last = busy
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
