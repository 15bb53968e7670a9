//go:build browser

package browser

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"muster.example/node/api"
)

// mailbox is a person's app over a large history, and what was measured in it.
type mailbox struct {
	*tab
	*seeding
	in      string // address of the inbox
	figures []figure
}

// figure is what one thing took, in milliseconds, each time that it was done.
type figure struct {
	what  string
	times []float64
}

func (m *mailbox) took(what string, milliseconds float64) {
	at := slices.IndexFunc(m.figures, func(f figure) bool { return f.what == what })
	if at < 0 {
		at, m.figures = len(m.figures), append(m.figures, figure{what: what})
	}
	m.figures[at].times = append(m.figures[at].times, milliseconds)
}

// print prints a line of a table for each figure.
func (m *mailbox) print() {
	fmt.Printf("| %d messages, %d threads; ms | median | least | most | runs |\n| --- | --- | --- | --- | --- |\n", m.messages, m.threads)
	for _, f := range m.figures {
		slices.Sort(f.times)
		n := len(f.times)
		fmt.Printf("| %s | %.0f | %.0f | %.0f | %d |\n", f.what, f.times[n/2], f.times[0], f.times[n-1], n)
	}
}

// A mailbox that has grown for years is opened, scrolled, searched and written in: all of it is there, and what is done does what
// it says. MUSTER_MAILBOX is how many messages it has; `scripts/bench.sh mailbox` takes 100,000 and prints what each thing
// took, from the first key or click until it is painted.
func TestMailbox(t *testing.T) {
	messages, runs := 2_000, 1
	if text := os.Getenv("MUSTER_MAILBOX"); text != "" {
		var err error
		if messages, err = strconv.Atoi(text); err != nil || messages < 2_000 {
			t.Fatalf("MUSTER_MAILBOX is %q, no number of 2,000 or more", text)
		}
		runs = 5
	}
	people := organization(t, "Ada", "Bo", "Cy")
	ada := people[0]
	m := &mailbox{in: "/o/" + muster[[]api.OrgSummary](ada, "org", "list")[0].Org + "/"}
	began := time.Now()
	m.seeding = seed(t, ada, messages, max(messages/20, 600), people[1:]...)
	people[2].stop()
	fmt.Printf("a history of %d messages was written in %v\n", messages, time.Since(began).Round(time.Second))
	began = time.Now()
	ada.run()
	fmt.Printf("its node started in %v\n", time.Since(began).Round(10*time.Millisecond))
	m.indexed(ada)
	fmt.Printf("its index was whole %v after the start began\n", time.Since(began).Round(100*time.Millisecond))
	start := func(t *testing.T) {
		t.Helper()
		ada.client.Close()
		ada.stop()
		began = time.Now()
		ada.run()
		m.took("start of the node, until it prints its link", float64(time.Since(began).Milliseconds()))
		m.tab = open(t, ada)
		m.firstView("first view, cold: the first page of a node that has just started, in a browser that has")
	}
	for range runs - 1 {
		t.Run("cold", start)
	}
	start(t)
	for range runs {
		m.do("opening the inbox", chromedp.Navigate(m.origin+m.in))
		m.firstView("first view, warm")
	}
	for range runs {
		m.readThreads()
		m.scroll()
		m.search()
		m.answer()
	}
	m.print()
}

// indexed waits until everything is found.
func (m *mailbox) indexed(p *person) {
	await(p.t, "the index is whole", func(ctx context.Context) bool {
		page, err := p.client.Search(ctx, api.SearchQuery{Text: rareWord})
		return err == nil && page.Indexing == 0 && len(page.Found) == m.rare
	})
}

// firstView takes the time from the beginning of a navigation until the list of threads is painted.
func (m *mailbox) firstView(what string) {
	m.t.Helper()
	type view struct {
		Paint float64
		Items int
	}
	await(m.t, "the list is there", func(context.Context) bool {
		return read[int](m.tab, "document.querySelectorAll('#threads li').length") > 0
	})
	seen := read[view](m.tab, `new Promise((done) => new PerformanceObserver((list, observer) => {
		observer.disconnect();
		done({Paint: list.getEntries().at(-1).startTime, Items: document.querySelectorAll("#threads li").length});
	}).observe({type: "largest-contentful-paint", buffered: true}))`)
	if seen.Items < 50 {
		m.t.Errorf("the list has %d threads", seen.Items)
	}
	m.took(what, seen.Paint)
}

// timed does something in the page and returns what it took until there is what is to follow from it, painted. Both are scripts.
func (m *mailbox) timed(action, follows string) float64 {
	m.t.Helper()
	return evalOnce[float64](m.tab, `new Promise((done) => {
		const begin = performance.now();
		`+whenPainted(follows, "begin")+`
		`+action+`
	})`)
}

// whenPainted is a script that calls done with the time since begin, once a page has come on which something follows, and is
// painted. A page also comes when something happens meanwhile.
func whenPainted(follows, begin string) string {
	return `const look = () => {
		if (!(` + follows + `)) return;
		document.removeEventListener("muster:page", look);
		requestAnimationFrame(() => setTimeout(() => done(performance.now() - ` + begin + `)));
	};
	document.addEventListener("muster:page", look);
	`
}

// readThreads opens three threads of the list and the longest one at its newest messages, and one at an old message.
func (m *mailbox) readThreads() {
	for i := range 3 {
		m.goTo(m.in)
		m.took("open a thread", m.timed(fmt.Sprintf(`document.querySelectorAll("#threads a[data-item]")[%d].click();`, 3+i), `location.pathname.includes("/t/") && document.querySelector("#messages article")`))
		if got := read[int](m.tab, "document.querySelectorAll('#messages article').length"); got < min(m.messages/m.threads, 50)-1 {
			m.t.Errorf("a thread shows %d messages", got)
		}
	}
	m.goTo(m.in + "search?q=" + rareWord + "+before:" + time.UnixMilli(m.first).AddDate(0, 0, 3).Format(time.DateOnly))
	m.took(fmt.Sprintf("from a hit to it, the first of a thread of %d", m.long), m.timed(fmt.Sprintf(`document.querySelector("#found a[href*='/t/%s']").click();`, m.roots[0]), `location.pathname.includes("/t/") && document.querySelector("#messages article")`))
	got := read[string](m.tab, "document.querySelector(location.hash)?.innerText ?? ''")
	if count := read[int](m.tab, "document.querySelectorAll('#messages article').length"); !strings.Contains(got, rareWord) || count != min(m.long, threadPage) {
		m.t.Errorf("the hit led to %d messages and %q", count, got)
	}
}

// threadPage is how many messages of a thread the app shows at once.
const threadPage = 50

// scroll goes to the end of the list ten times: each time it is longer by a page.
func (m *mailbox) scroll() {
	m.goTo(m.in)
	pages := min(10, m.threads/50-2)
	for range pages {
		grown := evalOnce[float64](m.tab, `new Promise((done) => {
			const count = () => document.querySelectorAll("#threads li").length, before = count(), begin = performance.now();
			const look = () => count() >= before + 50 ? requestAnimationFrame(() => setTimeout(() => done(performance.now() - begin))) : setTimeout(look, 1);
			scrollTo(0, document.body.scrollHeight);
			look();
		})`)
		m.took("50 more threads by scrolling to the end", grown)
	}
	links := read[[]string](m.tab, `[...document.querySelectorAll("#threads a[data-item]")].map((a) => a.href)`)
	if all := len(links); len(slices.Compact(slices.Sorted(slices.Values(links)))) != all || all < 50*(pages+1) {
		m.t.Errorf("after %d pages the list has %d threads, or some twice", pages, all)
	}
}

// search types a word that is rare, key by key, and then one that two of three messages hold.
func (m *mailbox) search() {
	for _, word := range []string{rareWord, commonWord} {
		m.goTo(m.in + "search")
		m.do("going to the field", chromedp.Focus("#find"))
		for i, letter := range word {
			evalOnce[any](m.tab, `window.typed = new Promise((done) => addEventListener("keydown", (key) => {
				`+whenPainted(fmt.Sprintf(`new URL(location.href).searchParams.get("q") === %q`, word[:i+1]), "key.timeStamp")+`
			}, {once: true, capture: true})), 0`)
			m.do("typing", chromedp.KeyEvent(string(letter)))
			what := "search as one types: any later key"
			if i < 3 {
				what = fmt.Sprintf("search as one types: the key of character %d", i+1)
			}
			m.took(what, evalOnce[float64](m.tab, "window.typed"))
		}
		want := min(m.rare, 50)
		if word == commonWord {
			want = 50
		}
		if got := read[int](m.tab, "document.querySelectorAll('#found mark').length"); got < want {
			m.t.Errorf("%d hits of %s are marked, want %d", got, word, want)
		}
	}
	day := func(years, months int) string {
		return time.UnixMilli(m.first).AddDate(years, months, 0).Format(time.DateOnly)
	}
	for _, narrowed := range []struct{ what, query string }{
		{"search by person", "from=Bo"}, {"search by tag", "tag=" + seedTag}, {"search by attachment", "files=1"},
		{"search by month", "since=" + day(1, 0) + "&until=" + day(1, 1)},
		{"search by person, month and a common word", "from=Bo&q=" + commonWord + "&until=" + day(0, 1)},
	} {
		m.goTo(m.in + "search")
		follow := fmt.Sprintf("const a = document.createElement('a'); a.href = %q; document.body.append(a); a.click(); a.remove();", m.in+"search?"+narrowed.query)
		m.took(narrowed.what, m.timed(follow, fmt.Sprintf("location.search === %q", "?"+narrowed.query)))
		if got := read[int](m.tab, "document.querySelectorAll('#found li').length"); got < 10 {
			m.t.Errorf("%s: %d hits", narrowed.query, got)
		}
	}
}

// answer writes in a thread with the person who is there: the message stands in it at once, and reaches them.
func (m *mailbox) answer() {
	m.goTo(m.in + "t/" + m.roots[m.threads-2+m.threads%2].String()) // with the first of the others
	text := fmt.Sprintf("Answer %d", time.Now().UnixNano())
	m.fill("#text", text)
	stands := fmt.Sprintf("[...document.querySelectorAll('#messages article.own .text')].at(-1)?.innerText.trim() === %q", text)
	m.took("send: a click until the message stands in the thread", m.timed(`document.querySelector("[data-send]").click();`, stands))
	m.do("leaving the field", chromedp.KeyEvent(kb.Escape))
}
