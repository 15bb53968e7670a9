//go:build browser

package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// programs is the folder of the two built programs.
var programs string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "muster-browser-")
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

// start runs a program until the test ends, and returns what the first line that fits says of itself.
func start(t *testing.T, fits *regexp.Regexp, name string, args ...string) string {
	t.Helper()
	said, _ := startUntil(t, fits, name, args...)
	return said
}

// startUntil is start, with what stops the program earlier and waits until it has ended.
func startUntil(t *testing.T, fits *regexp.Regexp, name string, args ...string) (found string, stop func()) {
	t.Helper()
	command := exec.Command(filepath.Join(programs, name), args...)
	var said strings.Builder
	command.Stderr = &said
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	stop = sync.OnceFunc(func() {
		command.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it has ended by itself
		command.Wait()                          //nolint:errcheck // ended by the signal
	})
	t.Cleanup(func() {
		if stop(); t.Failed() {
			t.Logf("%s said:\n%s", name, said.String())
		}
	})
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if found := fits.FindString(lines.Text()); found != "" {
			return found, stop
		}
	}
	t.Fatalf("%s ended without saying %v", name, fits)
	return "", stop
}

var (
	claimLink = regexp.MustCompile(`muster:claim/[A-Za-z0-9_-]+`)
	loginLink = regexp.MustCompile(`http://[^ ]+/login/[A-Z0-9]+`)
)

// startRendezvous runs a rendezvous node and returns its claim link.
func startRendezvous(t *testing.T) string {
	t.Helper()
	return start(t, claimLink, "muster-rendezvous", "run", "--dir", filepath.Join(t.TempDir(), "rendezvous"), "--listen", "/ip4/127.0.0.1/tcp/0")
}

// person is somebody with a node of their own, reached by the command line's client and by a browser.
type person struct {
	t      *testing.T
	name   string
	dir    string
	key    string // file that unlocks dir
	login  string
	client *apiclient.Client
	stop   func() // ends the node
}

func startPerson(t *testing.T, name string) *person {
	t.Helper()
	p := &person{t: t, name: name, dir: filepath.Join(t.TempDir(), "node"), key: filepath.Join(t.TempDir(), "key")}
	p.run()
	return p
}

// run starts the person's node, which is not running.
func (p *person) run() {
	p.t.Helper()
	p.login, p.stop = startUntil(p.t, loginLink, "muster", "start", "--dir", p.dir, "--key-file", p.key)
	client, err := apiclient.New(p.dir)
	if err != nil {
		p.t.Fatalf("reaching the node of %s: %v", p.name, err)
	}
	p.client = client
	p.t.Cleanup(func() { client.Close() })
}

// muster gives a command of the command line and returns what it printed, which must be JSON of T.
func muster[T any](p *person, args ...string) T {
	p.t.Helper()
	command := exec.CommandContext(p.t.Context(), filepath.Join(programs, "muster"), append(args, "--dir", p.dir, "--json")...)
	var said strings.Builder
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		p.t.Fatalf("%s: muster %s: %v\n%s", p.name, strings.Join(args, " "), err, said.String())
	}
	var answer T
	if err := json.Unmarshal(out, &answer); err != nil {
		p.t.Fatalf("%s: muster %s printed %s: %v", p.name, strings.Join(args, " "), out, err)
	}
	return answer
}

// organization is one with a founder and members who may write to each other.
func organization(t *testing.T, names ...string) []*person {
	t.Helper()
	claim := startRendezvous(t)
	people := make([]*person, len(names))
	for i, name := range names {
		people[i] = startPerson(t, name)
	}
	founder := people[0]
	muster[api.CreateOrgResult](founder, "org", "create", "Lighthouse", "--claim", claim, "--as", founder.name)
	muster[any](founder, "admin", "policy", "set", "contact.member.member=free", "contact.admin.member=free", "contact.member.admin=free")
	if len(names) > 1 {
		invited := muster[api.InviteResult](founder, "invite", "--uses", fmt.Sprint(len(names)-1))
		for _, p := range people[1:] {
			muster[api.JoinResult](p, "join", invited.Invitation, "--as", p.name)
		}
	}
	return people
}

// await polls until condition holds.
func await(t *testing.T, what string, condition func(context.Context) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !condition(ctx) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("after %v still not: %s", waitLimit, what)
		}
	}
}

// waitLimit is how long anything may take before a test fails.
const waitLimit = 60 * time.Second
