package web_test

import (
	"strings"
	"testing"

	"muster.example/node/api"
)

// Notices of the device itself are told in the page's words, and one of a kind to come as the node tells it. [API-184]
func TestNoticesOfTheDevice(t *testing.T) {
	h := full()
	h.status = api.StatusResult{Orgs: api.List[api.OrgStatus]{{Org: "org", Notices: api.List[api.Notice]{
		{Time: day, Text: "english one", Kind: api.NoticeDropped, Count: 3}, {Time: day, Text: "english two", Kind: api.NoticeClock},
		{Time: day, Text: "english three", Kind: "yet to come"},
	}}}}
	app := newHouse(t, h)
	for language, want := range map[string][]string{
		"en": {"3 envelopes that this device carried for others had to go", "This device’s clock is wrong.", "english three"},
		"de": {"3 Umschläge, die dieses Gerät für andere trug", "Die Uhr dieses Geräts geht falsch."},
		"ar": {"تُركت 3 مغلفات", "ساعة هذا الجهاز خاطئة."},
	} {
		p := ask(t, app, "GET", "/o/org/safety", language, nil)
		for _, text := range want {
			if !strings.Contains(p.text(), text) {
				t.Errorf("%s: %q is missing in %s", language, text, p.text())
			}
		}
		if strings.Contains(p.text(), "english one") || strings.Contains(p.text(), "english two") {
			t.Errorf("%s: told in English: %s", language, p.text())
		}
	}
}
