package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"muster.example/internal/testnet"
	"muster.example/node/api"
)

// addNode has a person, an admin, add a rendezvous node to the set.
func (p *person) addNode(s *server) {
	p.world.t.Helper()
	if _, err := p.node.ChangeNodes(p.world.t.Context(), api.NodesRequest{Claim: s.claim()}); err != nil {
		p.world.t.Fatalf("%s adds a node: %v", p.name, err)
	}
}

// reaches returns to how many rendezvous nodes a person's device is connected.
func (p *person) reaches() (connected int) {
	for _, node := range p.status().Rendezvous {
		if node.Connected {
			connected++
		}
	}
	return connected
}

// orderer returns the node that orders the roll by what a person's device knows.
func (p *person) orderer() string {
	for _, node := range p.status().Rendezvous {
		if node.Role == api.NodeOrders {
			return node.Node
		}
	}
	return ""
}

// three is an organization of three people on three nodes, of which the first orders the roll.
func (w *world) three() (people []*person, nodes []*server) {
	w.t.Helper()
	alice, bob, carol := w.trio()
	nodes = []*server{w.node, w.server(secondPlace), w.server(secondPlace + 1)}
	for _, s := range nodes[1:] {
		s.start()
		alice.addNode(s)
	}
	people = []*person{alice, bob, carol}
	for _, p := range people {
		w.await(time.Hour, p.name+" reaches all nodes", func() bool { return p.reaches() == 3 })
	}
	return people, nodes
}

// talk sends messages from everybody to everybody, one after another, and returns what each is to have.
type talk struct {
	w      *world
	people []*person
	sent   map[*person][]string
	number int
}

func (w *world) talkOf(people []*person) *talk {
	return &talk{w: w, people: people, sent: make(map[*person][]string)}
}

// round has everybody write to the next.
func (k *talk) round(pause time.Duration) {
	k.w.t.Helper()
	for i, p := range k.people {
		to := k.people[(i+1+k.number%(len(k.people)-1))%len(k.people)]
		text := fmt.Sprintf("message %d", k.number)
		k.number++
		p.send(text, to)
		k.sent[to] = append(k.sent[to], text)
		time.Sleep(pause)
	}
}

// arrived waits until everything has come, and fails if something came twice.
func (k *talk) arrived(limit time.Duration, when string) {
	k.w.t.Helper()
	for _, p := range k.people {
		k.w.await(limit, p.name+" has everything "+when, func() bool {
			inbox := p.inbox()
			return !slices.ContainsFunc(k.sent[p], func(text string) bool { return !slices.Contains(inbox, text) })
		})
		seen := make(map[string]int)
		for _, text := range p.inbox() {
			if seen[text]++; seen[text] > 1 && slices.Contains(k.sent[p], text) {
				k.w.t.Errorf("%s has %q twice", p.name, text)
			}
		}
	}
}

// nothingLeft waits until no node holds anything, and every sender knows of every delivery.
func (k *talk) nothingLeft(limit time.Duration, nodes ...*server) {
	k.w.t.Helper()
	for i, s := range nodes {
		k.w.await(limit, fmt.Sprintf("nothing is left at node %d", i), func() bool { return s.queued() == 0 })
	}
	for _, p := range k.people {
		k.w.await(limit, p.name+" knows of every delivery", func() bool { return p.status().Outbox == 0 })
		if p.status().Roll.Distrusted {
			k.w.t.Errorf("%s trusts the nodes no more: %q", p.name, p.status().Alarms)
		}
	}
}

// TestSimThreeNodes has any one of three nodes vanish, come back, and be cut off, while traffic flows: what was accepted is
// neither lost nor doubled, and in the end nothing is left behind anywhere.
func TestSimThreeNodes(t *testing.T) {
	simulate(t, 61, func(w *world) {
		people, nodes := w.three()
		defer nodes[1].stop()
		defer nodes[2].stop()
		k := w.talkOf(people)
		k.round(time.Second)
		k.arrived(time.Minute, "with three nodes")
		for i, s := range nodes {
			k.round(200 * time.Millisecond)
			s.crash()
			k.round(time.Second)
			k.arrived(2*time.Minute, fmt.Sprintf("while node %d is gone", i))
			s.start()
			k.round(time.Second)
			w.await(time.Hour, "everybody is back at all nodes", func() bool {
				return !slices.ContainsFunc(people, func(p *person) bool { return p.reaches() < 3 })
			})
		}
		for i, s := range nodes {
			k.round(200 * time.Millisecond)
			others := []string{}
			for _, other := range nodes {
				if other != s {
					others = append(others, testnet.Address(other.place))
				}
			}
			for _, p := range people {
				others = append(others, p.address())
			}
			w.net.Partition([]string{testnet.Address(s.place)}, others)
			k.round(time.Second)
			k.arrived(3*time.Minute, fmt.Sprintf("while node %d is cut off", i))
			w.net.Heal()
			k.round(time.Second)
		}
		k.arrived(time.Hour, "in the end")
		k.nothingLeft(12*time.Hour, nodes...)
	})
}

// TestSimNodesWithoutTheSequencer has the node that orders the roll die: messages, prekeys and presence go on. Then the duty
// moves to another, and the old one comes back and follows.
func TestSimNodesWithoutTheSequencer(t *testing.T) {
	simulate(t, 62, func(w *world) {
		t := w.t
		people, nodes := w.three()
		defer nodes[1].stop()
		defer nodes[2].stop()
		alice, bob, carol := people[0], people[1], people[2]
		k := w.talkOf(people)
		w.node.crash()
		w.await(2*time.Minute, "a node stands in", func() bool { return alice.reaches() == 2 && bob.reaches() == 2 })
		k.round(time.Second)
		k.arrived(2*time.Minute, "without the sequencer")
		time.Sleep(time.Hour)
		bob.crash()
		alice.send("for when you are back", bob)
		bob.start()
		w.await(time.Hour, "what waited comes", func() bool { return slices.Contains(bob.inbox(), "for when you are back") })
		if _, err := alice.node.Invite(t.Context(), api.InviteRequest{}); err == nil {
			t.Log("an invitation waits for the sequencer")
		}

		result, err := alice.node.MoveRendezvous(t.Context(), api.MoveRequest{To: nodes[1].key().Public().String()})
		if err != nil {
			t.Fatalf("moving the duty: %v", err)
		}
		if result.Term != 2 {
			t.Errorf("term %d", result.Term)
		}
		second := nodes[1].key().Public().String()
		for _, p := range people {
			w.await(time.Hour, p.name+" follows", func() bool { return p.orderer() == second })
		}
		dave := w.person("dave")
		dave.join(alice.invite(api.InviteRequest{}))
		for _, p := range []*person{bob, carol} {
			w.await(time.Hour, p.name+" sees dave", func() bool { return p.contact(dave) != "" })
		}
		w.node.start()
		for _, p := range people {
			w.await(time.Hour, p.name+" reaches all three again", func() bool { return p.reaches() == 3 })
		}
		k.round(time.Second)
		k.arrived(time.Hour, "once the old one follows")
		nodes[1].crash()
		k.round(time.Second)
		k.arrived(time.Hour, "while the new sequencer is gone")
		nodes[1].start()
		k.nothingLeft(12*time.Hour, nodes...)
	})
}

// TestSimFromOneToThreeAndBack adds nodes while messages wait at the one, and takes them away while messages wait at them.
func TestSimFromOneToThreeAndBack(t *testing.T) {
	simulate(t, 63, func(w *world) {
		t := w.t
		alice, bob, carol := w.trio()
		people := []*person{alice, bob, carol}
		k := w.talkOf(people)
		carol.crash()
		alice.send("before", carol)
		k.sent[carol] = append(k.sent[carol], "before")
		w.await(time.Minute, "it waits at the one node", func() bool { return w.node.queued() > 0 })
		second, third := w.server(secondPlace), w.server(secondPlace+1)
		for _, s := range []*server{second, third} {
			s.start()
			defer s.stop()
			bob.send("meanwhile", alice)
			alice.addNode(s)
		}
		if _, err := alice.node.ChangeNodes(t.Context(), api.NodesRequest{Claim: second.claim()}); err != nil {
			t.Errorf("the same node once more: %v", err)
		}
		carol.start()
		k.arrived(time.Hour, "with three nodes")
		w.await(time.Hour, "carol reaches all", func() bool { return carol.reaches() == 3 })

		carol.crash()
		w.node.crash() // so that something waits at another
		w.await(2*time.Minute, "alice has noticed", func() bool { return alice.reaches() == 2 })
		alice.send("at another", carol)
		k.sent[carol] = append(k.sent[carol], "at another")
		w.await(2*time.Minute, "it waits there", func() bool { return second.queued()+third.queued() > 0 })
		w.node.start()
		w.await(time.Hour, "alice is back", func() bool { return alice.reaches() == 3 })
		for _, s := range []*server{second, third} {
			if _, err := alice.node.ChangeNodes(t.Context(), api.NodesRequest{Remove: s.key().Public().String()}); err != nil {
				t.Fatalf("taking a node away: %v", err)
			}
		}
		if n := len(alice.status().Rendezvous); n != 1 {
			t.Errorf("%d nodes", n)
		}
		carol.start()
		k.arrived(time.Hour, "with one node again")
		k.nothingLeft(12*time.Hour, w.node, second, third)
	})
}

// TestSimPostedToTwo has what one node took reach its receiver though that node is gone at once, without the sender.
func TestSimPostedToTwo(t *testing.T) {
	simulate(t, 64, func(w *world) {
		t := w.t
		people, nodes := w.three()
		defer nodes[1].stop()
		defer nodes[2].stop()
		alice, bob := people[0], people[1]
		if _, err := alice.node.SetPolicy(t.Context(), api.PolicyRequest{Set: []string{"post-to=2"}}); err != nil {
			t.Fatal(err)
		}
		bob.crash()
		alice.send("to two", bob)
		w.await(time.Minute, "two nodes have it", func() bool {
			have := 0
			for _, s := range nodes {
				if s.queued() == 2 { // with the announcement of its chain
					have++
				}
			}
			return have == 2
		})
		alice.crash()
		for _, s := range nodes {
			if s.queued() > 0 {
				s.crash()
				break
			}
		}
		bob.start()
		w.await(time.Hour, "it comes from the other", func() bool { return slices.Contains(bob.inbox(), "to two") })
		alice.start()
		for _, s := range nodes {
			if s.running == nil {
				s.start()
			}
		}
		k := w.talkOf(people)
		k.nothingLeft(12*time.Hour, nodes...)
	})
}

// TestSimLeaveReachesANodeThatOthersDoNot has two people become contacts while their nodes cannot tell each other: who writes
// brings the leave along.
func TestSimLeaveReachesANodeThatOthersDoNot(t *testing.T) {
	simulate(t, 65, func(w *world) {
		people, nodes := w.three()
		defer nodes[1].stop()
		defer nodes[2].stop()
		alice := people[0]
		dave := w.person("dave")
		dave.join(alice.invite(api.InviteRequest{}))
		w.await(time.Hour, "dave reaches all nodes", func() bool { return dave.reaches() == 3 })
		for i, s := range nodes { // nodes hear devices, and not each other
			for _, other := range nodes[i+1:] {
				w.net.Cut(testnet.Address(s.place), testnet.Address(other.place))
				w.net.Cut(testnet.Address(other.place), testnet.Address(s.place))
			}
		}
		time.Sleep(time.Minute)
		alice.acquaint(dave)
		nodes[0].crash() // where the leave was put
		w.await(2*time.Minute, "both go on without it", func() bool { return alice.reaches() == 2 && dave.reaches() == 2 })
		alice.send("by another way", dave)
		w.await(5*time.Minute, "it comes", func() bool { return slices.Contains(dave.inbox(), "by another way") })
		w.net.Heal()
		nodes[0].start()
	})
}
