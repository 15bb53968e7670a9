package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"muster.example/node/api"
	"muster.example/node/localapi"
	"muster.example/node/localapi/localapitest"
	"muster.example/node/web"
)

// crowd is a backend with one organization and the people, groups and applicants that a test puts there.
type crowd struct {
	localapitest.Backend
	org        api.OrgSummary
	contacts   []api.Contact
	groups     []api.Group
	applicants []api.Applicant
	policy     []api.PolicySetting
	presence   api.PresenceResult
	number     api.VerifyResult
	refuse     error // of what changes something
}

func (c *crowd) Orgs(context.Context) ([]api.OrgSummary, error) { return []api.OrgSummary{c.org}, nil }

// Status is asked for the banners of every page.
func (c *crowd) Status(context.Context) (api.StatusResult, error) { return api.StatusResult{}, nil }

func (c *crowd) Contacts(_ context.Context, q api.ContactsQuery) (listed []api.Contact, err error) {
	for _, contact := range c.contacts {
		if q.All || contact.State != api.ContactMember {
			listed = append(listed, contact)
		}
	}
	return listed, nil
}

func (c *crowd) Groups(context.Context, api.GroupsQuery) ([]api.Group, error) {
	return append([]api.Group(nil), c.groups...), nil
}

func (c *crowd) ShowGroup(_ context.Context, q api.GroupQuery) (api.Group, error) {
	for _, g := range c.groups {
		if g.Group == q.Group {
			return g, nil
		}
	}
	return api.Group{}, api.Errorf(api.CodeNotFound, "no group %q", q.Group)
}

func (c *crowd) ChangeGroup(ctx context.Context, r api.GroupRequest) (api.GroupResult, error) {
	_, err := c.Backend.ChangeGroup(ctx, r)
	if c.refuse != nil {
		err = c.refuse
	}
	return api.GroupResult{Group: api.Group{Group: "newgroup", Name: r.Name}}, err
}

func (c *crowd) Applications(context.Context, api.AdminQuery) ([]api.Applicant, error) {
	return c.applicants, nil
}

func (c *crowd) Policy(context.Context, api.AdminQuery) (api.PolicyResult, error) {
	return api.PolicyResult{Settings: c.policy}, nil
}

func (c *crowd) Presence(context.Context, api.PresenceQuery) (api.PresenceResult, error) {
	return c.presence, nil
}

func (c *crowd) Verification(context.Context, api.VerifyQuery) (api.VerifyResult, error) {
	return c.number, nil
}

func (c *crowd) Verify(ctx context.Context, r api.VerifyRequest) (api.VerifyResult, error) {
	result, err := c.Backend.Verify(ctx, r)
	if c.refuse != nil {
		err = c.refuse
	}
	return result, err
}

func (c *crowd) Introduce(ctx context.Context, r api.IntroduceRequest) (api.IntroduceResult, error) {
	result, err := c.Backend.Introduce(ctx, r)
	if c.refuse != nil {
		err = c.refuse
	}
	return result, err
}

// last returns the last request that changed something.
func (c *crowd) last(t *testing.T) any {
	t.Helper()
	requests := c.Requests()
	if len(requests) == 0 {
		t.Fatal("the backend was asked for nothing")
	}
	return requests[len(requests)-1]
}

// newCrowd returns a crowd in which the person is a member, and the app over it.
func newCrowd(t *testing.T) (*crowd, http.Handler) {
	t.Helper()
	c := &crowd{org: api.OrgSummary{Org: "org", Name: "Lighthouse", Member: "meidmeid", MemberName: "Me", Role: "member"}}
	return c, newApp(t, c)
}

// newApp returns the app over a backend.
func newApp(t *testing.T, backend localapi.Backend) http.Handler {
	t.Helper()
	s, err := web.New(web.Config{Backend: backend})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// page is an answer of the app, read as a browser reads it.
type page struct {
	*httptest.ResponseRecorder
	root *html.Node
}

func ask(t *testing.T, app http.Handler, method, address, language string, form url.Values) page {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept-Language", language)
	p := page{ResponseRecorder: httptest.NewRecorder()}
	app.ServeHTTP(p.ResponseRecorder, r)
	root, err := html.Parse(strings.NewReader(p.Body.String()))
	if err != nil {
		t.Fatal(err)
	}
	p.root = root
	return p
}

func get(t *testing.T, app http.Handler, address string) page {
	t.Helper()
	return ask(t, app, "GET", address, "en", nil)
}

// askLive asks for a page as a script does when something happened.
func askLive(t *testing.T, app http.Handler, address string) page {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", address, nil)
	r.Header.Set("Muster-Live", "1")
	p := page{ResponseRecorder: httptest.NewRecorder()}
	app.ServeHTTP(p.ResponseRecorder, r)
	return p
}

// post sends a form, which is written as in an address.
func post(t *testing.T, app http.Handler, address, form string) page {
	t.Helper()
	values, err := url.ParseQuery(form)
	if err != nil {
		t.Fatal(err)
	}
	return ask(t, app, "POST", address, "en", values)
}

// text returns what the page's main part says, in one line.
func (p page) text() string {
	var b strings.Builder
	for n := range p.find("main", "").Descendants() {
		if n.Type == html.TextNode {
			b.WriteString(n.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// find returns the first element of a name and, unless it is empty, an id.
func (p page) find(name, id string) *html.Node {
	for n := range p.root.Descendants() {
		if n.Type == html.ElementNode && n.Data == name && (id == "" || attribute(n, "id") == id) {
			return n
		}
	}
	return &html.Node{}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// offers returns the values of all buttons and hidden fields that say what to do.
func (p page) offers() (all []string) {
	for n := range p.find("main", "").Descendants() {
		if n.Type == html.ElementNode && attribute(n, "name") == "do" {
			all = append(all, attribute(n, "value"))
		}
	}
	return all
}

// checkPage holds a page against what must be so of every page: no script, style or handler in markup, one heading of the
// first rank, a name for every field and button, and ids and keys once.
func checkPage(t *testing.T, p page) {
	t.Helper()
	ids, labelled := map[string]bool{}, map[string]bool{}
	headings := 0
	for n := range p.root.Descendants() {
		if n.Data == "label" && attribute(n, "for") != "" {
			labelled[attribute(n, "for")] = true
		}
	}
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s> has %s", n.Data, a.Key)
			}
			if a.Key == "id" || a.Key == "data-key" {
				if ids[a.Key+a.Val] {
					t.Errorf("%s %q is there twice", a.Key, a.Val)
				}
				ids[a.Key+a.Val] = true
			}
		}
		switch n.Data {
		case "style":
			t.Error("a <style> in the page")
		case "script":
			if attribute(n, "src") == "" {
				t.Error("a script in the page")
			}
		case "h1":
			headings++
		case "button":
			if strings.TrimSpace(content(n)) == "" {
				t.Error("a button without a name")
			}
		case "img":
			if attribute(n, "alt") == "" || !strings.HasPrefix(attribute(n, "src"), "/") {
				t.Errorf("an image %v", n.Attr)
			}
		case "input", "select", "textarea":
			if kind := attribute(n, "type"); kind != "hidden" && !labelled[attribute(n, "id")] && !within(n, "label") &&
				attribute(n, "aria-label") == "" {
				t.Errorf("a field without a label: %v", n.Attr)
			}
		}
	}
	if headings != 1 {
		t.Errorf("%d headings of the first rank", headings)
	}
}

func content(n *html.Node) string {
	text := ""
	for child := range n.Descendants() {
		if child.Type == html.TextNode {
			text += child.Data
		}
	}
	return text
}

func within(n *html.Node, name string) bool {
	for above := range n.Ancestors() {
		if above.Data == name {
			return true
		}
	}
	return false
}

// hostile is a text that would act if it were not escaped, with characters that turn the direction of what follows.
const hostile = `<img src=x onerror=alert(1)>"'>[a](http://evil.example) http://evil.example ` + "\u202egnp.exe"

// checkHarmless fails if a hostile text became markup or a link.
func checkHarmless(t *testing.T, p page) {
	t.Helper()
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Data == "img" && attribute(n, "src") == "x" {
			t.Error("a text became an image")
		}
		if n.Data == "a" && strings.Contains(fmt.Sprint(n.Attr), "evil.example") {
			t.Errorf("a text became a link: %v", n.Attr)
		}
	}
	if strings.Contains(p.Body.String(), "\u202e") {
		t.Error("a text turns the direction of what follows")
	}
}
