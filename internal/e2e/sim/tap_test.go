package sim

import (
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/rendezvous"
	"muster.example/rendezvous/queue"
)

// tap is a rendezvous node's operator who keeps every sealed envelope for ever, with those whom it was queued for.
type tap struct {
	queue rendezvous.Queue // what it taps

	mu    sync.Mutex // guards the following
	taken []taken
}

// taken is an envelope that was queued.
type taken struct {
	envelope   envelope.Envelope
	recipients []keys.PublicKey
	at         int64 // unix milliseconds
}

// tapped is a queue with a tap.
type tapped struct {
	rendezvous.Queue
	tap *tap
}

// Put implements queue.Engine.
func (q *tapped) Put(ctx context.Context, items []queue.Item) []error {
	q.tap.mu.Lock()
	for _, item := range items {
		if item.Kind != queue.Envelope {
			continue
		}
		if e, err := envelope.Parse(bytes.Clone(item.Body), envelope.MaxEnvelope); err == nil {
			q.tap.taken = append(q.tap.taken, taken{e, recipients(item), time.Now().UnixMilli()})
		}
	}
	q.tap.mu.Unlock()
	return q.Queue.Put(ctx, items)
}

// recipients returns the devices that an item is queued for.
func recipients(item queue.Item) []keys.PublicKey {
	if item.Set == nil {
		return slices.Clone(item.Recipients)
	}
	return slices.DeleteFunc(slices.Clone(item.Set.Devices()), func(d keys.PublicKey) bool { return slices.Contains(item.Except, d) })
}

// tap has the node be tapped. It must not run.
func (s *server) tap() *tap {
	t := &tap{}
	s.change = func(cfg *rendezvous.Config) {
		dir := filepath.Join(cfg.Dir, "queue")
		cfg.OpenQueue = func() (rendezvous.Queue, error) {
			engine, err := queue.Open(dir, queue.Options{})
			t.queue = engine
			return &tapped{engine, t}, err
		}
	}
	return t
}
