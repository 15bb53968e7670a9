//go:build browser

package browser

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"muster.example/node/api"
	"muster.example/node/web/hostiletest"
)

// casesAThread is how many hostile messages are shown at once; a page of a thread shows more.
const casesAThread = 40

// What a member sends who means harm stays in its message: nothing runs, nothing is asked of anybody, and nothing of it is
// shown beside its box.
func TestHostileMessages(t *testing.T) {
	people := organization(t, "Ada", "Mallory")
	ada := people[0]
	threads := sendCases(t, people[1], hostiletest.Cases())
	org := muster[[]api.OrgSummary](ada, "org", "list")[0].Org
	in := "/o/" + org + "/"

	b := open(t, ada)
	b.expect("415") // a picture that cannot be read to its end
	b.goTo(in)
	for i, th := range threads {
		var page api.ThreadPage
		awaitThread(t, ada, org, th, &page)
		b.goTo(in + "t/" + page.Thread.Thread)
		b.contained(fmt.Sprintf("thread %d", i))
		b.fits(fmt.Sprintf("thread %d", i))
		b.shot(fmt.Sprintf("hostile-%d", i))
		b.size(360, 780)
		b.contained(fmt.Sprintf("thread %d on a phone", i))
		b.fits(fmt.Sprintf("thread %d on a phone", i))
		b.shot(fmt.Sprintf("hostile-%d-phone", i))
		b.size(1280, 900)
	}
	b.goTo(in)
	b.fits("the inbox")
	b.shot("hostile-inbox")
}

// sent is a thread of hostile messages: the id of its first one, and how many it has.
type sent struct {
	id    string
	count int
}

// sendCases sends each case as a message, and returns the threads.
func sendCases(t *testing.T, from *person, cases []hostiletest.Case) []sent {
	t.Helper()
	var threads []sent
	for i, c := range cases {
		request := api.SendRequest{Subject: c.Subject, Text: c.Text}
		if i%casesAThread == 0 {
			request.To = api.List[string]{"Ada"}
		} else {
			request.Reply = threads[len(threads)-1].id
		}
		for _, f := range c.Files {
			up, err := from.client.Upload(t.Context(), f.Name, bytes.NewReader(f.Content))
			if err != nil {
				t.Logf("%s: not taken in by the sender's own node: %v", c.Name, err)
				continue
			}
			request.Attachments = append(request.Attachments, up.ID)
		}
		if request.Text == "" && len(request.Attachments) == 0 {
			t.Fatalf("%s is empty", c.Name)
		}
		result, err := from.client.Send(t.Context(), request)
		if err != nil && i%casesAThread != 0 {
			t.Logf("%s: not sent by the sender's own node: %v", c.Name, err)
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		if i%casesAThread == 0 {
			threads = append(threads, sent{id: result.ID})
		}
		threads[len(threads)-1].count++
	}
	return threads
}

// awaitThread waits until all of a thread has come.
func awaitThread(t *testing.T, p *person, org string, th sent, page *api.ThreadPage) {
	t.Helper()
	await(t, "all of a thread has come", func(ctx context.Context) bool {
		got, err := p.client.Thread(ctx, api.ThreadQuery{Org: org, Thread: th.id})
		*page = got
		return err == nil && len(got.Messages) == th.count
	})
}

// contained fails if anything ran, if anything of a message lies beside its box, or if what is around the messages is not where
// it belongs.
func (b *tab) contained(name string) {
	b.t.Helper()
	for _, problem := range read[[]string](b, containment) {
		b.t.Errorf("%s: %s", name, problem)
	}
}

// containment looks at what can be seen: what a box cuts off counts as far as the box goes.
var containment = `(async () => {
  const problems = []
  for (const image of document.images) { image.loading = 'eager' }
  await Promise.all([...document.images].map((i) => i.complete || new Promise((r) => { i.onload = i.onerror = r })))
  if (window.` + hostiletest.Canary + ` !== undefined) problems.push('a script of a message ran')
  for (const fold of document.querySelectorAll('details.fold')) fold.open = true // what is folded has boxes that nobody sees
  const articles = [...document.querySelectorAll('article.message')]
  if (articles.length < 10) problems.push('only ' + articles.length + ' messages are shown')
  for (const article of articles) {
    const box = article.getBoundingClientRect()
    for (const e of article.querySelectorAll('*')) {
      if (e.closest('details.menu > form, .hidden, [hidden]')) continue
      let { left, right, top, bottom } = e.getBoundingClientRect()
      if (right === left || bottom === top) continue
      for (let p = e.parentElement; p && p !== article; p = p.parentElement) {
        if (getComputedStyle(p).overflowX === 'visible') continue
        const cut = p.getBoundingClientRect()
        left = Math.max(left, cut.left); right = Math.min(right, cut.right); top = Math.max(top, cut.top); bottom = Math.min(bottom, cut.bottom)
      }
      if (right <= left || bottom <= top) continue
      if (left < box.left - 1 || right > box.right + 1 || top < box.top - 1 || bottom > box.bottom + 1) {
        problems.push('<' + e.tagName + ' class="' + e.className + '"> lies beside its message: ' + article.innerText.slice(0, 120))
        break
      }
    }
    if (article.querySelector('script, style, link, iframe, object, embed, form[action^="http"], svg, math, video, audio, base, meta')) problems.push('a message has an element that it must not have')
    for (const i of article.querySelectorAll('img')) if (new URL(i.src).origin !== location.origin) problems.push('a picture is from ' + i.src)
  }
  for (const selector of ['#rail', '#sidebar', '.composer', '#text', '[data-send]']) {
    const e = document.querySelector(selector)
    const r = e && e.getBoundingClientRect()
    if (!r || r.width < 8 || r.height < 8 || r.left < -1 || r.right > innerWidth + 1) { problems.push(selector + ' is not to be seen'); continue }
    if (selector === '.composer') continue
    e.scrollIntoView({block: 'center'})
    const s = e.getBoundingClientRect()
    const at = document.elementFromPoint((s.left + s.right) / 2, Math.min(innerHeight - 2, Math.max(2, (s.top + s.bottom) / 2)))
    if (!at || !e.contains(at)) problems.push('something lies over ' + selector)
  }
  return problems
})()`
