package hosted

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/rendezvous"
	"muster.example/rendezvous/rvproto"
)

// Config says where a node may be, and under which key. All but Logger and Now are required.
type Config struct {
	Dir  string   // the node's folder; it is made when there is a node, and what is beside it is not touched
	Seal [32]byte // nothing in the folder can be read without it
	// Identity is the name of the file with the node's key: what Reseal wrote, "identity" if empty.
	Identity string
	Version  string
	Logger   *slog.Logger     // slog.Default if nil
	Now      func() time.Time // clock, time.Now if nil
}

// Times of a node.
const (
	retryTime    = 10 * time.Second // after which it is tried again if it could not run, doubling up to
	longestRetry = 2 * time.Minute
	lookTime     = 10 * time.Second // between looks whether it is needed still
	emptyTime    = 15 * time.Minute // for which a node waits for the organization that is to be founded on it
	// farewellTime is how long it stays at most when its organizations have moved away: what waits there is over by then.
	farewellTime = 30 * 24 * time.Hour

	connections = 512 // enough for a small organization
)

// ErrNone means that there is no node.
var ErrNone = errors.New("hosted: there is no rendezvous node here")

// Server is the rendezvous node of a program, if it has one. Make it with New; Run is its life.
type Server struct {
	cfg    Config
	asking chan struct{} // capacity 1: held by who changes where it is, or makes a claim
	wake   chan struct{} // capacity 1: there may be something to run
	look   time.Duration // between looks whether it is needed

	mu      sync.Mutex     // guards the following
	there   bool           // the folder holds a node
	key     keys.PublicKey // of it; zero: not known yet
	node    *rendezvous.Node
	places  Places    // where it was told to be
	since   time.Time // when it began to listen
	claimed time.Time // when a claim was made last
	tries   int       // how often it has begun to run
	failed  error     // why it does not run, if it is to
	restart func()    // ends the present run; nil while there is none
	changed chan struct{}
}

// Status is how a node is.
type Status struct {
	There   bool           // there is one
	Key     keys.PublicKey // of it; zero while it never ran
	Running bool           // it listens
	Since   time.Time      // since when
	Failed  error          // why it does not, if it was tried
	Places  Places         // where it was told to be
	Local   []string       // where this machine reaches it while it listens
	Node    rendezvous.Status
}

// New looks whether there is a node, and takes away what is left of one that was being removed. It starts nothing.
func New(cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{cfg: cfg, asking: make(chan struct{}, 1), wake: make(chan struct{}, 1), look: lookTime, changed: make(chan struct{})}
	if err := os.RemoveAll(cfg.Dir + goneSuffix); err != nil { // the program can do without
		cfg.Logger.Warn("removing what is left of a rendezvous node", "error", err)
	}
	key, err := rendezvous.ReadKey(cfg.Dir, cfg.Identity, &cfg.Seal)
	s.key, s.there = key, !errors.Is(err, fs.ErrNotExist)
	if s.there && err != nil {
		s.failed = err // Run says so too
	}
	if _, err := os.Lstat(filepath.Join(cfg.Dir, placesFile)); err == nil {
		s.there = true // it was begun, and comes to its key
	}
	return s, nil
}

// Run runs the node, from when there is one, until ctx ends. That it cannot run is no error: it is tried again.
func (s *Server) Run(ctx context.Context) error {
	pause := retryTime
	for ctx.Err() == nil {
		if !s.isThere() {
			select {
			case <-ctx.Done():
			case <-s.wake:
			}
			continue
		}
		began := time.Now()
		ran, err := s.runOnce(ctx)
		switch {
		case ctx.Err() != nil && ran:
			return err
		case ctx.Err() != nil:
			return nil
		}
		if err == nil || time.Since(began) > longestRetry {
			pause = retryTime
		}
		if err == nil {
			continue // it was told to be elsewhere, or is not needed any more
		}
		s.cfg.Logger.Error("the rendezvous node in this program does not run", "error", err, "retry", pause)
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-time.After(pause):
		}
		pause = min(2*pause, longestRetry)
	}
	return nil
}

// runOnce runs the node until ctx ends, it is to run anew, or it is not needed any more: then its folder is gone. It reports whether it
// could run at all.
func (s *Server) runOnce(ctx context.Context) (ran bool, err error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	s.change(func() { s.tries, s.failed, s.restart = s.tries+1, nil, end })
	defer func() {
		s.change(func() { s.node, s.restart, s.failed = nil, nil, err })
	}()
	places, err := readPlaces(s.cfg.Dir)
	if err != nil {
		return false, fmt.Errorf("reading where the rendezvous node listens: %w", err)
	}
	s.change(func() { s.places = places })
	node, err := rendezvous.New(rendezvous.Config{
		Dir: s.cfg.Dir, Listen: places.Listen, Seal: &s.cfg.Seal, Identity: s.cfg.Identity, NoControl: true,
		Version: s.cfg.Version, Logger: s.cfg.Logger, Connections: connections, Now: s.cfg.Now,
	})
	if err != nil {
		return false, err
	}
	group, needless := task.New(context.WithoutCancel(ctx)), false
	var failed error
	group.Go("rendezvous node", func(context.Context) error {
		failed = node.Run(ctx)
		group.Stop() // the other one waits for that
		return nil
	})
	group.Go("whether it is needed", func(watching context.Context) error {
		if needless = s.watch(watching, node); needless {
			end()
		}
		return nil
	})
	switch err := errors.Join(group.Wait(), failed); {
	case err != nil:
		return true, err
	case !needless && ctx.Err() == nil:
		return true, errors.New("it ended by itself")
	case !needless:
		return true, nil
	}
	if err := remove(s.cfg.Dir); err != nil {
		return true, fmt.Errorf("removing the rendezvous node, which is not needed any more: %w", err)
	}
	s.change(func() { s.there, s.key = false, keys.PublicKey{} })
	s.cfg.Logger.Info("the rendezvous node in this program was not needed any more, and is removed")
	return true, nil
}

// watch says that the node listens, and returns true once it is not needed any more.
func (s *Server) watch(ctx context.Context, node *rendezvous.Node) bool {
	select {
	case <-ctx.Done():
		return false
	case <-node.Ready():
	}
	s.change(func() { s.node, s.key, s.since = node, node.Key(), s.cfg.Now() })
	tick := time.NewTicker(s.look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		if s.release(node) {
			return true
		}
	}
}

// release reports whether a node is not needed any more. From then on it makes no claims.
func (s *Server) release(node *rendezvous.Node) bool {
	status, now := node.Status(), s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	latest := s.since
	if s.claimed.After(latest) {
		latest = s.claimed
	}
	if !needless(status, now.Sub(latest), now, s.look) {
		return false
	}
	s.node = nil
	return true
}

// needless: every organization has moved away, every device knows, and nothing waits; or nobody founded one. A claim that was
// made within pause may be about to be used; since is the time since the last, or since the start.
func needless(status rendezvous.Status, since time.Duration, now time.Time, pause time.Duration) bool {
	if len(status.Orgs) == 0 {
		return since > emptyTime
	}
	for _, o := range status.Orgs {
		over := !o.MovedAt.IsZero() && now.Sub(o.MovedAt) > farewellTime
		if !o.Moved || !over && (o.Entries > 0 || o.Untold > 0) {
			return false
		}
	}
	return since > pause
}

// Status tells how the node is.
func (s *Server) Status() Status {
	s.mu.Lock()
	node := s.node
	status := Status{There: s.there, Key: s.key, Places: s.places, Running: node != nil, Failed: s.failed}
	if node != nil {
		status.Since = s.since
	}
	s.mu.Unlock()
	if node != nil {
		status.Node, status.Local = node.Status(), node.Local()
		status.Node.Addresses = status.Places.addresses(node)
	}
	return status
}

// At returns the key of the node, and while it listens where this machine reaches it and where others do.
func (s *Server) At() (key keys.PublicKey, local, addresses []string) {
	s.mu.Lock()
	node, key := s.node, s.key
	s.mu.Unlock()
	if node != nil {
		local, addresses = node.Local(), s.placesNow().addresses(node)
	}
	return key, local, addresses
}

// Claim returns a link with which one more organization can be founded on the node. If there is none it is made, at places. Run
// has to run.
func (s *Server) Claim(ctx context.Context, places Places) (link string, err error) {
	err = s.alone(ctx, func() error {
		made := !s.isThere()
		node, err := s.place(ctx, places)
		if err != nil && made && ctx.Err() == nil { // nobody was told of it
			return errors.Join(err, s.drop())
		}
		if err != nil {
			return err
		}
		s.change(func() { s.claimed = s.cfg.Now() })
		link, err = s.claim(node)
		return err
	})
	return link, err
}

// claim makes a claim link with all addresses of the node.
func (s *Server) claim(node *rendezvous.Node) (string, error) {
	link, err := node.NewClaim()
	if err != nil {
		return "", err
	}
	claim, err := rvproto.ParseClaim(link)
	claim.Addresses = s.placesNow().addresses(node)
	return claim.Link(), err
}

// Move has the node listen elsewhere, and be announced under other addresses: those that are given, and for the rest as before. It
// returns when it listens.
func (s *Server) Move(ctx context.Context, places Places) error {
	return s.alone(ctx, func() error {
		if !s.isThere() {
			return ErrNone
		}
		_, err := s.place(ctx, places)
		return err
	})
}

// alone does something while nobody else does.
func (s *Server) alone(ctx context.Context, do func() error) error {
	select {
	case s.asking <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.asking }()
	return do()
}

// place has a node be at places, and returns it when it listens. What is not said of a node that is there stays.
func (s *Server) place(ctx context.Context, places Places) (*rendezvous.Node, error) {
	if err := places.check(); err != nil {
		return nil, err
	}
	tries := s.triesNow()
	if !s.isThere() || !places.empty() {
		before := Places{}
		if s.isThere() {
			var err error
			if before, err = readPlaces(s.cfg.Dir); err != nil {
				return nil, err
			}
		}
		next := places
		if len(next.Listen) == 0 {
			next.Listen = before.Listen
		}
		if len(next.Announce) == 0 {
			next.Announce = before.Announce
		}
		next, err := next.settle()
		if err != nil {
			return nil, err
		}
		if err := next.write(s.cfg.Dir); err != nil {
			return nil, fmt.Errorf("writing where the rendezvous node listens: %w", err)
		}
		s.change(func() {
			s.there, s.node = true, nil
			if s.restart != nil {
				s.restart()
			}
		})
		node, err := s.await(ctx, tries)
		if err != nil && len(before.Listen) > 0 && ctx.Err() == nil { // back to where it was
			err = errors.Join(err, before.write(s.cfg.Dir))
			s.poke()
		}
		return node, err
	}
	return s.await(ctx, tries)
}

// await returns the node once it listens, or why it does not though it was tried more often than tries.
func (s *Server) await(ctx context.Context, tries int) (*rendezvous.Node, error) {
	s.poke()
	for {
		s.mu.Lock()
		node, failed, tried, changed := s.node, s.failed, s.tries, s.changed
		s.mu.Unlock()
		switch {
		case node != nil:
			return node, nil
		case failed != nil && tried > tries:
			return nil, failed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// drop removes a node that nobody was told of.
func (s *Server) drop() error {
	s.change(func() { s.there, s.key = false, keys.PublicKey{} })
	return remove(s.cfg.Dir)
}

func (s *Server) placesNow() Places {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.places
}

func (s *Server) isThere() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.there
}

func (s *Server) triesNow() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries
}

// change changes what mu guards and tells those who wait for that.
func (s *Server) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	close(s.changed)
	s.changed = make(chan struct{})
}

// poke has Run look at once.
func (s *Server) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
