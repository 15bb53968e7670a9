//go:build browser

package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

func TestMain(m *testing.M) { program.Build(m) }

// startRendezvous runs a rendezvous node and returns its claim link.
func startRendezvous(t *testing.T) string {
	t.Helper()
	return program.StartRendezvous(t, nil, "/ip4/127.0.0.1/tcp/0").Claim
}

// person is somebody with a node of their own, reached by the command line's client and by a browser.
type person struct {
	t      *testing.T
	name   string
	dir    string
	key    string // file that unlocks dir
	login  string
	client *apiclient.Client
	device *program.Device
}

func startPerson(t *testing.T, name string) *person {
	t.Helper()
	device := program.StartDevice(t, name, nil)
	return &person{t: t, name: name, dir: device.Dir, key: device.Key, login: device.Login, client: device.Client, device: device}
}

// run starts the person's node, which is not running.
func (p *person) run() {
	p.t.Helper()
	p.device.Start()
	p.login = p.device.Login
}

// stop ends the person's node.
func (p *person) stop() { p.device.End(syscall.SIGTERM) }

// muster gives a command of the command line and returns what it printed, which must be JSON of T.
func muster[T any](p *person, args ...string) T {
	p.t.Helper()
	command := exec.CommandContext(p.t.Context(), program.Path("muster"), append(args, "--dir", p.dir, "--json")...)
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
	return organizationAt(t, startRendezvous(t), names...)
}

// organizationAt is organization, at the rendezvous node of a claim link.
func organizationAt(t *testing.T, claim string, names ...string) []*person {
	t.Helper()
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
