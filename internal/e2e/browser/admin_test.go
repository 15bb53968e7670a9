//go:build browser

package browser

import (
	"strings"
	"testing"

	"muster.example/node/api"
)

// An admin invites, changes the policy after a look at what changes, suspends and reinstates a member, and reads of all of it
// in the roll; another member may read the policy and the roll, and is offered no more.
func TestAdminsRunTheOrganization(t *testing.T) {
	people := organization(t, "Ada", "Bo")
	orgs := muster[[]api.OrgSummary](people[1], "org", "list")
	in := "/o/" + orgs[0].Org + "/admin/"
	bo := orgs[0].Member
	ada := open(t, people[0])

	ada.goTo(in)
	ada.see("Bo")
	ada.look("admin-members")
	ada.goTo(in + "members/" + bo)
	ada.look("admin-member")
	ada.click("a[href$='/suspend']")
	ada.see("Nobody sends to the member")
	ada.look("admin-suspend")
	ada.click("button.grave, main form[method=post] button")
	ada.see("The member is suspended.")
	ada.click("a[href$='/reinstate']")
	ada.see("The suspension ends.")
	ada.click("main form[method=post] button")
	ada.see("in good standing again")

	ada.goTo(in + "invitations")
	ada.look("admin-invitations")
	ada.fill("#uses", "2")
	ada.click("main form[method=post] button")
	ada.see("The link is shown this once")
	if link := read[string](ada, "document.getElementById('link').textContent"); !strings.HasPrefix(link, "muster:join/") {
		t.Errorf("the link is %q", link)
	}
	ada.until("the QR code is drawn", "document.querySelector('img.qr').complete && document.querySelector('img.qr').naturalWidth > 0")
	if at := read[string](ada, "location.href"); strings.Contains(at, "muster:") {
		t.Errorf("the address holds the link: %s", at)
	}
	ada.click("[data-copy=link]")
	ada.see("Copied.")
	ada.look("admin-invitation")
	ada.click("main a[href$='/invitations']")
	ada.see("0 of 2 used")
	ada.click("a[href$='/revoke']")
	ada.see("Nobody joins by this invitation any more")
	ada.look("admin-revoke")
	ada.click("button.grave")
	ada.see("The invitation is taken back.")

	ada.goTo(in + "policy")
	ada.look("admin-policy")
	ada.fill("[name='queue-time']", "10d")
	ada.click("form.policy > p button")
	ada.see("Nothing is signed yet")
	ada.see("10d")
	ada.look("admin-policy-preview")
	ada.click("main form[method=post] button")
	ada.see("The policy is changed.")

	ada.goTo(in + "roll")
	ada.see("as an admin")
	ada.look("admin-roll")
	for _, page := range []string{"applications", "guests", "reports", "nodes"} {
		ada.goTo(in + page)
		ada.look("admin-" + page)
	}
	ada.goTo(in + "guests")
	ada.click("main form[method=post] button")
	ada.see("There is no such guest.")

	reader := open(t, people[1])
	reader.goTo(in)
	reader.see("What the organization has decided")
	reader.look("member-policy")
	if offered := read[int](reader, "document.querySelectorAll('main form, main a[href*=\"/admin/members\"]').length"); offered != 0 {
		t.Errorf("a member is offered %d things for admins", offered)
	}
}
