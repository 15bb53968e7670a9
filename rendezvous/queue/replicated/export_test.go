package replicated

import (
	"context"
	"encoding/binary"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
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

// Occupy makes somebody append to each log who does not end.
func (e *Engine) Occupy() {
	for _, s := range e.shards {
		s.writing <- struct{}{}
	}
}

// Pending returns how many puts wait for the writers, and their bytes.
func (e *Engine) Pending() (puts, bytes int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.shards {
		puts, bytes = puts+len(s.pending), bytes+s.waiting
	}
	return puts, bytes
}

// Ends returns how many ends of streams are remembered.
func (e *Engine) Ends() (n int) {
	for _, s := range e.shards {
		n += len(s.state.ends)
	}
	return n
}

// Removed is removed.
func Removed(answer *nats.Msg) bool { return removed(answer) }

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

// RereadLong has a log be read anew of which most holds no more: so many records, each with an acknowledgement of 32,768 entries of nobody, and
// each tenth with an item. look is called before each page. It returns the bytes of the log, and how many items wait then.
func RereadLong(ctx context.Context, records int, look func()) (size int64, waiting int, err error) {
	e := &Engine{log: slog.New(slog.DiscardHandler), index: newIndex()}
	e.cache.clear()
	s := newShard(e, 0, 1)
	s.log = toldStream{last: uint64(records)}
	numbers := make([]uint64, maxAcked)
	for i := range numbers {
		numbers[i] = 1<<60 + uint64(i)
	}
	s.page = func(_ context.Context, from uint64) (page []logged, err error) {
		look()
		for bytes := 0; from <= uint64(records) && len(page) < pageMessages && bytes < pageBytes; from++ {
			r := record{Acks: []acked{{Device: keys.PublicKey{9}, Numbers: numbers}}}
			if from%10 == 0 {
				r.Lists = [][]byte{bytes32(1)}
				r.Items = []note{{ID: keys.EnvelopeID(bytes32(from)), Kind: 1, Token: from, Parts: []part{{Seq: from, Length: sealOverhead}}, Groups: []group{{}}}}
			}
			page = append(page, logged{from, wire.Encode(&r)})
			bytes += len(page[len(page)-1].data)
		}
		for _, m := range page {
			size += int64(len(m.data))
		}
		return page, nil
	}
	if err := s.reload(ctx); err != nil {
		return 0, 0, err
	}
	look()
	return size, len(e.devices[keys.PublicKey(bytes32(1))].entries), nil
}

func bytes32(n uint64) []byte { return binary.BigEndian.AppendUint64(make([]byte, 24, 32), n) }

// toldStream is a stream of which nothing is known but how long it is.
type toldStream struct {
	jetstream.Stream
	last uint64
}

func (s toldStream) Info(context.Context, ...jetstream.StreamInfoOpt) (*jetstream.StreamInfo, error) {
	return &jetstream.StreamInfo{State: jetstream.StreamState{FirstSeq: 1, LastSeq: s.last}}, nil
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
