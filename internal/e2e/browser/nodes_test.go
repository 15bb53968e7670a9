//go:build browser

package browser

import (
	"testing"

	"muster.example/node/api"
)

// An admin adds a second rendezvous node by its claim link, has it order the roll, and takes the first one away.
func TestAdminsAddARendezvousNode(t *testing.T) {
	people := organization(t, "Ada", "Bo")
	org := muster[[]api.OrgSummary](people[0], "org", "list")[0].Org
	claim := startRendezvous(t)
	ada := open(t, people[0])
	page := "/o/" + org + "/admin/nodes"
	serving := func(n string) string { return "document.querySelectorAll('#serving > li').length === " + n }

	ada.goTo(page)
	ada.until("one node serves", serving("1"))
	ada.paste("#addclaim", claim)
	ada.click("form:has(#addclaim) button")
	ada.see("Add a rendezvous node")
	ada.look("admin-nodes-add")
	ada.click("main form[method=post] button")
	ada.see("Serves beside it")
	ada.until("two nodes serve", serving("2"))
	ada.look("admin-nodes-two")

	ada.click("#serving button[value=to]")
	ada.see("Move the duty of ordering the roll")
	ada.look("admin-nodes-to")
	ada.click("main form[method=post] button")
	ada.see("The organization has moved")
	ada.until("two nodes serve still", serving("2"))

	ada.click("#serving button[value=remove]")
	ada.see("Take a rendezvous node away")
	ada.look("admin-nodes-remove")
	ada.click("main form[method=post] button")
	ada.until("one node serves again", serving("1"))
	status := muster[api.RendezvousResult](people[0], "admin", "rendezvous", "list")
	if len(status.Nodes) != 1 || status.Nodes[0].Role != api.NodeOrders || status.Terms[len(status.Terms)-1].Number != 2 {
		t.Errorf("%+v", status)
	}
}
