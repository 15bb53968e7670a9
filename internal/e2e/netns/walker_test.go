//go:build netns && linux

package netns

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
)

// secondBridge is that of another LAN beside the one that lan makes, which nothing connects to it.
const secondBridge = "br1"

// divide makes a second LAN beside the first, with the same addresses.
func (n network) divide() {
	n.t.Helper()
	n.do("0", "ip", "link", "add", secondBridge, "type", "bridge", "mcast_snooping", "0")
	n.do("0", "ip", "link", "set", secondBridge, "up")
}

// walks takes a host from the LAN where it is to another: its cable is pulled, and put in there. That takes a moment, so that the machine
// sees that it was out.
func (n network) walks(host, bridge string) {
	n.t.Helper()
	port := "port" + host
	n.do("0", "ip", "link", "set", port, "down")
	pulled := time.Now()
	program.Await(n.t, commandTime, "the cable of host "+host+" is put in again", func() bool { return time.Since(pulled) >= cableTime })
	n.do("0", "ip", "link", "set", port, "master", bridge)
	n.do("0", "ip", "link", "set", port, "up")
}

const (
	// cableTime is how long a cable is out that is pulled here and put in there.
	cableTime = 3 * time.Second
	// stayTime is how long who walks between two LANs stays on each.
	stayTime = 12 * time.Second
	// deadTime is after how long a connection that stood when somebody came back is alive, or gone: 30 seconds after the last packet, of
	// which the way there and a stay took some.
	deadTime = 20 * time.Second
	// mostWalks is after how many walks everything must be everywhere: there, back with receipts and what was written there, and there
	// again with the receipts for that; and the same once more.
	mostWalks = 6
)

// stays has a person who has just come to a LAN stay until others there were in reach for long enough. Connections of the time before may
// seem to stand for a while, though nothing goes over them any more.
func (p person) stays(others []person) {
	p.t.Helper()
	came := time.Now()
	met := came
	what := fmt.Sprintf("%s has %d others in reach for %v", p.device.Name, len(others), stayTime)
	program.Await(p.t, commandTime, what, func() bool {
		around, old := p.around(), false
		for _, o := range others {
			i := slices.IndexFunc(around, func(n api.Neighbour) bool { return n.Name == o.device.Name && n.Path != "" })
			if i < 0 {
				met = time.Now()
				return false
			}
			old = old || around[i].Since.Before(came)
		}
		return time.Since(met) >= stayTime && (!old || time.Since(came) >= deadTime)
	})
}

// awaitCarried waits until nothing that one of a crew wrote is held by its author alone.
func (c *crew) awaitCarried(from person) {
	c.t.Helper()
	program.Await(c.t, meshTime, "others carry what "+from.device.Name+" wrote", func() bool {
		for _, l := range c.sent {
			if l.from.device != from.device {
				continue
			}
			m, err := from.device.Client.Read(c.t.Context(), api.ReadRequest{ID: l.id})
			if err != nil || slices.ContainsFunc(m.States, func(r api.Recipient) bool { return r.State == api.StateHeld }) {
				return false
			}
		}
		return true
	})
}

// Two LANs that nothing connects, and no rendezvous node: what is written on one for people of the other goes with somebody who walks
// between them, and so do the receipts.
func TestWalkerBetweenTwoLANs(t *testing.T) {
	t.Parallel() // it waits for most of its time
	c := crewOnLAN(t, "Ada", "Ben", "Cara", "Dan", "Wim")
	left, right, walker := c.people[:2], c.people[2:4], c.people[4]
	c.node.End(syscall.SIGKILL)
	c.everybodyWrites("together") // so that each has keys to write to each other one
	c.awaitComplete(meshTime)
	c.divide()
	for _, p := range right {
		c.walks(p.host, secondBridge)
	}
	c.everybodyWrites("apart")
	c.writes(left[0], right[1], "the chart", fileSize)
	c.writesAll(right[0], "the chart for all", fileSize)

	c.awaitCarried(left[0])
	began, walks := time.Now(), 0
	for bridge, there := "br0", left; ; walks++ {
		walker.stays(there)
		if c.complete() == "" || walks == mostWalks {
			break
		}
		if bridge == "br0" {
			bridge, there = secondBridge, right
		} else {
			bridge, there = "br0", left
		}
		c.walks(walker.host, bridge)
	}
	if walks < 2 {
		t.Errorf("%d walks were enough", walks)
	}
	c.awaitComplete(stayTime)
	t.Logf("%d messages in %v, with %d walks; they went so: %v", len(c.sent), time.Since(began).Round(time.Second), walks, c.ways())
	for _, p := range c.people {
		program.Await(t, commandTime, fmt.Sprintf("%s has nothing left to send", p.device.Name), func() bool { return status(t, p.device).Outbox == 0 })
	}
}

// Somebody who knows neither of two people walks between their LANs: what these two write goes along, and back, and Wim sees none of it.
func TestWalkerKnowsNobody(t *testing.T) {
	t.Parallel() // it waits for most of its time
	n := lan(t, 4)
	node := n.rendezvous("1", lanAddress(1))
	ada, cara, wim := n.person("2", "Ada"), n.person("3", "Cara"), n.person("4", "Wim")
	ada.found(node, false)
	invitation := ada.invites(2)
	for _, p := range []person{cara, wim} {
		p.types("join", invitation, "--as", p.device.Name).exits(api.ExitDone)
	}
	for _, p := range []person{ada, cara, wim} {
		program.Await(t, commandTime, p.device.Name+" knows that the others are members", func() bool {
			all, err := p.device.Client.Contacts(t.Context(), api.ContactsQuery{All: true})
			return err == nil && len(all) == 2
		})
	}
	cara.types("introduce", "Ada", "it is me").exits(api.ExitDone)
	program.Await(t, commandTime, "Ada accepts Cara", func() bool {
		_, err := ada.device.Client.Accept(t.Context(), api.AcceptRequest{Member: "Cara"})
		return err == nil
	})
	c := &crew{network: n, node: node, people: []person{ada, cara, wim}}
	c.writes(ada, cara, "with the node", 0)
	c.writes(cara, ada, "with the node", 0)
	c.awaitComplete(meshTime)
	node.End(syscall.SIGKILL)
	c.divide()
	c.walks(cara.host, secondBridge)
	wim.types("send", "Ada", "-m", "too early").exits(api.ExitRefused)
	c.writes(ada, cara, "by somebody else", fileSize)
	c.writes(cara, ada, "by somebody else too", 0)
	c.awaitCarried(ada)
	walks := 0
	for bridge, there := secondBridge, cara; walks < mostWalks && c.complete() != ""; walks++ {
		c.walks(wim.host, bridge)
		wim.stays([]person{there})
		if bridge, there = "br0", ada; walks%2 == 1 {
			bridge, there = secondBridge, cara
		}
	}
	c.awaitComplete(stayTime)
	t.Logf("after %d walks all went so: %v", walks, c.ways())
}
