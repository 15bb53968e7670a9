//go:build netns && linux

package netns

import (
	"fmt"
	"syscall"
	"testing"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
)

// Somebody is invited face to face on a LAN without any server, writes to the one who invited and to another member there and is written to,
// at once; and again once the rendezvous node is there and the roll has them. Everything is there once, under the same member. [ROLL-197]
// [MSH-25] [FACE-9]
func TestNewcomerOnLANWithoutServer(t *testing.T) {
	t.Parallel() // it waits for most of its time
	n := lan(t, 4)
	node := n.rendezvous("1", lanAddress(1))
	ada, cara, ben := n.person("2", "Ada"), n.person("3", "Cara"), n.person("4", "Ben")
	ada.found(node, true)
	ada.types("admin", "policy", "set", "early-joins=allowed").exits(api.ExitDone)
	cara.types("join", ada.invites(1), "--as", "Cara").exits(api.ExitDone)
	program.Await(t, commandTime, "Ada knows of Cara", func() bool {
		all, err := ada.device.Client.Contacts(t.Context(), api.ContactsQuery{All: true})
		return err == nil && len(all) == 1
	})
	node.End(syscall.SIGKILL)

	invites := ada.types("invite", "--nearby")
	var made api.MeetingCode
	invites.prints(&made)
	ben.types("join", "--nearby", "--code", made.Code, "--as", "Ben", "--yes").exits(api.ExitDone)
	invites.exits(api.ExitDone)
	var before api.OrgStatus
	program.Await(t, commandTime, "Ben runs ahead of the roll", func() bool {
		var status api.StatusResult
		if ben.types("status").ends(&status); len(status.Orgs) == 1 {
			before = status.Orgs[0]
		}
		return len(status.Orgs) == 1
	})
	if before.Unconfirmed != api.UnconfirmedYet || before.MemberName != "Ben" {
		t.Errorf("Ben is told %+v", before)
	}
	program.Await(t, meshTime, "Cara has heard of Ben", func() bool { return len(status(t, cara.device).Newcomers) == 1 })

	c := &crew{network: n, node: node, people: []person{ada, cara, ben}}
	write := func(when string) {
		for _, pair := range [][2]person{{ada, ben}, {ben, ada}, {cara, ben}, {ben, cara}} {
			c.writes(pair[0], pair[1], fmt.Sprintf("%s, %s to %s", when, pair[0].device.Name, pair[1].device.Name), 0)
		}
	}
	write("without a server")
	c.awaitComplete(meshTime)
	if ways := c.ways(); ways[string(api.ViaDirect)] != len(c.sent) {
		t.Errorf("without a server it went so: %v", ways)
	}
	var inbox []api.Message
	if ada.types("inbox").ends(&inbox); len(inbox) != 1 || inbox[0].Unconfirmed != api.UnconfirmedYet {
		t.Errorf("Ada's inbox says %+v", inbox)
	}

	node.Start()
	program.Await(t, commandTime, "the roll has Ben", func() bool {
		var status api.StatusResult
		ben.types("status").ends(&status)
		return len(status.Orgs) == 1 && status.Orgs[0].Unconfirmed == "" && len(status.Joining) == 0 && status.Orgs[0].Member == before.Member
	})
	for _, p := range []person{ada, cara} {
		program.Await(t, commandTime, p.device.Name+" knows that the roll has Ben", func() bool { return len(status(t, p.device).Newcomers) == 0 })
	}
	write("with the server")
	c.awaitComplete(meshTime)
	for _, p := range c.people {
		program.Await(t, commandTime, p.device.Name+" has nothing left to send", func() bool { return status(t, p.device).Outbox == 0 })
		if got := status(t, p.device); len(got.Alarms) > 0 || got.Missing > 0 {
			t.Errorf("%s: alarms %q, missing %d", p.device.Name, got.Alarms, got.Missing)
		}
	}
}
