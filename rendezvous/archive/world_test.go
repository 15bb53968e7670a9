package archive

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/rendezvous/archive/audit"
	"muster.example/rendezvous/archive/folder"
	"muster.example/rendezvous/archive/segment"
	"muster.example/rendezvous/archive/storage"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

var (
	testOrg    = keys.OrgID{7}
	devices    = []keys.PrivateKey{keys.FromSeed([32]byte{11}), keys.FromSeed([32]byte{12}), keys.FromSeed([32]byte{13})}
	nodes      = []Node{{Key: keys.FromSeed([32]byte{21}).Public(), Addresses: []string{"/ip4/127.0.0.1/tcp/1"}}, {Key: keys.FromSeed([32]byte{22}).Public(), Addresses: []string{"/ip4/127.0.0.1/tcp/2"}}}
	errNoStore = errors.New("the store is out of order")
)

// world is a service with its folder, a store, and rendezvous nodes that are played.
type world struct {
	private envelope.ArchivePrivate
	dir     string
	store   *trouble
	fakes   map[keys.PublicKey]*fakeNode
	heads   string
	log     *lines
}

func newWorld(t *testing.T) *world {
	t.Helper()
	private, err := envelope.GenerateArchiveKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	place, err := folder.OpenToWrite(filepath.Join(base, "store"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { place.Close() })
	w := &world{private: private, dir: filepath.Join(base, "service"), store: &trouble{Storage: place}, fakes: make(map[keys.PublicKey]*fakeNode), log: new(lines)}
	identity, err := Identity(w.dir, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range nodes {
		w.fakes[node.Key] = &fakeNode{service: identity.Public(), waiting: make(map[keys.EnvelopeID]*rvproto.DeliverFrame), news: make(chan struct{}, 1)}
	}
	return w
}

// lines collects the log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), text)
}

func (w *world) config() Config {
	return Config{Dir: w.dir, Org: testOrg, Nodes: nodes, Key: w.private.Public(), Storage: w.store, Heads: w.heads, Version: "test",
		Logger: slog.New(slog.NewTextHandler(w.log, nil))}
}

// start runs the service until stop is called; it must be in a bubble.
func (w *world) start(t *testing.T) (s *Service, stop func()) {
	t.Helper()
	s, err := New(w.config())
	if err != nil {
		t.Fatal(err)
	}
	s.open = func(ctx context.Context, node Node) (stream, error) { return w.fakes[node.Key].open(ctx) }
	ctx, cancel := context.WithCancel(t.Context())
	writer, err := s.begin(ctx)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(s.serve(ctx, writer), writer.end()) }()
	return s, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// settle lets all that can happen within a time happen.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// someEnvelope is an envelope of a device, each another.
func (w *world) someEnvelope(t *testing.T, device keys.PrivateKey) []byte {
	t.Helper()
	identity, err := Identity(w.dir, false)
	if err != nil {
		t.Fatal(err)
	}
	to, err := envelope.NewArchiveKey(testOrg, identity.Public(), w.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	e, err := envelope.SealAttestation(rand.Reader, device, to, []envelope.Attested{{Envelope: keys.EnvelopeID{1}}}, envelope.Meta{RollSize: 1, Expires: 4e9})
	if err != nil {
		t.Fatal(err)
	}
	return e.Bytes()
}

func idOf(t *testing.T, data []byte) keys.EnvelopeID {
	t.Helper()
	e, err := envelope.Parse(data, rvproto.MaxEnvelope)
	if err != nil {
		t.Fatal(err)
	}
	return e.ID()
}

// held is an item of the store as it opens.
type heldItem struct {
	segment, number uint64
	segment.Named
}

// held opens everything in the store, which must be whole.
func (w *world) held(t *testing.T) (items []heldItem) {
	t.Helper()
	items, found := w.open(t)
	for _, f := range found {
		t.Errorf("in the store: %v", f)
	}
	return items
}

func (w *world) open(t *testing.T) (items []heldItem, found []audit.Finding) {
	t.Helper()
	identity, err := Identity(w.dir, false)
	if err != nil {
		t.Fatal(err)
	}
	_, err = audit.Walk(t.Context(), w.store.Storage, identity.Public(), audit.Options{Report: func(f audit.Finding) { found = append(found, f) }},
		func(read *segment.Read) error {
			opener, err := read.Opener(w.private.KEM())
			if err != nil {
				return err
			}
			for place := range read.Items {
				item, err := opener.Open(place)
				if err != nil {
					return err
				}
				items = append(items, heldItem{read.Number, read.First + uint64(place), item})
			}
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	return items, found
}

// fakeNode is a rendezvous node as the service sees it: it gives what waits, and takes acknowledgements.
type fakeNode struct {
	service keys.PublicKey

	mu      sync.Mutex // guards the following
	waiting map[keys.EnvelopeID]*rvproto.DeliverFrame
	order   []keys.EnvelopeID
	number  uint64
	news    chan struct{} // capacity 1
	refuse  error
	deaf    bool // acknowledgements are lost
	acked   int
	faults  []string
}

func (n *fakeNode) queue(kind rvproto.Kind, id keys.EnvelopeID, body []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.number++
	n.waiting[id] = &rvproto.DeliverFrame{Number: n.number, Kind: kind, Body: body}
	n.order = append(n.order, id)
	select {
	case n.news <- struct{}{}:
	default:
	}
}

func (n *fakeNode) change(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

// left is how much is not acknowledged.
func (n *fakeNode) left() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.waiting)
}

func (n *fakeNode) open(context.Context) (stream, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refuse != nil {
		return nil, n.refuse
	}
	return &fakeStream{node: n, given: make(map[keys.EnvelopeID]bool), ended: make(chan struct{})}, nil
}

type fakeStream struct {
	node  *fakeNode
	given map[keys.EnvelopeID]bool
	once  sync.Once
	ended chan struct{}
}

func (s *fakeStream) Moved() []byte { return nil }
func (s *fakeStream) Close()        { s.once.Do(func() { close(s.ended) }) }

func (s *fakeStream) Next() (rvclient.Incoming, error) {
	for {
		if frame := s.next(); frame != nil {
			return rvclient.Incoming{Deliver: frame}, nil
		}
		select {
		case <-s.ended:
			return rvclient.Incoming{}, io.EOF
		case <-s.node.news:
		}
	}
}

func (s *fakeStream) next() *rvproto.DeliverFrame {
	s.node.mu.Lock()
	defer s.node.mu.Unlock()
	open := 0
	for id := range s.given {
		if s.node.waiting[id] != nil {
			open++
		}
	}
	if open >= rvproto.DeliverWindow {
		return nil
	}
	for _, id := range s.node.order {
		if frame := s.node.waiting[id]; frame != nil && !s.given[id] {
			s.given[id] = true
			return frame
		}
	}
	return nil
}

func (s *fakeStream) Ack(ack rvproto.AckFrame) error {
	s.node.mu.Lock()
	defer s.node.mu.Unlock()
	if s.node.deaf {
		return nil
	}
	ids := ack.IDs
	for _, signed := range ack.Receipts {
		receipt, err := envelope.OpenReceipt(signed, testOrg)
		if err != nil || receipt.Device != s.node.service || len(receipt.Failed) > 0 {
			s.node.faults = append(s.node.faults, "a receipt that is none")
		}
		for _, id := range receipt.Opened {
			if s.node.waiting[id] == nil {
				continue // acknowledged before
			}
			e, err := envelope.Parse(s.node.waiting[id].Body, rvproto.MaxEnvelope)
			if err != nil || e.ParsedHeader().Sender != receipt.Sender {
				s.node.faults = append(s.node.faults, "a receipt for another sender")
			}
		}
		ids = append(ids, receipt.Opened...)
	}
	for _, id := range ids {
		delete(s.node.waiting, id)
		s.node.acked++
	}
	select {
	case s.node.news <- struct{}{}:
	default:
	}
	return nil
}

// trouble is a storage that can be made to fail.
type trouble struct {
	storage.Storage

	mu       sync.Mutex // guards the following
	before   error      // Create does nothing and fails
	after    error      // Create does it and fails
	creating func(name string)
}

// whenCreating has something done before each object is created.
func (s *trouble) whenCreating(do func(name string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.creating = do
}

func (s *trouble) set(before, after error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = before, after
}

func (s *trouble) Create(ctx context.Context, name string, data []byte) error {
	s.mu.Lock()
	before, after, creating := s.before, s.after, s.creating
	s.mu.Unlock()
	if before != nil {
		return before
	}
	if creating != nil {
		creating(name)
	}
	return errors.Join(s.Storage.Create(ctx, name, data), after)
}

// foreign returns the body and id of something that is no envelope.
func foreign(number int) (keys.EnvelopeID, []byte) {
	body := binary.BigEndian.AppendUint64([]byte("a receipt"), uint64(number))
	return rvproto.ReceiptID(body), body
}
