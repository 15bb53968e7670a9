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

	laptop := open(t, fresh)
	laptop.goTo("/welcome")
	laptop.click(`main a[href="/pair"]`)
	laptop.axe("pair")
	laptop.fits("pair")
	laptop.look("pair")
	laptop.paste("#with", link[:len("muster:pair/")+4])
	laptop.expect("the server responded with a status of 4") // a refusal is shown with its status
	laptop.click(`main button[name=do][value=find]`)
	laptop.see("This is no link to pair with.")
	laptop.paste("#with", link)
	laptop.click(`main button[name=do][value=find]`)
	laptop.until("the new device shows two words", "document.querySelector('.twowords strong')")
	laptop.axe("pair-words")
	laptop.fits("pair-words")
	laptop.look("pair-words")
	words := strings.Fields(read[string](laptop, "document.querySelector('.twowords strong').textContent"))
	if len(words) != 2 {
		t.Fatalf("the new device shows %q", words)
	}
	b.see(strings.Join(words, " "))
	b.axe("device-add-words")
	b.click(`main button[name=do][value=yes]`)
	b.see("added")
	b.look("device-added")
	laptop.see("This device is one of yours now.")
	laptop.see("The history is here.")
	laptop.look("pair-done")
	laptop.click(`#pairing a[href="` + in + `"]`)
	laptop.see("Before")

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
