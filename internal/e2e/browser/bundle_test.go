//go:build browser

package browser

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
)

// Two people whom no server connects any more write to each other by a stick: the browser saves the bundle in two files, the other
// one takes them in, and the answer rides back with the receipts.
func TestBundlesOnAStick(t *testing.T) {
	rendezvous := program.StartRendezvous(t, nil, "/ip4/127.0.0.1/tcp/0")
	people := organizationAt(t, rendezvous.Claim, "Ada", "Bo")
	ada, bo := people[0], people[1]
	muster[any](ada, "admin", "policy", "set", "direct=never") // both are on one machine
	muster[api.SendResult](ada, "send", "Bo", "-m", "Before the storm.")
	muster[api.SendResult](bo, "send", "Ada", "-m", "Still here.")
	await(t, "both know how to write to each other", func(context.Context) bool {
		return len(muster[[]api.Message](ada, "inbox")) == 1 && len(muster[[]api.Message](bo, "inbox")) == 1
	})
	rendezvous.End(syscall.SIGTERM)

	photo := filepath.Join(t.TempDir(), "pass.raw")
	if err := os.WriteFile(photo, randomBytes(t, 10<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	first := muster[api.SendResult](ada, "send", "Bo", "-s", "The pass", "-m", "It is closed.", "-a", photo).ID
	in := "/o/" + muster[[]api.OrgSummary](ada, "org", "list")[0].Org + "/"
	stick := t.TempDir()
	a, b := open(t, ada), open(t, bo)
	a.savesTo(stick)
	b.savesTo(stick)

	a.goTo(in + "compose")
	a.fill("#to", "Bo")
	a.fill("#subject", "Bread")
	a.fill("#text", "Bring some.")
	a.click("[data-send]")
	a.see("Bring some.")
	a.goTo(in + "bundles")
	a.see("2 messages")
	a.look("bundles")
	a.choose("#split", "8M")
	a.click("#write-bundle button")
	a.see("Save file 1")
	a.saveFile()
	a.until("the next file is offered", "[...document.querySelectorAll('form[data-save] button')].some((e) => e.innerText.includes('Save file 2'))")
	a.look("bundle-more")
	a.saveFile()
	a.see("That was the last file.")
	a.look("bundle-saved")
	files := saved(t, stick, 2)
	if got := stateOfMessage(ada, first); got != api.StateHeld {
		t.Errorf("before they are on the stick, the message is %s", got)
	}
	a.click(`form[action$="/kept"] button`)
	a.see("shown as carried now")
	if got := stateOfMessage(ada, first); got != api.StateCarried {
		t.Errorf("once they are on the stick, the message is %s", got)
	}

	b.takeIn(in, files...)
	b.see("2 new messages came.")
	b.look("bundles-taken")
	b.takeIn(in, append([]string{damaged(t, files[0])}, files[1])...)
	b.see("Damaged from byte")
	b.see("Cut off at byte")
	b.see("here already")
	b.look("bundles-damaged")
	b.goTo(in)
	b.see("It is closed.")
	b.clickIn("#threads li", "Bread", "a")
	b.fill("#text", "Two loaves.")
	b.click("[data-send]")
	b.see("Two loaves.")
	b.goTo(in + "bundles")
	b.see("Receipts on their way back")
	b.click("#write-bundle button")
	b.saveFile()
	b.until("the bundle is saved", `document.querySelector('form[action$="/kept"]')`)
	b.click(`form[action$="/kept"] button`)
	b.see("shown as carried now")

	back := slices.DeleteFunc(saved(t, stick, 3), func(name string) bool { return slices.Contains(files, name) })
	a.takeIn(in, back...)
	a.see("1 new message came.")
	a.look("bundles-back")
	a.goTo(in)
	a.see("Two loaves.")
	if got := stateOfMessage(ada, first); got != api.StateDelivered {
		t.Errorf("once the receipt is home, the message is %s", got)
	}
	a.goTo("/preferences")
	a.choose("#language", "ar")
	a.click("main form button")
	a.until("lines begin on the right", "document.documentElement.dir === 'rtl'")
	a.goTo(in + "bundles")
	a.look("bundles-arabic")
}

// savesTo has the browser save files in a folder.
func (b *tab) savesTo(folder string) {
	b.t.Helper()
	b.expect("net::ERR_ABORTED") // so Chromium calls a page that turns out to be a file
	b.do("saying where files are saved", chromedp.ActionFunc(func(ctx context.Context) error {
		return browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(folder).Do(ctx)
	}))
}

// saveFile presses the button that saves the next file of a bundle. The page stays.
func (b *tab) saveFile() {
	b.t.Helper()
	b.until("a file can be saved", "document.querySelector('form[data-save] button:not(.link)')")
	b.do("pressing the button", chromedp.Focus("form[data-save] button:not(.link)", chromedp.ByQuery), chromedp.KeyEvent("\r"))
}

// takeIn has the page of bundles take files in.
func (b *tab) takeIn(in string, files ...string) {
	b.t.Helper()
	b.goTo(in + "bundles")
	b.do("choosing files", chromedp.SetUploadFiles("#bundle", files, chromedp.ByQuery))
	b.click("form[data-bundles] button:not([type])")
	b.see("What the bundles brought")
}

// saved waits until so many bundles lie in a folder, and returns their names.
func saved(t *testing.T, folder string, count int) (files []string) {
	t.Helper()
	await(t, "the bundles are saved", func(context.Context) bool {
		var err error
		files, err = filepath.Glob(filepath.Join(folder, "*.muster"))
		return err == nil && len(files) == count
	})
	return files
}

// damaged returns a copy of a file in which something in the middle is overwritten, and the end is missing.
func damaged(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	copy(data[len(data)/2:], make([]byte, 4096))
	name = filepath.Join(t.TempDir(), "damaged.muster")
	if err := os.WriteFile(name, data[:len(data)-1024], 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func randomBytes(t *testing.T, n int) []byte {
	t.Helper()
	data := make([]byte, n)
	if _, err := rand.Read(data); err != nil {
		t.Fatal(err)
	}
	return data
}

// stateOfMessage returns how a message to one device stands.
func stateOfMessage(p *person, id string) api.State {
	p.t.Helper()
	states := muster[api.Message](p, "read", id).States
	if len(states) != 1 {
		p.t.Fatalf("%d states: %+v", len(states), states)
	}
	return states[0].State
}
