package web_test

import (
	"net/http"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"muster.example/node/api"
)

// An admin names the archive and whose messages go there by forms.
func TestArchiveIsSetByForms(t *testing.T) {
	o, app := newOffice(t, "admin")
	o.fill()
	page := get(t, app, "/o/org/admin/archive")
	checkPage(t, page)
	for _, want := range []string{
		"messages wait with their senders", "age1pq1key", "its service is not connected", "Waiting for it: 9", "Went on without a copy: 2",
		"Your own messages are archived",
	} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for form, want := range map[string]api.ArchiveRequest{
		"do=designate&member=+Bo+": {Org: "org", Designate: []string{"Bo"}},
		"do=release&member=bo-id":  {Org: "org", Release: []string{"bo-id"}},
		"do=set&service=S&key=age1%0Apq&label=L&mode=closed": {Org: "org", Set: &api.ArchiveSetting{
			Service: "S", Key: "age1pq", Label: "L", Mode: api.ArchiveClosed,
		}},
	} {
		if p := post(t, app, "/o/org/admin/archive", form); p.Code != http.StatusSeeOther {
			t.Errorf("%s: %d", form, p.Code)
		}
		if diff := gocmp.Diff(any(want), o.last(t)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", form, diff)
		}
	}
	if p := post(t, app, "/o/org/admin/archive", "do=burn"); p.Code != http.StatusBadRequest {
		t.Errorf("an unknown act: %d", p.Code)
	}
}

// A member sees the archive, and changes nothing.
func TestMembersSeeTheArchive(t *testing.T) {
	o, app := newOffice(t, "member")
	o.fill()
	page := get(t, app, "/o/org/admin/archive")
	checkPage(t, page)
	if body := page.Body.String(); !strings.Contains(body, "age1pq1key") || strings.Contains(body, `name="do"`) {
		t.Error("the key is missing, or a form is there")
	}
	if p := post(t, app, "/o/org/admin/archive", "do=release&member=bo-id"); p.Code != http.StatusForbidden || len(o.Requests()) != 0 {
		t.Errorf("a member releases an account: %d, %v", p.Code, o.Requests())
	}
}
