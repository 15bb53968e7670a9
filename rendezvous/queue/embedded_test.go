package queue_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
)

// start opens an engine and runs it; stop ends it cleanly.
// Both fail the test on an error.
func start(t testing.TB, dir string, opt queue.Options) (e *queue.Embedded, stop func()) {
	t.Helper()
	e, err := queue.Open(dir, opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- e.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return e, stop
}

func TestEmbeddedConforms(t *testing.T) {
	for name, opt := range map[string]queue.Options{
		"as it is":        {},
		"small segments":  {SegmentBytes: 512},
		"without a cache": {CacheBytes: 1},
	} {
		t.Run(name, func(t *testing.T) {
			queuetest.Run(t, func(t *testing.T, limits queuetest.Limits) (queue.Engine, func() queue.Engine) {
				dir, opt := t.TempDir(), opt
				opt.DeviceEntries, opt.DeviceBytes = limits.DeviceEntries, limits.DeviceBytes
				e, stop := start(t, dir, opt)
				return e, func() queue.Engine {
					stop()
					e, stop = start(t, dir, opt)
					return e
				}
			})
		})
	}
}

func TestTheLargestBodyIsKept(t *testing.T) {
	dir := t.TempDir()
	e, stop := start(t, dir, queue.Options{})
	item := queuetest.Item(1, 1)
	item.Body = queuetest.Body(1, queue.MaxBody)
	if err := e.Put(t.Context(), []queue.Item{item, queuetest.Item(2, 1)}); err[0] != nil || err[1] != nil {
		t.Fatal(err)
	}
	stop()
	e, _ = start(t, dir, queue.Options{})
	list, err := e.Next(t.Context(), queuetest.Device(1), 0, 10, 1<<30)
	if err != nil || len(list) != 2 || !bytes.Equal(list[0].Body, item.Body) {
		t.Errorf("%d deliveries, %v", len(list), err)
	}
}

func TestTheWholeQueueHasALimit(t *testing.T) {
	e, _ := start(t, t.TempDir(), queue.Options{MaxBytes: 1000})
	count := 0
	for ; count < 10; count++ {
		if err := e.Put(t.Context(), []queue.Item{queuetest.Item(count, 1)})[0]; err != nil {
			if !errors.Is(err, queue.ErrFull) {
				t.Fatal(err)
			}
			break
		}
	}
	if count < 3 || count > 6 {
		t.Errorf("%d bodies of 100 bytes within 1000", count)
	}
	if err := e.Ack(t.Context(), queuetest.Device(1), []keys.EnvelopeID{queuetest.ID(0)}); err != nil {
		t.Fatal(err)
	}
	if err := e.Put(t.Context(), []queue.Item{queuetest.Item(11, 1)})[0]; err != nil {
		t.Errorf("after an ack: %v", err)
	}
}
