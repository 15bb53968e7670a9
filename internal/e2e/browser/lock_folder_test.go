//go:build browser

package browser

import (
	"fmt"
	"testing"

	"muster.example/node/api"
)

// A person locks the folder in one tab, and another shows nothing any more. A wrong passphrase opens nothing, the right one all that
// was there, in both. Then the passphrase is changed, and only the new one opens it.
func TestLockInTheBrowser(t *testing.T) {
	b, ada := openNewOf(t)
	b.expect("Failed to load resource") // while the node locks itself
	b.choosePassphrase()
	b.see("Create an organization")
	muster[api.CreateOrgResult](ada, "org", "create", "Lighthouse", "--here", "--listen", "/ip4/127.0.0.1/tcp/0", "--as", "Ada")
	b.goTo("/")
	b.until("the inbox is open", "location.pathname.startsWith('/o/')")

	second := b.beside()
	second.expect("Failed to load resource")
	second.goTo("/preferences")
	shown := func(holds bool) {
		t.Helper()
		second.until("the other tab shows the organization or not any more", fmt.Sprintf(`!!document.querySelector('#rail a[title="Lighthouse"]') === %v`, holds))
	}
	shown(true)

	b.goTo("/lock")
	b.see("Lock now")
	b.look("folder-lock")
	lock := func() {
		t.Helper()
		b.click(`form[action="/lock/now"] button`)
		b.until("the page asks for the passphrase", "document.querySelector('[data-locked] #passphrase')")
		second.until("the other tab asks for it, too", "document.querySelector('[data-locked] #passphrase')")
		shown(false)
	}
	unlock := func(passphrase, shows string) {
		t.Helper()
		b.fill("#passphrase", passphrase)
		b.click(`form[action="/unlock"] button`)
		b.until("the page goes on", shows)
	}
	lock()
	b.look("folder-locked")
	unlock("lantern quarry velvet", "document.querySelector('.error')")
	b.see("not the passphrase")
	unlock("lantern quarry velvet otter plumb", "location.pathname.startsWith('/o/')")
	b.see("Lighthouse")
	shown(true)

	b.goTo("/lock")
	b.fill("#current", "lantern quarry velvet otter plumb")
	b.fill("#passphrase", "six boats upon the grey lake")
	b.fill("#again", "six boats upon the grey lake")
	b.click(`form[action="/lock/passphrase"] button`)
	b.see("The passphrase was changed.")
	lock()
	unlock("lantern quarry velvet otter plumb", "document.querySelector('.error')")
	unlock("six boats upon the grey lake", "location.pathname.startsWith('/o/')")
	b.see("Lighthouse")
}
