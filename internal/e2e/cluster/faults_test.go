//go:build cluster

package cluster

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"muster.example/internal/e2e/program"
)

// TestFaultsWhileMessagesFlow kills and stops servers and processes while people write to each other. In the end each message is in
// its receiver's history exactly once, and nothing waits any more.
func TestFaultsWhileMessagesFlow(t *testing.T) {
	w := newWorld(t)
	w.flow(time.Second)
	phase := func(name string) func() {
		from := w.sent
		return func() { t.Logf("%s: %d messages were sent meanwhile", name, w.sent-from) }
	}
	for _, s := range w.nats.Servers {
		done := phase("kill -9 of " + s.Name)
		s.Kill()
		w.flow(3 * time.Second)
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		w.back(s.Await)
		w.flow(time.Second)
		done()
	}
	for i, p := range w.nodes {
		done := phase("kill -9 of " + p.Name)
		p.End(syscall.SIGKILL)
		w.flow(2 * time.Second)
		p.Start()
		w.serves(i)
		w.flow(time.Second)
		done()
	}
	done := phase("kill -9 of a server and a process")
	w.nodes[0].End(syscall.SIGKILL)
	w.nats.Servers[1].Kill()
	w.flow(3 * time.Second)
	if err := w.nats.Servers[1].Start(); err != nil {
		t.Fatal(err)
	}
	w.back(w.nats.Servers[1].Await)
	w.nodes[0].Start()
	w.serves(0)
	done()

	done = phase("rolling restart of the servers")
	for _, s := range w.nats.Servers {
		s.Stop()
		w.flow(time.Second)
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		w.back(s.Await)
		w.current()
	}
	done()
	done = phase("rolling restart of the processes")
	for i, p := range w.nodes {
		p.End(syscall.SIGTERM)
		w.flow(time.Second)
		p.Start()
		w.serves(i)
	}
	done()
	done = phase("two of three servers stand still")
	for _, s := range w.nats.Servers[:2] {
		w.signal(s.Signal, syscall.SIGSTOP)
	}
	w.flow(6 * time.Second)
	for _, s := range w.nats.Servers[:2] {
		w.signal(s.Signal, syscall.SIGCONT)
	}
	w.flow(time.Second)
	done()
	w.settled()
}

// TestStreamDataDeletedWhileMessagesFlow purges each kind of stream while people write to each other and messages wait: the senders'
// custody repairs it.
func TestStreamDataDeletedWhileMessagesFlow(t *testing.T) {
	w := newWorld(t)
	for _, kind := range []string{"bodies", "keys", "log"} {
		lost := 0
		carol := w.people[2]
		carol.stop() // what is for her waits, and is lost
		for range 6 {
			w.flow(300 * time.Millisecond)
			err := w.streams(kind, func(s jetstream.Stream) error {
				info, err := s.Info(t.Context())
				if err != nil {
					return err
				}
				lost += int(info.State.Msgs)
				return s.Purge(t.Context())
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("%d messages of the streams of %s were deleted", lost, kind)
		if lost == 0 {
			t.Error("nothing was deleted")
		}
		carol.start()
	}
	w.flow(time.Second)
	w.settled()
}

// back waits until a server answers.
func (w *world) back(await func(time.Duration) error) {
	w.t.Helper()
	if err := await(2 * time.Minute); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) signal(send func(syscall.Signal) error, signal syscall.Signal) {
	w.t.Helper()
	if err := send(signal); err != nil {
		w.t.Fatal(err)
	}
}

// current waits until every server has every message: an operator waits so before the next restart. While the servers choose who leads,
// none of them may answer.
func (w *world) current() {
	w.t.Helper()
	for _, kind := range []string{"log", "bodies", "keys"} {
		program.Await(w.t, 2*time.Minute, "every server has every message of the streams of "+kind, func() bool {
			return w.streams(kind, w.isCurrent) == nil
		})
	}
}

// isCurrent returns an error as long as a server lacks something of a stream.
func (w *world) isCurrent(s jetstream.Stream) error {
	info, err := s.Info(w.t.Context())
	if err != nil {
		return err
	}
	if info.Cluster == nil || info.Cluster.Leader == "" || len(info.Cluster.Replicas) < 2 {
		return errors.New("nobody leads, or not all follow")
	}
	for _, r := range info.Cluster.Replicas {
		if !r.Current {
			return fmt.Errorf("%s is behind", r.Name)
		}
	}
	return nil
}
