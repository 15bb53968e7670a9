package queue_test

import (
	"context"
	"testing"

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
