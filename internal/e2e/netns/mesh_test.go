//go:build netns && linux

package netns

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
)

// envAway is for how many seconds the rendezvous node of a conversation is away; `make soak` takes ten minutes.
const envAway = "MUSTER_NODE_AWAY"

// meshTime is how long messages may take that go from device to device.
const meshTime = 2 * time.Minute

// fileSize is that of a file that goes in several pieces.
const fileSize = 300 << 10

// crewOnLAN makes a LAN with a rendezvous node on host 1, a crew on those after it, and a host behind them where nothing is.
func crewOnLAN(t *testing.T, names ...string) *crew {
	t.Helper()
	n := lan(t, 2+len(names))
	node := n.rendezvous("1", lanAddress(1))
	var people []person
	for i, name := range names {
		people = append(people, n.person(strconv.Itoa(2+i), name))
	}
	return n.crew(node, people...)
}

// Five devices on a LAN that joined while there was a rendezvous node lose it for good, and none has written to another before. What
// they write comes to everybody, with receipts, from device to device.
func TestMeshOfFive(t *testing.T) {
	t.Parallel() // it waits for most of its time
	c := crewOnLAN(t, "Ada", "Ben", "Cara", "Dan", "Eve")
	c.node.End(syscall.SIGKILL)
	c.everybodyWrites("without a node")
	c.writes(c.people[0], c.people[4], "the chart", fileSize)
	c.writesAll(c.people[1], "the chart for all", fileSize)
	c.awaitComplete(meshTime)
	for _, p := range c.people {
		p.sees(4)
	}
	if ways := c.ways(); len(ways) != 1 || ways["direct"] == 0 {
		t.Errorf("the messages went so: %v", ways)
	}
	before := make(map[string]traffic)
	for _, p := range c.people {
		before[p.host] = c.traffic(p.host)
	}
	<-time.After(time.Minute)
	for _, p := range c.people {
		idle := c.traffic(p.host).minus(before[p.host])
		t.Logf("in a minute without messages %s sent and got %d packets, %d bytes", p.device.Name, idle.packets, idle.bytes)
	}
	if lack := c.complete(); lack != "" {
		t.Errorf("a minute later: %s", lack)
	}
}

// The rendezvous node of a conversation on a LAN is unplugged and comes back: nothing is lost or doubled, and the states are right.
func TestNodeUnplugged(t *testing.T) {
	t.Parallel() // it waits for most of its time
	away := 45 * time.Second
	if text := os.Getenv(envAway); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", envAway, err)
		}
		away = time.Duration(seconds) * time.Second
	}
	c := crewOnLAN(t, "Ada", "Ben", "Cara")
	talk := func(when string, during time.Duration) {
		t.Helper()
		began := time.Now()
		for i := 0; i == 0 || time.Since(began) < during; i++ {
			from := c.people[i%len(c.people)]
			c.writes(from, c.people[(i+1)%len(c.people)], fmt.Sprintf("%s %d", when, i), 0)
			c.writesAll(from, fmt.Sprintf("%s %d, to all", when, i), 0)
			<-time.After(min(2*time.Second, during/10+200*time.Millisecond))
		}
	}
	talk("before", 4*time.Second)
	c.plug("1", "down")
	talk("while it is away", away)
	c.awaitComplete(meshTime)
	c.plug("1", "up")
	talk("while it comes back", 10*time.Second)
	for _, p := range c.people {
		program.Await(t, told, p.device.Name+" is connected again", func() bool { return status(t, p.device).Rendezvous[0].Connected })
	}
	talk("after", 4*time.Second)
	c.awaitComplete(meshTime)
	for _, p := range c.people {
		program.Await(t, commandTime, p.device.Name+" has nothing left to send", func() bool { return status(t, p.device).Outbox == 0 })
		if s := status(t, p.device); len(s.Alarms) > 0 || s.Missing > 0 {
			t.Errorf("%s is alarmed: %q, misses %d", p.device.Name, s.Alarms, s.Missing)
		}
	}
	program.Await(t, commandTime, "nothing waits at the node", func() bool {
		health, err := c.people[0].device.Client.RendezvousHealth(t.Context(), api.AdminQuery{})
		return err == nil && health.Reachable && health.Entries == 0
	})
	t.Logf("%d messages; with the node away for %v they went so: %v", len(c.sent), away, c.ways())
}
