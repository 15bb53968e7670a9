package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/nearby"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/node/api"
	"muster.example/node/autobackup"
	"muster.example/node/store"
)

// Config is what a node is made from. Dir and Key are required.
type Config struct {
	// Dir is the folder of the encrypted store.
	Dir string
	// Key is the data key that the store is encrypted under.
	Key [32]byte
	// Evidence is the folder that evidence against rendezvous nodes is saved in, for others to verify; it is made when
	// needed. Empty: evidence is kept in the store alone.
	Evidence string
	// Index is the file of the search index, which is disposable, and IndexKey what it is encrypted under. Empty: there is no
	// index, and nothing is searched.
	Index    string
	IndexKey [32]byte
	// Landing is the folder of what other devices of the account gave and was not taken in yet, encrypted under a key made of Key.
	// Empty: beside Dir, with its name and "-landing" behind it.
	Landing string
	// Version is what Status tells.
	Version string
	// Log receives what happens, never message data. Nil discards it.
	Log *slog.Logger
	// OfferAgain is the silence after which an envelope that no receipt has come for is offered to the rendezvous node
	// again, under its id: a node that lost its disk delays messages, and loses none. Zero stands for 12 hours.
	OfferAgain time.Duration
	// Clock is what the person's clock shows, by which records, messages and what they live for are dated; time.Now if nil.
	// Simulations give each device one that is wrong. How long something takes is measured by time.Now.
	Clock func() time.Time
	// Brief is for a node that lives for minutes, of which a simulation has a hundred: see kv.Options.
	Brief bool
	// NoDirect keeps this device from being called by, and calling, others but through a rendezvous node: it opens no port, and
	// announces nothing.
	NoDirect bool
	// Nearby is the local networks, on which devices of the account find each other and others pair. Nil: none.
	Nearby nearby.Network
	// Networks calls changed each time the machine is on another network, until ctx ends, and bounds how often; see netwatch.Watch. Nil:
	// nobody says it.
	Networks func(ctx context.Context, log *slog.Logger, changed func())
	// LinkCost calls changed with whether the system says that the link is metered, each time that is another, until ctx ends, and bounds how
	// often; it begins with no. See linkcost.Watch. Nil: nobody says it.
	LinkCost func(ctx context.Context, log *slog.Logger, changed func(metered bool))
	// Server is the rendezvous node that this program can run itself; Run runs it. Nil: none.
	Server Server
	// Drives is what drives the machine has: backups to marked ones are made by themselves. Nil: none are.
	Drives autobackup.Drives
	// NewHost makes the libp2p host of one organization, p2p.NewHost if nil. Simulations add addresses
	// and links.
	NewHost func(p2p.Config) (host.Host, error)
}

// Node is a device: all organizations of one person on one computer. It serves the local API as its backend.
type Node struct {
	config Config
	log    *slog.Logger
	store  *store.Store
	hub    *hub
	usage  usage
	index  indexer
	locks  *keptLocks
	links  links

	backups          *backups
	running          chan struct{} // closed once Run has begun
	wakePairings     chan struct{} // capacity 1: a pairing has left something to enter
	wakeRestorations chan struct{} // capacity 1: a restore has left something to enter
	joining          sync.Mutex    // one create or join at a time: each takes the next recovery key

	bundles sync.Mutex   // guards written; innermost
	written []madeBundle // bundles that were made and may be written by now, the newest maxBundles
	bounds  carriedBounds
	free    func() (bytes uint64, err error) // of the volume of the store

	mu            sync.Mutex // guards the following
	group         *task.Group
	organizations map[keys.OrgID]*organization
	applications  map[keys.OrgID]*application // for re-admission
	candidates    map[keys.OrgID]*candidate   // applications to join
	pairing       *pairingRun                 // under way, or the last one; nil: none since the start
	encounter     *encounter                  // the same of meetings
	restore       *restoreRun                 // the same of restores
	login         *ssoLogin                   // a joining by a login under way, or the last one
}

// errNotRunning means that a request came after the end of Run.
var errNotRunning = errors.New("the node is stopping")

// New opens the store and reads the organizations. It starts nothing. Close or Run releases the store.
func New(config Config) (*Node, error) {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.OfferAgain == 0 {
		config.OfferAgain = 12 * time.Hour
	}
	if config.Clock == nil {
		config.Clock = time.Now
	}
	if config.NewHost == nil {
		config.NewHost = p2p.NewHost
	}
	if config.Landing == "" {
		config.Landing = config.Dir + "-landing"
	}
	db, err := store.OpenWith(config.Dir, config.Key, kv.Options{Brief: config.Brief})
	if err != nil {
		return nil, err
	}
	n := &Node{
		config: config, log: config.Log, store: db, hub: newHub(), locks: newKeptLocks(),
		running: make(chan struct{}), organizations: make(map[keys.OrgID]*organization), applications: make(map[keys.OrgID]*application),
		candidates: make(map[keys.OrgID]*candidate), wakePairings: make(chan struct{}, 1),
		wakeRestorations: make(chan struct{}, 1), bounds: carriedBounds{maxCarriedBytes, maxCarriedCount, maxCarriedAge},
		free: func() (uint64, error) { return kv.Free(config.Dir) },
	}
	n.backups = newBackups(n)
	n.usage.last.Store(time.Now().UnixNano())
	n.index.wake = make(chan struct{}, 1)
	if err := errors.Join(n.openIndex(), n.finishWipes(), n.load(), n.readLink(), n.readApplications(), n.readCandidacies()); err != nil {
		return nil, errors.Join(err, n.index.close(), db.Close())
	}
	return n, nil
}

// Close releases the store of a node that is not run.
func (n *Node) Close() error { return errors.Join(n.index.close(), n.store.Close()) }

func (n *Node) load() error {
	var all []store.Organization
	err := n.store.View(func(tx *store.Tx) (err error) {
		all, err = tx.Organizations()
		return err
	})
	if err != nil {
		return err
	}
	for _, kept := range all {
		o, err := n.openOrganization(kept)
		if err != nil {
			return fmt.Errorf("opening organization %s: %w", kept.Org.Short(), err)
		}
		n.organizations[kept.Org] = o
	}
	return nil
}

// Run keeps every organization in touch with its rendezvous node until ctx ends, and then closes the store. It returns
// after all its goroutines have ended. It can be called once.
func (n *Node) Run(ctx context.Context) error {
	group := task.New(ctx)
	n.mu.Lock()
	n.group = group
	for _, o := range n.organizations {
		n.startLocked(o)
	}
	for _, a := range n.applications {
		n.runApplicationLocked(a)
	}
	for _, c := range n.candidates {
		n.runCandidateLocked(c)
	}
	n.mu.Unlock()
	close(n.running)
	server := task.New(context.WithoutCancel(ctx)) // it ends after those who speak to it
	if n.config.Server != nil {
		server.Go("rendezvous node", n.config.Server.Run)
	}
	group.Go("tidy", n.tidy)
	if n.config.Networks != nil {
		group.Go("networks", n.keepNetworks)
	}
	if n.config.LinkCost != nil {
		group.Go("link cost", n.keepLinkCost)
	}
	group.Go("index", n.keepIndexing)
	group.Go("pairings", n.keepPairings)
	group.Go("backups", n.backups.run)
	group.Go("restorations", n.keepRestoring)
	group.Go("locks", n.keepLocks)

	<-group.Context().Done()
	n.mu.Lock()
	n.group = nil
	n.mu.Unlock()
	err := group.Wait()
	server.Stop()
	err = errors.Join(err, server.Wait())
	n.hub.close()
	return errors.Join(err, n.index.close(), n.store.Close())
}

// startLocked runs an organization in the node's group. Callers hold mu.
func (n *Node) startLocked(o *organization) {
	n.group.Go("organization "+o.org.Short(), o.run)
}

// add makes a new organization known and runs it. It waits for Run to begin.
func (n *Node) add(ctx context.Context, o *organization) error {
	select {
	case <-n.running:
	case <-ctx.Done():
		return ctx.Err()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.group == nil {
		return errNotRunning
	}
	n.organizations[o.org] = o
	n.startLocked(o)
	return nil
}

// all returns the organizations ordered by name, then id.
func (n *Node) all() []*organization {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make([]*organization, 0, len(n.organizations))
	for _, o := range n.organizations {
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b *organization) int {
		if byName := strings.Compare(a.name(), b.name()); byName != 0 {
			return byName
		}
		return a.org.Compare(b.org)
	})
	return all
}

// organizationsNamed returns the organizations that a name or id stands for; all of them for the empty name.
func (n *Node) organizationsNamed(name string) ([]*organization, error) {
	all := n.all()
	if name == "" {
		return all, nil
	}
	named := slices.DeleteFunc(all, func(o *organization) bool { return o.org.String() != name && o.name() != name })
	if len(named) == 0 {
		return nil, api.Errorf(api.CodeNotFound, "no organization %q here", name).
			WithHint("`muster org list` shows the organizations of this device")
	}
	return named, nil
}

// oneOrganization returns the one organization that a name, an id or nothing stands for.
func (n *Node) oneOrganization(name string) (*organization, error) {
	named, err := n.organizationsNamed(name)
	switch {
	case err != nil:
		return nil, err
	case len(named) == 0:
		return nil, api.Errorf(api.CodeNotFound, "this device is in no organization").
			WithHint("create one with `muster org create`, or join one with `muster join`")
	case len(named) > 1:
		return nil, api.Errorf(api.CodeUsage, "more than one organization is meant").
			WithHint("name one with --org NAME, or by its id")
	}
	return named[0], nil
}
