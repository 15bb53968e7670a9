//go:build netns && linux

package netns

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
)

// isolates has hosts of a LAN reach all others, but not each other.
func (n network) isolates(yes string, hosts ...string) {
	n.t.Helper()
	for _, host := range hosts {
		n.do("0", "ip", "link", "set", "port"+host, "type", "bridge_slave", "isolated", yes)
	}
}

// Five of six devices on a LAN are a group that loses its rendezvous node, in an organization where nobody carries for others. Ben and Eve do not
// reach each other: what they say in the group comes to each other by gossip alone. Cara is unplugged for a while, and her folder put under a
// new data key. All of it is with everybody in the end, once, and Fay, who is not in the group, has seen none of it. [GOS-10] [GOS-12] [GOS-13]
func TestGroupIsGossiped(t *testing.T) {
	t.Parallel() // it waits for most of its time
	c := crewOnLAN(t, "Ada", "Ben", "Cara", "Dan", "Eve")
	ada, ben, cara, eve := c.people[0], c.people[1], c.people[2], c.people[4]
	ada.types("admin", "policy", "set", "carry-copies=0").exits(api.ExitDone)
	fay := c.person("7", "Fay")
	fay.types("join", ada.invites(1), "--as", "Fay").exits(api.ExitDone)
	for _, p := range append(slices.Clone(c.people), fay) {
		program.Await(t, commandTime, p.device.Name+" knows that nobody carries, and of Fay", func() bool {
			policy, err := p.device.Client.Policy(t.Context(), api.AdminQuery{})
			all, failed := p.device.Client.Contacts(t.Context(), api.ContactsQuery{All: true})
			return err == nil && failed == nil && len(all) == len(c.people) && slices.ContainsFunc(policy.Settings, func(s api.PolicySetting) bool {
				return s.Key == "carry-copies" && s.Value == "0"
			})
		})
	}
	c.everybodyWrites("with the node") // so that each has keys to write to each other one
	c.awaitComplete(meshTime)
	c.node.End(syscall.SIGKILL)
	c.writes(fay, ada, "is anybody there?", 0)
	ada.hears("Fay", "is anybody there?")

	c.isolates("on", ben.host, eve.host)
	program.Await(t, meshTime, "Ben and Eve have lost each other", func() bool {
		return !ben.reaches(eve, api.PathLAN) && !eve.reaches(ben, api.PathLAN)
	})
	const rounds = 4
	for round := range rounds {
		for _, p := range c.people {
			c.writesAll(p, fmt.Sprintf("round %d, %s to all", round, p.device.Name), 0)
		}
	}
	c.awaitReceived(meshTime)
	c.t.Logf("before the receipts could be with all: %v", c.ways())

	c.plug(cara.host, "down")
	cara.device.End(syscall.SIGTERM)
	cara.types("passphrase", "--rotate", "--key-file", cara.device.Key, "--yes").exits(api.ExitDone)
	for _, p := range c.others(cara) {
		for i := range rounds {
			c.writesAll(p, fmt.Sprintf("without Cara %d, %s to all", i, p.device.Name), 0)
		}
	}
	cara.device.Start()
	c.writesAll(cara, "alone, Cara to all", 0)
	c.plug(cara.host, "up")
	c.isolates("off", ben.host, eve.host)
	c.awaitComplete(2 * meshTime)

	var said []string
	for _, l := range c.sent {
		if l.from.device != fay.device {
			said = append(said, l.text)
			fay.types("read", l.id).exits(api.ExitNotFound)
		}
	}
	if has := fay.has(); len(has) > 0 {
		t.Errorf("Fay has %q", has)
	}
	if log := fay.device.Said(); slices.ContainsFunc(said, func(text string) bool { return strings.Contains(log, text) }) {
		t.Errorf("Fay's program says what the group does:\n%s", log)
	}
}
