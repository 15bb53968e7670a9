package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Keys without a modifier can be turned off, which every page tells its scripts, and turned on again.
func TestKeysCanBeTurnedOff(t *testing.T) {
	app := newHouse(t, full())
	off := func(p page) (off, found bool) {
		for n := range p.root.Descendants() {
			if n.Type == html.ElementNode && n.Data == "body" {
				return attribute(n, "data-keys") == "off", true
			}
		}
		return false, false
	}
	if is, found := off(get(t, app, "/o/org/settings")); is || !found {
		t.Errorf("keys are off from the beginning: %v (%v)", is, found)
	}
	p := ask(t, app, "POST", "/preferences", "en", url.Values{"keys": {"off"}})
	r := http.Request{Header: http.Header{"Cookie": p.Header().Values("Set-Cookie")}}
	var cookies []*http.Cookie
	for _, c := range r.Cookies() {
		if strings.HasPrefix(c.Name, "muster_keys") {
			cookies = append(cookies, &http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
	if is, _ := off(askWith(t, app, "/o/org/settings", cookies)); !is {
		t.Errorf("keys are not off after they were turned off: %v", p.Header())
	}
	p = ask(t, app, "POST", "/preferences", "en", url.Values{"keys": {""}})
	if set := strings.Join(p.Header().Values("Set-Cookie"), "\n"); !strings.Contains(set, "muster_keys=; Path=/; Max-Age=0") {
		t.Errorf("turned on again: %s", set)
	}
	if p := ask(t, app, "POST", "/preferences", "en", url.Values{"keys": {"perhaps"}}); p.Code != http.StatusBadRequest {
		t.Errorf("an unknown choice: %d", p.Code)
	}
}

// A refusal gets the focus, whether scripts run or not.
func TestRefusalGetsTheFocus(t *testing.T) {
	app := newHouse(t, full())
	p := ask(t, app, "POST", "/o/org/devices/keep", "en", nil)
	first := ""
	for n := range p.find("main", "").Descendants() {
		for _, a := range n.Attr {
			if a.Key == "autofocus" && first == "" {
				first = attribute(n, "id") + attribute(n, "tabindex")
			}
		}
	}
	if first != "refusal-1" {
		t.Errorf("the first element that takes the focus is %q", first)
	}
}
