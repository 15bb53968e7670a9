package replicated

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/rendezvous/queue"
)

// Options of a replicated engine.
type Options struct {
	Servers     []string     // host:port of some of the cluster's servers
	Credentials *Credentials // nil for none, and no TLS: only for a server on this machine
	Prefix      string       // of the names of streams; "muster" if empty. Who has the same has the same queue
	Shards      int          // in how many logs the queue lies, when it is made; 0 for 4
	MaxBytes    int64        // most bytes of sealed bodies in the cluster; 0 for 16 GiB

	DeviceEntries int   // most entries of one device; 0 for no limit
	DeviceBytes   int64 // most bytes of bodies that wait for one device; 0 for no limit
	Logger        *slog.Logger

	hurry *pace // of tests
}

// Engine is the engine before a NATS JetStream cluster. Use Open, then Run, then Close. Any number of processes may have the
// same queue open.
type Engine struct {
	opt      Options
	log      *slog.Logger
	troubles *troubles
	link     *link
	shards   []*shard
	lease    *lease
	pace     pace
	turns    chan struct{} // one token for each call that reads bodies

	close  sync.Once
	failed atomic.Int64 // since when nothing but failures came from the cluster, Unix nanoseconds; 0 for never

	mu sync.Mutex // guards the following, and the shards' fields that say so; never held across calls to the cluster
	index
	cache    cache
	shelf    shelf
	reserved int64 // bytes of bodies being put
	stored   int64 // bytes of bodies in the cluster when it was asked last
	losses   int64
	refusing bool // no Put is accepted any more
	closed   bool
}

var _ queue.Engine = (*Engine)(nil)

// Open connects to a cluster, makes the streams if there are none, and reads what waits. Errors: ErrUnavailable when no server
// answers in time, and what is wrong with the cluster or the credentials. Until Run runs, Put waits.
func Open(ctx context.Context, opt Options) (*Engine, error) {
	opt = opt.withDefaults()
	e := &Engine{opt: opt, log: opt.Logger, index: newIndex(), pace: usualPace, turns: make(chan struct{}, readersAtOnce)}
	if opt.hurry != nil {
		e.pace = *opt.hurry
	}
	e.troubles = newTroubles(e.log)
	e.cache.clear()
	e.shelf.clear()
	ctx, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	nc, err := connect(opt, e.log)
	if err != nil {
		return nil, err
	}
	if err := e.open(ctx, nc); err != nil {
		nc.Close()
		return nil, err
	}
	return e, nil
}

func (e *Engine) open(ctx context.Context, nc *nats.Conn) error {
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(readTime))
	if err != nil {
		return fmt.Errorf("opening JetStream: %w", err)
	}
	e.link = &link{nc: nc, js: js}
	shards, err := e.prepare(ctx)
	if err != nil {
		return err
	}
	for n := range shards {
		s := newShard(e, n, shards)
		opened, err := s.openStreams(ctx)
		if err != nil {
			return err
		}
		s.log, s.bodies, s.keyring = opened[0], opened[1], opened[2]
		e.shards = append(e.shards, s)
	}
	for _, s := range e.shards {
		for {
			err := s.reload(ctx)
			if err == nil {
				break
			}
			if pause(ctx, retryPause) != nil {
				return fmt.Errorf("reading what waits: %w", err)
			}
		}
	}
	return nil
}

func (opt Options) withDefaults() Options {
	if opt.Prefix == "" {
		opt.Prefix = "muster"
	}
	if opt.Shards == 0 {
		opt.Shards = defaultShards
	}
	if opt.MaxBytes == 0 {
		opt.MaxBytes = defaultBytes
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	return opt
}

// subject names something of a shard.
func (e *Engine) subject(shard int, what string) string {
	return e.opt.Prefix + "." + strconv.Itoa(shard) + "." + what
}

// shardOf returns where an organization is. [STO-80]
func (e *Engine) shardOf(org keys.OrgID) *shard {
	hash := fnv.New64a()
	hash.Write(org[:])
	return e.shards[hash.Sum64()%uint64(len(e.shards))]
}

// Run accepts and removes until ctx ends, then refuses what waits, notes in the cluster what was acknowledged, and returns.
func (e *Engine) Run(ctx context.Context) error {
	services := task.New(context.WithoutCancel(ctx)) // they end after the writers
	for _, s := range e.shards {
		services.Go("queue follower "+strconv.Itoa(s.n), s.follow)
	}
	services.Go("queue sweeper", e.sweepAll)
	writers := task.New(ctx)
	for _, s := range e.shards {
		writers.Go("queue writer "+strconv.Itoa(s.n), s.write)
	}
	err := writers.Wait()
	e.refuse()
	services.Stop()
	return errors.Join(err, services.Wait())
}

// refuse ends the acceptance of puts and answers those that wait.
func (e *Engine) refuse() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refusing = true
	for _, s := range e.shards {
		for _, r := range s.pending {
			r.fail(queue.ErrClosed)
		}
		s.pending, s.waiting = nil, 0
		s.roomLocked()
	}
}

// Close ends the connection. Run must have returned. Closing twice is no error.
func (e *Engine) Close() error {
	e.close.Do(func() {
		e.refuse()
		e.mu.Lock()
		e.closed = true
		e.cache.clear()
		e.shelf.clear()
		e.mu.Unlock()
		e.link.nc.Close()
	})
	return nil
}

func (e *Engine) usable(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return queue.ErrClosed
	}
	return ctx.Err()
}

// health notes how a request to the cluster ended. After some time of nothing but failures another server is tried: the one
// that is connected may be cut off from the others.
func (e *Engine) health(err error) {
	if err == nil || !errors.Is(err, queue.ErrUnavailable) {
		e.failed.Store(0)
		return
	}
	now := time.Now().UnixNano()
	if since := e.failed.Load(); since == 0 {
		e.failed.CompareAndSwap(0, now)
	} else if now-since > int64(stallTime) && e.failed.CompareAndSwap(since, now) {
		e.troubles.warn("the cluster takes nothing: trying another server", err)
		if err := e.link.nc.ForceReconnect(); err != nil {
			e.troubles.warn("connecting anew", err)
		}
	}
}

func (e *Engine) damaged(stream string, err error) {
	e.log.Error("queue: damage in the cluster", "stream", stream, "error", err)
}

// troubles logs what goes wrong and is tried again, each kind once in a while.
type troubles struct {
	log *slog.Logger

	mu   sync.Mutex // guards the following
	told map[string]time.Time
}

func newTroubles(log *slog.Logger) *troubles {
	return &troubles{log: log, told: make(map[string]time.Time)}
}

func (t *troubles) warn(what string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if last, told := t.told[what]; told && now.Sub(last) < troubleTime {
		return
	}
	t.told[what] = now
	t.log.Warn("queue: "+what, "error", err)
}
