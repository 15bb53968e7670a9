//go:build browser

package browser

import (
	"context"
	"strings"
	"testing"

	"muster.example/node/api"
)

// A person makes a key, another locks a message for it on the page; it is shown as locked, opened for a while and locked again, and
// then nothing of it is in the page, in another one, or found. [LOCK-5] [LOCK-8]
func TestLockedMessage(t *testing.T) {
	const marker = "kingfisher"
	people := organization(t, "Ada", "Bo")
	org := muster[[]api.OrgSummary](people[0], "org", "list")[0].Org
	muster[any](people[1], "introduce", "Ada", "It is Bo.")
	await(t, "Ada to hear of Bo", func(context.Context) bool {
		return len(muster[[]api.Message](people[0], "inbox")) == 1
	})
	muster[any](people[0], "accept", "Bo")
	await(t, "Bo to hear of it", func(context.Context) bool {
		all := muster[[]api.Contact](people[1], "contacts")
		return len(all) == 1 && all[0].State == api.ContactAcquainted
	})
	bo := open(t, people[1])
	bo.goTo("/o/" + org + "/keys")
	bo.see("You have no key yet")
	bo.click("#own ~ form button")
	bo.see("The key was made")
	bo.see("in use: your contacts lock for it")
	bo.look("keys")
	ada := open(t, people[0])
	ada.goTo("/o/" + org + "/keys")
	ada.see("on trust, not compared") // it is heard of while the page is open
	ada.goTo("/o/" + org + "/lock")
	ada.see("Nothing is kept as a draft")
	ada.look("message-lock")
	ada.fill("#to", "Bo")
	ada.fill("#subject", "Plans")
	ada.fill("#text", "The marker is "+marker+".")
	ada.click("form.composer button")
	ada.see("The message was locked and sent")
	ada.see("Locked")
	if source := read[string](ada, "document.documentElement.outerHTML"); strings.Contains(source, marker) {
		t.Error("the author's page holds the text")
	}
	ada.goTo("/o/" + org + "/drafts")
	if source := read[string](ada, "document.documentElement.outerHTML"); strings.Contains(source, marker) {
		t.Error("it became a draft")
	}

	bo.goTo("/o/" + org + "/")
	bo.see("Plans")
	bo.see("Locked")
	bo.click(".threads a")
	bo.see("post-quantum key")
	bo.look("message-locked")
	if source := read[string](bo, "document.documentElement.outerHTML"); strings.Contains(source, marker) || strings.Contains(source, "BEGIN AGE") {
		t.Error("the thread holds the text, or its armor")
	}
	bo.click(".locked button")
	bo.see("The marker is " + marker + ".")
	bo.until("the time is counted down", "/^[0-4]:[0-5][0-9]$/.test(document.querySelector('[data-left]')?.textContent ?? '')")
	bo.look("message-opened")
	// Opened on one page it is on no other.
	other := bo.beside()
	address := strings.TrimSuffix(read[string](bo, "location.pathname"), "/opened")
	holdsNothing := func(word string) {
		t.Helper()
		for _, page := range []string{"/o/" + org + "/", "/o/" + org + "/search?q=marker", "/o/" + org + "/compose", "/o/" + org + "/keys", address} {
			other.goTo(page)
			if source := read[string](other, "document.documentElement.outerHTML"); strings.Contains(source, word) {
				t.Errorf("the page %q holds the text", page)
			}
		}
	}
	holdsNothing(marker)
	bo.click("form[action$='/close'] button")
	bo.see("The message is locked again")
	if source := read[string](bo, "document.documentElement.outerHTML"); strings.Contains(source, marker) {
		t.Error("the page still holds the text")
	}
	bo.goTo(address + "/opened")
	bo.see("The message is locked again")
	evalOnce[any](bo, "history.back()")
	bo.see("The message is locked again")
	if source := read[string](bo, "document.documentElement.outerHTML"); strings.Contains(source, marker) {
		t.Error("the browser has kept the page of the opened message")
	}
	holdsNothing(marker)

	// With a passphrase: asked for, refused, taken.
	ada.goTo("/o/" + org + "/lock")
	ada.fill("#to", "Bo")
	ada.fill("#text", "The heron is late.")
	ada.click("input[value=passphrase]")
	ada.fill("#passphrase", "correct horse")
	ada.click("form.composer button")
	ada.see("The message was locked and sent")
	bo.goTo("/o/" + org + "/")
	bo.see("Locked")
	bo.until("the second thread is there", "document.querySelectorAll('.threads a').length === 2")
	bo.click(".threads a")
	bo.expect("status of 403") // a refusal is shown with its status
	bo.fill(".locked input[type=password]", "battery staple")
	bo.click(".locked button")
	bo.see("The passphrase does not fit")
	bo.fill(".locked input[type=password]", "correct horse")
	bo.click(".locked button")
	bo.see("The heron is late.")
	read[bool](bo, "document.querySelector('[data-opened]').dataset.opened = '1', document.dispatchEvent(new Event('muster:page'))") // its time is over in a second
	bo.see("The message is locked again")
	if source := read[string](bo, "document.documentElement.outerHTML"); strings.Contains(source, "heron") {
		t.Error("after its time the page still holds the text")
	}
}
