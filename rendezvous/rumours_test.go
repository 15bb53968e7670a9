package rendezvous

import (
	"bytes"
	"context"
	"testing"
	"time"

	"muster.example/internal/gossip"
	"muster.example/internal/keys"
	"muster.example/internal/testnet"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// meshTime is until the node hands on what one device says to another that came at the same time.
const meshTime = 3 * time.Second

// listener is a device's part in the gossip of its organization.
type listener struct {
	*gossip.Gossip
	d      *device
	topic  string
	heard  chan gossip.Received
	joined chan keys.PublicKey
}

// listen starts taking part. The device must be connected or connect later.
func (d *device) listen() *listener {
	d.t.Helper()
	l := &listener{
		d: d, topic: gossip.Topic(d.Org), heard: make(chan gossip.Received, 1000), joined: make(chan keys.PublicKey, 100),
	}
	g, err := gossip.New(gossip.Config{
		Host:       d.host,
		Member:     func(keys.PublicKey, string) bool { return true },
		PeerJoined: func(_ context.Context, _ string, peer keys.PublicKey) { l.joined <- peer },
	})
	if err != nil {
		d.t.Fatal(err)
	}
	l.Gossip = g
	if err := g.Join(l.topic, gossip.MaxMessage, func(_ context.Context, m gossip.Received) gossip.Verdict { l.heard <- m; return gossip.Accept }); err != nil {
		d.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = g.Run(ctx) }()
	d.t.Cleanup(func() { cancel(); <-ended })
	if err := d.Connect(d.site.ctx()); err != nil {
		d.t.Fatal(err)
	}
	return l
}

// greeted waits until the node takes part.
func (l *listener) greeted() *listener {
	l.d.t.Helper()
	select {
	case <-l.joined:
	case <-l.d.site.ctx().Done():
		l.d.t.Fatal("the node takes no part in gossip")
	}
	return l
}

// until returns the next message that wanted accepts.
func (l *listener) until(doing string, wanted func(gossip.Message, keys.PublicKey) bool) {
	l.d.t.Helper()
	for {
		select {
		case m := <-l.heard:
			message, err := gossip.ParseMessage(m.Data)
			if err != nil {
				l.d.t.Fatal(err)
			}
			if wanted(message, m.Author) {
				return
			}
		case <-l.d.site.ctx().Done():
			l.d.t.Fatalf("%s: not heard", doing)
		}
	}
}

// head waits for a checkpoint of at least a size.
func (l *listener) head(size uint64) {
	l.d.t.Helper()
	l.until("a checkpoint", func(m gossip.Message, _ keys.PublicKey) bool {
		checkpoint, err := membership.OpenCheckpoint(m.Body, l.d.Org, l.d.Node)
		return m.Kind == gossip.KindCheckpoint && err == nil && checkpoint.Size >= size
	})
}

func (l *listener) tell(kind gossip.Kind, body []byte) {
	l.d.t.Helper()
	if err := l.Publish(l.d.site.ctx(), l.topic, gossip.AppendMessage(nil, kind, body)); err != nil {
		l.d.t.Fatal(err)
	}
}

func TestGossipOfHeads(t *testing.T) { // [RV-80]
	s := newSite(t)
	anna := s.found("Acme")
	ben := anna.join("Ben")
	listener := ben.listen()
	listener.head(4) // told on joining
	anna.invite(1)
	listener.head(5)
	zoe := s.found("Zenith") // an organization founded while the node runs
	zoe.listen().head(2)
}

func TestBarHeardByGossip(t *testing.T) { // [RV-81]
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		s := simSite(t, net)
		anna := s.found("Acme")
		ben := anna.join("Ben")
		tablet := ben.add("tablet")
		wantLetIn(t, tablet)
		annas, bens := anna.listen().greeted(), ben.listen().greeted()
		time.Sleep(meshTime)
		size := ben.size()
		bar := ben.as(ben.key, ben.counter+1, membership.Event{Bar: &membership.Bar{Device: tablet.key.Public(), After: size}}, nil)
		void := ben.as(ben.key, ben.counter+7, membership.Event{Bar: &membership.Bar{Device: tablet.key.Public(), After: size}}, nil)
		bens.tell(gossip.KindEvent, []byte("no event"))
		bens.tell(gossip.KindEvent, ben.as(ben.key, ben.counter+1, membership.Event{Name: &membership.NameChange{Name: "Benno"}}, nil))
		bens.tell(gossip.KindEvent, ben.as(keyOf("nobody's"), 1, membership.Event{Cancel: &membership.Cancel{}}, nil))
		foreign := membership.Event{Org: keys.OrgID{1}, Counter: 1, Cancel: &membership.Cancel{}}
		bens.tell(gossip.KindEvent, membership.SignEvent(foreign, ben.key, nil))
		bens.tell(gossip.KindCheckpoint, membership.SignCheckpoint(ben.key, ben.Org, 1, 99, membership.Hash{}, time.Now()))
		bens.tell(gossip.KindEvent, void)
		bens.tell(gossip.KindEvent, bar)
		annas.until("the bar", func(m gossip.Message, author keys.PublicKey) bool {
			if author != ben.key.Public() {
				return false
			}
			if !bytes.Equal(m.Body, bar) && !bytes.Equal(m.Body, void) {
				t.Errorf("%x was passed on", m.Body)
			}
			return bytes.Equal(m.Body, bar)
		})
		annas.head(size + 1)
		time.Sleep(meshTime) // for what should not come
		for len(annas.heard) > 0 {
			if m := <-annas.heard; m.Author == ben.key.Public() && !bytes.Equal(m.Data[1:], bar) && !bytes.Equal(m.Data[1:], void) {
				t.Errorf("%x was passed on", m.Data)
			}
		}
		s.waitCutOff(tablet)
		wantShutOut(t, tablet, wire.StatusBarred)
		if got := ben.size(); got != size+1 {
			t.Errorf("%d entries, want %d", got, size+1)
		}
		if !s.node.directory.org(ben.Org).roll.holds(bar) {
			t.Error("the bar is not on the roll")
		}
		if s.node.mayGossip(tablet.key.Public(), annas.topic) {
			t.Error("a barred device takes part in gossip")
		}
	})
}

func TestMoveHeardByGossip(t *testing.T) { // [RV-72] [RV-81]
	old, next := newSite(t), newSite(t)
	anna := old.found("Acme")
	ben := anna.join("Ben")
	roll := anna.keepRoll()
	move := anna.moveTo(next, roll)
	there := anna.at(next)
	if err := there.HandOver(next.ctx(), next.claimToken(), anna.Org, roll.entries, move); err != nil {
		t.Fatal(err)
	}
	o := old.node.directory.org(anna.Org)
	if got := old.node.hearEvent(o, move); got != gossip.Accept || len(old.node.rumours) > 0 {
		t.Errorf("the move: verdict %v", got)
	}
	old.node.takeRumour(old.ctx(), rumour{org: o, event: move})
	listener := ben.listen().greeted()
	listener.tell(gossip.KindEvent, move) // that another has taken over it has to be shown
	size := anna.size()
	anna.invite(1)
	listener.head(size + 1)
	wantStatus(t, "with a checkpoint", ben.SubmitMove(old.ctx(), move, there.hasTaken()), wire.StatusOK)
	_, err := anna.Fetch(old.ctx(), 0)
	wantStatus(t, "the old node", err, wire.StatusMoved)
	if old.node.mayGossip(anna.key.Public(), listener.topic) {
		t.Error("the old node takes part in gossip")
	}
}

func TestForgottenCheckpointHeardByGossip(t *testing.T) { // [RV-64] [RV-81]
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		s := simSite(t, net)
		anna := s.found("Acme")
		ben := anna.join("Ben")
		var whole *copyRoll
		s.rollBack(func() {
			s.follow(anna, ben)
			anna.invite(1)
			whole = anna.keepRoll()
		})
		s.follow(anna, ben)
		bens, annas := ben.listen().greeted(), anna.listen().greeted()
		time.Sleep(meshTime)
		bens.tell(gossip.KindCheckpoint, whole.note)
		annas.until("the forgotten checkpoint", func(m gossip.Message, author keys.PublicKey) bool {
			return author == ben.key.Public() && bytes.Equal(m.Body, whole.note)
		})
		time.Sleep(time.Second)
		if size := s.node.directory.org(ben.Org).roll.waitsFor(); size != whole.Size() {
			t.Errorf("the node waits for %d entries, want %d", size, whole.Size())
		}
		anna.counter = 3
		wantStatus(t, "an event", anna.submit(membership.Event{Cancel: &membership.Cancel{}}, nil), wire.StatusUnavailable)
	})
}

// waitsFor returns the size of the checkpoint that the roll must come to before it goes on.
func (r *roll) waitsFor() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.ahead
}

// An address that has no patience is not made poorer by what speaks for itself and is taken from members. [RV-61]
func TestStrangersPayForVerdicts(t *testing.T) {
	s := newSite(t, func(c *Config) { c.Strangers = StrangerLimits{Burst: 8, PerSecond: 1e-9} })
	anna := s.found("Acme")
	ben := anna.join("Ben")
	ben.add("tablet")
	for range 20 {
		if _, err := ben.Verdict(s.ctx()); err != nil {
			t.Fatalf("a member: %v", err)
		}
	}
	ben.bar(ben, 0)
	var err error
	for range 20 {
		if _, err = ben.Verdict(s.ctx()); err != nil {
			break
		}
	}
	wantStatus(t, "a stranger without end", err, wire.StatusLimit)
}
