package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/node/api"
)

// secondOrg makes the person a member of another organization.
func secondOrg(h *house) {
	h.orgs = append(h.orgs, api.OrgSummary{Org: "other", Name: "Harbour", Member: "meidmeid", MemberName: "Me", Role: "member"})
}

// makeNewWords begins to replace the words and writes the new ones down.
func makeNewWords(t *testing.T, app http.Handler) (fresh []string) {
	t.Helper()
	const at = "/o/org/devices/words"
	if p := ask(t, app, "POST", at, "en", url.Values{"do": {"make"}}); p.Code != http.StatusSeeOther || p.Header().Get("Location") != at {
		t.Fatalf("making new words: %d to %q: %s", p.Code, p.Header().Get("Location"), p.text())
	}
	fresh = listed(get(t, app, at))
	if faults := keys.WordTypos(strings.Join(fresh, " ")); len(fresh) != 24 || len(faults) > 0 {
		t.Fatalf("the new words are %q: %v", fresh, faults)
	}
	return fresh
}

// New words are shown and checked before they count, and the old ones are asked for last of all. Until then nothing is signed.
func TestNewWordsCountLast(t *testing.T) {
	h := full()
	secondOrg(h)
	app := newHouse(t, h)
	before := len(h.Requests())
	const at = "/o/org/devices/words"
	for _, says := range []string{"It needs the words that you have now", "Harbour", "old ones open nothing"} {
		if text := get(t, app, at).text(); !strings.Contains(text, says) {
			t.Errorf("the page does not say %q before anything is made: %s", says, text)
		}
	}
	fresh := makeNewWords(t, app)
	if again := makeNewWords(t, app); !slices.Equal(again, fresh) {
		t.Error("a second click makes other words than those that are being written down")
	}
	shown := get(t, app, at)
	checkPage(t, shown)
	if shown.Header().Get("Cache-Control") != "no-store" {
		t.Error("the browser may keep the words")
	}
	early := ask(t, app, "POST", at, "en", url.Values{"do": {"sign"}, "words": {"old words"}})
	if early.Code != http.StatusNotFound {
		t.Errorf("signing before the check: %d %s", early.Code, early.text())
	}
	if p := get(t, app, "/o/org/devices"); !strings.Contains(p.text(), "do not count yet") {
		t.Errorf("no page says that there are words that do not count: %s", p.text())
	}
	if p := get(t, app, "/o/other/devices/words"); len(listed(p)) == 24 {
		t.Error("another organization shows them")
	}

	check := get(t, app, at+"/check")
	checkPage(t, check)
	wrong := ask(t, app, "POST", at+"/check", "en", url.Values{"slip": {slipOf(check)}, "word": {"no", "no", "no"}})
	if !strings.Contains(wrong.text(), "not what was shown") {
		t.Errorf("wrong words: %d %s", wrong.Code, wrong.text())
	}
	right := ask(t, app, "POST", at+"/check", "en", url.Values{"slip": {slipOf(wrong)}, "word": answers(t, wrong, fresh)})
	if to := right.Header().Get("Location"); to != at+"?notice=renew.right" {
		t.Fatalf("right words lead to %q: %s", to, right.text())
	}
	sign := get(t, app, at)
	checkPage(t, sign)
	if slices.ContainsFunc(fresh, func(word string) bool { return strings.Contains(sign.Body.String(), ">"+word+"<") }) {
		t.Error("the page for the old words shows the new ones")
	}
	if got := h.Requests()[before:]; slices.ContainsFunc(got, func(r any) bool { _, is := r.(api.RecoverRequest); return is }) {
		t.Fatalf("something was signed before the old words were given: %v", got)
	}

	h.refuse = api.Errorf(api.CodeRefused, "the lamp is out")
	refused := ask(t, app, "POST", at, "en", url.Values{"do": {"sign"}, "words": {"hush hush"}})
	checkPage(t, refused)
	if !strings.Contains(refused.text(), "the lamp is out") || !strings.Contains(refused.text(), "until it is known which count") ||
		strings.Contains(refused.Body.String(), "hush hush") {
		t.Errorf("a refusal: %d %s", refused.Code, refused.text())
	}
	h.refuse = nil
	done := ask(t, app, "POST", at, "en", url.Values{"do": {"sign"}, "words": {"old words"}})
	want := api.RecoverRequest{Org: "org", Words: "old words", NewWords: strings.Join(fresh, " ")}
	if diff := cmp.Diff(want, h.last(t)); diff != "" || done.Header().Get("Location") != "/o/org/devices/card?notice=renew.done" {
		t.Errorf("%q %s", done.Header().Get("Location"), diff)
	}
	for _, p := range []page{early, right, refused, done} {
		header := p.Header().Clone()
		header.Del("Content-Security-Policy") // the same on each page, and full of words
		for _, word := range fresh {
			if strings.Contains(fmt.Sprint(header), word+" ") {
				t.Errorf("a new word in %v", header)
			}
		}
	}
	if got := listed(get(t, app, at+"?show=1")); len(got) == 24 {
		t.Error("words that count are shown again")
	}
}

// Who gives up has the old words, and nothing keeps the new ones.
func TestNewWordsAreDropped(t *testing.T) {
	h := full()
	app := newHouse(t, h)
	fresh := makeNewWords(t, app)
	p := ask(t, app, "POST", "/o/org/devices/words", "en", url.Values{"do": {"drop"}})
	if p.Header().Get("Location") != "/o/org/devices?notice=renew.dropped" {
		t.Error(p.Header())
	}
	if next := makeNewWords(t, app); slices.Equal(next, fresh) {
		t.Error("the words that were dropped are shown again")
	}
	if text := get(t, app, "/o/org/devices/words/check").text(); !strings.Contains(text, "Word ") {
		t.Errorf("the check asks for nothing: %s", text)
	}
	nothing := ask(t, app, "POST", "/o/org/devices/words", "en", url.Values{"do": {"dance"}})
	if nothing.Code != http.StatusBadRequest {
		t.Errorf("an unknown act: %d", nothing.Code)
	}
}

// A new order is shown with what it means before the words are asked for, and the words are in no page.
func TestOrderShowsWhatItMeans(t *testing.T) {
	h := full()
	app := newHouse(t, h)
	const at = "/o/org/devices/order"
	chosen := url.Values{"device": {"12D3KooWsenior01", "12D3KooWmiddle01", "12D3KooWjunior01"}, "place": {"3", "1", "2"}}
	p := ask(t, app, "POST", at, "en", chosen)
	checkPage(t, p)
	checkHarmless(t, p)
	last := -1
	for _, device := range []string{"middle01", "junior01", "senior01", "The 2 above it can bar it", "stays barred"} {
		i := strings.Index(p.text(), device)
		if i <= last {
			t.Errorf("%q is not said in its turn: %s", device, p.text())
		}
		last = i
	}
	sent := url.Values{"words": {"old words"}}
	for n := range p.find("main", "").Descendants() {
		if n.Data == "input" && attribute(n, "type") == "hidden" {
			sent.Add(attribute(n, "name"), attribute(n, "value"))
		}
	}
	done := ask(t, app, "POST", at, "en", sent)
	want := api.RecoverRequest{Org: "org", Words: "old words", Order: api.List[string]{"12D3KooWmiddle01", "12D3KooWjunior01", "12D3KooWsenior01"}}
	if diff := cmp.Diff(want, h.last(t)); diff != "" || done.Header().Get("Location") != "/o/org/devices?notice=order.done" {
		t.Errorf("%q %s", done.Header().Get("Location"), diff)
	}
	for name, form := range map[string]url.Values{
		"one place twice":      {"device": chosen["device"], "place": {"1", "1", "2"}, "confirmed": {"1"}},
		"no such place":        {"device": chosen["device"], "place": {"1", "2", "4"}, "confirmed": {"1"}},
		"no number":            {"device": chosen["device"], "place": {"1", "2", "x"}, "confirmed": {"1"}},
		"a device is left out": {"device": chosen["device"][:2], "place": {"1", "2"}, "confirmed": {"1"}},
		"another device":       {"device": {"12D3KooWsenior01", "12D3KooWmiddle01", "12D3KooWother"}, "place": {"1", "2", "3"}, "confirmed": {"1"}},
		"nothing":              {"confirmed": {"1"}},
	} {
		before := len(h.Requests())
		p := ask(t, app, "POST", at, "en", form)
		checkPage(t, p)
		signed := slices.ContainsFunc(h.Requests()[before:], func(r any) bool { _, is := r.(api.RecoverRequest); return is })
		if p.Code != http.StatusBadRequest || signed {
			t.Errorf("%s: %d, signed: %v: %s", name, p.Code, signed, p.text())
		}
	}
}

// What cannot be done is not offered.
func TestOwnerOffersWhatThereIs(t *testing.T) {
	h := full()
	app := newHouse(t, h)
	devices := get(t, app, "/o/org/devices").Body.String()
	for _, link := range []string{"/o/org/devices/order", "/o/org/devices/words", "/o/org/devices/keep?device=12D3KooWended001", `"/o/org/devices/keep"`} {
		if !strings.Contains(devices, link) {
			t.Errorf("the devices do not lead to %s", link)
		}
	}
	h.account.Devices = h.account.Devices[:1]
	if devices := get(t, app, "/o/org/devices").Body.String(); strings.Contains(devices, "/devices/order") || strings.Contains(devices, "/devices/keep?") {
		t.Error("one device offers an order, or to keep what nobody asked it to remove")
	}
	if p := get(t, app, "/o/org/devices/order"); p.find("select", "place").Data != "" || !strings.Contains(p.text(), "Only one device") {
		t.Errorf("one device: %s", p.text())
	}
	if p := get(t, app, "/o/org/devices/keep"); p.find("textarea", "words").Data != "" {
		t.Errorf("nothing to keep: %s", p.text())
	}
}

// Who barred a device is a name, or words where it was no person.
func TestWhoBarred(t *testing.T) {
	h := full()
	app := newHouse(t, h)
	for by, says := range map[string]string{
		"the recovery key": "( the recovery words )", "the organization's root key": "( the organization's root words )",
		"device …senior01": "( device …senior01 )", "Ada Admin": "( Ada Admin )",
	} {
		h.account.Devices[1].BarredBy = by
		if text := get(t, app, "/o/org/devices").text(); !strings.Contains(text, says) {
			t.Errorf("by %q: the page does not say %q: %s", by, says, text)
		}
	}
	h.account.Devices[3].Name = "…senior01"
	if text := get(t, app, "/o/org/devices").text(); strings.Contains(text, "…senior01 …senior01") {
		t.Errorf("a device without a name is named by its id twice: %s", text)
	}
}
