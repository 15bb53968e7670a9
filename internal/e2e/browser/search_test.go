//go:build browser

package browser

import (
	"testing"

	"muster.example/node/api"
)

// What a person looks for is found while they type, marked, and led to; it is narrowed by fields; and without words nothing is
// listed.
func TestSearchAsOneTypes(t *testing.T) {
	people := organization(t, "Ada", "Bo")
	org := muster[[]api.OrgSummary](people[0], "org", "list")[0].Org
	for _, text := range []string{"The lighthouse keeper saw a whale", "Bring the charts"} {
		muster[api.SendResult](people[1], "send", "Ada", "-s", "News", "-m", text)
	}
	ada := open(t, people[0])
	ada.goTo("/o/" + org + "/")
	ada.see("Bring the charts")
	ada.press("/")
	ada.see("The last word may be a beginning")
	ada.look("search-empty")
	ada.fill("#find", "lighth")
	ada.see("saw a whale") // without a click
	ada.until("the address to say all that was typed", "new URL(location.href).searchParams.get('q') === 'lighth'")
	if got := read[string](ada, "document.querySelector('#found mark').textContent"); got != "lighthouse" && got != "lighth" {
		t.Errorf("marked is %q", got)
	}
	ada.look("search")
	ada.fill("#find", "nowhere")
	ada.see("Nothing fits.")
	ada.goTo("/o/" + org + "/search?q=charts&files=1")
	ada.see("Nothing fits.")
	ada.goTo("/o/" + org + "/search?q=charts&from=Bo")
	ada.see("Bring the charts")
	ada.look("search-narrowed")
	ada.click("#found a")
	ada.see("Back to")
	ada.until("the message that was found is led to", "location.hash.startsWith('#m-') && document.querySelector(location.hash)?.textContent.includes('charts')")
}
