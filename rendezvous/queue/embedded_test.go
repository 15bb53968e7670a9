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
				opt.Payer = queuetest.Payer
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

// A body that one device keeps waiting for, and another acknowledges and is offered again, must not grow.
func TestRecipientsThatComeAndGoLeaveNothing(t *testing.T) {
	e, _ := start(t, t.TempDir(), queue.Options{})
	for round := range 50 {
		for _, item := range []queue.Item{queuetest.Item(1, 1), queuetest.Item(1, 2, 3), queuetest.Item(1, 4)} {
			if err := e.Put(t.Context(), []queue.Item{item})[0]; err != nil {
				t.Fatal(err)
			}
		}
		for device := 2; device <= 4; device++ {
			list, err := e.Next(t.Context(), queuetest.Device(device), 0, 10, 1000)
			if err != nil || len(list) != 1 {
				t.Fatalf("round %d: device %d has %d deliveries, %v", round, device, len(list), err)
			}
			if err := e.Ack(t.Context(), queuetest.Device(device), []keys.EnvelopeID{queuetest.ID(1)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := e.Gained(queuetest.ID(1)); n != 0 {
		t.Errorf("%d numbers are remembered of nobody's entries", n)
	}
}

// A Put that gives up before it was begun has no effect, and the queue looks at its items no more.
func TestAPutThatGivesUpIsForgotten(t *testing.T) {
	files := newMemFiles()
	e, _ := start(t, "", queue.Options{Files: files})
	syncing, release := make(chan struct{}), make(chan struct{})
	held := false
	files.failing(func(op, name string) error {
		if op == "fsync" && !held {
			held = true
			close(syncing)
			<-release
		}
		return nil
	})
	first := make(chan error)
	go func() { first <- e.Put(t.Context(), []queue.Item{queuetest.Item(1, 1)})[0] }()
	<-syncing
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	items := []queue.Item{queuetest.Item(2, 2)}
	if err := e.Put(ctx, items)[0]; !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	items[0].Recipients[0] = queuetest.Device(3) // the caller's memory, used for something else
	close(release)
	if err := errors.Join(<-first, e.Put(t.Context(), []queue.Item{queuetest.Item(4, 4)})[0]); err != nil {
		t.Fatal(err)
	}
	for device, want := range map[int]int{1: 1, 2: 0, 3: 0, 4: 1} {
		if list, err := e.Next(t.Context(), queuetest.Device(device), 0, 10, 1000); err != nil || len(list) != want {
			t.Errorf("device %d has %d deliveries, %v; want %d", device, len(list), err, want)
		}
	}
}
