package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"muster.example/node/api"
)

// mailbox is a crowd with one thread, whose messages a test chooses.
type mailbox struct {
	*crowd
	messages []api.Message
	page     api.ThreadPage // of it Earlier and Later
	mayWrite bool
	drafts   []api.Draft
}

func (m *mailbox) Thread(ctx context.Context, query api.ThreadQuery) (api.ThreadPage, error) {
	m.Backend.Thread(ctx, query) //nolint:errcheck // it only notes the request
	return api.ThreadPage{
		Earlier: m.page.Earlier, Later: m.page.Later,
		Thread:   api.Thread{Org: "org", Thread: "t1", Subject: "Charts", People: []api.Person{{Member: "bobobobo", Name: "Bo"}}, Unread: 1, Tags: []string{"todo"}},
		Messages: m.messages, MayWrite: m.mayWrite, Why: "nobody writes here any more", Hidden: 2,
	}, nil
}

func (m *mailbox) Drafts(context.Context, api.DraftsQuery) ([]api.Draft, error) { return m.drafts, nil }

// newMailbox returns a mailbox with a received message and a sent one, and the app over it.
func newMailbox(t *testing.T) (*mailbox, http.Handler) {
	t.Helper()
	c, _ := newCrowd(t)
	now := time.Now().UTC()
	m := &mailbox{crowd: c, mayWrite: true, messages: []api.Message{
		{ID: "m1m1m1m1", Org: "org", Thread: "t1", From: "Bo", FromMember: "bobobobo", Text: "Hello *you*", Time: now, Received: now, Unread: true,
			Attachments: []api.Attachment{{Name: "a.exe", Size: 2048}}, Reactions: []api.Reaction{{Emoji: "👍", Members: []api.Person{{Member: "meidmeid", Name: "Me"}}}}},
		{ID: "m2m2m2m2", Org: "org", Thread: "t1", From: "Me", FromMember: "meidmeid", Sent: true, Text: "Answer", Time: now, Received: now,
			Delivery: []api.Progress{{Person: api.Person{Member: "bobobobo", Name: "Bo"}, Devices: 3, Delivered: 2, State: api.StateDelivered}}, Undo: now.Add(time.Minute)},
	}}
	return m, newApp(t, m)
}

// Every page of messages shows in every language.
func TestPagesOfMessages(t *testing.T) {
	for _, language := range []string{"en", "de", "ar"} {
		m, app := newMailbox(t)
		m.drafts = []api.Draft{{ID: "d1", Subject: "Later", Text: "not yet", Thread: "t1", Time: time.Now()}}
		m.Messages = m.messages
		for _, address := range []string{"/o/org/", "/o/org/?show=unread", "/o/org/?tag=todo", "/o/org/t/t1", "/o/org/t/t1?edit=m2m2m2m2", "/o/org/compose?to=Bo", "/o/org/compose?forward=m1m1m1m1", "/o/org/drafts", "/o/org/m/m1m1m1m1", "/leave?to=https%3A%2F%2Fexample.org", "/preferences"} {
			p := ask(t, app, "GET", address, language, nil)
			if p.Code != http.StatusOK {
				t.Errorf("%s: %d %s", address, p.Code, p.Body)
				continue
			}
			checkPage(t, p)
			if strings.Contains(p.Body.String(), "<no value>") {
				t.Errorf("%s shows a value that is not there", address)
			}
		}
	}
}

// A thread shows what its messages say and how they stand, marks as read what is on the screen, and lets one answer.
func TestThreadShows(t *testing.T) {
	m, app := newMailbox(t)
	p := get(t, app, "/o/org/t/t1")
	text := p.text()
	for _, want := range []string{"Charts", "Hello you", "a.exe 2.0 KiB program", "delivered (2 of 3 devices)", "Undo", "2 messages of members whom you blocked"} {
		if !strings.Contains(text, want) {
			t.Errorf("the thread says %q, without %q", text, want)
		}
	}
	marked, ok := m.last(t).(api.MarkRequest)
	if !ok || len(marked.IDs) != 1 || marked.IDs[0] != "m1m1m1m1" || marked.Unread {
		t.Errorf("looking at a thread asked for %+v, want the unread message marked", m.last(t))
	}
	if p.find("textarea", "text").Data == "" {
		t.Error("there is nowhere to answer")
	}

	m, app = newMailbox(t)
	m.mayWrite = false
	p = ask(t, app, "GET", "/o/org/t/t1", "en", nil)
	if p.find("textarea", "text").Data != "" || !strings.Contains(p.text(), "nobody writes here any more") {
		t.Errorf("a thread where one may not write says %q", p.text())
	}
}

// Whoever is led to a message of a long thread sees it, marked for the script, and leads on from there to both sides; what is
// done to it leads back to it.
func TestThreadAroundMessage(t *testing.T) {
	m, app := newMailbox(t)
	m.page = api.ThreadPage{Earlier: "e1", Later: "l1"}
	p := get(t, app, "/o/org/t/t1?at=m1m1m1m1&notice=compose.sent")
	checkPage(t, p)
	asked := api.ThreadQuery{}
	for _, request := range m.Requests() {
		if query, ok := request.(api.ThreadQuery); ok {
			asked = query
		}
	}
	if asked.Around != "m1m1m1m1" || asked.Before != "" || asked.After != "" {
		t.Errorf("the node was asked for %+v", asked)
	}
	here := 0
	for n := range p.root.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "data-here" {
				if here++; attribute(n, "id") != "m-m1m1m1m1" {
					t.Errorf("led to %q", attribute(n, "id"))
				}
			}
		}
	}
	body := p.Body.String()
	for _, want := range []string{
		`href="/o/org/t/t1?before=e1"`, `href="/o/org/t/t1?after=l1"`, `href="/o/org/t/t1?at=m1m1m1m1&amp;hidden=1"`,
		`name="back" value="/o/org/t/t1?at=m2m2m2m2#m-m2m2m2m2"`, `href="/o/org/t/t1">Newest messages`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if here != 1 {
		t.Errorf("%d messages are led to", here)
	}
	m.page = api.ThreadPage{}
	if body := get(t, app, "/o/org/t/t1").Body.String(); strings.Contains(body, "Newest messages") || strings.Contains(body, "data-here") {
		t.Error("the newest page leads to newer messages")
	}
}

// A refresh by a script is not a person who reads.
func TestRefreshMarksNothing(t *testing.T) {
	m, app := newMailbox(t)
	before := len(m.Requests())
	p := askLive(t, app, "/o/org/t/t1")
	if p.Code != http.StatusOK {
		t.Fatalf("%d %s", p.Code, p.Body)
	}
	for _, request := range m.Requests()[before:] {
		if _, marks := request.(api.MarkRequest); marks {
			t.Errorf("a refresh asked for %+v", request)
		}
	}
}

// What is written goes to the backend as it was typed, with time to take it back.
func TestSending(t *testing.T) {
	m, app := newMailbox(t)
	m.contacts = []api.Contact{{Member: "bobobobo", Name: "Bo", State: api.ContactAcquainted}, {Member: "bobbybob", Name: "Bobby", State: api.ContactAcquainted}}
	p := post(t, app, "/o/org/send", "to=Bo,+Crew&subject=S&text=Hi+@Bobby%0D%0Athere&attachment=u1&draft=d1&reply=m1m1m1m1&thread=t1")
	if to := p.Header().Get("Location"); p.Code != http.StatusSeeOther || to != "/o/org/t/t1?at=message&notice=compose.sent#m-message" {
		t.Errorf("an answer in a thread leads to %q (%d)", to, p.Code)
	}
	sent, ok := m.last(t).(api.SendRequest)
	if !ok || strings.Join(sent.To, "|") != "Bo|Crew" || sent.Text != "Hi @Bobby\nthere" || sent.Draft != "d1" || sent.Reply != "m1m1m1m1" ||
		strings.Join(sent.Attachments, "|") != "u1" || sent.Undo == 0 || strings.Join(sent.Mentions, "|") != "bobbybob" {
		t.Errorf("the backend was asked for %+v", m.last(t))
	}
}

// What begins a thread is shown by itself.
func TestSendingAnew(t *testing.T) {
	_, app := newMailbox(t)
	if to := post(t, app, "/o/org/send", "to=Bo&text=Hi").Header().Get("Location"); to != "/o/org/m/message?notice=compose.sent" {
		t.Errorf("it leads to %q", to)
	}
}

// Whatever a message says, the page holds no markup of its making.
func TestHostileMessages(t *testing.T) {
	m, app := newMailbox(t)
	const evil = `"><script>x</script><img src=//evil.example onerror=x>[a](javascript:x)![b](https://evil.example/i.png)`
	for i := range m.messages {
		m.messages[i].Subject, m.messages[i].Text, m.messages[i].From = evil, evil, evil
		m.messages[i].Attachments = []api.Attachment{{Name: evil}}
		m.messages[i].Forwarded = []api.Forwarded{{From: evil, Subject: evil, Text: evil}}
	}
	p := get(t, app, "/o/org/t/t1")
	checkPage(t, p)
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "img" || n.Data == "script" && attribute(n, "src") == "" {
			t.Errorf("the page holds <%s %v>", n.Data, n.Attr)
		}
		if href := attribute(n, "href"); strings.Contains(href, "evil.example") && !strings.HasPrefix(href, "/leave?to=") {
			t.Errorf("the page leads to %q", href)
		}
	}
}

// A form cannot lead out of the app.
func TestFormsLeadWithin(t *testing.T) {
	_, app := newMailbox(t)
	for _, back := range []string{"https://evil.example/", "//evil.example/", "javascript:x", `/\evil.example`, "evil"} {
		p := post(t, app, "/o/org/m/m1m1m1m1/react", "emoji=x&back="+strings.ReplaceAll(back, "/", "%2F"))
		if to := p.Header().Get("Location"); p.Code != http.StatusSeeOther || strings.Contains(to, "evil") && !strings.HasPrefix(to, "/%5C") || to == "" || to[0] != '/' || strings.HasPrefix(to, "//") {
			t.Errorf("back to %q leads to %q (%d)", back, to, p.Code)
		}
	}
}

// Files are only ever saved.
func TestDownload(t *testing.T) {
	m, app := newMailbox(t)
	m.Files = [][]byte{[]byte("<script>x</script>")}
	p := get(t, app, "/o/org/m/m1m1m1m1/files/0")
	header := p.Header()
	if p.Code != http.StatusOK || p.Body.String() != "<script>x</script>" || header.Get("Content-Type") != "application/octet-stream" ||
		!strings.HasPrefix(header.Get("Content-Disposition"), "attachment;") || !strings.Contains(header.Get("Content-Security-Policy"), "sandbox") ||
		header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v %q", p.Code, header, p.Body)
	}
}

// A draft shows what it has of files: those to be sent, those on another device, and those that stopped halfway, which no form
// sends.
func TestComposerShowsFiles(t *testing.T) {
	for _, language := range []string{"en", "de", "ar"} {
		m, app := newMailbox(t)
		m.drafts = []api.Draft{{ID: "d1", Thread: "t1", Text: "not yet",
			Attachments: []api.Upload{{ID: "u1", Name: "here.txt", Size: 3}, {Name: "there.txt", Size: 4}},
			Uploads: []api.Partial{
				{ID: "u2", Name: hostile, Size: 1000, Offset: 400, Fingerprint: "f"}, {ID: "u3", Name: "done.txt", Size: 5, Offset: 5, Complete: true},
			}}}
		for _, address := range []string{"/o/org/t/t1", "/o/org/compose?draft=d1"} {
			p := ask(t, app, "GET", address, language, nil)
			checkPage(t, p)
			var sent, stopped []string
			for n := range p.root.Descendants() {
				if attribute(n, "name") == "attachment" {
					sent = append(sent, attribute(n, "value"))
				}
				if attribute(n, "data-state") == "stopped" {
					stopped = append(stopped, attribute(n, "data-partial")+attribute(n, "data-offset")+attribute(n, "data-name"))
				}
			}
			if strings.Join(sent, " ") != "u1 u3" || len(stopped) != 1 || stopped[0] != "u2400"+hostile {
				t.Errorf("%s sends %q, and says of %q that they stopped", address, sent, stopped)
			}
			if language == "en" && !strings.Contains(p.text(), "on another device of yours") {
				t.Errorf("%s does not say that a file is elsewhere: %q", address, p.text())
			}
		}
	}
}

// What is long is folded in its thread, opens without a script, and is whole on its own page.
func TestLongTextsAreFolded(t *testing.T) {
	m, app := newMailbox(t)
	hidden, tower := strings.Repeat("a line\n", 100)+"and the END", strings.Repeat("x", 200<<10)+"END"
	m.messages[0].Text, m.messages[1].Text = hidden, tower
	m.messages[0].Forwarded = []api.Forwarded{{Text: hidden}}
	m.Messages = m.messages
	p := get(t, app, "/o/org/t/t1")
	checkPage(t, p)
	if size := p.Body.Len(); size > 64<<10 {
		t.Errorf("the thread is a page of %d bytes", size)
	}
	details := 0
	for n := range p.find("main", "").Descendants() {
		if n.Type == html.ElementNode && n.Data == "details" && attribute(n, "class") == "fold" {
			details++
		}
	}
	if said := strings.Count(p.text(), "END"); details != 2 || said != 2 || !strings.Contains(p.Body.String(), `<a href="/o/org/m/m2m2m2m2">It is very long`) {
		t.Errorf("%d texts can be opened, and %d have their end", details, said)
	}
	for _, id := range []string{"m1m1m1m1", "m2m2m2m2"} {
		if whole := get(t, app, "/o/org/m/"+id); strings.Contains(whole.Body.String(), `class="fold"`) || !strings.Contains(whole.text(), "END") {
			t.Errorf("the page of %s is folded", id)
		}
	}
}
