package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/node/api"
)

// Each setting of how devices meet has words for its values, and says what it costs and shows. [API-176] [API-183]
func TestMeetingSettings(t *testing.T) {
	h := full()
	h.setting = []api.Setting{
		{Org: "org", Name: "receipts", Value: "off"}, {Org: "org", Name: "direct", Value: "local"}, {Org: "org", Name: "carry", Value: "off"},
		{Org: "org", Name: "carry-bytes", Value: "48MiB"}, {Org: "org", Name: "new", Value: "x", About: "what is new"},
	}
	app := newHouse(t, h)
	p := get(t, app, "/o/org/settings")
	for _, want := range []string{"How your devices meet others", "On the same network only", "It shows your network address", "48MiB", "As much as the rules allow",
		"It cannot read them", "large files wait for an ordinary one", "Now it counts as metered", "what is new"} {
		if !strings.Contains(p.text(), want) {
			t.Errorf("%q is missing in %s", want, p.text())
		}
	}
	for _, want := range []string{`<option value="local" selected>`, `<option value="48MiB" selected>`, `<option value="off" selected>`, `<option value="auto" selected>`} {
		if !strings.Contains(p.Body.String(), want) {
			t.Errorf("%s is missing", want)
		}
	}
	p = ask(t, app, "POST", "/o/org/settings", "ar", url.Values{"setting": {"direct"}, "value": {"never"}})
	if diff := cmp.Diff(api.SettingRequest{Org: "org", Name: "direct", Value: "never"}, h.last(t)); diff != "" || p.Code != http.StatusSeeOther {
		t.Error(p.Code, diff)
	}
}

// What the device's link is like is chosen on the same page, and what waits for another one is said there. [API-177]
func TestLinkIsChosen(t *testing.T) {
	h := full()
	app := newHouse(t, h)
	p := ask(t, app, "POST", "/o/org/settings/link", "en", url.Values{"mode": {"metered"}})
	if diff := cmp.Diff(api.LinkRequest{Mode: api.LinkMetered}, h.last(t)); diff != "" || p.Code != http.StatusSeeOther {
		t.Error(p.Code, diff)
	}
}
