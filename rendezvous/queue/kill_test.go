package queue_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/queue/queuetest"
)

// The variables by which the test runs itself as the process that is killed.
const (
	killDirVariable   = "QUEUE_KILL_DIR"
	killFirstVariable = "QUEUE_KILL_FIRST"
	killPointVariable = "QUEUE_KILL_POINT" // where it kills itself, see point; empty for never
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDirVariable); dir != "" {
		writeUntilKilled(dir)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeUntilKilled puts from eight callers, printing "put N" for each answered envelope, and acknowledges all but every
// 997th, printing "ack N" before: segments come and go.
func writeUntilKilled(dir string) {
	first, _ := strconv.Atoi(os.Getenv(killFirstVariable))
	e, err := queue.Open(dir, queue.Options{SegmentBytes: 64 << 10, Files: killing(dir, os.Getenv(killPointVariable))})
	if err != nil || len(e.Damage()) > 0 {
		fmt.Println("error", err)
		return
	}
	go e.Run(context.Background())
	var mu sync.Mutex
	say := func(what string, n int) {
		mu.Lock()
		defer mu.Unlock()
		os.Stdout.WriteString(fmt.Sprintln(what, n))
	}
	for caller := range 8 {
		go func() {
			for n := first + caller; ; n += 8 {
				if e.Put(context.Background(), []queue.Item{queuetest.Item(n, 1)})[0] != nil {
					say("error", n)
				}
				say("put", n)
				if n%997 != 0 {
					say("ack", n)
					e.Ack(context.Background(), queuetest.Device(1), []keys.EnvelopeID{queuetest.ID(n)})
				}
			}
		}()
	}
	select {}
}

func TestNothingAnsweredIsLostByKilling(t *testing.T) { killLoop(t, 4, points()[:0]) }

// killLoop has a process write to one folder and kills it with SIGKILL, again and again: as many times at random moments
// as said, and once at each point. After each kill the folder must open whole, with everything that was answered.
func killLoop(t *testing.T, random int, at []point) {
	dir := t.TempDir()
	state := map[int]string{}
	for round := range random + len(at) {
		where := ""
		if round >= random {
			where = at[round-random].String()
		}
		if reached := writeAndKill(t, dir, round, where, state); where != "" && !reached {
			t.Errorf("no process came to the point %q", where)
		}
		checkAfterKill(t, dir, state)
	}
}

// writeAndKill runs a process that writes, until it has killed itself at a point or, without one, until it has said
// enough. It reports whether the process ended by itself.
func writeAndKill(t *testing.T, dir string, round int, where string, state map[int]string) (itself bool) {
	first, lines := 1_000_000*round, 500+997*round%3000
	if where != "" {
		lines = 100_000
	}
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), killDirVariable+"="+dir, killFirstVariable+"="+strconv.Itoa(first), killPointVariable+"="+where)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	itself = true
	scanner := bufio.NewScanner(out)
	for i := 0; scanner.Scan(); i++ {
		what, n := "", 0
		fmt.Sscan(scanner.Text(), &what, &n)
		if state[n] = what; what == "error" {
			t.Fatal(scanner.Text())
		}
		if i == lines {
			itself = false
			command.Process.Kill()
		}
	}
	command.Wait()
	return itself
}

// checkAfterKill opens the queue and looks for every envelope that was answered and not acknowledged.
func checkAfterKill(t *testing.T, dir string, state map[int]string) {
	t.Helper()
	e, stop := start(t, dir, queue.Options{SegmentBytes: 64 << 10})
	defer stop()
	for _, err := range e.Damage() {
		t.Error(err)
	}
	there := map[keys.EnvelopeID][]byte{}
	for after := uint64(0); ; {
		list, err := e.Next(t.Context(), queuetest.Device(1), after, 1000, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, d := range list {
			if there[d.ID] != nil {
				t.Error("one envelope waits twice")
			}
			there[d.ID], after = d.Body, d.Number
		}
	}
	puts := 0
	for n, what := range state {
		if what != "put" {
			continue
		}
		puts++
		if !bytes.Equal(there[queuetest.ID(n)], queuetest.Body(n, 100)) {
			t.Errorf("envelope %d is lost", n)
		}
	}
	if puts == 0 {
		t.Error("nothing was put before the kill")
	}
}
