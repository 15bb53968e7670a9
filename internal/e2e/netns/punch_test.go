//go:build netns && linux

package netns

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"muster.example/node/api"
)

const (
	// vainTime is for how long two homes between which there is no direct path are looked at, and mostVain how many packets may go from
	// one to the other in that time.
	vainTime = 45 * time.Second
	mostVain = 400
)

// crewInHomes makes two homes with a public rendezvous node and a member in each.
func crewInHomes(t *testing.T, kindA, kindB string) *crew {
	t.Helper()
	n := homes(t, kindA, kindB)
	node := n.rendezvous(public, publicAddress)
	return n.crew(node, n.person(homeA, "Ada"), n.person(homeB, "Ben"))
}

// Two members in two homes behind usual routers, with a public rendezvous node: after their first messages they have a direct path.
func TestMembersPunch(t *testing.T) {
	t.Parallel() // it waits for most of its time
	c := crewInHomes(t, cone, cone)
	ada, ben := c.people[0], c.people[1]
	began := time.Now()
	for !ada.reaches(ben, api.PathDirect) {
		if time.Since(began) > commandTime {
			t.Fatalf("after %v and %d messages there is no direct path", commandTime, len(c.sent))
		}
		c.writes(ada, ben, fmt.Sprint("message ", len(c.sent)), 0)
		<-time.After(time.Second)
	}
	path := time.Since(began)
	for { // the connection stands before anything is said there
		c.writes(ada, ben, "straight there", 0)
		c.writes(ben, ada, "straight back", 0)
		c.awaitComplete(meshTime)
		last := crew{network: c.network, sent: c.sent[len(c.sent)-2:]}
		if ways := last.ways(); ways["direct"] == 2 {
			break
		}
		if time.Since(began) > meshTime {
			t.Fatalf("after %v messages go so: %v", meshTime, c.ways())
		}
	}
	sent := len(c.sent)
	c.writes(ada, ben, "there", fileSize)
	c.writes(ben, ada, "back", 0)
	c.awaitComplete(meshTime)
	first := c.ways()
	c.sent = c.sent[sent:]
	if ways := c.ways(); len(ways) != 1 || ways["direct"] == 0 {
		t.Errorf("with a direct path messages go so: %v", ways)
	}
	t.Logf("a direct path %v after the first message, and %d messages; all went so: %v", path.Round(time.Second), sent, first)
}

// Where routers let no direct path be, everything goes through the rendezvous node, and few packets are tried.
func TestMembersWithoutDirectPath(t *testing.T) {
	for _, kinds := range [][2]string{{symmetric, symmetric}, {carrierGrade, carrierGrade}} {
		t.Run(kinds[0], func(t *testing.T) {
			t.Parallel() // it waits for most of its time
			c := crewInHomes(t, kinds[0], kinds[1])
			for _, router := range []string{"ra", "rb"} {
				c.counts(router, passing)
			}
			ada, ben := c.people[0], c.people[1]
			for began := time.Now(); time.Since(began) < vainTime; {
				c.writes(ada, ben, time.Now().String(), 0)
				c.writes(ben, ada, time.Now().String(), 0)
				<-time.After(3 * time.Second)
			}
			c.awaitComplete(meshTime)
			if ways := c.ways(); ways["direct"] > 0 {
				t.Errorf("messages went so: %v", ways)
			}
			node, tried, through := netip.MustParseAddr(publicAddress), 0, 0
			for _, router := range []string{"ra", "rb"} {
				for f, packets := range c.flows(router) {
					if f.from == node || f.to == node {
						through += packets
						continue
					}
					t.Logf("%s: %v: %d packets", router, f, packets)
					if f.from.IsPrivate() && f.to.IsPrivate() {
						t.Errorf("%s: %v: what is private elsewhere is called", router, f)
					}
					tried += packets
				}
			}
			t.Logf("%d messages; in %v %d packets to and from the node, and %d to find a direct path", len(c.sent), vainTime, through, tried)
			if tried > mostVain || through < len(c.sent) {
				t.Errorf("more than %d, or less than one for each message", mostVain)
			}
		})
	}
}
