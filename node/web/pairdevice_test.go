package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/node/api"
)

// A device that is in nothing yet becomes one of an account on the page: a code or link, two words, then its organizations and how
// their history comes.
func TestPairingThisDevice(t *testing.T) {
	h := full()
	app := newHouse(t, h)
	for _, from := range []string{"/welcome", "/o/org/settings"} {
		if !strings.Contains(get(t, app, from).Body.String(), `"/pair"`) {
			t.Errorf("%s does not lead to it", from)
		}
	}
	h.pairing = api.Pairing{State: api.PairingCompare, Words: []string{"quarter", "lemon"}} // of another device that is added here
	p := get(t, app, "/pair")
	checkPage(t, p)
	if text := p.text(); !strings.Contains(text, "Link or code") || strings.Contains(text, "quarter") {
		t.Errorf("at first: %s", text)
	}
	ask(t, app, "POST", "/pair", "en", url.Values{"do": {"find"}, "with": {" 01234 apple river stone "}, "at": {""}})
	if diff := cmp.Diff(api.PairRequest{With: "01234 apple river stone"}, h.last(t)); diff != "" {
		t.Errorf("what was entered is told as another: %s", diff)
	}
	h.pairing = api.Pairing{State: api.PairingWaiting, New: true}
	if p = get(t, app, "/pair"); !strings.Contains(p.text(), "Looking for the other device") || strings.Contains(p.text(), "Link or code") {
		t.Errorf("while it looks: %s", p.text())
	}
	checkPage(t, p)
	h.pairing = api.Pairing{State: api.PairingCompare, New: true, Words: []string{"quarter", "lemon"}}
	if p = get(t, app, "/pair"); !strings.Contains(p.text(), "quarter lemon") {
		t.Errorf("the words: %s", p.text())
	}
	checkPage(t, p)
	ask(t, app, "POST", "/pair", "en", url.Values{"do": {"end"}})
	if diff := cmp.Diff(api.ConfirmRequest{No: true}, h.last(t)); diff != "" {
		t.Errorf("no is told as another: %s", diff)
	}
	if p := ask(t, app, "POST", "/pair", "en", url.Values{"do": {"dance"}}); p.Code != http.StatusBadRequest {
		t.Errorf("a form of no sense: %d", p.Code)
	}
	h.pairing = api.Pairing{State: api.PairingFailed, New: true, Tries: 2, Error: api.Errorf(api.CodeRefused, "the code is wrong")}
	if text := get(t, app, "/pair").text(); !strings.Contains(text, "The code is wrong.") || !strings.Contains(text, "Tries left: 2") {
		t.Errorf("a wrong code: %s", text)
	}
}

// What came of it is shown for each organization, with how much of the history has come.
func TestPairedOrganizations(t *testing.T) {
	h := full()
	app := newHouse(t, h)
	h.pairing = api.Pairing{State: api.PairingDone, New: true, Orgs: []api.PairedOrg{
		{Org: "org", Name: "Lighthouse", State: "added"}, {Org: "other", Name: "Harbour", State: "waiting"}, {Org: "third", Name: "Mill", State: "refused"},
	}}
	h.account.Devices = append(h.account.Devices, api.Device{Device: "desk", History: &api.DeviceHistory{
		Calling: true, Missing: 1000, Taken: 250, PerSec: 5, Left: 150,
	}})
	for lang, want := range map[string][]string{
		"en": {"Lighthouse added", "History: 250 of 1000 records", "5 records a second", "about 2 minutes left", "as soon as its rendezvous node"},
		"de": {"Lighthouse hinzugefügt", "Verlauf: 250 von 1000", "5 Einträge pro Sekunde", "noch etwa 2 Minuten"},
		"ar": {"Lighthouse أُضيف", "قيود في الثانية", "بقيت دقيقتان"},
	} {
		p := ask(t, app, "GET", "/pair", lang, nil)
		checkPage(t, p)
		for _, text := range want {
			if !strings.Contains(p.text(), text) {
				t.Errorf("%s: the page lacks %q: %s", lang, text, p.text())
			}
		}
		if bar := p.find("progress", ""); bar == nil || attribute(bar, "value") != "25" {
			t.Errorf("%s: no bar at 25 of 100", lang)
		}
	}
	h.pairing.Orgs = h.pairing.Orgs[:1]
	h.account.Devices[len(h.account.Devices)-1].History.Taken = 1000
	h.account.Devices[len(h.account.Devices)-1].History.Calling = false
	if text := get(t, app, "/pair").text(); !strings.Contains(text, "as soon as one is there") {
		t.Errorf("before both are equal: %s", text)
	}
}
