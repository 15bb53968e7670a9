//go:build crash

package crash

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
)

// nodesTime is for how long nodes are killed while messages flow.
const nodesTime = 8 * time.Second

// TestCrashOfAnyNode has three people write to one another while any one of three rendezvous nodes is killed with SIGKILL at
// random moments: the one that orders the roll as well. In the end each message is in each history exactly once, and nothing
// is left at any node. It logs how long a message takes whose node has just been killed.
func TestCrashOfAnyNode(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	var nodes []*program.Rendezvous
	at := make(map[string]*program.Rendezvous)
	for range 3 {
		address := fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", freePort(t))
		at[address] = program.StartRendezvous(t, nil, address)
		nodes = append(nodes, at[address])
	}
	people := []*person{startPerson(t, "alice"), startPerson(t, "bob"), startPerson(t, "carol")}
	acquaintAll(t, nodes[0].Claim, people)
	for _, node := range nodes[1:] {
		if _, err := people[0].Client.ChangeNodes(t.Context(), api.NodesRequest{Claim: node.Claim}); err != nil {
			t.Fatal(err)
		}
	}
	atAll := func() {
		t.Helper()
		for _, p := range people {
			program.Await(t, time.Minute, p.Name+" reaches all nodes", func() bool { return len(p.reached(t)) == 3 })
		}
	}
	atAll()

	want := make(map[*person][]string)
	send := func(from, to *person, text string) {
		t.Helper()
		if !from.send(text, false, []*person{to}) {
			t.Fatalf("%s cannot send", from.Name)
		}
		want[to] = append(want[to], text)
	}
	var longest time.Duration
	for i := range 2 { // the node that is posted to, whichever that is by then
		node := posted(t, people[0], at)
		node.End(syscall.SIGKILL)
		text, begin := fmt.Sprintf("%s over %d", marker, i), time.Now()
		send(people[0], people[1], text)
		program.Await(t, time.Minute, "it comes all the same", func() bool { return slices.Contains(people[1].inbox(), text) })
		longest = max(longest, time.Since(begin))
		node.Start()
		atAll()
	}
	t.Logf("a message whose node was just killed came after %v at most", longest.Round(10*time.Millisecond))

	kills := 0
	for deadline, round := time.Now().Add(nodesTime), 0; time.Now().Before(deadline); round++ {
		from := random.IntN(3)
		send(people[from], people[(from+1+random.IntN(2))%3], fmt.Sprintf("%s number %d", marker, round))
		if random.IntN(6) == 0 {
			node := nodes[random.IntN(3)]
			node.End(syscall.SIGKILL)
			kills++
			send(people[from], people[(from+1)%3], fmt.Sprintf("%s behind kill %d", marker, kills))
			pause(random, 2*time.Second)
			node.Start()
		}
		pause(random, 100*time.Millisecond)
	}
	for _, p := range people {
		slices.Sort(want[p])
		program.Await(t, 2*time.Minute, p.Name+" has every message", func() bool { return len(p.inbox()) >= len(want[p]) })
		if diff := cmp.Diff(want[p], p.inbox()); diff != "" {
			t.Errorf("%s's history (-want +got):\n%s", p.Name, diff)
		}
	}
	program.Await(t, 2*time.Minute, "every outbox is empty", func() bool { return outboxes(t, people) == 0 })
	for i, node := range nodes {
		program.Await(t, time.Minute, fmt.Sprintf("nothing is left at node %d", i), func() bool { return queued(t, node) == 0 })
	}
	t.Logf("%d messages came, each exactly once, through %d kills", len(want[people[0]])+len(want[people[1]])+len(want[people[2]]), kills)
}

// reached returns the nodes that a person's device is connected to.
func (p *person) reached(t *testing.T) (connected []api.RendezvousStatus) {
	t.Helper()
	status, err := p.Client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range status.Orgs[0].Rendezvous {
		if node.Connected {
			connected = append(connected, node)
		}
	}
	return connected
}

// posted returns the node that a person's device posts to.
func posted(t *testing.T, p *person, at map[string]*program.Rendezvous) (found *program.Rendezvous) {
	t.Helper()
	program.Await(t, time.Minute, "a node is posted to", func() bool {
		for _, node := range p.reached(t) {
			if node.Posting {
				found = at[node.Address]
			}
		}
		return found != nil
	})
	return found
}
