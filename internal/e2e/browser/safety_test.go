//go:build browser

package browser

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"muster.example/node/api"
)

// pick chooses a value of a list.
func (b *tab) pick(selector, value string) {
	b.t.Helper()
	b.do("choosing in "+selector, chromedp.WaitReady(selector, chromedp.ByQuery), chromedp.SetValue(selector, value, chromedp.ByQuery))
}

// deviceOf returns one of the devices of a person's account.
func deviceOf(t *testing.T, p *person, id string) api.Device {
	t.Helper()
	for _, d := range muster[[]api.Device](p, "device", "list") {
		if d.Device == id {
			return d
		}
	}
	t.Fatalf("%s has no device %s", p.name, id)
	return api.Device{}
}

// TestRecoveryWords puts devices in another order, cancels a wipe and replaces the words, all by the old words, which are in no
// address; then the new ones bring the account to a third computer, and the old ones do not.
func TestRecoveryWords(t *testing.T) {
	claim := startRendezvous(t)
	ada, other, third := startPerson(t, "Ada"), startPerson(t, "Ada's other computer"), startPerson(t, "Ada's third computer")
	made := muster[api.CreateOrgResult](ada, "org", "create", "Lighthouse", "--claim", claim, "--as", "Ada")
	old := strings.Join(made.RecoveryWords, " ")
	second, err := other.client.Return(t.Context(), api.ReturnRequest{Card: made.Card, Words: old})
	if err != nil {
		t.Fatal(err)
	}
	await(t, "the first device knows the second", func(context.Context) bool {
		return len(muster[[]api.Device](ada, "device", "list")) == 2
	})
	b := open(t, ada)
	b.expect("the server responded with a status of 4") // refusals are shown with their status
	in := "/o/" + made.Org + "/devices"

	b.goTo(in)
	b.look("devices-two")
	b.click(`main a[href="` + in + `/order"]`)
	b.see("Which device stands where")
	b.look("order")
	own := read[string](b, "document.querySelector('.place input').value")
	if own == made.Device { // the page has them by rank
		b.pick("#place-0", "2")
		b.pick("#place-1", "1")
	}
	b.click("main form button:not([type])")
	b.see("The one above it can bar it.")
	b.look("order-plan")
	b.fill("#recovery-words", "hush hush")
	b.click("main form button:not([type])")
	await(t, "wrong words are refused", func(context.Context) bool { return read[bool](b, "!!document.getElementById('refusal')") })
	if left := read[string](b, "document.getElementById('recovery-words').value"); left != "" {
		t.Errorf("the field holds %q after a refusal", left)
	}
	b.fill("#recovery-words", old)
	b.click("main form button:not([type])")
	b.see("The new order of seniority counts.")
	if d := deviceOf(t, ada, made.Device); d.Elder != second.Device {
		t.Errorf("above the first device is %q, want the second, %s", d.Elder, second.Device)
	}

	if _, err := ada.client.Bar(t.Context(), api.BarRequest{Devices: api.List[string]{second.Device}, Wipe: true, Words: old}); err != nil {
		t.Fatal(err)
	}
	b.goTo(in)
	b.see("was asked to remove its data")
	b.look("devices-wipe")
	b.click(`main a[href^="` + in + `/keep?"]`)
	b.see("a device waits 24 hours")
	b.look("keep")
	b.fill("#recovery-words", old)
	b.click("main form button:not([type])")
	b.see("The removal is cancelled.")
	if d := deviceOf(t, ada, second.Device); d.Wipe || !d.Barred {
		t.Errorf("the second device is asked to wipe: %v, barred: %v", d.Wipe, d.Barred)
	}

	fresh := b.renew(in, old)
	for _, address := range b.requests {
		var held []string
		for _, word := range append(fresh, made.RecoveryWords...) {
			if strings.Contains(address, word) && !slices.Contains(held, word) {
				held = append(held, word)
			}
		}
		if len(held) > 4 { // one or the other may be part of an address: "enter", "order"
			t.Errorf("the address %s holds the words %q", address, held)
		}
	}
	evalOnce[any](b, "history.back()")
	await(t, "the page before has no words", func(context.Context) bool {
		return read[bool](b, "location.pathname.endsWith('/words') && document.querySelectorAll('ol.words li').length === 0 && !document.querySelector('[name=words]')?.value")
	})

	card := muster[api.CardResult](ada, "device", "card").Card
	if _, err := third.client.Return(t.Context(), api.ReturnRequest{Card: made.Card, Words: old}); api.AsError(err).Code != api.CodeRefused {
		t.Errorf("the old words open the account: %v", err)
	}
	if back, err := third.client.Return(t.Context(), api.ReturnRequest{Card: card, Words: strings.Join(fresh, " ")}); err != nil || back.Member != made.Member {
		t.Errorf("the new words open %+v: %v", back, err)
	}
}

// renew replaces the words on the page, and returns the new ones.
func (b *tab) renew(in, old string) (fresh []string) {
	b.t.Helper()
	b.goTo(in + "/words")
	b.look("renew")
	b.click("main form button:not([type])")
	await(b.t, "the new words are shown", func(context.Context) bool {
		return read[int](b, "document.querySelectorAll('ol.words li').length") == 24
	})
	b.axe("renew-words") // no picture of words
	fresh = read[[]string](b, "[...document.querySelectorAll('ol.words li')].map((w) => w.textContent)")
	b.click(`main a[href$="/words/check"]`)
	await(b.t, "three words are asked for", func(context.Context) bool {
		return read[int](b, "document.querySelectorAll('main input[name=word]').length") == 3
	})
	b.axe("renew-check")
	for _, id := range read[[]string](b, "[...document.querySelectorAll('main input[name=word]')].map((w) => w.id)") {
		var number int
		if _, err := fmt.Sscanf(id, "word-%d", &number); err != nil {
			b.t.Fatal(err)
		}
		b.fill("#"+id, fresh[number-1])
	}
	b.click("main form button:not([type])")
	b.see("sign with the old ones")
	b.look("renew-sign")
	b.fill("#recovery-words", old)
	b.click("main form button.grave")
	b.see("The new words count here")
	b.axe("renew-done")
	return fresh
}

// TestReturnedMessageIsTold has a member be removed while a message waits for them: the page says what came back, from whom, and what
// to do, and that of nodes how much did.
func TestReturnedMessageIsTold(t *testing.T) {
	claim := startRendezvous(t)
	ada := startPerson(t, "Ada")
	org := muster[api.CreateOrgResult](ada, "org", "create", "Lighthouse", "--claim", claim, "--as", "Ada").Org
	muster[any](ada, "admin", "policy", "set", "contact.admin.member=free")
	bo := startPerson(t, "Bo")
	muster[api.JoinResult](bo, "join", muster[api.InviteResult](ada, "invite").Invitation, "--as", "Bo")
	bo.stop()
	muster[api.SendResult](ada, "send", "Bo", "-s", "Tides", "-m", "High at six")
	muster[any](ada, "admin", "remove", "Bo", "--yes")
	b := open(t, ada)
	b.goTo("/o/" + org + "/safety")
	b.see("A message came back")
	b.see("Tides")
	b.see("They can get nothing here any more")
	b.look("safety-returned")
	b.click("li[id^=returned-] a[href*='/m/']")
	b.until("the conversation is open", "document.querySelector('h1').innerText.includes('Tides')")
	b.see("no member any more")
	b.look("thread-returned")

	// The admin sees on the page of nodes that it came back with the announcement of its key, and why.
	b.goTo("/o/" + org + "/admin/nodes")
	b.see("2 deliveries came back to their senders in the last day.")
	b.see("Room used")
	if row := read[string](b, `[...document.querySelectorAll("#health tbody tr")].find((row) => row.textContent.includes("member removed")).innerText.replace(/\s+/g, " ")`); !strings.HasSuffix(row, " 2 2") {
		t.Errorf("the row of who is shut out says %q", row)
	}
	b.look("nodes-returned")
	for _, language := range []string{"de", "ar"} {
		b.goTo("/preferences")
		b.choose("#language", language)
		b.click("main form button")
		b.until("the language is another", fmt.Sprintf("document.documentElement.lang === %q", language))
		b.goTo("/o/" + org + "/admin/nodes")
		b.look("nodes-returned-" + language)
	}
}

// small lists what can be pressed and is less than 24 pixels wide or high (WCAG 2.5.8), but for links within text.
const small = `[...document.querySelectorAll("a[href], button, summary, select, input:not([type=hidden])")]
  .filter((e) => e.checkVisibility() && !e.closest(".hidden, .skip, #keys") && !e.classList.contains("hidden"))
  .map((e) => (e.matches("input[type=checkbox], input[type=radio]") ? e.closest("label") ?? e : e))
  .filter((e) => { const box = e.getBoundingClientRect(); return (box.width < 24 || box.height < 24) && getComputedStyle(e).display !== "inline"; })
  .map((e) => e.outerHTML.slice(0, 160) + " " + Math.round(e.getBoundingClientRect().width) + "x" + Math.round(e.getBoundingClientRect().height))`

// TestByKeyboardAndEar goes about as who sees no screen and touches no mouse: where the focus is after each step, what is said,
// that nothing is too small to press, and that single keys can be turned off.
func TestByKeyboardAndEar(t *testing.T) {
	people := organization(t, "Ada", "Bo")
	ada := people[0]
	org := muster[[]api.OrgSummary](ada, "org", "list")[0].Org
	muster[any](people[1], "send", "Ada", "-s", "Tides", "-m", "High at six")
	in := "/o/" + org + "/"
	b := open(t, ada)
	b.expect("the server responded with a status of 4") // refusals are shown with their status
	b.goTo(in)
	b.see("Tides")
	for _, path := range []string{"", "devices", "safety", "people", "compose", "settings", "devices/words", "presence"} {
		b.goTo(in + path)
		for _, one := range read[[]string](b, small) {
			t.Errorf("%s has what is too small to press: %s", path, one)
		}
	}
	// Going to a page, and a refusal there, are said, and the focus goes along.
	b.goTo(in + "devices")
	b.click(`#sidebar a[href="` + in + `settings"]`)
	said := func(text string) {
		t.Helper()
		await(t, "it is said: "+text, func(context.Context) bool {
			return strings.Contains(read[string](b, "document.getElementById('announce').textContent"), text)
		})
	}
	said("Settings")
	if at := read[string](b, "document.activeElement.id"); at != "main" {
		t.Errorf("after going to a page the focus is on %q", at)
	}
	b.goTo(in + "devices/bar")
	b.click("main form button:not([type])")
	await(t, "the refusal has the focus", func(context.Context) bool { return read[string](b, "document.activeElement.id") == "refusal" })
	// What is new is said, and a part that is fetched anew keeps focus and what was unfolded.
	b.goTo(in)
	b.see("Tides")
	evalOnce[any](b, "document.querySelector('#threads a').focus()")
	muster[any](people[1], "send", "Ada", "-s", "Ropes", "-m", "At seven")
	said("Ropes")
	if at := read[string](b, "document.activeElement.textContent"); !strings.Contains(at, "Tides") {
		t.Errorf("after a part was fetched anew the focus is on %q", at)
	}
	// Keys.
	b.press("g")
	await(t, "g leads to the people", func(context.Context) bool { return read[bool](b, "location.pathname.endsWith('/people')") })
	b.goTo("/preferences")
	b.pick("#keypresses", "off")
	b.click("main form button:not([type])")
	b.see("Saved in this browser.")
	b.look("preferences-keys")
	b.goTo(in)
	b.press("g")
	b.press("?")
	b.click(`#sidebar a[href="` + in + `devices"]`)
	await(t, "the devices are open", func(context.Context) bool { return read[bool](b, "location.pathname.endsWith('/devices')") })
	if read[bool](b, "document.getElementById('keys').open") {
		t.Error("? opens the help sheet though keys are off")
	}
	for _, address := range b.requests[len(b.requests)-8:] {
		if strings.HasSuffix(address, "/people") {
			t.Error("g leads to the people though keys are off")
		}
	}
}
