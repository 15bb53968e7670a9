package rendezvous

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// site is a node under test with what it stands on.
type site struct {
	t     *testing.T
	cfg   Config
	queue *memQueue // nil if the node has the embedded one
	node  *Node
	end   func()

	host func(name string) p2p.Config // how a device's host is made
}

// newSite starts a node on loopback with a queue in memory.
func newSite(t *testing.T, change ...func(*Config)) *site {
	t.Helper()
	s := &site{t: t, queue: newMemQueue()}
	s.cfg = Config{
		Dir: t.TempDir(), Listen: []string{"/ip4/127.0.0.1/tcp/0"}, NoControl: true,
		Logger: slog.New(slog.DiscardHandler), Connections: 200,
		OpenQueue: func() (Queue, error) { return s.queue, nil },
	}
	s.host = func(name string) p2p.Config { return p2p.Config{Identity: keyOf(name)} }
	for _, c := range change {
		c(&s.cfg)
	}
	s.start()
	return s
}

// start runs the node until stop or the end of the test.
func (s *site) start() {
	s.t.Helper()
	node, err := New(s.cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- node.Run(ctx) }()
	ended := false
	s.end = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-done; err != nil {
			s.t.Errorf("run ended with %v", err)
		}
	}
	s.t.Cleanup(func() { s.end() })
	select {
	case <-node.Ready():
		s.node = node
	case err := <-done:
		s.t.Fatalf("node did not start: %v", err)
	}
}

// restart stops the node and starts it anew in the same folder.
func (s *site) restart() {
	s.t.Helper()
	s.end()
	s.start()
}

// device is one device of a member, or of a stranger.
type device struct {
	*rvclient.Client
	t       *testing.T
	site    *site
	host    host.Host
	key     keys.PrivateKey
	member  keys.MemberID
	counter uint64
}

func keyOf(name string) keys.PrivateKey {
	return keys.FromSeed(sha256.Sum256([]byte("test key " + name)))
}

// device makes a host that knows where the node is.
func (s *site) device(name string) *device {
	s.t.Helper()
	cfg := s.host(name)
	h, err := p2p.NewHost(cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = h.Close() })
	return &device{
		t: s.t, site: s, host: h, key: cfg.Identity,
		Client: &rvclient.Client{Host: h, Node: s.node.Key(), Addresses: s.node.Addresses()},
	}
}

// ctx is a context for one operation. In real time it only bounds a failing test.
func (s *site) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	s.t.Cleanup(cancel)
	return ctx
}

func (s *site) claimToken() [32]byte {
	s.t.Helper()
	link, err := s.node.NewClaim()
	if err != nil {
		s.t.Fatal(err)
	}
	claim, err := rvproto.ParseClaim(link)
	if err != nil {
		s.t.Fatal(err)
	}
	return claim.Token
}

// founding signs the two events of a claim.
func founding(d *device, org string) (found, rendezvous membership.SignedEvent) {
	root := keyOf(org + " root")
	found = membership.SignEvent(membership.Event{Counter: 1, Found: &membership.Found{
		OrgName: org, Root: root.Public(), Member: "Founder", Recovery: keyOf(org + " founder recovery").Public(),
		Policy: membership.DefaultPolicy(),
	}}, d.key, &root)
	rendezvous = membership.SignEvent(membership.Event{
		Org: membership.OrgOf(found), Counter: 2, At: 1,
		Rendezvous: &membership.Rendezvous{Node: d.Node, Addresses: d.Addresses, Term: 1},
	}, d.key, nil)
	return found, rendezvous
}

// found makes an organization and returns its founder's device.
func (s *site) found(org string) *device {
	s.t.Helper()
	d := s.device(org + " founder")
	found, rendezvous := founding(d, org)
	if err := d.Claim(s.ctx(), s.claimToken(), found, rendezvous); err != nil {
		s.t.Fatalf("claim: %v", err)
	}
	d.Org = membership.OrgOf(found)
	d.member = membership.MemberOf(d.Org, found)
	d.counter = 2
	return d
}

// size returns the size of the roll that the device sees.
func (d *device) size() uint64 {
	d.t.Helper()
	page, err := d.Fetch(d.site.ctx(), 0)
	if err != nil {
		d.t.Fatal(err)
	}
	return uint64(len(page.Entries))
}

// submit signs an event with the device's next counter and hands it in.
func (d *device) submit(e membership.Event, cosigner *keys.PrivateKey) error {
	d.t.Helper()
	e.Org, e.Counter, e.At = d.Org, d.counter+1, d.size()
	err := d.Submit(d.site.ctx(), membership.SignEvent(e, d.key, cosigner))
	if err == nil {
		d.counter++
	}
	return err
}

// invite puts an invitation on the roll.
func (d *device) invite(uses uint64) keys.PrivateKey {
	d.t.Helper()
	return d.inviteAs(membership.RoleMember, uses)
}

// inviteAs puts an invitation for a role on the roll.
func (d *device) inviteAs(role membership.Role, uses uint64) keys.PrivateKey {
	d.t.Helper()
	key := keys.Generate()
	invite := &membership.Invite{
		Key: key.Public(), Role: role, Uses: uses, Expires: time.Now().Add(24 * time.Hour).Unix(),
	}
	if err := d.submit(membership.Event{Invite: invite}, nil); err != nil {
		d.t.Fatalf("invite: %v", err)
	}
	return key
}

// joinEvent signs the join of d by an invitation.
func (d *device) joinEvent(invitation keys.PrivateKey, name string, at uint64) membership.SignedEvent {
	return d.joinEventAs(invitation, name, name, at)
}

// joinEventAs is joinEvent with another seed of the recovery key.
func (d *device) joinEventAs(invitation keys.PrivateKey, name, seed string, at uint64) membership.SignedEvent {
	return membership.SignEvent(membership.Event{
		Org: d.Org, Counter: 1, At: at,
		Join: &membership.Join{Invitation: invitation.Public(), Name: name, Recovery: d.recoveryOf(seed).Public()},
	}, d.key, &invitation)
}

// recoveryOf returns the recovery key of the member who joined d's organization under a name.
func (d *device) recoveryOf(name string) keys.PrivateKey {
	return keyOf(d.Org.Short() + name + " recovery")
}

// join makes a new member with one device.
func (d *device) join(name string) *device {
	d.t.Helper()
	return d.joinAs(membership.RoleMember, name)
}

// joinAs makes a new member of a role with one device. A guest has no name but what the device is called by.
func (d *device) joinAs(role membership.Role, name string) *device {
	d.t.Helper()
	invitation := d.inviteAs(role, 1)
	joiner := d.site.device(d.Org.Short() + name)
	joiner.Org = d.Org
	page, err := joiner.View(d.site.ctx(), invitation, 0)
	if err != nil {
		d.t.Fatalf("view: %v", err)
	}
	taken := name
	if role == membership.RoleGuest {
		taken = ""
	}
	event := joiner.joinEventAs(invitation, taken, name, uint64(len(page.Entries)))
	if err := joiner.SubmitJoin(d.site.ctx(), invitation, event); err != nil {
		d.t.Fatalf("join: %v", err)
	}
	joiner.member = membership.MemberOf(d.Org, event)
	joiner.counter = 1
	return joiner
}

// add gives d's account a second device.
func (d *device) add(name string) *device {
	d.t.Helper()
	second := d.site.device(d.Org.Short() + name)
	second.Org, second.member = d.Org, d.member
	if err := d.submit(membership.Event{Device: &membership.Device{Add: second.key.Public()}}, &second.key); err != nil {
		d.t.Fatalf("add device: %v", err)
	}
	return second
}

// grant lets another member write to d's.
func (d *device) grant(to *device, number uint64, open bool) error {
	return d.PutGrant(d.site.ctx(), membership.SignGrant(membership.Grant{
		Org: d.Org, From: d.member, To: to.member, Number: number, Open: open,
	}, d.key))
}

// sealed makes an envelope of a message of at least size bytes that nobody will open.
func (d *device) sealed(size int) []byte {
	d.t.Helper()
	return sealedBy(d.t, d.key, d.Org, d.member, time.Now().Add(time.Hour), size)
}

func sealedBy(t testing.TB, key keys.PrivateKey, org keys.OrgID, member keys.MemberID, expires time.Time, size int) []byte {
	t.Helper()
	chain, err := envelope.NewChain(rand.Reader, org, envelope.Among(member, keys.MemberID{1}), key.Public(), time.Now(), 1)
	if err != nil {
		t.Fatal(err)
	}
	e, _, err := chain.Seal(rand.Reader, key, &envelope.Line{}, envelope.Content{Kind: 1, Body: make([]byte, size)},
		envelope.Meta{RollSize: 1, Expires: expires.Unix()})
	if err != nil {
		t.Fatal(err)
	}
	return e.Bytes()
}

// posting is an open post stream whose answers are collected in order.
type posting struct {
	*rvclient.PostStream
	answers chan rvproto.AnswerFrame
	failed  chan error
}

func (d *device) openPost() *posting {
	d.t.Helper()
	stream, err := d.OpenPost(context.Background())
	if err != nil {
		d.t.Fatalf("open post: %v", err)
	}
	p := &posting{PostStream: stream, answers: make(chan rvproto.AnswerFrame, 2048), failed: make(chan error, 1)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			answer, err := stream.Answer()
			if err != nil {
				p.failed <- err
				return
			}
			p.answers <- answer
		}
	}()
	d.t.Cleanup(func() { stream.Close(); <-ended })
	return p
}

// post posts one envelope and returns its answer.
func (d *device) post(body []byte, to ...*device) rvproto.AnswerFrame {
	d.t.Helper()
	p := d.openPost()
	defer p.Close()
	return p.post(d.t, body, to...)
}

func (p *posting) post(t *testing.T, body []byte, to ...*device) rvproto.AnswerFrame {
	t.Helper()
	if err := p.Send([]rvproto.PostFrame{{Recipients: keysOf(to), Envelope: body}}); err != nil {
		t.Fatalf("send: %v", err)
	}
	select {
	case answer := <-p.answers:
		return answer
	case err := <-p.failed:
		t.Fatalf("no answer: %v", err)
		panic("unreachable")
	}
}

func keysOf(devices []*device) (list []keys.PublicKey) {
	for _, d := range devices {
		list = append(list, d.key.Public())
	}
	return list
}

// openDeliver opens the deliver stream.
func (d *device) openDeliver() *rvclient.DeliverStream {
	d.t.Helper()
	stream, err := d.OpenDeliver(context.Background())
	if err != nil {
		d.t.Fatalf("open deliver: %v", err)
	}
	d.t.Cleanup(stream.Close)
	return stream
}

// nextDeliver returns the next delivery, past news of the roll.
func nextDeliver(t *testing.T, stream *rvclient.DeliverStream) *rvproto.DeliverFrame {
	t.Helper()
	for {
		in, err := stream.Next()
		if err != nil {
			t.Fatalf("next: %v", err)
		}
		if in.Deliver != nil {
			return in.Deliver
		}
	}
}

// receipt signs that d has opened envelopes of a sender.
func (d *device) receipt(sender *device, ids ...keys.EnvelopeID) []byte {
	d.t.Helper()
	signed, err := envelope.SignReceipt(envelope.Receipt{Org: d.Org, Sender: sender.key.Public(), Opened: ids}, d.key)
	if err != nil {
		d.t.Fatal(err)
	}
	return signed
}

// status reads the node's answer out of an error.
func status(err error) wire.Status {
	if err == nil {
		return wire.StatusOK
	}
	if s, ok := errors.AsType[wire.Status](err); ok {
		return s
	}
	return 9999
}

func wantStatus(t *testing.T, doing string, err error, want wire.Status) {
	t.Helper()
	if status(err) != want {
		t.Errorf("%s: %v, want %v", doing, err, want)
	}
}

// shiftedClock is a clock that a test sets while the node reads it.
type shiftedClock struct {
	start time.Time
	shift atomic.Int64
}

func newShiftedClock() *shiftedClock { return &shiftedClock{start: time.Now()} }

func (c *shiftedClock) now() time.Time { return c.start.Add(time.Duration(c.shift.Load())) }

func (c *shiftedClock) move(by time.Duration) { c.shift.Add(int64(by)) }
