package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/node/api"
)

// Cards are exchanged on the page: the code is shown once, the other's name with a yes, and what came of it. [API-75]
func TestNearbyCards(t *testing.T) {
	const at = "/o/org/nearby"
	h := full()
	app := newHouse(t, h)
	if !strings.Contains(get(t, app, "/o/org/people").Body.String(), `"`+at+`"`) {
		t.Error("people do not lead to it")
	}
	h.meeting = api.Meeting{State: api.MeetingWaiting, Kind: api.MeetCard, Host: true, Tries: 2}
	made := ask(t, app, "POST", at, "en", url.Values{"do": {"card"}})
	checkPage(t, made)
	for _, want := range []string{"01234-apple-river-stone", "Waiting for the other device", "Tries left: 2"} {
		if !strings.Contains(made.text(), want) {
			t.Errorf("the page with the code lacks %q: %s", want, made.text())
		}
	}
	if !strings.Contains(made.Body.String(), `<a href="/o/org/people" aria-current="page"`) {
		t.Error("the page is not one about people")
	}
	if strings.Contains(get(t, app, at).text(), "apple-river") {
		t.Error("the code is shown again")
	}
	h.meeting = api.Meeting{State: api.MeetingAsked, Kind: api.MeetCard, OrgName: "Lighthouse", Who: api.Person{Member: "bo-id", Name: "Bo"}}
	p := get(t, app, at)
	checkPage(t, p)
	if !strings.Contains(p.text(), "Bo") {
		t.Errorf("who is there: %s", p.text())
	}
	ask(t, app, "POST", at, "en", url.Values{"do": {"yes"}})
	if diff := cmp.Diff(api.AnswerRequest{}, h.last(t)); diff != "" {
		t.Errorf("yes is told as another: %s", diff)
	}
	h.meeting.State, h.meeting.Contact = api.MeetingDone, &api.Contact{Member: "bo-id", Name: "Bo", State: api.ContactAcquainted, Verified: true}
	checkPage(t, get(t, app, at))
	h.meeting = api.Meeting{State: api.MeetingFailed, Kind: api.MeetCard, Error: api.Errorf(api.CodeRefused, "the other person said no")}
	p = get(t, app, at)
	checkPage(t, p)
	if !strings.Contains(p.text(), "The other person said no.") {
		t.Errorf("a no: %s", p.text())
	}
}

// Who joins by a code is told where and by whom, says yes with a name, and a joining that waits can be given up. [API-76]
func TestNearbyJoin(t *testing.T) {
	const at = "/welcome/nearby"
	h := full()
	app := newHouse(t, h)
	h.meeting = api.Meeting{State: api.MeetingAsked, Kind: api.MeetInvitation, Org: "far", OrgName: "Harbour", Who: api.Person{Name: "Ada"}, Role: "member"}
	p := get(t, app, at)
	checkPage(t, p)
	for _, want := range []string{"Harbour", "Ada"} {
		if !strings.Contains(p.text(), want) {
			t.Errorf("what is asked lacks %q: %s", want, p.text())
		}
	}
	ask(t, app, "POST", at, "en", url.Values{"do": {"yes"}, "as": {"Bo"}})
	if diff := cmp.Diff(api.AnswerRequest{As: "Bo"}, h.last(t)); diff != "" {
		t.Errorf("yes is told as another: %s", diff)
	}
	ask(t, app, "POST", at, "en", url.Values{"do": {"enter"}, "code": {"01234 apple river stone"}})
	if diff := cmp.Diff(api.VisitRequest{Code: "01234 apple river stone", Kind: api.MeetInvitation}, h.last(t)); diff != "" {
		t.Errorf("a code is told as another: %s", diff)
	}
	ask(t, app, "POST", "/welcome/giveup", "en", url.Values{"org": {"far"}})
	if diff := cmp.Diff(api.GiveUpRequest{Org: "far"}, h.last(t)); diff != "" {
		t.Errorf("giving up is told as another: %s", diff)
	}
}
