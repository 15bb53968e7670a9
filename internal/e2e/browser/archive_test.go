//go:build browser

package browser

import (
	"crypto/rand"
	"testing"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/api"
)

// An admin names an archive and has a member archived; who writes to them sees it before and after, the member sees it, and others'
// conversations are not marked.
func TestArchivedConversationsAreMarked(t *testing.T) {
	people := organization(t, "Ada", "Bo", "Cy")
	orgs := muster[[]api.OrgSummary](people[0], "org", "list")
	in := "/o/" + orgs[0].Org + "/"
	bo := muster[[]api.OrgSummary](people[1], "org", "list")[0].Member
	cy := muster[[]api.OrgSummary](people[2], "org", "list")[0].Member
	private, err := envelope.GenerateArchiveKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	ada := open(t, people[0])
	ada.goTo(in + "admin/archive")
	ada.see("The organization has no archive.")
	ada.look("archive-none")
	ada.fill("#service", keys.Generate().Public().String())
	ada.fill("#key", envelope.FormatArchivePublic(private.Public()))
	ada.fill("#label", "Records")
	ada.click("input[name=mode][value=closed]")
	ada.click("section[aria-labelledby=set] button")
	ada.see("It is on the roll.")
	ada.see("Nobody's messages go there.")
	ada.fill("#member", "Bo")
	ada.click("section[aria-labelledby=designate] button")
	ada.see("Archive no more")
	ada.look("archive-admin")

	ada.goTo(in + "people/" + bo)
	ada.see("What is written here is archived by")
	ada.goTo(in + "compose?to=" + bo)
	ada.see("What is written here is archived by")
	ada.goTo(in + "compose?to=" + cy)
	ada.until("writing to others is not marked", "document.querySelector('.composer') && !document.querySelector('.archived')")

	muster[api.SendResult](people[0], "send", "Bo", "-m", "for the record")
	member := open(t, people[1])
	member.goTo(in)
	member.see("archived")
	member.look("archive-inbox")
	member.click("#threads a[data-item]")
	member.see("What is written here is archived by")
	member.look("archive-thread")
	member.goTo(in + "admin/archive")
	member.see("Your own messages are archived.")
}
