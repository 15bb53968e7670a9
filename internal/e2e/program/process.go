package program

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"
)

// StartTime is how long a program may take to begin, on a machine that is busy with other tests.
const StartTime = 2 * time.Minute

// Process is one of the programs, started as often as it is ended. It ends with its test.
type Process struct {
	Name string // what the test calls it

	t       *testing.T
	command []string
	running *exec.Cmd        // nil: it does not run
	ended   *os.ProcessState // how it ended last: by itself, or by which signal
	said    *lines
}

// New returns a process that does not run yet. The first word of the command is looked for on the path if it holds no slash, so that
// Path names a program, and what comes before it a command that it runs behind.
func New(t *testing.T, name string, command ...string) *Process {
	p := &Process{Name: name, t: t, command: command, said: &lines{}}
	t.Cleanup(func() {
		p.End(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("%s ended by %v, and said:\n%s", name, p.ended, p.tail())
		}
	})
	return p
}

// Start starts the process.
func (p *Process) Start() {
	p.t.Helper()
	p.said = &lines{}
	p.running = exec.Command(p.command[0], p.command[1:]...)
	p.running.Stdout, p.running.Stderr = p.said, p.said
	if err := p.running.Start(); err != nil {
		p.t.Fatalf("starting %s: %v", p.Name, err)
	}
}

// End sends a signal to a process that runs, and waits until it is gone.
func (p *Process) End(signal syscall.Signal) {
	if p.running == nil {
		return
	}
	_ = p.running.Process.Signal(signal)
	_ = p.running.Wait()
	p.running, p.ended = nil, p.running.ProcessState
}

// Running reports whether the process was started and not ended.
func (p *Process) Running() bool { return p.running != nil }

// ID returns the number of a process that runs, which is that of the program also behind ip netns exec.
func (p *Process) ID() int { return p.running.Process.Pid }

// Says waits until the process has said something since its start, and returns it.
func (p *Process) Says(what *regexp.Regexp) (found string) {
	p.t.Helper()
	Await(p.t, StartTime, p.Name+" says "+what.String(), func() bool {
		found = what.FindString(p.said.String())
		return found != ""
	})
	return found
}

// Said returns what the process has said since its start.
func (p *Process) Said() string { return p.said.String() }

// tail returns the end of what the process said.
func (p *Process) tail() string {
	const most = 4000
	text := p.said.String()
	if len(text) > most {
		return "…" + text[len(text)-most:]
	}
	return text
}

// Await asks until condition holds.
func Await(t *testing.T, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := began.Add(limit); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("after %v still not: %s", limit, what)
		}
	}
	t.Logf("after %v: %s", time.Since(began).Round(100*time.Millisecond), what)
}

// lines keeps what a process says.
type lines struct {
	mu   sync.Mutex // guards the following
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
