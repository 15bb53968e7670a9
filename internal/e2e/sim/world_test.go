package sim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/nearby"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/internal/testnet"
	"muster.example/node"
	"muster.example/node/api"
	"muster.example/rendezvous"
)

// world is one organization's people and their rendezvous node.
type world struct {
	t    *testing.T
	net  *testnet.Net
	dir  string
	log  *slog.Logger
	node *server
	all  []*person
	near bool // people have local networks, which are as the links are

	offerAgain time.Duration // after how long devices offer an envelope again for which no receipt came; 0: 5 minutes
	// change, if set before people come, is a test's own settings of a device.
	change func(*person, *node.Config)
}

// long leaves a simulation that takes more than ten seconds to `make long`.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("this simulation is a long one: make long plays it")
	}
}

// Simulated nodes make much garbage that is dead at once, and share one processor with its collection.
func init() { debug.SetGCPercent(400) }

// simulate runs a test in a bubble, with a rendezvous node that is up.
func simulate(t *testing.T, seed uint64, test func(w *world)) {
	t.Helper()
	testnet.Run(t, seed, func(t *testing.T, net *testnet.Net) {
		w := &world{t: t, net: net, dir: testnet.TempDir(t), log: slog.New(slog.DiscardHandler)}
		if testing.Verbose() && os.Getenv("MUSTER_SIM_LOG") != "" {
			w.log = slog.New(slog.NewTextHandler(os.Stderr, nil))
		}
		w.node = w.server(serverPlace)
		w.node.start()
		defer func() {
			for _, p := range w.all {
				p.stop()
			}
			w.node.stop()
		}()
		test(w)
	})
}

// running is a Run in a goroutine that can be ended.
type running struct {
	group *task.Group
}

func run(name string, body func(ctx context.Context) error) *running {
	group := task.New(context.Background())
	group.Go(name, body)
	return &running{group}
}

func (r *running) end() error {
	r.group.Stop()
	return r.group.Wait()
}

// server is the rendezvous node.
type server struct {
	world   *world
	node    *rendezvous.Node
	running *running
	change  func(*rendezvous.Config) // a test's own settings
	place   int                      // on the network
	dir     string
}

const serverPlace = 0

// server makes a rendezvous node that is not running.
func (w *world) server(place int) *server {
	return &server{world: w, place: place, dir: filepath.Join(w.dir, fmt.Sprint("rendezvous", place))}
}

func (s *server) start() {
	t := s.world.t
	t.Helper()
	s.world.net.Up(testnet.Address(s.place))
	cfg := rendezvous.Config{
		Dir: s.dir, Listen: []string{testnet.Address(s.place)},
		Logger: s.world.log.With("node", "rendezvous"), QUIC: s.world.net.QUICOptions(testnet.Address(s.place)), NoControl: true,
	}
	if s.change != nil {
		s.change(&cfg)
	}
	n, err := rendezvous.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.node, s.running = n, run("rendezvous", n.Run)
	select {
	case <-n.Ready():
	case <-time.After(time.Minute):
		t.Fatalf("the rendezvous node did not start: %v", s.running.end())
	}
}

// stop ends the node as a signal would.
func (s *server) stop() {
	if s.running == nil {
		return
	}
	if err := s.running.end(); err != nil {
		s.world.t.Errorf("rendezvous node: %v", err)
	}
	s.running = nil
}

// crash makes the node vanish: nobody hears a goodbye.
func (s *server) crash() {
	s.world.net.Down(testnet.Address(s.place))
	s.stop()
}

func (s *server) claim() string {
	link, err := s.node.NewClaim()
	if err != nil {
		s.world.t.Fatal(err)
	}
	return link
}

// queued returns how many (envelope, device) pairs wait.
func (s *server) queued() int64 {
	var entries int64
	for _, org := range s.node.Status().Orgs {
		entries += org.Entries
	}
	return entries
}

// person is a member with one device.
type person struct {
	world   *world
	name    string
	place   int
	node    *node.Node
	running *running
	host    host.Host // of the last organization entered
	id      string
	copied  *person      // whose folder this one's was copied from; nil: its own
	skew    atomic.Int64 // how far the device's clock is ahead, a time.Duration
}

// person makes a device that is running and in no organization.
func (w *world) person(name string) *person {
	p := &person{world: w, name: name, place: len(w.all) + 1}
	w.all = append(w.all, p)
	p.start()
	return p
}

// key is what the person's folder is sealed under.
func (p *person) key() [32]byte {
	if p.copied != nil {
		return p.copied.key()
	}
	return [32]byte{byte(p.place)}
}

// copy makes a device whose folder is a copy of somebody's, who is stopped meanwhile. It does not run.
func (p *person) copy(name string) *person {
	p.world.t.Helper()
	p.stop()
	c := &person{world: p.world, name: name, place: len(p.world.all) + 1, copied: p, id: p.id}
	if err := os.CopyFS(filepath.Join(p.world.dir, name), os.DirFS(filepath.Join(p.world.dir, p.name))); err != nil {
		p.world.t.Fatal(err)
	}
	p.world.all = append(p.world.all, c)
	p.start()
	return c
}

func (p *person) address() string { return testnet.Address(p.place) }

func (p *person) start() {
	p.world.net.Up(p.address())
	config := node.Config{
		Dir: filepath.Join(p.world.dir, p.name), Key: p.key(), Evidence: filepath.Join(p.world.dir, p.name+"-evidence"), Log: p.world.log.With("node", p.name), OfferAgain: cmp.Or(p.world.offerAgain, 5*time.Minute), Brief: true,
		Clock: func() time.Time { return time.Now().Add(time.Duration(p.skew.Load())) },
		NewHost: func(cfg p2p.Config) (host.Host, error) {
			simulated := p.world.net.Config(p.place, cfg.Identity)
			cfg.QUIC, cfg.Gater = simulated.QUIC, neighbours{cfg.Gater}
			if len(cfg.Listen) > 0 || !cfg.Relayed { // a meeting's, beside the other one
				cfg.Listen = []string{strings.Replace(p.address(), "/8000/", "/0/", 1)}
				return p2p.NewHost(cfg)
			}
			cfg.Listen = simulated.Listen
			made, err := p2p.NewHost(cfg)
			p.host = made
			return made, err
		},
		Nearby: p.near(),
	}
	if p.world.change != nil {
		p.world.change(p, &config)
	}
	n, err := node.New(config)
	if err != nil {
		p.world.t.Fatalf("%s: %v", p.name, err)
	}
	p.node, p.running = n, run(p.name, n.Run)
}

func (p *person) near() nearby.Network {
	if !p.world.near {
		return nil
	}
	return p.world.net.Nearby(p.place)
}

func (p *person) stop() {
	if p.running == nil {
		return
	}
	if err := p.running.end(); err != nil {
		p.world.t.Errorf("%s: %v", p.name, err)
	}
	p.running = nil
}

func (p *person) crash() {
	p.world.net.Down(p.address())
	p.stop()
}

// await waits, in simulated time, until condition holds. It asks ever more seldom: what takes days is not polled by the
// millisecond.
func (w *world) await(limit time.Duration, what string, condition func() bool) {
	w.t.Helper()
	for start := time.Now(); !condition(); time.Sleep(max(50*time.Millisecond, time.Since(start)/20)) {
		if time.Since(start) > limit {
			w.t.Fatalf("after %v still not: %s\n%s", limit, what, w.describe())
		}
	}
}

// describe tells where everybody stands, for a failed test.
func (w *world) describe() string {
	var text strings.Builder
	fmt.Fprintf(&text, "queue: %d\n", w.node.queued())
	for _, p := range w.all {
		if p.running == nil {
			fmt.Fprintf(&text, "%s: stopped\n", p.name)
			continue
		}
		status, err := p.node.Status(context.Background())
		if err != nil {
			fmt.Fprintf(&text, "%s: %v\n", p.name, err)
			continue
		}
		for _, org := range status.Orgs {
			fmt.Fprintf(&text, "%s: connected %v, roll %d, outbox %d, missing %d, alarms %q, inbox %d\n", p.name,
				org.Rendezvous[0].Connected, org.Roll.Size, org.Outbox, org.Missing, org.Alarms, len(p.inbox()))
		}
	}
	return text.String()
}

func (p *person) found(name string) {
	p.world.t.Helper()
	result, err := p.node.CreateOrg(context.Background(), api.CreateOrgRequest{Claim: p.world.node.claim(), Name: name, As: p.name})
	if err != nil {
		p.world.t.Fatalf("%s founds %s: %v", p.name, name, err)
	}
	p.id = result.Member
}

func (p *person) invite(request api.InviteRequest) string {
	p.world.t.Helper()
	result, err := p.node.Invite(context.Background(), request)
	if err != nil {
		p.world.t.Fatalf("%s invites: %v", p.name, err)
	}
	return result.Invitation
}

func (p *person) join(invitation string) {
	p.world.t.Helper()
	result, err := p.node.Join(context.Background(), api.JoinRequest{Invitation: invitation, As: p.name})
	if err != nil {
		p.world.t.Fatalf("%s joins: %v", p.name, err)
	}
	p.id = result.Member
}

// acquaint makes two people contacts.
func (p *person) acquaint(other *person) {
	p.world.t.Helper()
	p.follow(other)
	if _, err := p.node.Introduce(context.Background(), api.IntroduceRequest{Member: other.id, Text: "it is me, " + p.name}); err != nil {
		p.world.t.Fatalf("%s introduces themselves to %s: %v", p.name, other.name, err)
	}
	p.world.await(time.Minute, other.name+" hears from "+p.name, func() bool { return other.contact(p) == api.ContactAsks })
	if _, err := other.node.Accept(context.Background(), api.AcceptRequest{Member: p.id}); err != nil {
		p.world.t.Fatalf("%s accepts %s: %v", other.name, p.name, err)
	}
	p.world.await(time.Minute, p.name+" learns that they were accepted", func() bool { return p.contact(other) == api.ContactAcquainted })
}

// follow waits until the person's roll holds another.
func (p *person) follow(other *person) {
	p.world.t.Helper()
	p.world.await(time.Minute, p.name+" sees "+other.name+" on the roll", func() bool { return p.contact(other) != "" })
}

// contact returns how one stands with another, or "" for somebody who is not on the roll.
func (p *person) contact(other *person) api.ContactState {
	contacts, err := p.node.Contacts(context.Background(), api.ContactsQuery{All: true})
	if err != nil {
		p.world.t.Fatal(err)
	}
	for _, c := range contacts {
		if c.Member == other.id {
			return c.State
		}
	}
	return ""
}

func (p *person) send(text string, to ...*person) string {
	p.world.t.Helper()
	request := api.SendRequest{Text: text, Subject: "about " + text}
	for _, other := range to {
		request.To = append(request.To, other.id)
	}
	result, err := p.node.Send(context.Background(), request)
	if err != nil {
		p.world.t.Fatalf("%s sends %q: %v", p.name, text, err)
	}
	return result.ID
}

// inbox returns the texts of the messages received, sorted.
func (p *person) inbox() []string {
	var texts []string
	for cursor := ""; ; {
		page, err := p.node.Inbox(context.Background(), api.InboxQuery{Cursor: cursor})
		if err != nil {
			p.world.t.Fatal(err)
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

// states returns how a sent message stands, one state a device.
func (p *person) states(id string) []api.State {
	message, err := p.node.Read(context.Background(), api.ReadRequest{ID: id})
	if err != nil {
		p.world.t.Fatal(err)
	}
	var states []api.State
	for _, r := range message.States {
		states = append(states, r.State)
	}
	return states
}

func (p *person) status() api.OrgStatus {
	status, err := p.node.Status(context.Background())
	if err != nil {
		p.world.t.Fatal(err)
	}
	return status.Orgs[0]
}

// code returns the code of an error of the facade.
func code(err error) api.Code {
	if known, ok := errors.AsType[*api.Error](err); ok {
		return known.Code
	}
	return ""
}

// trio founds an organization of three people who are all contacts of each other.
func (w *world) trio() (alice, bob, carol *person) {
	w.t.Helper()
	alice, bob, carol = w.person("alice"), w.person("bob"), w.person("carol")
	alice.found("Harbour")
	bob.join(alice.invite(api.InviteRequest{}))
	carol.join(alice.invite(api.InviteRequest{}))
	alice.acquaint(bob)
	alice.acquaint(carol)
	bob.acquaint(carol)
	return alice, bob, carol
}
