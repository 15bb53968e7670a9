package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"muster.example/node/api"
)

// resends returns the form by which a page sends a message again, false if there is none.
func (p page) resends(id string) bool {
	return strings.Contains(p.Body.String(), `action="/o/org/m/`+id+`/again"`)
}

// A message that came back says for whom and why, in every language, and is sent again by one click; one that another device has, or
// that is on its way, says nothing of it that alarms.
func TestReturnedMessage(t *testing.T) {
	bo := api.Person{Member: "bo-id", Name: "Bo"}
	for _, c := range []struct {
		name     string
		progress api.Progress
		says     map[string]string
		resends  bool
	}{
		{"came back", api.Progress{Person: bo, Devices: 2, Returned: 2, State: api.StateReturned, Reason: api.ReasonTime}, map[string]string{
			"en": "returned (did not come in time)", "de": "zurückgekommen (kam nicht rechtzeitig)", "ar": "أُعيدت (لم يحضر في الوقت)",
		}, true},
		{"parked beside another", api.Progress{Person: bo, Devices: 2, Delivered: 1, Returned: 1, State: api.StateDelivered}, map[string]string{
			"en": "another of theirs has it", "de": "ein anderes hat sie", "ar": "على جهاز آخر لهم",
		}, true},
		{"on its way", api.Progress{Person: bo, Devices: 1, State: api.StateQueued}, map[string]string{"en": "Bo"}, false},
		{"taken back", api.Progress{Person: bo, Devices: 1, Returned: 1, State: api.StateReturned, Reason: api.ReasonErased}, map[string]string{"en": "taken back"}, false},
	} {
		h := full()
		h.Messages = []api.Message{{
			ID: "m1m1m1m1", Thread: "t1", Org: "org", Sent: true, From: "Ada", Text: "Hello", Time: day, Received: day,
			Delivery: api.List[api.Progress]{c.progress},
			States:   api.List[api.Recipient]{{Member: "bo-id", Name: "Bo", Device: "12D3KooW", State: c.progress.State, Reason: c.progress.Reason, Time: day}},
		}}
		app := newHouse(t, h)
		for language, says := range c.says {
			p := ask(t, app, "GET", "/o/org/m/m1m1m1m1", language, nil)
			if text := p.text(); !strings.Contains(text, says) {
				t.Errorf("%s, %s: it does not say %q\n%s", c.name, language, says, text)
			}
			if p.resends("m1m1m1m1") != c.resends {
				t.Errorf("%s: sent again: %v", c.name, !c.resends)
			}
			checkPage(t, p)
		}
	}
}

// One click sends it again, to those who did not get it, and leads back.
func TestResend(t *testing.T) {
	h := full()
	app := newHouse(t, h)
	p := ask(t, app, "POST", "/o/org/m/m1m1m1m1/again", "en", url.Values{"back": {"/o/org/safety"}})
	if got, is := h.last(t).(api.AgainRequest); !is || got != (api.AgainRequest{Org: "org", ID: "m1m1m1m1"}) {
		t.Errorf("asked for %+v", h.last(t))
	}
	if to := p.Header().Get("Location"); p.Code != http.StatusSeeOther || to != "/o/org/safety?notice=message.again.sent" {
		t.Errorf("%d to %q", p.Code, to)
	}
}

// What came back is told on every page until the person has looked, and by a note that counts.
func TestReturnsAreTold(t *testing.T) {
	returned := &api.ReturnedNotice{ID: "m1m1m1m1", Count: 3, Reason: api.ReasonParked}
	h := &house{orgs: []api.OrgSummary{org}, status: api.StatusResult{Orgs: api.List[api.OrgStatus]{{
		Org: "org", Notices: api.List[api.Notice]{{Time: time.Now(), Org: "org", Member: api.Person{Member: "bo-id", Name: "Bo"}, Text: "english", Returned: returned}},
	}}}}
	app := newHouse(t, h)
	if text := get(t, app, "/o/org/settings").text(); !strings.Contains(text, "There is an alarm") {
		t.Error("no page tells of it")
	}
	for language, says := range map[string]string{
		"en": "3 messages were not delivered (stays away: nothing is kept for it)", "de": "3 Nachrichten wurden nicht zugestellt (bleibt weg", "ar": "لم تُسلَّم 3 رسائل",
	} {
		if text := ask(t, app, "GET", "/o/org/safety", language, nil).text(); !strings.Contains(text, says) || strings.Contains(text, "english") {
			t.Errorf("%s: it does not say %q\n%s", language, says, text)
		}
	}
}

// A device that was parked says so among the devices.
func TestParkedIsShown(t *testing.T) {
	h := full()
	for i := range h.account.Devices {
		if h.account.Devices[i].This {
			h.account.Devices[i].Parked = &api.Parked{From: day, Until: day.AddDate(0, 0, 70), Came: 5, CaughtUp: true}
		}
	}
	app := newHouse(t, h)
	for language, says := range map[string]string{
		"en": "5 messages of that time have come", "de": "5 Nachrichten aus dieser Zeit", "ar": "وصلت 5 رسائل من تلك المدة",
	} {
		p := ask(t, app, "GET", "/o/org/devices", language, nil)
		if text := p.text(); !strings.Contains(text, says) {
			t.Errorf("%s: it does not say %q", language, says)
		}
		checkPage(t, p)
	}
}
