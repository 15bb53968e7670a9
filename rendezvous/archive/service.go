package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/rendezvous/rvproto"
)

// Service is the archive's service of one organization. Make it with New; Run is its life.
type Service struct {
	cfg      Config
	log      *slog.Logger
	identity keys.PrivateKey
	counters counters
	state    state
	arrivals chan arrival
	ready    chan struct{} // closed when the end of the chain was found

	// The following are set by Run.
	known *known
	host  host.Host
	open  func(ctx context.Context, node Node) (stream, error) // openStream, but in tests
}

// counters are the totals since the start.
type counters struct {
	segments, items, bytes, repeated, failures, unreadable atomic.Int64
}

// New checks the configuration and reads the identity, which must be there. It starts nothing.
func New(cfg Config) (*Service, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	identity, err := Identity(cfg.Dir, false)
	if err != nil {
		return nil, err
	}
	s := &Service{
		cfg: cfg, log: cfg.Logger, identity: identity, ready: make(chan struct{}),
		arrivals: make(chan arrival, rvproto.DeliverWindow*len(cfg.Nodes)),
	}
	s.open = s.openStream
	s.state.begin(&s.cfg, identity.Public())
	return s, nil
}

// Key returns the service's public key, by which the roll names it.
func (s *Service) Key() keys.PublicKey { return s.identity.Public() }

// Ready is closed once the end of the chain was found and deliveries are asked for. If Run returns before, it never is.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run takes deliveries and stores them until ctx ends or a part fails. It returns after every goroutine has ended, and can be
// called once.
func (s *Service) Run(ctx context.Context) (err error) {
	w, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.end()) }()
	if s.host, err = p2p.NewHost(p2p.Config{Identity: s.identity, UserAgent: "muster-archive"}); err != nil {
		return fmt.Errorf("preparing to call the rendezvous nodes: %w", err)
	}
	defer func() { err = errors.Join(err, s.host.Close()) }()
	return s.serve(ctx, w)
}

// begin opens the index and finds the end of the chain. The caller ends the writer.
func (s *Service) begin(ctx context.Context) (w *writer, err error) {
	if s.known, err = openKnown(s.cfg.Dir, s.identity, s.log); err != nil {
		return nil, err
	}
	w = &writer{Service: s, heads: heads{path: s.cfg.Heads}}
	if err := w.resume(ctx); err != nil {
		return nil, errors.Join(err, s.known.close())
	}
	return w, nil
}

// end keeps the last head, and gives the index back.
func (w *writer) end() error {
	var err error
	if w.stand.Number > 0 {
		err = w.heads.add(w.stand, w.cfg.Now(), 0)
	}
	return errors.Join(err, w.known.close())
}

// serve runs the parts.
func (s *Service) serve(ctx context.Context, w *writer) error {
	group := task.New(ctx)
	if s.cfg.Metrics != "" {
		if err := s.serveMetrics(group); err != nil {
			return err
		}
	}
	s.log.Info("the archive goes on", "service", s.Key(), "store", s.cfg.Storage, "segment", w.stand.Number, "items", w.stand.Items)
	close(s.ready)
	group.Go("writer", w.write)
	group.Go("status", s.keepStatus)
	for _, node := range s.cfg.Nodes {
		group.Go("deliveries", func(ctx context.Context) error { return s.keepConnected(ctx, node) })
	}
	return group.Wait()
}

// serveMetrics serves the metrics and health page.
func (s *Service) serveMetrics(group *task.Group) error {
	listener, err := net.Listen("tcp", s.cfg.Metrics)
	if err != nil {
		return fmt.Errorf("listening for the metrics page: %w", err)
	}
	server := &http.Server{Handler: s.pages(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
	group.Go("metrics", func(context.Context) error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go("metrics end", func(ctx context.Context) error {
		<-ctx.Done()
		return server.Close()
	})
	return nil
}
