//go:build browser

package browser

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is one tab of a Chromium, whose every request, console line and report is kept.
type tab struct {
	t      *testing.T
	ctx    context.Context
	origin string
	effort effort

	mu       sync.Mutex // guards the following
	requests []string   // addresses that were asked for
	problems []string   // errors on the console, exceptions, reports against the policy
	expected []string   // parts of problems that the test brings about
}

// open starts a browser of its own for a person, and signs in.
func open(t *testing.T, p *person, options ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("there is no Chromium: %v", err)
		}
		t.Skipf("NOT TESTED: there is no Chromium on this machine (Debian: apt-get install chromium): %v", err)
	}
	all := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium), chromedp.NoSandbox,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-gpu", true), chromedp.WindowSize(1280, 900),
		chromedp.UserDataDir(t.TempDir()))
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), append(all, options...)...)
	ctx, cancel := chromedp.NewContext(allocator)
	b := &tab{t: t, ctx: ctx}
	t.Cleanup(func() {
		if t.Failed() {
			b.shot("failed-" + strings.ReplaceAll(t.Name(), "/", "-"))
		}
		chromedp.Cancel(ctx) //nolint:errcheck // waits until it has closed, and writes no more into the folder that is removed next
		cancel()
		cancelAllocator()
		b.check()
	})
	chromedp.ListenTarget(ctx, b.hear)
	b.do("signing in", network.Enable(), log.Enable(), runtime.Enable(), chromedp.Navigate(p.login))
	b.until("the app is open", "location.hostname.endsWith('.localhost') && !location.pathname.startsWith('/enter/') && document.readyState === 'complete' && !!document.getElementById('main')")
	u, err := url.Parse(read[string](b, "location.href"))
	if err != nil {
		t.Fatal(err)
	}
	b.origin = u.Scheme + "://" + u.Host
	return b
}

// beside opens another tab of the same browser, where the person is signed in already.
func (b *tab) beside() *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	other := &tab{t: b.t, ctx: ctx, origin: b.origin}
	b.t.Cleanup(func() {
		cancel()
		other.check()
	})
	chromedp.ListenTarget(ctx, other.hear)
	if err := chromedp.Run(ctx, network.Enable(), log.Enable(), runtime.Enable()); err != nil { // whose life is that of its context
		b.t.Fatalf("opening another tab: %v", err)
	}
	return other
}

// hear keeps what happens.
func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning || e.Entry.Source == log.SourceViolation || e.Entry.Source == log.SourceSecurity {
			b.problems = append(b.problems, fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
			var said []string
			for _, arg := range e.Args {
				said = append(said, string(arg.Value)+arg.Description)
			}
			b.problems = append(b.problems, "console: "+strings.Join(said, " "))
		}
	case *runtime.EventExceptionThrown:
		b.problems = append(b.problems, "exception: "+e.ExceptionDetails.Error())
	}
}

// expect names a part of a problem that the test brings about.
func (b *tab) expect(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, part)
}

// check fails the test for each problem, and for each request to anything but the app.
func (b *tab) check() {
	b.mu.Lock()
	defer b.mu.Unlock()
problems:
	for _, problem := range b.problems {
		for _, part := range b.expected {
			if strings.Contains(problem, part) {
				continue problems
			}
		}
		b.t.Errorf("the browser says: %s", problem)
	}
	if len(b.requests) == 0 {
		b.t.Error("no request was seen: the network was not watched")
	}
	for _, address := range b.requests {
		u, err := url.Parse(address)
		ours := err == nil && (u.Hostname() == "127.0.0.1" && strings.HasPrefix(u.Path, "/login/") ||
			u.Scheme+"://"+u.Host == b.origin || u.Scheme == "blob" || u.Scheme == "about" || strings.HasPrefix(address, "data:image/"))
		if !ours {
			b.t.Errorf("the page asked for %s", address)
		}
	}
}

// do runs actions in the tab.
func (b *tab) do(what string, actions ...chromedp.Action) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, waitLimit)
	defer cancel()
	if b.ctx.Err() == nil && chromedp.FromContext(b.ctx).Target == nil {
		ctx = b.ctx // the first run starts the browser, whose life is that of its context
	}
	if err := chromedp.Run(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// mostHigh is how much of a page a picture shows, in pixels.
const mostHigh = 4000

// shot keeps a picture of the page, if somebody wants pictures.
func (b *tab) shot(name string) {
	dir := os.Getenv("MUSTER_SCREENSHOTS")
	if dir == "" {
		return
	}
	var picture []byte
	err := chromedp.Run(b.ctx, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		_, _, _, _, _, size, err := page.GetLayoutMetrics().Do(ctx)
		if err != nil {
			return err
		}
		picture, err = page.CaptureScreenshot().WithCaptureBeyondViewport(true).
			WithClip(&page.Viewport{Width: size.Width, Height: min(size.Height, mostHigh), Scale: 1}).Do(ctx)
		return err
	}))
	if err != nil {
		b.t.Logf("taking a picture: %v", err)
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// size makes the window as large as a device's screen.
func (b *tab) size(width, height int64) {
	b.do("changing the size", emulation.SetDeviceMetricsOverride(width, height, 1, width < 600))
}

// axe holds the page against axe-core, which must find nothing, in both themes.
func (b *tab) axe(name string) {
	b.t.Helper()
	source, err := os.ReadFile(filepath.Join("..", "..", "third_party", "axe-core-4.14.1", "axe.min.js"))
	if err != nil {
		b.t.Fatal(err)
	}
	type violation struct {
		ID    string `json:"id"`
		Help  string `json:"help"`
		Nodes []struct {
			HTML    string `json:"html"`
			Summary string `json:"failureSummary"`
		} `json:"nodes"`
	}
	for _, dark := range []bool{false, true} {
		b.dark(dark)
		evalOnce[int](b, string(source)+"\n;0")
		// What is fading in has less contrast for a fifth of a second.
		b.until("what moves has come to rest", "document.getAnimations().every((a) => a.playState !== 'running' || a.effect.getTiming().iterations === Infinity)")
		for _, v := range read[[]violation](b, "axe.run(document, {resultTypes: ['violations'], preload: false}).then((r) => r.violations)") {
			for _, node := range v.Nodes {
				b.t.Errorf("%s, dark %v: %s: %s\n%s\n%s", name, dark, v.ID, v.Help, node.HTML, node.Summary)
			}
		}
	}
	b.dark(false)
}

// fits fails if the page is wider than its window.
func (b *tab) fits(name string) {
	b.t.Helper()
	if over := read[int](b, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
		b.t.Errorf("%s is %d pixels wider than the window", name, over)
	}
}

// look takes a picture of a page, wide and narrow, and holds it against axe-core.
func (b *tab) look(name string) {
	b.t.Helper()
	b.axe(name)
	b.fits(name)
	b.shot(name)
	b.size(360, 780)
	b.fits(name + " on a phone")
	b.shot(name + "-phone")
	b.size(1280, 900)
}
