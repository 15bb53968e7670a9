package localapi_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster.example/node/localapi"
	"muster.example/node/localapi/localapitest"
)

// pages is an app that says who it was asked by.
type pages struct{}

func (pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, "the app: "+r.URL.Path)
}
func (pages) SignedOut(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusUnauthorized)
	io.WriteString(w, "signed out")
}

// startPages runs a server with an app, and returns it with a client that finds every name on this machine, as browsers
// find those below localhost, and follows a login link.
func startPages(t *testing.T, dir string) (*localapi.Server, *http.Client, *url.URL) {
	t.Helper()
	s, err := localapi.Listen(localapi.Config{Backend: &localapitest.Backend{}, Dir: dir, Pages: pages{}})
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Web())
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	jar, _ := cookiejar.New(nil)
	client := &http.Client{Transport: transport, Jar: jar}
	response := visit(t, client, "GET", s.Login().Link, header("Accept", "text/html,*/*"))
	if response.status != http.StatusOK || !strings.Contains(response.body, `http-equiv="refresh"`) {
		t.Fatalf("the login link in a browser: %+v", response)
	}
	return s, client, response.at
}

type visited struct {
	status int
	body   string
	at     *url.URL
	header http.Header
}

func visit(t *testing.T, client *http.Client, method, address string, changes ...func(*http.Request)) visited {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		change(r)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return visited{response.StatusCode, string(body), response.Request.URL, response.Header}
}

// A browser that opens the login link ends on a host of its own with a session that no script and no other site can use. [API-60]
func TestABrowserEntersThePage(t *testing.T) {
	s, client, at := startPages(t, t.TempDir())
	home := "http://" + at.Host
	name, _, _ := strings.Cut(at.Hostname(), ".")
	if !strings.HasSuffix(at.Hostname(), ".localhost") || len(name) < 26 {
		t.Errorf("the page is on %q, want a random name below localhost", at.Hostname())
	}
	if got := visit(t, client, "GET", home+"/any"); got.body != "the app: /any" {
		t.Errorf("with the session: %+v", got)
	}
	if got := visit(t, client, "GET", home+"/v1/orgs"); got.status != http.StatusOK {
		t.Errorf("the page's scripts cannot use the API: %+v", got)
	}
	cookies := client.Jar.Cookies(at)
	if len(cookies) != 1 {
		t.Fatalf("cookies %v, want one", cookies)
	}
	// The jar shows no attributes: a second entry shows the header.
	stranger := &http.Client{Transport: client.Transport}
	entered := visit(t, stranger, "GET", s.Login().Link, header("Accept", "text/html"))
	set := entered.header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(set, want) {
			t.Errorf("the cookie %q has no %s", set, want)
		}
	}
	if strings.Contains(set, "Domain") {
		t.Errorf("the cookie %q is not of one host alone", set)
	}
	if got := visit(t, stranger, "GET", home+"/any"); got.status != http.StatusUnauthorized || got.body != "signed out" {
		t.Errorf("without a session: %+v", got)
	}
	if got := visit(t, stranger, "GET", entered.at.String()); got.status != http.StatusForbidden {
		t.Errorf("a code for one entry works twice: %+v", got)
	}
}

// What other sites, other servers on loopback and other names make a browser send is refused. [API-60]
func TestThePageAnswersItselfAlone(t *testing.T) {
	s, client, at := startPages(t, t.TempDir())
	home := "http://" + at.Host
	own := header("Origin", home)
	for name, c := range map[string]struct {
		method, address string
		changes         []func(*http.Request)
		want            int
	}{
		"its own form":                  {"POST", home + "/act", []func(*http.Request){own, header("Sec-Fetch-Site", "same-origin")}, 200},
		"a form without an origin":      {"POST", home + "/act", nil, 403},
		"a form of another site":        {"POST", home + "/act", []func(*http.Request){header("Origin", "http://evil.example"), header("Sec-Fetch-Site", "cross-site")}, 403},
		"another port of its own name":  {"POST", home + "/act", []func(*http.Request){header("Origin", "http://"+at.Hostname()+":1"), header("Sec-Fetch-Site", "same-site")}, 403},
		"an opaque origin":              {"POST", home + "/act", []func(*http.Request){header("Origin", "null")}, 403},
		"an image on another site":      {"GET", home + "/any", []func(*http.Request){header("Sec-Fetch-Site", "cross-site")}, 403},
		"a page on another port":        {"GET", home + "/any", []func(*http.Request){header("Sec-Fetch-Site", "same-site")}, 403},
		"another name that leads here":  {"GET", "http://evil.example:" + at.Port() + "/any", nil, 421},
		"another name below localhost":  {"GET", "http://x.localhost:" + at.Port() + "/any", nil, 421},
		"the API's host has no session": {"GET", "http://" + s.Web() + "/v1/orgs", nil, 401},
		"the API's host has no page":    {"GET", "http://" + s.Web() + "/any", nil, 401},
	} {
		if got := visit(t, client, c.method, c.address, c.changes...); got.status != c.want {
			t.Errorf("%s: %d %s, want %d", name, got.status, got.body, c.want)
		}
	}
}

// What a person allowed the page is kept by its address, which therefore stays. [API-60]
func TestThePageStaysWhereItIs(t *testing.T) {
	dir := t.TempDir()
	var first string
	t.Run("first", func(t *testing.T) {
		_, _, at := startPages(t, dir)
		first = at.Host
	})
	t.Run("again", func(t *testing.T) {
		if _, _, at := startPages(t, dir); at.Host != first {
			t.Errorf("the page moved from %s to %s", first, at.Host)
		}
	})
	if err := os.WriteFile(filepath.Join(dir, localapi.AddressFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Run("damaged", func(t *testing.T) {
		if _, _, at := startPages(t, dir); at.Host == first {
			t.Error("a damaged file gave the old name")
		}
	})
}

// Nobody else can answer at the page's name on the family that this server was not asked to listen on. [API-60]
func TestBothLoopbacksAreTaken(t *testing.T) {
	probe, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("NOT TESTED, this machine has no IPv6: %v", err)
	}
	defer probe.Close()
	_, port, _ := net.SplitHostPort(probe.Addr().String())
	_, err = localapi.Listen(localapi.Config{Backend: &localapitest.Backend{}, Dir: t.TempDir(), Web: "127.0.0.1:" + port})
	if err == nil {
		t.Fatal("it listens on 127.0.0.1 while another program has the same port on ::1")
	}
}
