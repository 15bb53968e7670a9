//go:build unix

package localapi_test

import (
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"testing"

	"muster.example/node/api"
	"muster.example/node/localapi"
	"muster.example/node/localapi/localapitest"
)

// keeper is a guard that notes what it is asked.
type keeper struct {
	locked bool
	got    []string
	open   func()
}

func (k *keeper) state() (api.FolderLock, error) { return api.FolderLock{Locked: k.locked}, nil }

func (k *keeper) Lock(context.Context) (api.FolderLock, error) { return k.state() }

func (k *keeper) Unlock(_ context.Context, key api.Key) (api.FolderLock, error) {
	k.got = append(k.got, "unlock "+string(key.Passphrase)+key.KeyFile)
	k.locked = false
	k.open()
	return k.state()
}

func (k *keeper) LockNow(context.Context, api.LockFolderRequest) (api.FolderLock, error) {
	k.got = append(k.got, "lock")
	return api.FolderLock{Locked: true}, nil
}

func (k *keeper) SetLock(_ context.Context, s api.LockSettings) (api.FolderLock, error) {
	k.got = append(k.got, "set")
	return api.FolderLock{IdleMinutes: *s.IdleMinutes}, nil
}

func (k *keeper) ChangeWays(_ context.Context, r api.WaysRequest) (api.FolderLock, error) {
	k.got = append(k.got, "ways "+string(r.Proof.Passphrase)+" "+string(r.Passphrase))
	return k.state()
}

func (k *keeper) Used() { k.got = append(k.got, "used") }

// lockedPages stands for the page that asks for the passphrase.
type lockedPages struct{ unlock func() }

func (p lockedPages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.URL.Path == "/unlock" {
		p.unlock()
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	io.WriteString(w, "the passphrase?")
}

func (lockedPages) SignedOut(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusUnauthorized)
	io.WriteString(w, "signed out")
}

// run runs a server until the function that it returns is called.
func run(t *testing.T, s *localapi.Server) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// A server hands its listeners to the one of the locked folder. Browsers that were signed in see the page that asks for the
// passphrase and nothing else: only the one that unlocks the folder comes in again without a new link. [API-90]
func TestSessionsEndWithTheLock(t *testing.T) {
	dir := t.TempDir()
	first, err := localapi.Listen(localapi.Config{Backend: &localapitest.Backend{}, Dir: dir, Pages: pages{}, Guard: &keeper{}})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, first)
	web := first.Web()
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, web)
	}, DisableKeepAlives: true}
	browser := func() (*http.Client, string) {
		jar, _ := cookiejar.New(nil)
		c := &http.Client{Transport: transport, Jar: jar}
		at := visit(t, c, "GET", first.Login().Link, header("Accept", "text/html")).at
		return c, "http://" + at.Host
	}
	ada, home := browser()
	other, _ := browser()
	if got := visit(t, ada, "GET", home+"/x"); got.body != "the app: /x" {
		t.Fatalf("signed in: %+v", got)
	}

	left, err := first.HandOver()
	if err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := os.Lstat(first.Socket()); err != nil {
		t.Errorf("the socket went with the server that handed it over: %v", err)
	}
	guard := &keeper{locked: true}
	var second *localapi.Server
	open := func() { second.Open(&localapitest.Backend{}, pages{}) }
	guard.open = open
	second, err = localapi.Listen(localapi.Config{Dir: dir, Pages: lockedPages{open}, Guard: guard, Left: left})
	if err != nil {
		t.Fatal(err)
	}
	stop = run(t, second)
	if second.Web() != web || second.Socket() != first.Socket() {
		t.Errorf("it listens at %s and %s", second.Web(), second.Socket())
	}
	for _, c := range []*http.Client{ada, other} {
		if got := visit(t, c, "GET", home+"/x"); got.body != "the passphrase?" {
			t.Errorf("locked: %+v", got)
		}
		if got := visit(t, c, "GET", home+"/v1/orgs"); got.status != http.StatusInternalServerError || !strings.Contains(got.body, "locked") {
			t.Errorf("the API, locked: %+v", got)
		}
		if got := visit(t, c, "GET", home+"/v1/lock"); got.status != http.StatusOK || !strings.Contains(got.body, `"locked":true`) {
			t.Errorf("how it stands: %+v", got)
		}
	}
	stranger := &http.Client{Transport: transport}
	if got := visit(t, stranger, "GET", home+"/x"); got.status != http.StatusUnauthorized {
		t.Errorf("without a session: %+v", got)
	}
	if got := visit(t, ada, "POST", home+"/unlock", header("Origin", home)); got.body != "the app: /" {
		t.Errorf("who unlocked it: %+v", got)
	}
	if got := visit(t, ada, "GET", home+"/x"); got.body != "the app: /x" {
		t.Errorf("who unlocked it, later: %+v", got)
	}
	if got := visit(t, other, "GET", home+"/x"); got.status != http.StatusUnauthorized {
		t.Errorf("another browser of before: %+v", got)
	}
	stop()
	if _, err := os.Lstat(first.Socket()); err == nil {
		t.Error("the socket outlives the server that took it over")
	}
}

// A locked folder answers no route with anything but that, whatever is asked, save those by which it is unlocked. [API-65] [API-90]
func TestLockedFolderTellsNothing(t *testing.T) {
	guard := &keeper{locked: true, open: func() {}}
	s, err := localapi.Listen(localapi.Config{Dir: t.TempDir(), Guard: guard})
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	token := token(t, s)
	for _, path := range []string{
		"/", "/v1/status", "/v1/orgs", "/v1/devices", "/v1/contacts", "/v1/messages", "/v1/drafts", "/v1/events", "/v1/search?query=x",
		"/v1/skin", "/v1/presence", "/v1/admin/members", "/v1/lock/settings", "/v1/lock/ways", "/v1/messages/x/attachments/0",
	} {
		for _, method := range []string{"GET", "POST"} {
			status, body := request(t, s, method, path, "{}", header("Authorization", "Bearer "+token))
			if status != http.StatusInternalServerError || !strings.Contains(body, `"error":"the folder is locked"`) {
				t.Errorf("%s %s: %d %s", method, path, status, body)
			}
		}
	}
	if status, body := request(t, s, "POST", "/v1/lock", "{}", header("Authorization", "Bearer "+token)); status != http.StatusOK || !strings.Contains(body, `"locked":true`) {
		t.Errorf("locked again: %d %s", status, body)
	}
	if len(guard.got) != 0 {
		t.Errorf("the guard was asked %q", guard.got)
	}
	for _, bad := range []string{`{"passphrase":"no base64!"}`, `{"passphrase":"cA==","more":1}`, `{} {}`, `{"passphrase":"` + strings.Repeat("A", 20<<10) + `"}`} {
		if status, body := request(t, s, "POST", "/v1/unlock", bad, header("Authorization", "Bearer "+token)); status < 400 || status > 499 || strings.Contains(body, "base64!") {
			t.Errorf("%.40s: %d %s", bad, status, body)
		}
	}
	right := `{"passphrase":"` + base64.StdEncoding.EncodeToString([]byte("right & good")) + `"}`
	if status, body := request(t, s, "POST", "/v1/unlock", right, header("Authorization", "Bearer "+token)); status != http.StatusOK {
		t.Errorf("unlocking: %d %s", status, body)
	}
	if len(guard.got) != 1 || guard.got[0] != "unlock right & good" {
		t.Errorf("the guard was asked %q", guard.got)
	}
}
