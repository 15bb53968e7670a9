package gossip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/testnet"
)

// club is who may take part in what, for every site of one simulation.
type club struct {
	mu      sync.Mutex // guards the following
	members map[string]map[keys.PublicKey]bool
}

func (c *club) set(topic string, device keys.PublicKey, yes bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.members == nil {
		c.members = make(map[string]map[keys.PublicKey]bool)
	}
	if c.members[topic] == nil {
		c.members[topic] = make(map[keys.PublicKey]bool)
	}
	c.members[topic][device] = yes
}

func (c *club) has(device keys.PublicKey, topic string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.members[topic][device]
}

// site is a host with a Gossip that notes what it hears and accepts what it hears for the first time.
type site struct {
	*Gossip
	host.Host
	key   keys.PublicKey
	place int
	stop  func() // returns after Run

	mu      sync.Mutex // guards the following
	verdict Verdict    // instead of the rule above, if not Accept
	heard   []string
	authors []keys.PublicKey
	joins   []keys.PublicKey
}

func newSite(t *testing.T, net *testnet.Net, place int, cfg Config, topics ...string) *site {
	t.Helper()
	identity := net.Key(fmt.Sprint("site ", place))
	s := &site{key: identity.Public(), place: place, verdict: Accept}
	hostConfig := net.Config(place, identity)
	hostConfig.Connections = 64
	s.Host = net.Host(t, hostConfig)
	cfg.Host = s.Host
	if cfg.PeerJoined == nil {
		cfg.PeerJoined = func(_ context.Context, _ string, peer keys.PublicKey) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.joins = append(s.joins, peer)
		}
	}
	var err error
	if s.Gossip, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	for _, topic := range topics {
		if err := s.Join(topic, s.cfg.MaxMessage, s.hear); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	}()
	s.stop = func() { cancel(); <-done }
	t.Cleanup(s.stop)
	return s
}

func (s *site) hear(_ context.Context, m Received) Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.verdict != Accept {
		return s.verdict
	}
	if slices.Contains(s.heard, string(m.Data)) {
		return Ignore
	}
	s.heard = append(s.heard, string(m.Data))
	s.authors = append(s.authors, m.Author)
	return Accept
}

// judge has everything get this verdict, or with Accept what is heard for the first time.
func (s *site) judge(v Verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verdict = v
}

// news returns what was heard since the last call, sorted.
func (s *site) news() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	heard := s.heard
	s.heard = nil
	slices.Sort(heard)
	return heard
}

func (s *site) joined() []keys.PublicKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	joins := s.joins
	s.joins = nil
	slices.SortFunc(joins, keys.PublicKey.Compare)
	return joins
}

func (s *site) connect(t *testing.T, to *site) {
	t.Helper()
	where, err := p2p.AddressInfo(to.key, []string{testnet.Address(to.place)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Host.Connect(t.Context(), where); err != nil {
		t.Fatal(err)
	}
}

func (s *site) publish(t *testing.T, topic, text string) {
	t.Helper()
	if err := s.Publish(t.Context(), topic, []byte(text)); err != nil {
		t.Errorf("publishing %q: %v", text, err)
	}
}

func (s *site) expect(t *testing.T, who string, want ...string) {
	t.Helper()
	want = slices.Sorted(slices.Values(want))
	if got := s.news(); !slices.Equal(got, want) {
		t.Errorf("%s heard %q, want %q", who, got, want)
	}
}

// star returns a hub and n devices that are connected to it alone, all of one topic.
func star(t *testing.T, net *testnet.Net, n int) (hub *site, devices []*site, topic string, c *club) {
	t.Helper()
	c, topic = new(club), Topic(keys.OrgID{1})
	hub = newSite(t, net, 0, Config{Member: c.has, Neighbours: 1000}, topic)
	c.set(topic, hub.key, true)
	for i := range n {
		c.set(topic, net.Key(fmt.Sprint("site ", i+1)).Public(), true)
		d := newSite(t, net, i+1, Config{Member: c.has}, topic)
		d.connect(t, hub)
		devices = append(devices, d)
	}
	time.Sleep(2 * time.Second)
	return hub, devices, topic, c
}

func TestSimHubReachesEveryDevice(t *testing.T) {
	testnet.Run(t, 1, func(t *testing.T, net *testnet.Net) {
		hub, devices, topic, _ := star(t, net, 20)
		if got := len(hub.Peers(topic)); got != len(devices) {
			t.Fatalf("the hub has %d peers", got)
		}
		var all []string
		for i, d := range devices {
			text := fmt.Sprint("from ", i)
			d.publish(t, topic, text)
			all = append(all, text)
		}
		time.Sleep(100 * time.Millisecond) // before anybody could ask for what was not handed on
		hub.expect(t, "the hub", all...)
		for i, d := range devices {
			d.expect(t, fmt.Sprint("device ", i), slices.Delete(slices.Clone(all), i, i+1)...)
		}
		hub.publish(t, topic, "from the hub")
		time.Sleep(time.Second)
		for i, d := range devices {
			d.expect(t, fmt.Sprint("device ", i), "from the hub")
		}
		if got := devices[3].authors[len(devices[3].authors)-1]; got != hub.key {
			t.Errorf("the hub's message is by %v", got)
		}
	})
}

func TestSimLateDeviceHearsNothingOfThePastButIsSentTheNewest(t *testing.T) {
	testnet.Run(t, 2, func(t *testing.T, net *testnet.Net) {
		hub, devices, topic, c := star(t, net, 2)
		hub.joined()
		devices[0].publish(t, topic, "past")
		time.Sleep(10 * time.Second)
		late := net.Key("site 3").Public()
		c.set(topic, late, true)
		third := newSite(t, net, 3, Config{Member: c.has}, topic)
		third.connect(t, hub)
		time.Sleep(10 * time.Second)
		third.expect(t, "the late device")
		if got := hub.joined(); !slices.Equal(got, []keys.PublicKey{late}) {
			t.Fatalf("the hub was told of %v", got)
		}
		if err := hub.Send(t.Context(), topic, late, []byte("newest")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond) // before anything could be asked for
		third.expect(t, "the late device", "newest")
		devices[0].expect(t, "another device")
		devices[1].expect(t, "a third device", "past")
	})
}

func TestSimOrganizationsOnOneHubStayApart(t *testing.T) {
	testnet.Run(t, 3, func(t *testing.T, net *testnet.Net) {
		a, b := Topic(keys.OrgID{1}), Topic(keys.OrgID{2})
		c, everybody := new(club), func(keys.PublicKey, string) bool { return true }
		hub := newSite(t, net, 0, Config{Member: c.has, Neighbours: 1000}, a, b)
		var sites []*site
		for i := range 4 {
			topic := []string{a, a, b, b}[i]
			c.set(topic, net.Key(fmt.Sprint("site ", i+1)).Public(), true)
			// These do not care who belongs, and want both.
			d := newSite(t, net, i+1, Config{Member: everybody}, a, b)
			d.connect(t, hub)
			sites = append(sites, d)
		}
		time.Sleep(3 * time.Second)
		for i, s := range sites {
			s.publish(t, a, fmt.Sprint("a by ", i))
			s.publish(t, b, fmt.Sprint("b by ", i))
		}
		time.Sleep(10 * time.Second)
		hub.expect(t, "the hub", "a by 0", "a by 1", "b by 2", "b by 3")
		sites[0].expect(t, "0 of a", "a by 1")
		sites[1].expect(t, "1 of a", "a by 0")
		sites[2].expect(t, "2 of b", "b by 3")
		sites[3].expect(t, "3 of b", "b by 2")
		if got := sites[0].Peers(b); len(got) != 0 {
			t.Errorf("a device of a learned that the hub serves b")
		}
		if got := sites[0].Peers(a); len(got) != 1 {
			t.Errorf("a device of a has %d neighbours in a", len(got))
		}
	})
}

func TestSimDevicesHearEachOtherPastASilentHub(t *testing.T) {
	testnet.Run(t, 4, func(t *testing.T, net *testnet.Net) {
		hub, devices, topic, _ := star(t, net, 3)
		hub.judge(Ignore)
		devices[0].connect(t, devices[1])
		time.Sleep(2 * time.Second)
		devices[0].publish(t, topic, "hello")
		devices[2].publish(t, topic, "help")
		time.Sleep(5 * time.Second)
		devices[1].expect(t, "the device beside", "hello")
		devices[0].expect(t, "the first device")
		devices[2].expect(t, "the device behind the hub")
	})
}

func TestSimHubRestarts(t *testing.T) {
	testnet.Run(t, 5, func(t *testing.T, net *testnet.Net) {
		hub, devices, topic, c := star(t, net, 3)
		for range 8 { // more often than pubsub tries again by itself
			hub.stop()
			if err := hub.Host.Close(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
			hub = newSite(t, net, 0, Config{Member: c.has, Neighbours: 1000}, topic)
			for _, d := range devices {
				d.connect(t, hub)
			}
			time.Sleep(2 * time.Second)
		}
		devices[0].publish(t, topic, "again")
		time.Sleep(time.Second)
		devices[1].expect(t, "a device", "again")
		devices[2].expect(t, "another device", "again")
	})
}

// A crash says no goodbye: the devices notice within half a minute, or come back while the old connection lingers.
func TestSimHubCrashes(t *testing.T) {
	testnet.Run(t, 6, func(t *testing.T, net *testnet.Net) {
		hub, devices, topic, c := star(t, net, 3)
		net.Down(testnet.Address(0))
		hub.stop()
		if err := hub.Host.Close(); err != nil {
			t.Fatal(err)
		}
		net.Up(testnet.Address(0))
		hub = newSite(t, net, 0, Config{Member: c.has, Neighbours: 1000}, topic)
		time.Sleep(time.Minute)
		for _, d := range devices {
			d.connect(t, hub)
		}
		time.Sleep(2 * time.Second)
		devices[0].publish(t, topic, "again")
		time.Sleep(time.Second)
		devices[1].expect(t, "a device", "again")
		devices[2].expect(t, "another device", "again")
	})
}

func TestSimADeviceComesBackWhileItsOldConnectionLingers(t *testing.T) {
	testnet.Run(t, 7, func(t *testing.T, net *testnet.Net) {
		hub, devices, topic, c := star(t, net, 2)
		net.Down(testnet.Address(2))
		devices[1].stop()
		if err := devices[1].Host.Close(); err != nil {
			t.Fatal(err)
		}
		net.Up(testnet.Address(2))
		again := newSite(t, net, 2, Config{Member: c.has}, topic)
		again.connect(t, hub)
		time.Sleep(time.Minute) // the hub's end of the old connection is gone
		devices[0].publish(t, topic, "to you")
		again.publish(t, topic, "from me")
		time.Sleep(time.Second)
		again.expect(t, "the device", "to you")
		devices[0].expect(t, "the other", "from me")
	})
}

func TestSimExpelledDeviceIsCutOff(t *testing.T) {
	testnet.Run(t, 8, func(t *testing.T, net *testnet.Net) {
		hub, devices, topic, c := star(t, net, 3)
		out := devices[2]
		hub.Expel(out.key)
		time.Sleep(100 * time.Millisecond)
		if got := hub.Peers(topic); len(got) != 2 || len(hub.running.gated.peers()) != 2 {
			t.Errorf("after the cut the hub has %d peers", len(got))
		}
		devices[0].publish(t, topic, "not for you")
		out.publish(t, topic, "let me in")
		time.Sleep(5 * time.Minute) // it tries
		hub.expect(t, "the hub", "not for you")
		devices[1].expect(t, "a device", "not for you")
		out.expect(t, "the expelled device")

		hub.Admit(out.key)
		time.Sleep(2 * time.Second)
		devices[0].publish(t, topic, "welcome")
		time.Sleep(time.Second)
		out.publish(t, topic, "thanks")
		time.Sleep(time.Second)
		out.expect(t, "the device", "welcome")
		devices[1].expect(t, "another", "welcome", "thanks")

		// Without a word the hub finds out for itself.
		c.set(topic, out.key, false)
		out.publish(t, topic, "am I still one of you?")
		time.Sleep(time.Second)
		devices[1].expect(t, "another")
		time.Sleep(2 * upkeepTime)
		devices[0].publish(t, topic, "among us")
		time.Sleep(time.Second)
		out.expect(t, "the former member")
	})
}

func TestSimWhoIsConnectedBeforeBecomingAMember(t *testing.T) {
	testnet.Run(t, 9, func(t *testing.T, net *testnet.Net) {
		hub, devices, topic, c := star(t, net, 1)
		key := net.Key("site 2").Public()
		fresh := newSite(t, net, 2, Config{Member: c.has}, topic)
		fresh.connect(t, hub)
		time.Sleep(30 * time.Second) // its attempts are over
		c.set(topic, key, true)
		hub.Admit(key)
		time.Sleep(2 * time.Second)
		devices[0].publish(t, topic, "hello")
		fresh.publish(t, topic, "good day")
		time.Sleep(time.Second)
		fresh.expect(t, "the new member", "hello")
		devices[0].expect(t, "the other", "good day")
	})
}

func TestSimJoinAndLeaveWhileRunning(t *testing.T) {
	testnet.Run(t, 10, func(t *testing.T, net *testnet.Net) {
		hub, devices, topic, c := star(t, net, 2)
		second := Topic(keys.OrgID{2})
		all := append(devices, hub)
		for _, s := range all {
			c.set(second, s.key, true)
		}
		for _, s := range all { // the hub hears what the devices announce before it joins itself
			time.Sleep(time.Second)
			if err := s.Join(second, MaxMessage, s.hear); err != nil {
				t.Fatal(err)
			}
			if err := s.Join(second, MaxMessage, s.hear); !errors.Is(err, ErrTopic) {
				t.Errorf("joining twice: %v", err)
			}
		}
		time.Sleep(2 * time.Second)
		devices[0].publish(t, second, "second")
		time.Sleep(time.Second)
		devices[1].expect(t, "a device", "second")
		hub.Leave(second)
		hub.Leave(second)
		time.Sleep(2 * time.Second)
		devices[0].publish(t, second, "nobody passes it on")
		devices[0].publish(t, topic, "first")
		time.Sleep(5 * time.Second)
		devices[1].expect(t, "a device", "first")
		if err := hub.Publish(t.Context(), second, []byte("x")); !errors.Is(err, ErrTopic) {
			t.Errorf("publishing to a topic that was left: %v", err)
		}
		hub.joined()
		if err := hub.Join(second, MaxMessage, hub.hear); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Second) // pubsub keeps away from a topic that it has left
		if got := hub.joined(); len(got) != 2 {
			t.Errorf("the hub was told of %d peers after joining again", len(got))
		}
		devices[0].publish(t, second, "third")
		time.Sleep(2 * time.Second)
		devices[1].expect(t, "a device", "third")
	})
}

// Pubsub forgets what a peer takes part in when its own stream to the peer ends, and hears it only on a new one.
func TestSimOneStreamOfTwoEnds(t *testing.T) {
	testnet.Run(t, 11, func(t *testing.T, net *testnet.Net) {
		hub, devices, topic, _ := star(t, net, 2)
		hub.joined()
		for i := range 3 {
			mended := 2 * time.Second
			if i > 0 {
				mended += upkeepTime // pubsub tries only a few times by itself
			}
			hub.running.gated.resetOut(devices[0].Host.ID())
			time.Sleep(mended)
			devices[1].publish(t, topic, fmt.Sprint("first ", i))
			devices[0].running.gated.resetOut(hub.Host.ID())
			time.Sleep(mended)
			devices[1].publish(t, topic, fmt.Sprint("second ", i))
			time.Sleep(2 * time.Second)
			devices[0].expect(t, "the device", fmt.Sprint("first ", i), fmt.Sprint("second ", i))
			if got := hub.joined(); len(got) == 0 {
				t.Error("the hub was not told that the device may have missed something")
			}
		}
	})
}

func TestPeersHaveFewTopics(t *testing.T) { // [GOS-3]
	var n neighbors
	n.init()
	key := keys.PublicKey{1}
	if n.subscribed(key, "before it has a stream", true) {
		t.Error("a peer without a stream takes part in a topic")
	}
	number, _ := n.opened(key)
	for i := range maxSubscriptions {
		for range 2 { // the second time it is there already
			if !n.subscribed(key, fmt.Sprint(i), true) {
				t.Errorf("topic %d is refused", i)
			}
		}
	}
	if n.subscribed(key, "one more", true) || !n.subscribed(key, "0", false) || !n.subscribed(key, "one more", true) {
		t.Error("the number of topics is not bounded, or none is given back")
	}
	n.closed(key, number)
	if len(n.peers) != 0 {
		t.Error("a peer that is gone is remembered")
	}
}
