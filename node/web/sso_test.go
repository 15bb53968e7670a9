package web_test

import (
	"net/http"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"muster.example/node/api"
)

// Who joins by a login is led to their organization's page by a link that they follow, and then joins. [API-150] [API-151]
func TestJoiningByALogin(t *testing.T) {
	o, app := newOffice(t, "member")
	p := post(t, app, "/welcome/sso", "do=begin&url=https://enrol.example.org&as=Zoe")
	if diff := gocmp.Diff(any(api.SSORequest{URL: "https://enrol.example.org", As: "Zoe", Browser: true}), o.last(t)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(p.Body.String(), `href="https://enrol.example.org/device" target="_blank" rel="noopener noreferrer"`) {
		t.Errorf("the page leads nowhere: %s", p.Body)
	}
	if p = post(t, app, "/welcome/sso", "do=finish&id=login"); p.Code != http.StatusSeeOther {
		t.Errorf("%d after the login", p.Code)
	}
	if diff := gocmp.Diff(any(api.SSOFinishRequest{ID: "login", Wait: 10}), o.last(t)); diff != "" {
		t.Error(diff)
	}
}

// An admin names a key, and is told whom its end suspends before it ends. [API-153] [API-154]
func TestEnrolmentKeysOnThePage(t *testing.T) {
	o, app := newOffice(t, "admin")
	post(t, app, "/o/org/admin/sso", "do=set&key=k&issuer=https://a.example&client=c&url=https://b.example&claim=&role=desk&daily=7&pin=")
	want := api.SSOSetRequest{Org: "org", Key: "k", Issuer: "https://a.example", Client: "c", URL: "https://b.example", Claim: "-", Role: "desk", Daily: 7, Pin: "-"}
	if diff := gocmp.Diff(any(want), o.last(t)); diff != "" {
		t.Error(diff)
	}
	p := post(t, app, "/o/org/admin/sso", "do=end&key=k&suspend=7")
	if diff := gocmp.Diff(any(api.SSOEndRequest{Org: "org", Key: "k", Suspend: 7 * 24 * 3600, Check: true}), o.last(t)); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(p.text(), "Zoe") {
		t.Errorf("it is not said whom that suspends: %s", p.text())
	}
	if p = post(t, app, "/o/org/admin/sso", "do=end&key=k&suspend=-1&sure=1"); p.Code != http.StatusSeeOther {
		t.Errorf("%d after the end", p.Code)
	}
	if diff := gocmp.Diff(any(api.SSOEndRequest{Org: "org", Key: "k", Suspend: -1}), o.last(t)); diff != "" {
		t.Error(diff)
	}
	if p = post(t, app, "/o/org/admin/sso", "do=set&key=k&daily=many"); p.Code != http.StatusBadRequest {
		t.Errorf("%d for no number", p.Code)
	}
	_, members := newOffice(t, "member")
	if p = post(t, members, "/o/org/admin/sso", "do=end&key=k&suspend=0"); p.Code != http.StatusForbidden {
		t.Errorf("%d for who is no admin", p.Code)
	}
}
