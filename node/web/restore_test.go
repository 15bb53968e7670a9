package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"muster.example/node/api"
)

// The page of a restore is found from the welcome page, asks for drive and words, keeps neither, and says how far it is.
func TestRestorePage(t *testing.T) {
	b := full()
	b.restore = api.Restore{State: api.RestoreNone}
	app := newHouse(t, b)
	if !strings.Contains(get(t, app, "/welcome").Body.String(), `"/restore"`) {
		t.Error("the welcome page does not lead there")
	}
	if text := get(t, app, "/restore").Body.String(); !strings.Contains(text, `name="from"`) || !strings.Contains(text, `name="words"`) {
		t.Fatalf("the page says\n%s", text)
	}
	form := url.Values{"from": {"/media/stick"}, "words": {"able about"}, "bar": {"1"}, "since": {"2026-05-01 12:00"}}
	ask(t, app, "POST", "/restore", "en", form)
	asked, ok := b.last(t).(api.RestoreRequest)
	if !ok || asked.From != "/media/stick" || asked.Words != "able about" || len(asked.Bar) != 1 || asked.Since.IsZero() || asked.First {
		t.Errorf("asked %+v", asked)
	}
	if p := ask(t, app, "POST", "/restore", "en", url.Values{"from": {"stick"}, "words": {"able about"}}); p.Code == http.StatusSeeOther ||
		strings.Contains(p.Body.String(), "able about") {
		t.Errorf("a path that is not whole: %d", p.Code)
	}
	b.restore = api.Restore{State: api.RestoreTaking, Read: 1, Total: 4}
	if text := get(t, app, "/restore").Body.String(); !strings.Contains(text, `value="25"`) || strings.Contains(text, `name="words"`) {
		t.Errorf("while it goes on it says\n%s", text)
	}
	b.restore = api.Restore{State: api.RestoreDone, Damage: []string{"MUSTER/x.pck: damaged; lost: 3 records"}, Orgs: []api.RestoredOrg{{
		Org: "o4fsiqvt", Name: "<b>Harbour", State: "waiting", Device: "d", Records: 7, Messages: 5, Files: 2, Why: "it is away",
		Lacking: []string{"chart.bin, of message abc"}, Refused: []api.RefusedItem{{Why: "it is no record", Count: 4}},
	}}}
	for lang, want := range map[string]string{"en": "Not all of it is back", "de": "Nicht alles ist wieder da", "ar": "لم يعد كل شيء"} {
		p := ask(t, app, "GET", "/restore", lang, nil)
		for _, want := range []string{want, "chart.bin", "4 × it is no record", "lost: 3 records"} {
			if !strings.Contains(p.text(), want) {
				t.Errorf("%s: no %q in\n%s", lang, want, p.text())
			}
		}
		checkPage(t, p)
		if strings.Contains(p.Body.String(), "<b>Harbour") {
			t.Error("a name is taken for markup")
		}
	}
}
