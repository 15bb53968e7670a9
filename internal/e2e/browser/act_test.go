//go:build browser

package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A page is left in two ways: its script fetches the next one and puts it in place (page.js), or the browser loads a document.
// Whoever acts must know which, or looks at the page that is about to go. An act is therefore one script, which marks the
// document, does the thing, and says what came of it; then the test waits for just that. An act is never repeated: if nobody
// can tell whether it happened, the test fails. What only reads may be asked again of the next document.

// outcome is what an act did.
type outcome string

const (
	notYet  outcome = ""        // nothing, since there is nothing to be acted on
	stayed  outcome = "stayed"  // the page goes on
	fetches outcome = "fetches" // the script of the page fetches the next one
	loads   outcome = "loads"   // the browser loads a document
)

// acting is the body of a script that does a thing and says what came of it. %s is a function that returns whether it could.
const acting = `(() => {
  let leads = false
  const hear = (event) => {
    if (event.defaultPrevented) return
    if (event.type === 'submit') { leads = event.target.method !== 'dialog'; return }
    const link = event.target.closest?.('a[href]')
    if (!link || link.target || link.hasAttribute('download')) return
    leads = link.href.split('#')[0] !== location.href.split('#')[0] || !link.hash
  }
  for (const type of ['click', 'submit']) window.addEventListener(type, hear)
  try {
    window.musterSeen = true
    if (!(%s)()) return ''
    return document.documentElement.hasAttribute('aria-busy') ? 'fetches' : leads ? 'loads' : 'stayed'
  } finally {
    for (const type of ['click', 'submit']) window.removeEventListener(type, hear)
  }
})()`

// act does a thing once, as soon as it can be done, and waits until the page that it leads to is there. do is a function of
// JavaScript that returns whether it could.
func (b *tab) act(what, do string) {
	b.t.Helper()
	var came outcome
	await(b.t, what, func(context.Context) bool {
		b.t.Helper()
		came = evalOnce[outcome](b, fmt.Sprintf(acting, do))
		return came != notYet
	})
	b.arrive(what, came)
}

// arrive waits until the page that an act leads to is there.
func (b *tab) arrive(what string, came outcome) {
	b.t.Helper()
	there := "document.readyState === 'complete' && !!document.getElementById('main') && !document.documentElement.hasAttribute('aria-busy')"
	switch came {
	case fetches:
		b.until("the page after "+what, there)
	case loads:
		b.until("the document after "+what, "!window.musterSeen && "+there)
	default:
		return
	}
	b.arrived()
}

// goTo opens an address of the app.
func (b *tab) goTo(path string) {
	b.t.Helper()
	b.do("opening "+path, chromedp.Navigate(b.origin+path))
	b.until(path+" is there", "document.readyState === 'complete' && !!document.getElementById('main')")
}

// inReach is a function of JavaScript that returns the first element of a selector which a person can see and point at, after
// the page was moved so that it is in the middle; null if there is none.
const inReach = `((selector) => {
  for (const e of document.querySelectorAll(selector)) {
    if (!e.checkVisibility({ visibilityProperty: true }) || e.disabled) continue
    e.scrollIntoView({ block: 'center', behavior: 'instant' })
    const at = e.getClientRects()[0]
    if (!at) continue
    const on = document.elementFromPoint((at.left + at.right) / 2, (at.top + at.bottom) / 2)
    if (on && (e.contains(on) || [...(e.labels ?? [])].some((l) => l.contains(on)))) return e
  }
  return null
})`

// click clicks the first element that a selector finds and that nothing hides.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.effort.clicks++
	b.act("clicking "+selector, fmt.Sprintf("() => { const e = %s(%s); if (!e) return false; e.focus(); e.click(); return true }", inReach, quoted(selector)))
}

// clickIn clicks what a selector finds within the element of another selector that shows a text.
func (b *tab) clickIn(around, text, selector string) {
	b.t.Helper()
	b.act("clicking "+selector+" of "+text, fmt.Sprintf(`() => {
		const e = [...document.querySelectorAll(%s)].find((e) => e.innerText.includes(%s))?.querySelector(%s)
		if (!e?.checkVisibility()) return false
		e.click()
		return true
	}`, quoted(around), quoted(text), quoted(selector)))
}

// fill types into a field, in the place of what is there.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	b.effort.keys += utf8.RuneCountInString(text)
	b.enter(selector, text, chromedp.KeyEvent(text))
}

// next goes on to the next field by the keyboard, which must be this one, and types into it. There may be buttons before it.
func (b *tab) next(selector, text string) {
	b.t.Helper()
	for onButton := true; onButton; {
		b.effort.keys++
		b.do("pressing Tab", chromedp.KeyEvent(kb.Tab))
		onButton = read[bool](b, "document.activeElement.localName === 'button' || document.activeElement.type === 'file'")
	}
	if !read[bool](b, "document.activeElement === document.querySelector("+quoted(selector)+")") {
		b.t.Errorf("Tab leads to %s, want %s", read[string](b, "document.activeElement.outerHTML.slice(0, 200)"), selector)
	}
	b.fill(selector, text)
}

// paste puts a text into a field that was copied elsewhere.
func (b *tab) paste(selector, text string) {
	b.t.Helper()
	b.effort.keys += 2
	b.enter(selector, text, input.InsertText(text))
}

// enter goes to a field, empties it, and has a text come there.
func (b *tab) enter(selector, text string, comes chromedp.Action) {
	b.t.Helper()
	b.effort.fields++
	if !read[bool](b, "document.activeElement === document.querySelector("+quoted(selector)+")") {
		b.effort.aimed++
	}
	b.act("going to "+selector, fmt.Sprintf("() => { const e = %s(%s); if (!e) return false; e.focus(); e.value = ''; return document.activeElement === e }", inReach, quoted(selector)))
	b.do("filling in "+selector, comes)
	if got := read[string](b, "document.querySelector("+quoted(selector)+")?.value ?? ''"); got != text {
		b.t.Fatalf("%s holds %q after %q was typed", selector, got, text)
	}
}

// press presses a key that leads to a page.
func (b *tab) press(key string) {
	b.t.Helper()
	b.do("pressing "+key, chromedp.KeyEvent(key))
	b.until("the page after pressing "+key, "document.readyState === 'complete' && !document.documentElement.hasAttribute('aria-busy')")
}

// choose picks a colour or an entry of a list, as a person does: the page hears of it.
func (b *tab) choose(selector, value string) {
	b.t.Helper()
	b.act("choosing "+selector, fmt.Sprintf(`() => {
		const e = document.querySelector(%s)
		if (!e) return false
		e.value = %s
		e.dispatchEvent(new Event('input', { bubbles: true }))
		e.dispatchEvent(new Event('change', { bubbles: true }))
		return true
	}`, quoted(selector), quoted(value)))
}

// evalOnce returns what a script says, as T. Nobody knows whether a script ran whose document went meanwhile: the test fails.
func evalOnce[T any](b *tab, script string) T {
	b.t.Helper()
	value, err := evaluate[T](b, script)
	if err != nil {
		b.t.Fatalf("running %s: %v", script, err)
	}
	return value
}

// read returns what a script says that changes nothing, as T. It is asked anew if its document goes meanwhile.
func read[T any](b *tab, script string) (value T) {
	b.t.Helper()
	await(b.t, "reading "+script, func(context.Context) bool {
		b.t.Helper()
		var gone bool
		value, gone = ask[T](b, script)
		return !gone
	})
	return value
}

// ask returns what a script says that changes nothing, or that its document has gone.
func ask[T any](b *tab, script string) (value T, gone bool) {
	b.t.Helper()
	value, err := evaluate[T](b, script)
	if err != nil && !documentGone(err) {
		b.t.Fatalf("running %s: %v", script, err)
	}
	return value, err != nil
}

// documentGone reports whether a script was asked of a document that has made way for another.
func documentGone(err error) bool {
	for _, part := range []string{"context was destroyed", "Cannot find context", "navigated or closed", "Cannot find default execution context", "Promise was collected"} {
		if strings.Contains(err.Error(), part) {
			return true
		}
	}
	return false
}

func evaluate[T any](b *tab, script string) (value T, err error) {
	b.t.Helper()
	var raw []byte
	ctx, cancel := context.WithTimeout(b.ctx, waitLimit)
	defer cancel()
	err = chromedp.Run(ctx, chromedp.Evaluate(script, &raw, func(p *runtime.EvaluateParams) *runtime.EvaluateParams {
		return p.WithAwaitPromise(true).WithUserGesture(true)
	}))
	if err == nil && len(raw) > 0 {
		err = json.Unmarshal(raw, &value)
	}
	return value, err
}

// until waits until a condition in JavaScript, which changes nothing, holds.
func (b *tab) until(what, condition string) {
	b.t.Helper()
	await(b.t, what, func(context.Context) bool {
		b.t.Helper()
		holds, gone := ask[bool](b, "!!("+condition+")")
		return holds && !gone
	})
}

// see waits until the page shows a text.
func (b *tab) see(text string) {
	b.t.Helper()
	defer func() {
		if b.t.Failed() {
			b.t.Logf("the page shows: %s", read[string](b, "document.body?.innerText.slice(0, 2000) ?? ''"))
		}
	}()
	b.until("the page shows "+quoted(text), "document.body?.innerText.includes("+quoted(text)+")")
}

// quoted returns a text as a literal of JavaScript.
func quoted(text string) string {
	literal, _ := json.Marshal(text)
	return string(literal)
}
