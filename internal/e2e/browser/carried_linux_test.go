//go:build browser && linux

package browser

import (
	"context"
	"syscall"
	"testing"
	"time"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
)

// handedTime is within what a message is handed on: half a minute without a server comes first, and the next call of who is near.
const handedTime = 3 * time.Minute

// Without a server, and with the receiver away, a message goes to a third person's device: the pages of both say so, and in the end it is there by
// that device, though its author was away when it was handed over.
func TestCarriedByADevice(t *testing.T) {
	if alone(t, quay) {
		return
	}
	rendezvous := program.StartRendezvous(t, nil, "/ip4/127.0.0.1/tcp/0")
	people := organizationAt(t, rendezvous.Claim, "Ada", "Bo", "Cleo")
	ada, bo, cleo := people[0], people[1], people[2]
	muster[api.SendResult](ada, "send", "Cleo", "-m", "Before the storm.")
	muster[api.SendResult](cleo, "send", "Ada", "-m", "Still here.")
	await(t, "both know how to write to each other", func(context.Context) bool {
		return len(muster[[]api.Message](ada, "inbox")) == 1 && len(muster[[]api.Message](cleo, "inbox")) == 1
	})
	cleo.stop()
	around := func(p *person) api.Around {
		now, err := p.client.Around(t.Context(), api.AroundQuery{})
		if err != nil || len(now) != 1 {
			t.Fatal(now, err)
		}
		return now[0]
	}
	rendezvous.End(syscall.SIGTERM)
	in := "/o/" + muster[[]api.OrgSummary](ada, "org", "list")[0].Org + "/"
	b := open(t, ada)
	b.goTo(in + "compose")
	b.fill("#to", "Cleo")
	b.fill("#subject", "Bread")
	b.fill("#text", "Bring some.")
	b.click("[data-send]")
	b.see("How it travels")
	await(t, "Ada and Bo have noticed", func(context.Context) bool { return !around(ada).Connected && !around(bo).Connected })
	program.Await(t, handedTime, "Bo carries it", func() bool { return around(bo).Carried.Count > 0 && len(around(ada).Carriers) == 1 })
	b.see("carried by 1 device")
	b.look("carried")
	b.goTo(in + "around")
	b.see("Who carries for you")
	b.see("of yours")
	b.look("around-carriers")
	c := open(t, bo)
	c.goTo(in + "around")
	c.see("Carried for others")
	c.see("Ada")
	c.look("around-carried")

	b.expect("Failed to load resource") // her page looks for her node
	ada.stop()
	cleo.run()
	program.Await(t, handedTime, "Bo hands it over", func() bool {
		return len(muster[[]api.Message](cleo, "inbox")) == 2 && around(bo).Carried.Count == 0
	})
	cleo.stop()
	ada.run()
	program.Await(t, handedTime, "Ada hears of it", func() bool { return len(around(ada).Carriers) == 0 && around(ada).Waiting == 0 })
}
