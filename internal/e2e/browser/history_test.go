//go:build browser

package browser

import (
	"archive/zip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"muster.example/node/api"
)

// A person chooses for how long history is kept, and saves a copy of it, with the files; by keys alone, too.
func TestHistoryPage(t *testing.T) {
	people := organization(t, "Ada", "Bo")
	org := muster[[]api.OrgSummary](people[0], "org", "list")[0].Org
	plan := filepath.Join(t.TempDir(), "plan.txt")
	if err := os.WriteFile(plan, []byte("the plan"), 0o600); err != nil {
		t.Fatal(err)
	}
	muster[api.SendResult](people[1], "send", "Ada", "-s", "Plan", "-m", "Here it is.", "-a", plan)
	ada := open(t, people[0])
	in := "/o/" + org + "/"
	ada.goTo(in)
	ada.see("Here it is.")
	ada.goTo(in + "settings")
	ada.click(`main a[href="` + in + `settings/history"]`)
	ada.see("How long your history is kept")
	ada.look("history")

	ada.choose("#keep", "12m")
	ada.click(`form[action$="/keep"] button`)
	ada.see("Saved.")
	if kept := muster[[]api.Retention](people[0], "retention"); len(kept) != 1 || kept[0].Keep != "12m" {
		t.Errorf("%+v", kept)
	}

	saved := t.TempDir()
	ada.do("saying where files are saved", chromedp.ActionFunc(func(ctx context.Context) error {
		return browser.SetDownloadBehavior(browser.SetDownloadBehaviorBehaviorAllow).WithDownloadPath(saved).Do(ctx)
	}))
	ada.expect("net::ERR_ABORTED") // so Chromium calls a page that turns out to be a file
	ada.do("pressing the button", chromedp.Focus(`form[action$="/export"] button`, chromedp.ByQuery), chromedp.KeyEvent("\r"))
	var name string
	await(t, "the copy is saved", func(context.Context) bool {
		found, err := filepath.Glob(filepath.Join(saved, "muster-*-markdown.zip"))
		if err != nil || len(found) != 1 {
			return false
		}
		name = found[0]
		return true
	})
	r, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var text strings.Builder
	for _, file := range r.File {
		content, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(file.Name + "\n")
		if _, err := io.Copy(&text, content); err != nil { //nolint:gosec // it is our own
			t.Fatal(err)
		}
	}
	for _, want := range []string{"Bo/conversation.md", "Here it is.", "the plan", "export.json"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in\n%s", want, text.String())
		}
	}
}

// A history of two years is to be kept for one: what is older is counted and asked about. Left as it is, all stays; only a yes removes
// it. [API-82]
func TestRetentionAsksFirst(t *testing.T) {
	people := organization(t, "Ada", "Bo")
	ada := people[0]
	seedAged(t, ada, 40, 4, people[1])
	ada.run()
	org := muster[[]api.OrgSummary](ada, "org", "list")[0].Org
	at := "/o/" + org + "/settings/history"
	b := open(t, ada)
	b.goTo(at)
	keep := func() {
		t.Helper()
		b.choose("#keep", "12m")
		b.click(`form[action$="/keep"] button`)
		b.see("Remove what is older?")
		b.see("messages are older than")
	}
	keep()
	b.look("history-question")
	b.click(`main a[href="` + at + `"]`)
	b.see("How long your history is kept")
	kept := func() string { return muster[[]api.Retention](ada, "retention")[0].Keep }
	if got := kept(); got != "forever" {
		t.Fatalf("leaving it keeps history for %q", got)
	}
	held := func() string {
		t.Helper()
		b.goTo("/o/" + org + "/search?q=" + commonWord + "&until=" + time.Now().AddDate(-1, 0, -7).Format(time.DateOnly))
		return read[string](b, "document.querySelector('main').innerText")
	}
	if said := held(); strings.Contains(said, "Nothing fits.") {
		t.Fatalf("leaving it has removed what is old: %s", said)
	}
	b.goTo(at)
	keep()
	b.click("form:has([name=erase]) button")
	b.see("Saved.")
	if got := kept(); got != "12m" {
		t.Errorf("after a yes history is kept for %q", got)
	}
	await(t, "what is old is removed", func(context.Context) bool { return strings.Contains(held(), "Nothing fits.") })
	b.goTo("/o/" + org + "/search?q=" + commonWord)
	if read[bool](b, "document.querySelector('main').innerText.includes('Nothing fits.')") {
		t.Error("what is younger is removed, too")
	}
}
