package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/node/api"
)

// A device is added on the page: code, link and picture are shown once, the words with a yes that names them, and what came of it.
func TestAddingADevice(t *testing.T) {
	const at = "/o/org/devices/add"
	h := full()
	app := newHouse(t, h)
	if !strings.Contains(get(t, app, "/o/org/devices").Body.String(), `"`+at+`"`) {
		t.Error("the devices do not lead to it")
	}
	h.pairing = api.Pairing{State: api.PairingNone}
	p := get(t, app, at)
	checkPage(t, p)
	if !strings.Contains(p.text(), "No device is being added") {
		t.Errorf("at first: %s", p.text())
	}

	h.pairing = api.Pairing{State: api.PairingWaiting, Tries: 3}
	made := ask(t, app, "POST", at, "en", url.Values{"do": {"make"}})
	checkPage(t, made)
	for _, want := range []string{"01234-apple-river-stone", "muster:pair/x", "Waiting for the other device"} {
		if !strings.Contains(made.text(), want) {
			t.Errorf("the page with the code lacks %q: %s", want, made.text())
		}
	}
	if qr := get(t, app, attribute(made.find("img", ""), "src")); qr.Code != http.StatusOK || qr.Header().Get("Content-Type") != "image/png" {
		t.Errorf("the QR code: %d, %v", qr.Code, qr.Header())
	}
	if again := get(t, app, at); strings.Contains(again.text(), "apple-river") || strings.Contains(again.Body.String(), "muster:pair/") {
		t.Error("the code is shown again")
	}
	h.pairing.Tries = 2
	if p := get(t, app, at); !strings.Contains(p.text(), "Tries left: 2") {
		t.Errorf("a wrong try: %s", p.text())
	}

	h.pairing = api.Pairing{State: api.PairingCompare, Words: []string{"quarter", "lemon"}, Tries: 3}
	p = get(t, app, at)
	checkPage(t, p)
	if !strings.Contains(p.text(), "quarter lemon") {
		t.Errorf("the words: %s", p.text())
	}
	ask(t, app, "POST", at, "en", url.Values{"do": {"yes"}, "word": {"quarter", "lemon"}})
	if diff := cmp.Diff(api.ConfirmRequest{Words: api.List[string]{"quarter", "lemon"}}, h.last(t)); diff != "" {
		t.Errorf("yes is told as another: %s", diff)
	}
	ask(t, app, "POST", at, "en", url.Values{"do": {"no"}})
	if diff := cmp.Diff(api.ConfirmRequest{No: true}, h.last(t)); diff != "" {
		t.Errorf("no is told as another: %s", diff)
	}
	if p := ask(t, app, "POST", at, "en", url.Values{"do": {"dance"}}); p.Code != http.StatusBadRequest {
		t.Errorf("a form of no sense: %d", p.Code)
	}

	h.pairing = api.Pairing{State: api.PairingDone, Orgs: []api.PairedOrg{{Name: "Lighthouse", State: "added"}, {Name: "Harbour", State: "missed"}}}
	p = get(t, app, at)
	checkPage(t, p)
	if text := p.text(); !strings.Contains(text, "Lighthouse added") || !strings.Contains(text, "was not reached") {
		t.Errorf("what came of it: %s", text)
	}
	h.pairing = api.Pairing{State: api.PairingFailed, Error: api.Errorf(api.CodeRefused, "the code was wrong three times, and is void")}
	if p := get(t, app, at); !strings.Contains(p.text(), "tried wrongly too often") {
		t.Errorf("a void code: %s", p.text())
	}
	h.pairing = api.Pairing{State: api.PairingCompare, New: true, Words: []string{"quarter", "lemon"}}
	if p := get(t, app, at); strings.Contains(p.text(), "quarter") {
		t.Error("a device that was added itself shows the words for a yes")
	}
}
