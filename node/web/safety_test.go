package web_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"muster.example/node/api"
)

// alarmCards returns the texts of the alarms on the page, by their headings.
func alarmCards(p page) map[string]string {
	cards := make(map[string]string)
	for n := range p.find("main", "").Descendants() {
		if n.Type != html.ElementNode || n.Data != "h3" {
			continue
		}
		var title, all strings.Builder
		for d := range n.Descendants() {
			if d.Type == html.TextNode {
				title.WriteString(d.Data)
			}
		}
		for d := range n.Parent.Descendants() {
			if d.Type == html.TextNode {
				all.WriteString(d.Data)
			}
		}
		cards[title.String()] += all.String()
	}
	return cards
}

// Each of the alarms says what it means and what to do, in every language.
func TestAlarmsSayWhatToDo(t *testing.T) {
	for language, want := range map[string]map[string][]string{
		"en": {
			"Split view": {"Send nothing confidential"}, "Key change": {"Compare safety numbers"}, "Stale roll": {"Wait an hour"},
			"Gap": {"3 pieces", "…bo000001", "offers them again by itself, until", "Wait. If it stays", "Ask the author to send them again",
				"may not act here any more", "of which nothing else is here"},
			"A message came back": {"Send it again if it still matters", "See how you stand with them", "They can get nothing here any more", "has no device any more"},
		},
		"de": {
			"Gespaltene Sicht": {"Senden Sie nichts Vertrauliches"}, "Schlüsselwechsel": {"Sicherheitsnummern"}, "Veraltete Rolle": {"Warten Sie eine Stunde"},
			"Lücke":                     {"3 Stücke", "bietet sie von selbst noch einmal an, bis", "Bitten Sie den Absender"},
			"Eine Nachricht kam zurück": {"Senden Sie sie noch einmal"},
		},
		"ar": {
			"رؤية منقسمة": {"لا ترسل"}, "تغيّر المفاتيح": {"قارن"}, "سجل قديم": {"ساعة"},
			"فجوة": {"3 قطع", "اطلب من كاتبها"}, "عادت رسالة": {"أرسلها ثانية"},
		},
	} {
		cards := alarmCards(ask(t, newHouse(t, full()), "GET", "/o/org/safety", language, nil))
		todo := map[string]string{"en": "What to do:", "de": "Was tun:", "ar": "ما العمل:"}[language]
		for title, says := range want {
			for _, text := range append(says, todo) {
				if !strings.Contains(strings.Join(strings.Fields(cards[title]), " "), text) {
					t.Errorf("%s, %q does not say %q: %q", language, title, text, cards[title])
				}
			}
		}
		for title, text := range cards {
			if !strings.Contains(text, todo) {
				t.Errorf("%s, %q does not say what to do: %q", language, title, text)
			}
		}
	}
}

// Every kind of alarm that the node raises has words of its own.
func TestAlarmKindsHaveWords(t *testing.T) {
	files, err := filepath.Glob("../*.go")
	if err != nil {
		t.Fatal(err)
	}
	raised := regexp.MustCompile(`store\.Alarm\{\s*Kind: "([a-z]+)"`)
	kinds := []string{"verify"} // which is raised by the name alarmVerify
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range raised.FindAllStringSubmatch(string(data), -1) {
			if !strings.HasSuffix(file, "_test.go") && !slices.Contains(kinds, match[1]) {
				kinds = append(kinds, match[1])
			}
		}
	}
	if len(kinds) < 10 {
		t.Fatalf("the node raises only %q: this test does not see them", kinds)
	}
	for _, kind := range kinds {
		h := &house{orgs: []api.OrgSummary{org}, status: api.StatusResult{Orgs: api.List[api.OrgStatus]{{
			Org: "org", Raised: api.List[api.Alarm]{{Time: day, Kind: kind, Text: "text"}},
		}}}}
		if text := get(t, newHouse(t, h), "/o/org/safety").text(); strings.Contains(text, "no explanation") {
			t.Errorf("there are no words for %q", kind)
		}
	}
}

// A message that came back is written again to those who did not get it, and to nobody else.
func TestSendAgain(t *testing.T) {
	h := full()
	h.losses = api.Losses{Returned: api.List[api.Returned]{{ID: "m1m1m1m1", To: api.List[api.ReturnedTo]{
		{Person: api.Person{Member: "bo-id", Name: "Bo"}, State: api.StateReturned}, {Person: api.Person{Member: "cy-id", Name: "Cy"}, State: api.StateReturned, Gone: true},
	}}}}
	h.Messages = []api.Message{{ID: "m1m1m1m1", Subject: "Charts", Text: "Hello\nyou"}}
	app := newHouse(t, h)
	p := ask(t, app, "POST", "/o/org/safety/again", "en", url.Values{"id": {"m1m1m1m1"}})
	want := api.Draft{Org: "org", To: api.List[string]{"Bo"}, Subject: "Charts", Text: "Hello\nyou"}
	if diff := cmp.Diff(want, h.last(t)); diff != "" {
		t.Error(diff)
	}
	if to := p.Header().Get("Location"); p.Code != http.StatusSeeOther || to != "/o/org/compose?draft=draft&notice=again.drafted" {
		t.Errorf("%d to %q", p.Code, to)
	}
	h.Messages[0].Attachments = api.List[api.Attachment]{{Name: "chart.pdf"}}
	if to := ask(t, app, "POST", "/o/org/safety/again", "en", url.Values{"id": {"m1m1m1m1"}}).Header().Get("Location"); !strings.HasSuffix(to, "again.files") {
		t.Errorf("with files: %q", to)
	}
	before := len(h.Requests())
	p = ask(t, app, "POST", "/o/org/safety/again", "en", url.Values{"id": {"other"}})
	if drafted := slices.ContainsFunc(h.Requests()[before:], func(r any) bool { _, is := r.(api.Draft); return is }); p.Code != http.StatusNotFound || drafted {
		t.Errorf("another message: %d, drafted: %v", p.Code, drafted)
	}
	checkPage(t, p)
}

// A gap is told on every page once it has lasted, until the person has looked; one that may fill itself is not.
func TestGapIsToldOnceItLasts(t *testing.T) {
	h := &house{orgs: []api.OrgSummary{org}, status: api.StatusResult{Orgs: api.List[api.OrgStatus]{{Org: "org", Missing: 2}}}}
	app := newHouse(t, h)
	since := func(ago time.Duration) {
		h.status.Orgs[0].MissingSince = time.Now().Add(-ago).Truncate(time.Millisecond)
	}
	told := func(cookies []*http.Cookie) bool {
		return strings.Contains(askWith(t, app, "/o/org/settings", cookies).text(), "There is an alarm")
	}
	since(time.Hour)
	if told(nil) {
		t.Error("a gap of an hour is told")
	}
	since(25 * time.Hour)
	if !told(nil) {
		t.Error("a gap of a day is not told")
	}
	p := ask(t, app, "POST", "/o/org/safety", "en", nil)
	r := http.Request{Header: http.Header{"Cookie": {strings.Split(p.Header().Get("Set-Cookie"), ";")[0]}}}
	if told(r.Cookies()) {
		t.Error("a gap that was looked at is told again")
	}
}
