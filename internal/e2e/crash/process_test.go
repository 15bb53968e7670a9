//go:build crash

package crash

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"muster.example/node/apiclient"
)

// programs is the folder of the two built programs.
var programs string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "muster-crash-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	programs = dir
	build := exec.Command("go", "build", "-o", dir, "muster.example/cmd/muster", "muster.example/cmd/muster-rendezvous")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the programs: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// process is one of the programs, started as often as it is killed.
type process struct {
	t    *testing.T
	name string
	args []string
	dir  string

	command *exec.Cmd
	output  *lines
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

func (p *process) start() {
	p.t.Helper()
	p.output = &lines{}
	p.command = exec.Command(filepath.Join(programs, p.args[0]), p.args[1:]...)
	p.command.Stdout, p.command.Stderr = p.output, p.output
	if err := p.command.Start(); err != nil {
		p.t.Fatalf("starting %s: %v", p.name, err)
	}
}

// end sends a signal and waits for the process to be gone.
func (p *process) end(signal syscall.Signal) {
	if p.command == nil {
		return
	}
	_ = p.command.Process.Signal(signal)
	_ = p.command.Wait()
	p.command = nil
}

func (p *process) running() bool { return p.command != nil }

// await polls until condition holds.
func await(t *testing.T, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("after %v still not: %s", limit, what)
		}
	}
}

// freePort returns a port that nothing listens on.
func freePort(t *testing.T) int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// rendezvous returns a rendezvous node that is running, and its claim link.
func startRendezvous(t *testing.T) (*process, string) {
	dir := filepath.Join(t.TempDir(), "rendezvous")
	port := freePort(t)
	p := &process{t: t, name: "rendezvous", dir: dir, args: []string{
		"muster-rendezvous", "run", "--dir", dir, "--listen", fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port),
	}}
	p.start()
	t.Cleanup(func() {
		p.end(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("rendezvous said:\n%s", tail(p.output.String()))
		}
	})
	var claim string
	await(t, 30*time.Second, "the claim link is printed", func() bool {
		for _, word := range strings.Fields(p.output.String()) {
			if strings.HasPrefix(word, "muster:claim/") {
				claim = word
			}
		}
		return claim != ""
	})
	return p, claim
}

// person is a member with a device of their own.
type person struct {
	*process
	client *apiclient.Client
	id     string
}

func startPerson(t *testing.T, name string) *person {
	dir := filepath.Join(t.TempDir(), name)
	p := &person{process: &process{t: t, name: name, dir: dir, args: []string{
		"muster", "start", "--dir", dir, "--key-file", filepath.Join(t.TempDir(), "key"),
	}}}
	p.start()
	t.Cleanup(func() {
		p.end(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("%s said:\n%s", name, tail(p.output.String()))
		}
	})
	return p
}

// start starts the node and waits until it answers.
func (p *person) start() {
	p.t.Helper()
	p.process.start()
	await(p.t, 30*time.Second, p.name+" answers", func() bool {
		if p.client == nil {
			client, err := apiclient.New(p.dir)
			if err != nil {
				return false
			}
			p.client = client
		}
		_, err := p.client.Status(context.Background())
		return err == nil
	})
}

func tail(text string) string {
	const most = 4000
	if len(text) > most {
		return "…" + text[len(text)-most:]
	}
	return text
}
