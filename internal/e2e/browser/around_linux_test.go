//go:build browser && linux

package browser

import (
	"context"
	"syscall"
	"testing"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
)

// Two people on one network lose the server: the pages say so calmly, a message goes straight to the other, and its author sees
// without a reload that it did. Who wants no direct paths ends them by a setting.
func TestAroundWithoutAServer(t *testing.T) {
	if alone(t, quay) {
		return
	}
	rendezvous := program.StartRendezvous(t, nil, "/ip4/127.0.0.1/tcp/0")
	people := organizationAt(t, rendezvous.Claim, "Ada", "Bo")
	ada, bo := people[0], people[1]
	muster[api.SendResult](ada, "send", "Bo", "-m", "Before the storm.")
	muster[api.SendResult](bo, "send", "Ada", "-m", "Still here.")
	await(t, "both know how to write to each other", func(context.Context) bool {
		return len(muster[[]api.Message](ada, "inbox")) == 1 && len(muster[[]api.Message](bo, "inbox")) == 1
	})
	around := func() int {
		now, err := ada.client.Around(t.Context(), api.AroundQuery{})
		if err != nil || len(now) != 1 {
			t.Fatal(now, err)
		}
		return len(now[0].Devices)
	}
	await(t, "they are in reach of each other", func(context.Context) bool { return around() == 1 })
	in := "/o/" + muster[[]api.OrgSummary](ada, "org", "list")[0].Org + "/"
	b := open(t, ada)
	b.goTo(in)
	rendezvous.End(syscall.SIGTERM)
	b.see("No server can be reached. 1 person around. Who is around gets")
	b.look("apart")
	b.goTo(in + "around")
	b.see("same network")
	b.see("Messages go on by the devices around")
	b.look("around")

	b.goTo(in + "compose")
	b.fill("#to", "Bo")
	b.fill("#subject", "Bread")
	b.fill("#text", "Bring some.")
	b.click("[data-send]")
	b.see("How it travels")
	b.see("Bo: delivered, direct")
	b.see("Since") // the page lists each device
	b.look("travels")

	b.goTo(in + "settings")
	b.see("How your devices meet others")
	b.look("settings-meeting")
	b.choose("#setting-direct", "never")
	b.click("#form-direct button")
	b.see("Saved.")
	await(t, "nobody is in reach any more", func(context.Context) bool { return around() == 0 })
	b.see("Nobody is around: messages wait here")
}
