//go:build cluster

package cluster

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster.example/internal/cluster"
	"muster.example/internal/e2e/program"
)

// TestMovesUpAndDown takes a node with waiting messages from its folder into a cluster and back, each time killed half-way and begun
// again: every message comes, once, and in order.
func TestMovesUpAndDown(t *testing.T) {
	w := newWorldIn(t, false, cluster.Options{})
	bob, carol := w.people[1], w.people[2]
	for _, up := range []bool{true, false} {
		w.flow(2 * time.Second)
		bob.stop()
		carol.stop()
		w.fill(400)
		program.Await(t, time.Minute, "messages wait", func() bool { return w.entries(0) >= 400 })
		w.nodes[0].End(syscall.SIGTERM)
		waiting := w.move(up, true)
		if out := w.move(up, false); !strings.Contains(out, "moved: ") {
			t.Errorf("the move said %q, and before %q", out, waiting)
		}
		w.use(up)
		w.nodes[0].Start()
		w.serves(0)
		if n := w.entries(0); n < 400 {
			t.Errorf("%d entries came over", n)
		}
		bob.start()
		carol.start()
		w.settled()
	}
	if out, err := exec.Command(program.Path("muster-rendezvous"), "check", "--dir", w.dirs[0]).CombinedOutput(); err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}
}

// fill has the first person write to the others, who are away.
func (w *world) fill(n int) {
	w.t.Helper()
	for range n {
		w.send(w.people[0], w.people[1+w.sent%2])
	}
}

// move runs queue move; half says that it is killed once something was moved.
func (w *world) move(up, half bool) string {
	w.t.Helper()
	from, to := "embedded", w.nats.URL()
	if !up {
		from, to = to, from
	}
	command := exec.Command(program.Path("muster-rendezvous"), "queue", "move", "--dir", w.dirs[0], "--from", from, "--to", to,
		"--room", "1GiB", "--queue-credentials", w.nats.Credentials())
	if !half {
		out, err := command.CombinedOutput()
		if err != nil {
			w.t.Fatalf("queue move: %v\n%s", err, out)
		}
		return string(out)
	}
	said, err := command.StderrPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	line := make([]byte, 256)
	n, _ := said.Read(line) // the first portion is over
	_ = command.Process.Kill()
	_ = command.Wait()
	return string(line[:n])
}
