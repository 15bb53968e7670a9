package web_test

import (
	"strings"
	"testing"
	"time"

	"muster.example/node/api"
)

// Who is ahead of the roll is shown among people and where safety is, as not confirmed, with a name that looks like another's. [API-186]
func TestNewcomersAreShownAsNotConfirmed(t *testing.T) {
	h := full()
	h.status.Orgs[0].Newcomers = api.List[api.Newcomer]{
		{Member: "cyscyscyscys", Name: "Cy", Clash: true, By: api.Person{Member: "bo-id", Name: "Bo"}, Since: day, Until: day.Add(72 * time.Hour)},
	}
	app := newHouse(t, h)
	for _, page := range []string{"people", "people?show=all", "safety"} {
		text := get(t, app, "/o/org/"+page).text()
		for _, want := range []string{"Not confirmed by the roll yet", "Cy", "cyscyscy", "Another who joins has a name that looks like this one", "invited by Bo"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is missing in %s", page, want, text)
			}
		}
	}
	h.status.Orgs[0].Newcomers = nil
	if text := get(t, app, "/o/org/safety").text(); strings.Contains(text, "Not confirmed by the roll yet") {
		t.Error("nobody is told to be ahead of the roll")
	}
}
