//go:build browser

package browser

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"muster.example/node/api"
)

// restartable is a person whose node a test can stop and start again.
type restartable struct{ *person }

func startRestartable(t *testing.T, name string) *restartable {
	t.Helper()
	return &restartable{startPerson(t, name)}
}

// uploads returns those of the one draft, as the node has them, none while it is not reached.
func (r *restartable) uploads(ctx context.Context) []api.Partial {
	drafts, err := r.client.Drafts(ctx, api.DraftsQuery{})
	if err != nil || len(drafts) != 1 {
		return nil
	}
	return drafts[0].Uploads
}

// uploading returns the one of the uploads that has most.
func (r *restartable) uploading(ctx context.Context) (one api.Partial) {
	for _, upload := range r.uploads(ctx) {
		if upload.Offset > one.Offset {
			one = upload
		}
	}
	return one
}

// grows waits until the node has more of the file than some bytes.
func (r *restartable) grows(from int64) (at int64) {
	r.t.Helper()
	await(r.t, "more of the file comes", func(ctx context.Context) bool { at = r.uploading(ctx).Offset; return at > from })
	return at
}

// A file is taken in slowly, while the person goes to other pages, the node stops and is started anew, and the page is loaded
// anew: it goes on each time, is sent, and arrives as it was. A second one waits in the queue and is cancelled.
func TestUploadGoesOn(t *testing.T) {
	r := startRestartable(t, "Ada")
	muster[api.CreateOrgResult](r.person, "org", "create", "Lighthouse", "--claim", startRendezvous(t), "--as", "Ada")
	muster[any](r.person, "admin", "policy", "set", "contact.member.member=free", "contact.admin.member=free", "contact.member.admin=free")
	bo := startPerson(t, "Bo")
	muster[api.JoinResult](bo, "join", muster[api.InviteResult](r.person, "invite").Invitation, "--as", "Bo")

	file := make([]byte, 6<<20+77)
	rand.NewChaCha8([32]byte{1}).Read(file) //nolint:errcheck // never fails
	path, other := filepath.Join(t.TempDir(), "chart.bin"), filepath.Join(t.TempDir(), "other.bin")
	for name, content := range map[string][]byte{path: file, other: file[:1000]} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b := open(t, r.person)
	for _, part := range []string{"net::ERR_", "Failed to load resource"} { // of what the test breaks
		b.expect(part)
	}
	in := "/o/" + muster[[]api.OrgSummary](r.person, "org", "list")[0].Org + "/"
	speed := func(bytes float64) { // of what the page sends, a second; -1: all that it can
		b.do("changing the network", chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := network.EmulateNetworkConditionsByRule(false, []*network.Conditions{{DownloadThroughput: -1, UploadThroughput: bytes}}).Do(ctx)
			return err
		}))
	}
	choose := func(paths ...string) {
		b.do("choosing a file", chromedp.SetUploadFiles("[data-attach] input", paths, chromedp.ByQuery))
	}

	b.goTo(in + "compose")
	speed(400 << 10)
	b.fill("#to", "Bo")
	choose(path, other)
	at := r.grows(0)
	await(t, "the other waits", func(context.Context) bool {
		return read[bool](b, `document.querySelectorAll('[data-state="waiting"]').length === 1`)
	})
	b.look("compose-uploading")
	b.click(`[data-name="other.bin"] [data-remove]`)
	await(t, "the other is gone", func(ctx context.Context) bool {
		all := r.uploads(ctx)
		return len(all) == 1 && all[0].Name == "chart.bin"
	})
	b.click("[data-send]")
	b.see("not taken in whole yet")

	b.click(`#sidebar a[href$="/drafts"]`) // within the app
	at = r.grows(at)
	b.click(".cards a")
	await(t, "the composer shows how far it is", func(context.Context) bool {
		return read[bool](b, `document.querySelector('[data-state="sending"] progress')?.value > 0`)
	})
	at = r.grows(at)

	r.stop()
	await(t, "the page notes that the node is gone", func(context.Context) bool {
		return read[bool](b, `document.querySelector('[data-state="broken"]') !== null`)
	})
	r.run()
	tab, cancel := chromedp.NewContext(b.ctx) // signs in beside the page
	defer cancel()
	if err := chromedp.Run(tab, chromedp.Navigate(r.login)); err != nil {
		t.Fatal(err)
	}
	at = r.grows(at)

	b.do("loading the page anew", chromedp.Reload(), chromedp.WaitReady("#main"))
	b.see("choose the same file again")
	b.look("compose-stopped")
	stopped := r.uploading(t.Context())
	choose(path)
	at = r.grows(stopped.Offset)
	speed(-1)
	await(t, "the draft names the file", func(ctx context.Context) bool {
		drafts, err := r.client.Drafts(ctx, api.DraftsQuery{})
		return err == nil && len(drafts) == 1 && len(drafts[0].Attachments) == 1
	})
	b.click("[data-send]")
	b.see("You can undo it")

	var arrived []byte
	await(t, "the file arrives", func(ctx context.Context) bool {
		inbox, err := bo.client.Inbox(ctx, api.InboxQuery{})
		if err != nil || len(inbox.Messages) == 0 {
			return false
		}
		_, content, err := bo.client.Attachment(ctx, inbox.Messages[0].ID, 0)
		if err != nil {
			return false
		}
		defer content.Close()
		arrived, err = io.ReadAll(content)
		return err == nil
	})
	if !bytes.Equal(arrived, file) {
		t.Errorf("%d bytes arrived, which differ from the %d that were chosen", len(arrived), len(file))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	begun, fromStart := 0, 0
	for _, address := range b.requests {
		if strings.HasSuffix(address, "/v1/uploads/begin") {
			begun++
		}
		if strings.Contains(address, stopped.ID+"?offset=0") {
			fromStart++
		}
	}
	if begun != 2 || fromStart != 1 || at == 0 {
		t.Errorf("%d uploads were begun, where two files were chosen; %d times one was sent from its start", begun, fromStart)
	}
}
