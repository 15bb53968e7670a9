//go:build browser

package browser

import (
	"context"
	"strings"
	"testing"

	"muster.example/node/api"
)

// A person adds a device on the page: a code, the same two words on both, yes. What was written before comes to the new one, a mark
// made there reaches the page, and a barred one is told so.
func TestDeviceIsAdded(t *testing.T) {
	people := organization(t, "Ada", "Bo")
	ada, bo := people[0], people[1]
	muster[any](bo, "send", "Ada", "-s", "Before", "-m", "from before the new device")
	await(t, "the message is there", func(context.Context) bool { return len(muster[[]api.Message](ada, "inbox")) == 1 })
	in := "/o/" + muster[[]api.OrgSummary](ada, "org", "list")[0].Org + "/"
	fresh := startPerson(t, "Ada's laptop")

	b := open(t, ada)
	b.goTo(in + "devices")
	b.click(`main a[href="` + in + `devices/add"]`)
	b.axe("device-add")
	b.click(`main button[name=do][value=make]`)
	b.see("muster:pair/")
	b.axe("device-add-code") // no picture of a code
	b.fits("device-add-code")
	link := read[string](b, "document.getElementById('link').textContent")
	if _, err := fresh.client.Pair(t.Context(), api.PairRequest{With: link}); err != nil {
		t.Fatal(err)
	}
	var words []string
	await(t, "the new device shows two words", func(ctx context.Context) bool {
		said, err := fresh.client.Pairing(ctx, api.PairingQuery{})
		words = said.Words
		return err == nil && said.State == api.PairingCompare
	})
	b.see(strings.Join(words, " "))
	b.axe("device-add-words")
	b.click(`main button[name=do][value=yes]`)
	b.see("added")
	b.look("device-added")

	await(t, "the new device has what was before it", func(ctx context.Context) bool {
		page, err := fresh.client.Inbox(ctx, api.InboxQuery{})
		return err == nil && len(page.Messages) == 1 && page.Messages[0].Text == "from before the new device"
	})
	page, err := fresh.client.Inbox(t.Context(), api.InboxQuery{})
	if err != nil {
		t.Fatal(err)
	}
	b.goTo(in)
	b.until("the message is unread", "document.querySelector('#threads li.unread')")
	if _, err := fresh.client.Tag(t.Context(), api.TagRequest{IDs: api.List[string]{page.Messages[0].ID}, Tag: "From the laptop"}); err != nil {
		t.Fatal(err)
	}
	b.see("From the laptop")
	b.goTo(in + "devices")
	b.see("Same history as here")
	b.look("devices-two")

	laptop := open(t, fresh)
	laptop.goTo(in)
	laptop.see("Before")
	var device string
	for _, d := range muster[[]api.Device](fresh, "device", "list") {
		if d.This {
			device = d.Device
		}
	}
	muster[any](ada, "device", "bar", device, "--yes")
	laptop.see("This device may not act in this organization.")
	laptop.goTo(in + "devices")
	laptop.look("device-barred")
}
