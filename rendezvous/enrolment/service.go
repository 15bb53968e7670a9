package enrolment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/task"
)

// Service is an enrolment service. Run runs it once.
type Service struct {
	cfg      Config
	log      *slog.Logger
	key      keys.PrivateKey
	prefix   string // path of its address
	desk     *desk
	provider *provider
	spent    *spent
	roll     *follower
	accounts *accounts
	ready    chan struct{}
	listener net.Listener
	counts   counts

	mu     sync.Mutex // guards the following
	freed  *sync.Cond
	held   map[string]bool // subjects that somebody acts on
	trip   trip            // what came of the last look at the roll
	silent string          // why the key does not speak, as it was last told
}

// counts are what happened since the start.
type counts struct {
	begun, logins, turned, joined            atomic.Uint64
	refused, unreached, suspended, enrolling atomic.Uint64
}

// trip is what came of a look at the roll.
type trip struct {
	at   time.Time
	size uint64
	why  string
}

// New checks the settings, and opens what is in the folder.
func New(cfg Config) (*Service, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Check == 0 {
		cfg.Check = DefaultCheck
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	parsed, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	s := &Service{
		cfg: cfg, log: cfg.Logger, prefix: strings.TrimSuffix(parsed.Path, "/"), desk: newDesk(cfg.Random), provider: newProvider(cfg),
		spent: newSpent(), ready: make(chan struct{}), held: make(map[string]bool),
	}
	s.freed = sync.NewCond(&s.mu)
	if s.key, err = readKey(cfg.Dir); err != nil {
		return nil, err
	}
	return s, nil
}

// Ready is closed once the service listens.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Address returns where it listens, once it does.
func (s *Service) Address() string { return s.listener.Addr().String() }

// Run serves until ctx ends.
func (s *Service) Run(ctx context.Context) (err error) {
	store, err := kv.Open(filepath.Join(s.cfg.Dir, storeFolder), storeKey(s.key), kv.Options{Logger: s.log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	s.accounts = &accounts{issuer: s.cfg.Issuer, store: store}
	if s.roll, err = newFollower(s.cfg.Org, s.key); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.roll.close()) }()
	if s.listener, err = s.listen(); err != nil {
		return err
	}
	server := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: providerTime, ReadTimeout: 2 * providerTime, WriteTimeout: 2 * followTime,
		IdleTimeout: followTime, MaxHeaderBytes: maxBody, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	group := task.New(ctx)
	group.Go("pages", func(context.Context) error {
		if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go("end", func(ctx context.Context) error {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return server.Shutdown(end)
	})
	group.Go("watch", s.watch)
	group.Go("provider", func(ctx context.Context) error {
		s.tryProvider(ctx)
		return nil
	})
	close(s.ready)
	return group.Wait()
}

// tryProvider logs that the provider does not answer: a wrong issuer shows at once, not when somebody wants to log in.
func (s *Service) tryProvider(ctx context.Context) {
	asking, cancel := context.WithTimeout(ctx, providerTime)
	defer cancel()
	if _, err := s.provider.discover(asking); err != nil && ctx.Err() == nil {
		s.log.Warn("nobody can log in now", "issuer", s.cfg.Issuer, "error", err)
	}
}

// listen opens the service's port: with a certificate, or on loopback alone, where a proxy before it has one.
func (s *Service) listen() (net.Listener, error) {
	if s.cfg.Cert != "" {
		return listenTLS(s.cfg.Listen, s.cfg.Cert, s.cfg.Key)
	}
	host, _, err := net.SplitHostPort(s.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("%w: --listen %q is not HOST:PORT", ErrConfig, s.cfg.Listen)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("%w: without a certificate it listens on loopback alone, behind a proxy that has one", ErrConfig)
	}
	return net.Listen("tcp", s.cfg.Listen)
}

// noteFollow keeps what came of a look at the roll, for who asks how the service is.
func (s *Service) noteFollow(err error) {
	t := trip{at: s.cfg.Now()}
	s.roll.mu.Lock()
	t.size = s.roll.roll.Size()
	s.roll.mu.Unlock()
	if err != nil {
		t.why = err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trip = t
}
