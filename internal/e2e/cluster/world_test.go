//go:build cluster

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"

	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"muster.example/internal/cluster"
	"muster.example/internal/e2e/program"
	"muster.example/node"
	"muster.example/node/api"
	"muster.example/rendezvous/queue/replicated"
)

func TestMain(m *testing.M) { program.Build(m) }

// offerAgain is the silence after which devices offer a message again: custody works in seconds here, and in hours elsewhere.
const offerAgain = 6 * time.Second

// world is servers, processes of one node, and people's devices.
type world struct {
	t      *testing.T
	nats   *cluster.Cluster
	nodes  []*program.Process
	dirs   []string
	ports  []int
	flags  []string
	people []*person
	sent   int
	want   map[*person][]string
}

// person is a member with one device, in the test's process.
type person struct {
	*node.Node
	name, id string
	t        *testing.T
	dir      string
	end      func() // nil: it does not run
}

// newWorld starts three servers, two processes of one node, and devices of three people who know each other.
func newWorld(t *testing.T) *world { return newWorldIn(t, true, cluster.Options{}) }

// newWorldIn does so with the queue in the cluster, or with one process and the queue in its folder.
func newWorldIn(t *testing.T, clustered bool, opt cluster.Options) *world {
	t.Helper()
	w := &world{t: t, want: make(map[*person][]string)}
	var err error
	opt.Servers = 3
	if w.nats, err = cluster.New(t.TempDir(), opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.nats.Stop)
	if err := w.nats.Start(2 * time.Minute); err != nil {
		t.Fatal(err)
	}
	ports := []int{freePort(t), freePort(t)}[:1]
	if clustered {
		ports = append(ports, freePort(t))
	}
	for _, port := range ports { // devices find either process under the one key
		w.flags = append(w.flags, "--announce", fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", port))
	}
	var claim string
	for i := range ports {
		dir := filepath.Join(t.TempDir(), "node")
		if i > 0 {
			copyIdentity(t, w.dirs[0], dir)
		}
		w.dirs, w.nodes = append(w.dirs, dir), append(w.nodes, nil)
		w.ports = ports
		w.process(i, clustered)
		w.nodes[i].Start()
		if i == 0 {
			claim = w.nodes[i].Says(program.ClaimLink)
		}
		w.serves(i)
	}
	for _, name := range []string{"alice", "bob", "carol"} {
		w.people = append(w.people, startPerson(t, name))
	}
	w.acquaint(claim)
	return w
}

// process makes the program of one process, with the queue in the cluster or in its folder.
func (w *world) process(i int, clustered bool) {
	command := slices.Concat([]string{program.Path("muster-rendezvous"), "run", "--dir", w.dirs[i], "--room", "1GiB",
		"--listen", fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", w.ports[i])}, w.flags)
	if clustered {
		command = append(command, "--queue", w.nats.URL(), "--queue-credentials", w.nats.Credentials())
	}
	w.nodes[i] = program.New(w.t, fmt.Sprintf("process %d", i+1), command...)
}

// use has the only process run with the queue in the cluster, or in its folder.
func (w *world) use(clustered bool) { w.process(0, clustered) }

// serves waits until a process answers on its control socket.
func (w *world) serves(i int) {
	w.t.Helper()
	program.Await(w.t, time.Minute, w.nodes[i].Name+" serves", func() bool {
		return exec.Command(program.Path("muster-rendezvous"), "status", "--dir", w.dirs[i]).Run() == nil
	})
}

func copyIdentity(t *testing.T, from, to string) {
	t.Helper()
	identity, err := os.ReadFile(filepath.Join(from, "identity"))
	if err == nil {
		err = os.MkdirAll(to, 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(to, "identity"), identity, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func startPerson(t *testing.T, name string) *person {
	t.Helper()
	p := &person{name: name, t: t, dir: filepath.Join(t.TempDir(), "store")}
	p.start()
	t.Cleanup(p.stop)
	return p
}

func (p *person) start() {
	p.t.Helper()
	n, err := node.New(node.Config{
		Dir: p.dir, Key: [32]byte{1}, OfferAgain: offerAgain, NoDirect: true, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	p.Node, p.end = n, func() {
		cancel()
		if err := <-ended; err != nil {
			p.t.Errorf("%s: %v", p.name, err)
		}
	}
}

func (p *person) stop() {
	if p.end != nil {
		p.end()
		p.end = nil
	}
}

// acquaint founds an organization of all and makes everybody everybody's contact.
func (w *world) acquaint(claim string) {
	t, ctx := w.t, w.t.Context()
	t.Helper()
	founder := w.people[0]
	created, err := founder.CreateOrg(ctx, api.CreateOrgRequest{Claim: claim, Name: "Harbour", As: founder.name})
	if err != nil {
		t.Fatal(err)
	}
	founder.id = created.Member
	for _, p := range w.people[1:] {
		invited, err := founder.Invite(ctx, api.InviteRequest{})
		if err != nil {
			t.Fatal(err)
		}
		joined, err := p.Join(ctx, api.JoinRequest{Invitation: invited.Invitation, As: p.name})
		if err != nil {
			t.Fatal(err)
		}
		p.id = joined.Member
	}
	for i, p := range w.people {
		for _, other := range w.people[i+1:] {
			program.Await(t, 2*time.Minute, p.name+" sees "+other.name, func() bool { return p.contact(other) != "" })
			if _, err := p.Introduce(ctx, api.IntroduceRequest{Member: other.id, Text: "it is me"}); err != nil {
				t.Fatal(err)
			}
			program.Await(t, 2*time.Minute, other.name+" hears from "+p.name, func() bool { return other.contact(p) == api.ContactAsks })
			if _, err := other.Accept(ctx, api.AcceptRequest{Member: p.id}); err != nil {
				t.Fatal(err)
			}
			program.Await(t, 2*time.Minute, p.name+" is accepted", func() bool { return p.contact(other) == api.ContactAcquainted })
		}
	}
}

func (p *person) contact(other *person) api.ContactState {
	contacts, err := p.Contacts(p.t.Context(), api.ContactsQuery{All: true})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range contacts {
		if c.Member == other.id {
			return c.State
		}
	}
	return ""
}

// flow has everybody write to everybody for a time. A node that is told to try later answers its person after a moment, so
// several write at once.
func (w *world) flow(d time.Duration) {
	w.t.Helper()
	tick := time.NewTicker(60 * time.Millisecond)
	defer tick.Stop()
	var writing sync.WaitGroup
	defer writing.Wait()
	for end := time.Now().Add(d); time.Now().Before(end); <-tick.C {
		from := w.people[w.sent%len(w.people)]
		to := w.people[(w.sent+1+w.sent/3%2)%len(w.people)]
		if from.end == nil {
			from, to = w.people[0], from
		}
		request := w.message(from, to)
		writing.Go(func() { w.post(from, request) })
	}
}

// message notes that one writes to another.
func (w *world) message(from, to *person) api.SendRequest {
	text := fmt.Sprintf("number %d from %s", w.sent, from.name)
	w.want[to] = append(w.want[to], text)
	w.sent++
	return api.SendRequest{To: []string{to.id}, Text: text}
}

func (w *world) post(from *person, request api.SendRequest) {
	if _, err := from.Send(w.t.Context(), request); err != nil {
		w.t.Errorf("%s sends: %v", from.name, err)
	}
}

func (w *world) send(from, to *person) { w.post(from, w.message(from, to)) }

// inbox returns the texts of the messages received, sorted.
func (p *person) inbox() (texts []string) {
	for cursor := ""; ; {
		page, err := p.Inbox(p.t.Context(), api.InboxQuery{Cursor: cursor})
		if err != nil {
			p.t.Fatal(err)
		}
		for _, m := range page.Messages {
			if m.Kind == api.KindMessage {
				texts = append(texts, m.Text)
			}
		}
		if cursor = page.Next; cursor == "" {
			slices.Sort(texts)
			return texts
		}
	}
}

// settled waits until every message is in its receiver's history, once, every outbox empty, and nothing left in the queue.
func (w *world) settled() {
	t := w.t
	t.Helper()
	for _, p := range w.people {
		slices.Sort(w.want[p])
		program.Await(t, 3*time.Minute, p.name+" has every message", func() bool { return len(p.inbox()) >= len(w.want[p]) })
	}
	for _, p := range w.people {
		program.Await(t, 2*time.Minute, p.name+" waits for nothing", func() bool {
			status, err := p.Status(t.Context())
			return err == nil && status.Orgs[0].Outbox == 0
		})
		if diff := cmp.Diff(w.want[p], p.inbox()); diff != "" {
			t.Errorf("%s's history (-want +got):\n%s", p.name, diff)
		}
	}
	for i := range w.nodes {
		program.Await(t, 2*time.Minute, w.nodes[i].Name+" holds nothing", func() bool { return w.entries(i) == 0 })
	}
	t.Logf("%d messages came, each exactly once", w.sent)
}

// entries asks a process how much waits.
func (w *world) entries(i int) int {
	out, err := exec.Command(program.Path("muster-rendezvous"), "status", "--json", "--dir", w.dirs[i]).Output()
	if err != nil {
		return -1
	}
	var status struct{ Orgs []struct{ Entries int } }
	if err := json.Unmarshal(out, &status); err != nil || len(status.Orgs) != 1 {
		w.t.Fatalf("status: %v in %s", err, out)
	}
	return status.Orgs[0].Entries
}

// streams opens the cluster as an operator does, and calls visit with each stream of the queue of a kind.
func (w *world) streams(kind string, visit func(s jetstream.Stream) error) error {
	credentials, err := replicated.ReadCredentials(w.nats.Credentials())
	if err != nil {
		return err
	}
	options, err := credentials.Options()
	if err != nil {
		return err
	}
	nc, err := nats.Connect(w.nats.URL(), options...)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(30*time.Second))
	for n := 0; n < 4 && err == nil; n++ {
		var s jetstream.Stream
		if s, err = js.Stream(w.t.Context(), fmt.Sprintf("muster-%d-%s", n, kind)); err == nil {
			err = visit(s)
		}
	}
	return err
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
