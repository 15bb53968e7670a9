package enrolment

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous"
	"muster.example/rendezvous/enrolment/enrolmenttest"
	"muster.example/rendezvous/enrolproto"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// world is a rendezvous node, a login provider and an enrolment service, all real, on loopback.
type world struct {
	t        *testing.T
	provider *enrolmenttest.Provider
	service  *Service
	cfg      Config
	web      *http.Client // trusts provider and service
	cert     *x509.Certificate

	founder keys.PrivateKey
	node    *rvclient.Client // the founder's
	org     keys.OrgID
	counter uint64
	clock   *clock
	stop    func()
}

// clock is the service's, which a test moves.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) move(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += by
}

var (
	zoe = enrolmenttest.Person{ID: "1001", Login: "zoe", First: "Zoe", Last: "Quay", Email: "zoe@example.org"}
	moe = enrolmenttest.Person{ID: "1002", Login: "moe", First: "Moe", Last: "Pier", Email: "moe@example.org", Unverified: true}
	eve = enrolmenttest.Person{ID: "1003", Login: "eve", First: "Eve", Last: "Dune", Email: "eve@example.org"}
)

// run runs something until the test ends.
func run(t *testing.T, what string, ready <-chan struct{}, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%s ended with %v", what, err)
		}
	})
	t.Cleanup(stop)
	select {
	case <-ready:
	case err := <-done:
		t.Fatalf("%s did not start: %v", what, err)
	}
	return stop
}

// newWorld founds an organization whose roll names an enrolment key by terms that a test may change.
func newWorld(t *testing.T, terms func(*membership.EnrolmentTerms), change ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, founder: keys.Generate(), clock: &clock{}}
	var certFile, keyFile string
	var pin []byte
	w.cert, certFile, keyFile, pin = enrolmenttest.Certificate(t)
	port := enrolmenttest.Port(t)
	url := "https://" + port
	w.provider = enrolmenttest.New(t, url+callbackPath, zoe, moe, eve)
	w.web = w.provider.Trust(w.cert)
	w.found()
	dir := t.TempDir()
	key, err := GenerateKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	w.cfg = Config{
		Dir: dir, URL: url, Issuer: w.provider.Issuer, Client: enrolmenttest.Client, Secret: enrolmenttest.Secret, Scopes: []string{"email"},
		Check: 15 * time.Minute, Listen: port, Cert: certFile, Key: keyFile, HTTP: w.web, Now: w.clock.now, tokens: time.Now,
		Org:    membership.Card{Org: w.org, Nodes: []membership.NodeAddress{{Key: w.node.Node, Addresses: w.node.Addresses}}},
		Logger: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
	}
	for _, c := range change {
		c(&w.cfg)
	}
	said := membership.EnrolmentTerms{
		Issuer: w.cfg.Issuer, Client: w.cfg.Client, Role: membership.RoleMember, Daily: 10, URL: url, Claim: "given_name", Pin: pin,
	}
	terms(&said)
	w.decide(membership.Event{Enrolment: &membership.Enrolment{Key: key, Terms: &said}})
	w.start()
	return w
}

type testWriter struct{ t *testing.T }

// Write implements io.Writer.
func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

func asIs(*membership.EnrolmentTerms) {}

// start runs the service until stop.
func (w *world) start() {
	w.t.Helper()
	var err error
	if w.service, err = New(w.cfg); err != nil {
		w.t.Fatal(err)
	}
	status := filepath.Join(w.cfg.Dir, statusFile)
	if err := os.Remove(status); err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
	w.stop = run(w.t, "the service", w.service.Ready(), w.service.Run)
	w.afterRound(status)
}

// afterRound waits until the service has ended the round with which it starts, and said so in its status: the rounds that a test has by pass
// come after that, and not beside it.
func (w *world) afterRound(status string) {
	w.t.Helper()
	limit, look := time.NewTimer(time.Minute), time.NewTicker(time.Millisecond)
	defer limit.Stop()
	defer look.Stop()
	for {
		if _, err := os.Lstat(status); err == nil {
			return
		}
		select {
		case <-look.C:
		case <-limit.C:
			w.t.Fatal("the service does not end its first round")
		}
	}
}

// runNode runs a rendezvous node, and returns its claim.
func (w *world) runNode() rvproto.Claim {
	w.t.Helper()
	node, err := rendezvous.New(rendezvous.Config{
		Dir: w.t.TempDir(), Listen: []string{"/ip4/127.0.0.1/tcp/0"}, NoControl: true, Logger: slog.New(slog.DiscardHandler), Connections: 200,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	run(w.t, "the node", node.Ready(), node.Run)
	link, err := node.NewClaim()
	if err != nil {
		w.t.Fatal(err)
	}
	claim, err := rvproto.ParseClaim(link)
	if err != nil {
		w.t.Fatal(err)
	}
	return claim
}

// found founds an organization at a rendezvous node.
func (w *world) found() {
	w.t.Helper()
	claim := w.runNode()
	root := keys.Generate()
	found := membership.SignEvent(membership.Event{Counter: 1, Found: &membership.Found{
		OrgName: "Lighthouse", Root: root.Public(), Member: "Ada", Recovery: keys.Generate().Public(), Policy: membership.DefaultPolicy(),
	}}, w.founder, &root)
	w.org, w.counter = membership.OrgOf(found), 2
	named := membership.SignEvent(membership.Event{Org: w.org, Counter: 2, At: 1, Rendezvous: &membership.Rendezvous{
		Node: claim.Node, Addresses: claim.Addresses, Term: 1,
	}}, w.founder, nil)
	w.node = w.client(w.founder, claim.Node, claim.Addresses)
	if err := w.node.Claim(w.t.Context(), claim.Token, found, named); err != nil {
		w.t.Fatal(err)
	}
}

// client makes a device's client of the node.
func (w *world) client(key keys.PrivateKey, node keys.PublicKey, addresses []string) *rvclient.Client {
	w.t.Helper()
	local, err := p2p.NewHost(p2p.Config{Identity: key})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = local.Close() })
	return &rvclient.Client{Host: local, Node: node, Addresses: addresses, Org: w.org}
}

// roll returns the roll as the founder sees it.
func (w *world) roll() *membership.Roll {
	w.t.Helper()
	page, err := w.node.Fetch(w.t.Context(), 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.fold(page)
}

func (w *world) fold(page rvclient.Page) *membership.Roll {
	w.t.Helper()
	roll := membership.NewRoll(w.org)
	var entries []membership.Entry
	for _, data := range page.Entries {
		entry, err := membership.ParseEntry(data)
		if err != nil {
			w.t.Fatal(err)
		}
		entries = append(entries, entry)
	}
	if _, err := roll.Extend(page.Checkpoint, w.node.Node, entries, nil); err != nil {
		w.t.Fatal(err)
	}
	return roll
}

// decide puts an event of the founder on the roll, and returns it.
func (w *world) decide(e membership.Event) membership.SignedEvent {
	w.t.Helper()
	w.counter++
	e.Org, e.Counter, e.At = w.org, w.counter, w.roll().Size()
	event := membership.SignEvent(e, w.founder, nil)
	if err := w.node.Submit(w.t.Context(), event); err != nil {
		w.t.Fatal(err)
	}
	return event
}

// device is one that is to join.
type device struct {
	w             *world
	key, recovery keys.PrivateKey
	ticket        enrolproto.Ticket
	offer         enrolproto.Offer
	code, login   string
	leave         rvclient.Leave
	name          string
	role          membership.Role
}

func (w *world) newDevice() *device {
	return &device{w: w, key: keys.Generate(), recovery: keys.Generate()}
}

// ask asks the service as a device does.
func (w *world) ask(request enrolproto.Request) enrolproto.Answer {
	w.t.Helper()
	return w.askRaw(wire.Encode(request))
}

func (w *world) askRaw(data []byte) enrolproto.Answer {
	w.t.Helper()
	pool := x509.NewCertPool()
	pool.AddCert(w.cert)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	response, err := client.Post(w.cfg.URL+enrolproto.Path, enrolproto.MediaType, bytes.NewReader(data))
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := enrolproto.ParseAnswer(body)
	if err != nil {
		w.t.Fatalf("the answer %x: %v", body, err)
	}
	return answer
}

// begin asks for an offer, and returns what the service says.
func (d *device) begin(name, back string) enrolproto.Status {
	d.w.t.Helper()
	answer := d.w.ask(enrolproto.Request{Begin: &enrolproto.Begin{
		Device: d.key.Public(), Recovery: d.recovery.Public(), Name: name, Return: back,
	}})
	if answer.Status != enrolproto.OK {
		return answer.Status
	}
	var err error
	d.offer, err = enrolproto.OpenOffer(answer.Offer, answer.Signature, d.key.Public(), d.recovery.Public(), d.w.clock.now().Unix())
	if err != nil {
		d.w.t.Fatal(err)
	}
	d.ticket, d.code, d.login = answer.Ticket, answer.Code, answer.Login
	d.leave = rvclient.Leave{Key: d.offer.Key, Proof: d.offer.Nodes[0].Proof}
	return enrolproto.OK
}

// poll asks how the login stands.
func (d *device) poll() enrolproto.Status {
	d.w.t.Helper()
	answer := d.w.ask(enrolproto.Request{Poll: &enrolproto.Poll{Ticket: d.ticket}})
	d.name, d.role = answer.Name, answer.Role
	return answer.Status
}

// join has the join signed and hands it in, after change.
func (d *device) join(code []byte, change func(*membership.Event)) (enrolproto.Status, error) {
	d.w.t.Helper()
	client := d.w.client(d.key, d.w.node.Node, d.w.node.Addresses)
	page, err := client.ViewBy(d.w.t.Context(), d.leave, 0)
	if err != nil {
		return enrolproto.OK, err
	}
	event := membership.Event{Org: d.w.org, Counter: 1, At: d.w.fold(page).Size(), Join: &membership.Join{
		Invitation: d.offer.Key, Name: d.name, Recovery: d.recovery.Public(), Role: d.role,
	}}
	change(&event)
	body := membership.Body(event, d.key.Public())
	answer := d.w.ask(enrolproto.Request{Sign: &enrolproto.Sign{Ticket: d.ticket, Code: code, Body: body}})
	if answer.Status != enrolproto.OK {
		return answer.Status, nil
	}
	return enrolproto.OK, client.SubmitJoinBy(d.w.t.Context(), d.leave, membership.SignCosigned(event, d.key, answer.Cosignature))
}

func same(*membership.Event) {}

// joinByCode has somebody join by a code, and fails the test unless they do.
func (w *world) joinByCode(who enrolmenttest.Person) (*device, *enrolmenttest.Browser) {
	w.t.Helper()
	d := w.newDevice()
	if status := d.begin("", ""); status != enrolproto.OK {
		w.t.Fatal(status)
	}
	b := enrolmenttest.NewBrowser(w.t, w.web, who.Login)
	b.TypeCode(w.cfg.URL, d.code, true)
	if status := d.poll(); status != enrolproto.OK {
		w.t.Fatalf("%v, and the browser shows %s", status, b)
	}
	if status, err := d.join(nil, same); status != enrolproto.OK || err != nil {
		w.t.Fatalf("joining: %v, %v", status, err)
	}
	return d, b
}

// member returns the member of a device.
func (w *world) member(d *device) membership.Member {
	w.t.Helper()
	state := w.roll().State()
	id, ok := state.AccountOf(d.key.Public())
	if !ok {
		w.t.Fatal("no member")
	}
	m, _ := state.Member(id)
	return m
}

// pass moves the clock and has every account that is due checked.
func (w *world) pass(by time.Duration) {
	w.t.Helper()
	w.clock.move(by)
	if err := w.service.round(w.t.Context()); err != nil { // the roll says what came of it
		w.t.Logf("after %v: %v", by, err)
	}
}
