package rendezvous

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// streamsOf counts what a device has open at the node.
func (s *site) streamsOf(d *device) (open int) {
	for _, c := range s.node.host.Network().ConnsToPeer(p2p.PeerID(d.key.Public())) {
		open += len(c.GetStreams())
	}
	return open
}

// flood opens so many streams on one connection, and says nothing on any of them. It returns once the node has reset all but
// so many.
func (d *device) flood(streams, left int) {
	d.t.Helper()
	if err := d.Connect(d.site.ctx()); err != nil {
		d.t.Fatal(err)
	}
	c := d.host.Network().ConnsToPeer(p2p.PeerID(d.Node))[0]
	ended := make(chan struct{}, streams)
	for range streams {
		stream, err := c.NewStream(network.WithAllowLimitedConn(d.site.ctx(), "flood"))
		if err != nil {
			ended <- struct{}{}
			continue
		}
		_, _ = stream.Write([]byte{0x13, '/'}) // the beginning of what would be the protocol's name
		go func() {
			_, _ = stream.Read(make([]byte, 1<<10)) // the node's own greeting
			for {
				if _, err := stream.Read(make([]byte, 1<<10)); err != nil {
					ended <- struct{}{}
					return
				}
			}
		}()
	}
	for range streams - left {
		<-ended
	}
}

func TestStreamFloods(t *testing.T) { // [RV-132]
	for _, c := range []struct {
		who   string
		most  int
		enter func(s *site, anna *device) *device
	}{
		{"stranger", strangerStreams, func(s *site, _ *device) *device { return s.device("stranger") }},
		{"guest", guestStreams, func(_ *site, anna *device) *device { return anna.joinAs(membership.RoleGuest, "guest") }},
		{"member", memberStreams, func(_ *site, anna *device) *device { return anna.join("Mallory") }},
	} {
		t.Run(c.who, func(t *testing.T) {
			s := newSite(t)
			anna := s.found("Acme")
			phone := anna.add("phone")
			mallory := c.enter(s, anna)
			const streams = 600
			mallory.flood(streams, c.most+4)
			if got := s.streamsOf(mallory); got > c.most+4 { // beside what the node opened itself
				t.Errorf("%d streams are open", got)
			}
			wantAnswer(t, "a member's post", anna.post(anna.sealed(1), phone), wire.StatusOK)
		})
	}
}

// slowQueue counts what is read for each device.
type slowQueue struct {
	*memQueue
	mu    sync.Mutex // guards the following
	items map[keys.PublicKey]int
	bytes map[keys.PublicKey]int
}

func (q *slowQueue) Next(ctx context.Context, device keys.PublicKey, after uint64, maxItems, maxBytes int) ([]queue.Delivery, error) {
	page, err := q.memQueue.Next(ctx, device, after, maxItems, maxBytes)
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range page {
		q.items[device]++
		q.bytes[device] += len(page[i].Body)
	}
	return page, err
}

func envelopeID(t *testing.T, body []byte) keys.EnvelopeID {
	t.Helper()
	e, err := envelope.View(body, rvproto.MaxEnvelope)
	if err != nil {
		t.Fatal(err)
	}
	return e.ID()
}

// TestStuckReceiversCostNothing has devices that listen and never read beside one that does, all named in the same posts. [RV-132]
func TestStuckReceiversCostNothing(t *testing.T) {
	q := &slowQueue{memQueue: newMemQueue(), items: make(map[keys.PublicKey]int), bytes: make(map[keys.PublicKey]int)}
	s := newSite(t, func(c *Config) { c.OpenQueue = func() (Queue, error) { return q, nil } })
	anna := s.found("Acme")
	good := anna.add("good")
	to := []*device{good}
	const stuck, posts, size = 8, 600, 16 << 10
	for n := range stuck {
		d := anna.add(fmt.Sprint("stuck ", n))
		to = append(to, d)
		if err := d.Connect(s.ctx()); err != nil {
			t.Fatal(err)
		}
		stream, err := d.host.NewStream(s.ctx(), p2p.PeerID(d.Node), rvproto.Deliver)
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Reset()
		if _, err := stream.Read(make([]byte, 1)); err != nil { // the node is at it
			t.Fatal(err)
		}
	}
	deliver, post := good.openDeliver(), anna.openPost()
	for n := range posts {
		wantAnswer(t, "a post", post.post(t, anna.sealed(size), to...), wire.StatusOK)
		got := nextDeliver(t, deliver)
		if err := deliver.Ack(rvproto.AckFrame{IDs: []keys.EnvelopeID{envelopeID(t, got.Body)}}); err != nil {
			t.Fatalf("after %d: %v", n, err)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range to[1:] {
		if items, bytes := q.items[d.key.Public()], q.bytes[d.key.Public()]; items > rvproto.DeliverWindow || bytes > rvproto.DeliverWindowBytes {
			t.Errorf("%d bodies of %d bytes were read for a device that reads nothing", items, bytes)
		}
	}
}

// TestPostsThatNeverEnd has all devices of a member begin large posts and say no more: what the node keeps of them is bounded, and
// others' large posts are taken. [RV-132]
func TestPostsThatNeverEnd(t *testing.T) {
	s := newSite(t)
	s.node.bulk.most = 4 << 20
	anna := s.found("Acme")
	phone, mallory := anna.add("phone"), anna.join("Mallory")
	begin := func(d *device) network.Stream {
		if err := d.Connect(s.ctx()); err != nil {
			t.Fatal(err)
		}
		stream, err := d.host.NewStream(s.ctx(), p2p.PeerID(d.Node), rvproto.Post)
		if err != nil {
			t.Fatal(err)
		}
		frames := wire.NewFrameReader(stream, 1<<10, rvproto.MaxAnswerFrame)
		if _, err := frames.Read(); err != nil { // hello
			t.Fatal(err)
		}
		beginning := append(binary.AppendUvarint(nil, 600<<10), make([]byte, 100<<10)...)
		if _, err := stream.Write(beginning); err != nil {
			t.Fatal(err)
		}
		return stream
	}
	devices := []*device{mallory}
	for n := range 3 {
		devices = append(devices, mallory.add(fmt.Sprint("Mallory's ", n)))
	}
	answers := make(chan wire.Status, len(devices))
	for _, d := range devices {
		stream := begin(d)
		defer stream.Reset()
		go func() {
			frame, err := wire.NewFrameReader(stream, 1<<10, rvproto.MaxAnswerFrame).Read()
			if err != nil {
				return
			}
			if answer, err := rvproto.ParseAnswer(frame); err == nil {
				answers <- answer.Status
			}
		}()
	}
	for range len(devices) - 1 { // the first one holds what the member may have
		if got := <-answers; got != wire.StatusFull {
			t.Errorf("a post beyond the share: %v", got)
		}
	}
	wantAnswer(t, "another member's", anna.post(anna.sealed(600<<10), phone), wire.StatusOK)
	s.node.bulk.mu.Lock()
	defer s.node.bulk.mu.Unlock()
	if held := s.node.bulk.of[anna.member]; held != 0 {
		t.Errorf("%d bytes are held of a post that was answered", held)
	}
}

// TestAnOfficeComesBack has 200 devices behind one address connect, as after a restart of the node, while a neighbour has used up
// its patience with the address. All are served. [RV-2]
func TestAnOfficeComesBack(t *testing.T) {
	const people = 200
	s := newSite(t, func(c *Config) {
		c.Connections = 2 * people
		c.Strangers = StrangerLimits{Burst: 8, PerSecond: 1e-9, Joins: 300, Connections: 300}
	})
	anna := s.found("Acme")
	var office []*device
	for n := range people {
		d := s.device(fmt.Sprint("desk ", n))
		d.Org, d.member = anna.Org, anna.member
		office = append(office, d)
	}
	o := s.node.directory.org(anna.Org)
	for _, d := range office { // as if they had joined from elsewhere
		o.roll.mu.Lock()
		s.node.directory.enter(d.key.Public(), o, membership.StandingActive)
		o.roll.mu.Unlock()
	}
	s.node.strangers.overdue(time.Now()) // the founder is a member by now
	for n := range 20 {
		stranger := s.device(fmt.Sprint("stranger ", n))
		stranger.Org = anna.Org
		ctx, cancel := context.WithTimeout(s.ctx(), 2*time.Second)
		_, _ = stranger.View(ctx, keys.Generate(), 0)
		cancel()
	}
	var wait sync.WaitGroup
	door := make(chan struct{}, 16) // who finds too many handshakes under way would come again later
	for _, d := range office {
		wait.Go(func() {
			door <- struct{}{}
			defer func() { <-door }()
			// A round trip proves it: a refusal looks like a connection at first.
			if _, err := d.GetPrekeys(s.ctx(), []keys.PublicKey{anna.key.Public()}); err != nil {
				t.Errorf("not served: %v", err)
			}
		})
	}
	wait.Wait()
	if got := len(s.node.host.Network().Conns()); got < people {
		t.Errorf("%d of %d are connected", got, people)
	}
}

// TestHastyDevicesAreKeptOut has a member's device open streams without end: it is cut off, its account's other device is not.
// [RV-133]
func TestHastyDevicesAreKeptOut(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	mallory := anna.join("Mallory")
	phone := mallory.add("phone")
	if err := mallory.Connect(s.ctx()); err != nil {
		t.Fatal(err)
	}
	c := mallory.host.Network().ConnsToPeer(p2p.PeerID(mallory.Node))[0]
	for n := 0; !c.IsClosed(); n++ {
		stream, err := c.NewStream(s.ctx())
		if err != nil {
			break
		}
		_ = stream.Reset()
		if n > 100_000 {
			t.Fatal("streams are opened without end")
		}
	}
	if !s.node.haste.isOut(mallory.key.Public()) {
		t.Error("the device is not kept out")
	}
	_ = mallory.host.Network().ClosePeer(p2p.PeerID(mallory.Node))
	if _, err := mallory.Fetch(s.ctx(), 0); err == nil {
		t.Error("the device is let in again")
	}
	if _, err := phone.Fetch(s.ctx(), 0); err != nil {
		t.Errorf("the other device: %v", err)
	}
}

func TestHasteIsForgiven(t *testing.T) { // [RV-133]
	h, now := newHaste(), time.Now()
	device := keys.PublicKey{1}
	opened := 0
	for h.spend(device, 1, now) {
		opened++
	}
	if opened != streamBurst {
		t.Errorf("%d streams at once", opened)
	}
	if h.isOut(device) {
		t.Error("one stream too many, and the device is kept out")
	}
	for range refusedAtOnce {
		h.spend(device, 1, now)
	}
	if !h.isOut(device) || len(h.take()) != 1 || len(h.take()) != 0 {
		t.Error("who goes on is not cut off, once")
	}
	if h.out[device] = now.Add(-time.Second); h.isOut(device) {
		t.Error("the device is kept out for ever")
	}
	if now = now.Add(streamEvery * 10); !h.spend(device, 1, now) {
		t.Error("it may never open a stream again")
	}
	for n := range mostHasty + 1 {
		h.keepOut(keys.PublicKey{2, byte(n), byte(n >> 8)}, now)
	}
	if len(h.out) > mostHasty {
		t.Errorf("%d devices are remembered", len(h.out))
	}
}
