package replicated_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"

	"muster.example/internal/cluster"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
	"muster.example/rendezvous/queue/replicated"
)

// startCluster starts servers that end with the test.
func startCluster(t testing.TB, servers int) *cluster.Cluster {
	t.Helper()
	c, err := cluster.New(t.TempDir(), cluster.Options{Servers: servers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Stop()
		if t.Failed() && os.Getenv("CLUSTER_LOGS") != "" {
			for _, s := range c.Servers {
				t.Logf("%s:\n%s", s.Name, s.Log())
			}
		}
	})
	if err := c.Start(patience); err != nil {
		t.Fatal(err)
	}
	return c
}

func optionsFor(t testing.TB, c *cluster.Cluster, prefix string) replicated.Options {
	t.Helper()
	credentials, err := replicated.ReadCredentials(c.Credentials())
	if err != nil {
		t.Fatal(err)
	}
	return replicated.Options{
		Servers: c.Addresses(), Credentials: credentials, Prefix: prefix, MaxBytes: 64 << 20,
		Logger: slog.New(slog.NewTextHandler(logTo{t}, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
}

// logTo writes to a test's log.
type logTo struct{ testing.TB }

func (l logTo) Write(b []byte) (int, error) {
	fmt.Fprintf(l.Output(), "%s", b)
	return len(b), nil
}

// open opens an engine and runs it; stop ends it cleanly.
func open(t testing.TB, opt replicated.Options) (e *replicated.Engine, stop func()) {
	t.Helper()
	e, err := replicated.Open(t.Context(), opt)
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

var prefixes atomic.Int64

func newPrefix() string { return fmt.Sprintf("q%d", prefixes.Add(1)) }

func TestConforms(t *testing.T) { conforms(t, 1) }

// conforms runs the suite of all engines before so many servers.
func conforms(t *testing.T, servers int) {
	c := startCluster(t, servers)
	queuetest.Run(t, func(t *testing.T, limits queuetest.Limits) (queue.Engine, func() queue.Engine) {
		opt := optionsFor(t, c, newPrefix())
		opt.Shards = 1 + int(prefixes.Load())%2
		opt.DeviceEntries, opt.DeviceBytes = limits.DeviceEntries, limits.DeviceBytes
		e, stop := open(t, opt)
		return e, func() queue.Engine {
			stop()
			e, stop = open(t, opt)
			return e
		}
	})
}
