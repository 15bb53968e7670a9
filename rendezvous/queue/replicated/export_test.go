package replicated

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Hurry makes the sweeper as impatient as a test is.
func Hurry(opt Options) Options {
	opt.hurry = &pace{
		sweep: 200 * time.Millisecond, keyQuiet: 200 * time.Millisecond, keyBusy: time.Second, bodyQuiet: 200 * time.Millisecond,
		settle: time.Second, sparseAge: 200 * time.Millisecond, purge: 500 * time.Millisecond, list: time.Second,
		listAgain: 300 * time.Millisecond, compact: 4 << 10,
	}
	return opt
}

// Unswept lets the sweeper do nothing.
func Unswept(opt Options) Options {
	pace := usualPace
	pace.sweep = 24 * time.Hour
	opt.hurry = &pace
	return opt
}

// Held is what an engine remembers.
func (e *Engine) Held() (items, packs, commits, devices int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.shards {
		items, packs, commits = items+len(s.items), packs+len(s.packs), commits+len(s.commits)
	}
	return items, packs, commits, len(e.devices)
}

// ReadAnew has each shard's log read from its beginning, as when some of it is missing. The engine runs.
func (e *Engine) ReadAnew(ctx context.Context) error {
	for _, s := range e.shards {
		if err := s.readAnew(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Look sees whether the streams are still what they were, while something happens behind the answer about each log. Nothing else sweeps.
func (e *Engine) Look(ctx context.Context, meanwhile func()) error {
	for _, s := range e.shards {
		real := s.log
		s.log = slowStream{real, meanwhile}
		_, err := s.inspect(ctx)
		s.log = real
		if err != nil {
			return err
		}
	}
	return nil
}

// slowStream is a stream whose state is old when it is told.
type slowStream struct {
	jetstream.Stream
	meanwhile func()
}

func (s slowStream) Info(ctx context.Context, opts ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	info, err := s.Stream.Info(ctx, opts...)
	s.meanwhile()
	return info, err
}

// Deafen has the answers to this process's claims of the turn to sweep be lost.
func (e *Engine) Deafen() { e.lease.bucket = deafBucket{e.lease.bucket} }

// Sweeps reports whether it is this process's turn to sweep.
func (e *Engine) Sweeps(ctx context.Context) (bool, error) { return e.lease.hold(ctx, time.Now()) }

// LeaveTurn gives it up.
func (e *Engine) LeaveTurn(ctx context.Context) error { return e.lease.leave(ctx) }

// deafBucket is a bucket whose answers to updates are lost.
type deafBucket struct{ jetstream.KeyValue }

func (b deafBucket) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	if _, err := b.KeyValue.Update(ctx, key, value, revision); err != nil {
		return 0, err
	}
	return 0, context.DeadlineExceeded
}
