package enrolmenttest

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Browser is somebody's browser: it keeps cookies, follows what pages say, and logs in where a provider asks.
type Browser struct {
	t      testing.TB
	client *http.Client
	login  string // as whom
	// Page is what it shows, Status how that was answered, and At where.
	Page   string
	Status int
	At     *url.URL
}

// NewBrowser returns the browser of somebody.
func NewBrowser(t testing.TB, client *http.Client, login string) *Browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	own := *client
	own.Jar = jar
	return &Browser{t: t, client: &own, login: login}
}

// Open opens a page, and logs in if it leads to a provider.
func (b *Browser) Open(address string) {
	b.t.Helper()
	response, err := b.client.Get(address)
	b.take(response, err)
}

// Post sends a form of the page that is shown.
func (b *Browser) Post(path string, form url.Values) {
	b.t.Helper()
	response, err := b.client.PostForm(b.At.Scheme+"://"+b.At.Host+path, form)
	b.take(response, err)
}

var (
	hiddenField = regexp.MustCompile(`name="(?:id|page)" value="([^"]*)"`)
	goLink      = regexp.MustCompile(`class="go"[^>]*href="([^"]*)"`)
)

func (b *Browser) take(response *http.Response, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("the browser: %v", err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Page, b.Status, b.At = string(data), response.StatusCode, response.Request.URL
	if strings.HasSuffix(b.At.Path, "/login/username") && b.At.Query().Has("authRequestID") {
		b.Post("/login/username", url.Values{"id": {b.At.Query().Get("authRequestID")}, "username": {b.login}, "password": {Password}})
	}
}

// Go follows the link that a page offers.
func (b *Browser) Go() {
	b.t.Helper()
	found := goLink.FindStringSubmatch(b.Page)
	if found == nil {
		b.t.Fatalf("no way on from %d %s", b.Status, b.Page)
	}
	b.Open(b.At.Scheme + "://" + b.At.Host + html.UnescapeString(found[1]))
}

// Field returns what a page keeps in its form.
func (b *Browser) Field() string {
	b.t.Helper()
	found := hiddenField.FindStringSubmatch(b.Page)
	if found == nil {
		b.t.Fatalf("no field in %d %s", b.Status, b.Page)
	}
	return html.UnescapeString(found[1])
}

// TypeCode joins by a code at a service: it types it, logs in, and says whether the words are the same.
func (b *Browser) TypeCode(service, code string, same bool) {
	b.t.Helper()
	b.Open(service + "/device")
	b.Post(b.At.Path, url.Values{"code": {code}})
	if b.Status != http.StatusOK {
		return
	}
	b.Go()
	if b.Status != http.StatusOK {
		return
	}
	answer := "no"
	if same {
		answer = "yes"
	}
	b.Post(strings.TrimSuffix(b.At.Path, "/callback")+"/confirm", url.Values{"page": {b.Field()}, "same": {answer}})
}

// String says what it shows.
func (b *Browser) String() string { return fmt.Sprintf("%d at %s: %s", b.Status, b.At, b.Page) }
