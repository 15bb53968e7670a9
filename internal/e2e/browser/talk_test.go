//go:build browser

package browser

import (
	"testing"

	"muster.example/node/api"
)

// Two people talk: what one writes in the browser the other sees without loading anything anew, answers, and reacts.
func TestTwoPeopleTalk(t *testing.T) {
	people := organization(t, "Ada", "Bo")
	ada, bo := open(t, people[0]), open(t, people[1])
	org := muster[[]api.OrgSummary](people[0], "org", "list")[0].Org
	in := "/o/" + org + "/"

	bo.goTo(in)
	bo.look("inbox-empty")
	ada.goTo(in + "compose")
	ada.look("compose")
	ada.fill("#to", "Bo")
	ada.fill("#subject", "Charts")
	ada.fill("#text", "As **promised**, see https://example.org/charts")
	ada.click("[data-send]")
	ada.see("You can undo it")
	ada.shot("sent")

	bo.see("Charts") // by itself
	bo.look("inbox")
	bo.click(".threads a")
	bo.until("the thread is open", "document.querySelector('.text strong')")
	if got := read[string](bo, "document.querySelector('.text strong').textContent"); got != "promised" {
		t.Errorf("the marked word is %q", got)
	}
	bo.look("thread")
	bo.fill("#text", "Thank you!")
	bo.click("[data-send]")
	bo.see("You can undo it")

	ada.goTo(in)
	ada.see("Thank you!")
	ada.click(".threads a")
	ada.see("Thank you!")
	ada.click("article:last-of-type .acts button.reaction")
	ada.see("👍 1")
	bo.goTo(in)
	bo.click(".threads a")
	bo.see("👍 1")
}
