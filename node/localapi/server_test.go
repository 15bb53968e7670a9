package localapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"muster.example/node/api"
	"muster.example/node/localapi"
	"muster.example/node/localapi/localapitest"
)

// start runs a server over backend in a folder of its own until the test ends; Run must then return nil.
func start(t *testing.T, backend localapi.Backend, dir string) *localapi.Server {
	t.Helper()
	s, err := localapi.Listen(localapi.Config{Backend: backend, Dir: dir})
	if err != nil {
		t.Fatalf("listening: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return s
}

// request sends one request to loopback. Changes edit it first.
func request(t *testing.T, s *localapi.Server, method, path, body string, changes ...func(*http.Request)) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Web()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for _, change := range changes {
		change(r)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return response.StatusCode, string(data)
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func host(value string) func(*http.Request) { return func(r *http.Request) { r.Host = value } }

// token logs in over loopback as a person does.
func token(t *testing.T, s *localapi.Server) string {
	t.Helper()
	status, body := request(t, s, "GET", loginPath(t, s), "")
	var session api.Session
	if err := json.Unmarshal([]byte(body), &session); err != nil || status != http.StatusOK || session.Token == "" {
		t.Fatalf("login: %d %s", status, body)
	}
	return session.Token
}

func loginPath(t *testing.T, s *localapi.Server) string {
	t.Helper()
	path, found := strings.CutPrefix(s.Login().Link, "http://"+s.Web())
	if !found || !strings.HasPrefix(path, "/login/") {
		t.Fatalf("login link %s", s.Login().Link)
	}
	return path
}

func TestLoginLinkWorksOnce(t *testing.T) { // [API-3]
	s := start(t, new(localapitest.Backend), t.TempDir())
	path := loginPath(t, s)
	for name, c := range map[string]struct {
		method string
		change func(*http.Request)
		want   int
	}{
		"wrong Host":        {"GET", host("evil.example"), http.StatusMisdirectedRequest},
		"wrong port":        {"GET", host("127.0.0.1:1"), http.StatusMisdirectedRequest},
		"HEAD":              {"HEAD", host(s.Web()), http.StatusMethodNotAllowed},
		"POST":              {"POST", host(s.Web()), http.StatusMethodNotAllowed},
		"browser's prefech": {"GET", header("Sec-Purpose", "prefetch"), http.StatusForbidden},
	} {
		if status, body := request(t, s, c.method, path, "", c.change); status != c.want || strings.Contains(body, "token\"") {
			t.Errorf("%s: %d %s, want %d", name, status, body, c.want)
		}
	}
	if status, _ := request(t, s, "GET", "/login/"+strings.Repeat("A", 26), ""); status != http.StatusForbidden {
		t.Errorf("a made-up code: %d", status)
	}
	// None of these has used the link up. A link opened from a mail program arrives as a cross-site navigation.
	status, body := request(t, s, "GET", path, "", header("Sec-Fetch-Site", "cross-site"))
	if status != http.StatusOK || !strings.Contains(body, `"token":`) {
		t.Fatalf("the first use: %d %s", status, body)
	}
	if status, body := request(t, s, "GET", path, ""); status != http.StatusForbidden || strings.Contains(body, `"token":`) {
		t.Errorf("the second use: %d %s", status, body)
	}
}

func TestLoginLinkIsRedeemedOnceByMany(t *testing.T) { // [API-3]
	s := start(t, new(localapitest.Backend), t.TempDir())
	path := loginPath(t, s)
	var wait sync.WaitGroup
	got := make(chan int, 8)
	for range cap(got) {
		wait.Go(func() {
			response, err := http.Get("http://" + s.Web() + path)
			if err != nil {
				return
			}
			response.Body.Close()
			got <- response.StatusCode
		})
	}
	wait.Wait()
	close(got)
	good := 0
	for status := range got {
		if status == http.StatusOK {
			good++
		}
	}
	if good != 1 {
		t.Errorf("%d of 8 got the token", good)
	}
}

func TestLoopbackRefuses(t *testing.T) { // [API-2]
	backend := new(localapitest.Backend)
	s := start(t, backend, t.TempDir())
	good := header("Authorization", "Bearer "+token(t, s))
	_, port, _ := net.SplitHostPort(s.Web())
	for name, c := range map[string]struct {
		changes []func(*http.Request)
		want    int
	}{
		"no token":              {nil, http.StatusUnauthorized},
		"wrong token":           {[]func(*http.Request){header("Authorization", "Bearer x")}, http.StatusUnauthorized},
		"empty token":           {[]func(*http.Request){header("Authorization", "Bearer ")}, http.StatusUnauthorized},
		"token as basic":        {[]func(*http.Request){header("Authorization", "Basic eDp4")}, http.StatusUnauthorized},
		"rebound name":          {[]func(*http.Request){good, host("evil.example:" + port)}, http.StatusMisdirectedRequest},
		"no Host":               {[]func(*http.Request){good, host("127.0.0.1")}, http.StatusMisdirectedRequest},
		"other site":            {[]func(*http.Request){good, header("Sec-Fetch-Site", "cross-site")}, http.StatusForbidden},
		"other port":            {[]func(*http.Request){good, header("Sec-Fetch-Site", "same-site")}, http.StatusForbidden},
		"other origin":          {[]func(*http.Request){good, header("Origin", "http://evil.example")}, http.StatusForbidden},
		"null origin":           {[]func(*http.Request){good, header("Origin", "null")}, http.StatusForbidden},
		"https origin":          {[]func(*http.Request){good, header("Origin", "https://"+s.Web())}, http.StatusForbidden},
		"all good":              {[]func(*http.Request){good}, http.StatusOK},
		"own origin":            {[]func(*http.Request){good, header("Origin", "http://"+s.Web())}, http.StatusOK},
		"localhost":             {[]func(*http.Request){good, host("LOCALHOST:" + port)}, http.StatusOK},
		"typed by the person":   {[]func(*http.Request){good, header("Sec-Fetch-Site", "none")}, http.StatusOK},
		"page of this very API": {[]func(*http.Request){good, header("Sec-Fetch-Site", "same-origin")}, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(backend.Requests())
			status, body := request(t, s, "GET", "/v1/status", "", c.changes...)
			if status != c.want {
				t.Errorf("%d %s, want %d", status, body, c.want)
			}
			if reached := len(backend.Requests()) > before; reached != (c.want == http.StatusOK) {
				t.Errorf("the backend was reached: %v", reached)
			}
		})
	}
	if status, _ := request(t, s, "POST", "/v1/login", "{}", good); status != http.StatusNotFound {
		t.Errorf("a login link is made over loopback: %d", status)
	}
	if status, _ := request(t, s, "OPTIONS", "/v1/orgs", "", good, header("Origin", "http://evil.example")); status != http.StatusForbidden {
		t.Errorf("a preflight gets %d", status)
	}
}

func TestRequestsAreStrict(t *testing.T) { // [API-6] [API-7]
	backend := new(localapitest.Backend)
	s := start(t, backend, t.TempDir())
	good := header("Authorization", "Bearer "+token(t, s))
	for name, c := range map[string]struct {
		method, path, body string
		change             func(*http.Request)
		want               int
	}{
		"unknown field":      {"POST", "/v1/join", `{"invitation":"x","as":"y","admin":true}`, good, 400},
		"wrong type":         {"POST", "/v1/join", `{"as":1}`, good, 400},
		"not an object":      {"POST", "/v1/join", `[]`, good, 400},
		"empty":              {"POST", "/v1/join", ``, good, 400},
		"two objects":        {"POST", "/v1/join", `{}{}`, good, 400},
		"not UTF-8":          {"POST", "/v1/join", "{\"as\":\"\xff\"}", good, 400},
		"a form":             {"POST", "/v1/join", `as=x`, header("Content-Type", "application/x-www-form-urlencoded"), 415},
		"plain text":         {"POST", "/v1/join", `{}`, header("Content-Type", "text/plain"), 415},
		"oversize":           {"POST", "/v1/join", `{"as":"` + strings.Repeat("x", localapi.MaxRequest) + `"}`, good, 413},
		"unknown path":       {"GET", "/v1/nothing", "", good, 404},
		"wrong method":       {"DELETE", "/v1/orgs", "", good, 404},
		"unknown parameter":  {"GET", "/v1/contacts?x=1", "", good, 400},
		"repeated parameter": {"GET", "/v1/contacts?org=a&org=b", "", good, 400},
		"bad number":         {"GET", "/v1/messages?limit=-1", "", good, 400},
		"bad boolean":        {"GET", "/v1/contacts?all=1", "", good, 400},
		"threads, bad flag":  {"GET", "/v1/threads?unread=yes", "", good, 400},
		"threads, bad flags": {"GET", "/v1/threads?sent=1", "", good, 400},
		"threads, bad limit": {"GET", "/v1/threads?limit=x", "", good, 400},
		"thread, bad flag":   {"GET", "/v1/thread?thread=x&hidden=1", "", good, 400},
		"thread, bad limit":  {"GET", "/v1/thread?thread=x&limit=x", "", good, 400},
		"mark, one field":    {"POST", "/v1/messages/mark", `{"id":"x"}`, good, 400},
		"bad query string":   {"GET", "/v1/contacts?org=%zz", "", good, 400},
		"upload, no name":    {"POST", "/v1/uploads", "x", good, 400},
		"upload, a path":     {"POST", "/v1/uploads?name=..%2Fx", "x", good, 400},
		"upload, long name":  {"POST", "/v1/uploads?name=" + strings.Repeat("x", 256), "x", good, 400},
		"begin, a path":      {"POST", "/v1/uploads/begin", `{"draft":"d","name":"../x","size":1}`, good, 400},
		"go on, no offset":   {"PATCH", "/v1/uploads/x", "x", good, 400},
		"go on, bad offset":  {"PATCH", "/v1/uploads/x?offset=-1", "x", good, 400},
		"upload, unknown":    {"GET", "/v1/uploads/x?y=1", "", good, 400},
		"attachment -1":      {"GET", "/v1/messages/m/attachments/-1", "", good, 400},
		"path traversal":     {"GET", "/v1/messages/..%2f..%2fx/attachments/zero", "", good, 400},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(backend.Requests())
			status, body := request(t, s, c.method, c.path, c.body, good, c.change)
			if status != c.want {
				t.Errorf("%d %.200s, want %d", status, body, c.want)
			}
			var known api.Error
			if err := json.Unmarshal([]byte(body), &known); err != nil || known.Code == "" || known.Message == "" {
				t.Errorf("not an error object: %.200s", body)
			}
			if len(backend.Requests()) > before {
				t.Errorf("the backend was reached")
			}
		})
	}
}

func TestOversizeHeaderIsRefused(t *testing.T) { // [API-7]
	backend := new(localapitest.Backend)
	s := start(t, backend, t.TempDir())
	r, _ := http.NewRequest("GET", "http://"+s.Web()+"/v1/status", nil)
	r.Header.Set("Authorization", "Bearer "+token(t, s))
	r.Header.Set("X-Long", strings.Repeat("x", 32<<10))
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil { // else the connection was reset with the header half read
		response.Body.Close()
		if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d", response.StatusCode)
		}
	}
	if len(backend.Requests()) > 0 {
		t.Error("the backend was reached")
	}
}

func TestErrorsKeepCodeAndHint(t *testing.T) { // [API-5]
	backend := new(localapitest.Backend)
	s := start(t, backend, t.TempDir())
	good := header("Authorization", "Bearer "+token(t, s))
	for want, err := range map[int]error{
		400: api.Errorf(api.CodeUsage, "m"),
		403: fmt.Errorf("joining: %w", api.Errorf(api.CodeRefused, "you have blocked %s", "Bo").WithHint("h")),
		404: api.Errorf(api.CodeNotFound, "m"),
		500: errors.New("m"),
	} {
		backend.Err = err
		status, body := request(t, s, "GET", "/v1/orgs", "", good)
		var got api.Error
		if json.Unmarshal([]byte(body), &got) != nil || status != want || !reflect.DeepEqual(got, *api.AsError(err)) {
			t.Errorf("%v: %d %s", err, status, body)
		}
	}
}

func TestTooManyRequestsAtOnce(t *testing.T) { // [API-7]
	backend := &localapitest.Backend{Hold: make(chan struct{})}
	s := start(t, backend, t.TempDir())
	good := header("Authorization", "Bearer "+token(t, s))
	var wait sync.WaitGroup
	statuses := make(chan int, 100)
	for range cap(statuses) {
		wait.Go(func() {
			r, _ := http.NewRequest("GET", "http://"+s.Web()+"/v1/status", nil)
			good(r)
			response, err := new(http.Transport).RoundTrip(r)
			if err != nil {
				return
			}
			response.Body.Close()
			statuses <- response.StatusCode
		})
	}
	// What is refused is answered at once; the 64 that are held are answered when the hold is over.
	for range cap(statuses) - 64 {
		if status := <-statuses; status != http.StatusServiceUnavailable {
			t.Errorf("a request beyond the limit got %d", status)
		}
	}
	close(backend.Hold)
	wait.Wait()
	close(statuses)
	for status := range statuses {
		if status != http.StatusOK {
			t.Errorf("a request within the limit got %d", status)
		}
	}
}

func TestStopEndsWatchesAndRequests(t *testing.T) { // [API-9]
	backend := &localapitest.Backend{}
	s, err := localapi.Listen(localapi.Config{Backend: backend, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	conn, err := net.Dial("unix", s.Socket())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /v1/events HTTP/1.1\r\nHost: muster\r\n\r\n")
	reader := bufio.NewReader(conn)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "event: ready") {
			break
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
	if backend.Watchers() != 0 {
		t.Error("a watcher outlives the server")
	}
	if _, err := os.Lstat(s.Socket()); !errors.Is(err, os.ErrNotExist) {
		t.Error("the socket is left")
	}
	if _, err := io.ReadAll(reader); err != nil {
		t.Errorf("the watch broke off: %v", err)
	}
}

func TestRunReturnsWhenBothAreClosed(t *testing.T) {
	s, err := localapi.Listen(localapi.Config{Backend: &localapitest.Backend{}, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil {
		t.Error("Run on closed listeners returned nil")
	}
}

func TestSocketIsTheOwnersAlone(t *testing.T) { // [API-1]
	for name, dir := range map[string]string{
		"short path": t.TempDir(),
		"long path":  filepath.Join(t.TempDir(), strings.Repeat("d", 120)),
	} {
		t.Run(name, func(t *testing.T) {
			runtime := t.TempDir()
			t.Setenv("TMPDIR", runtime)
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			s := start(t, new(localapitest.Backend), dir)
			info, err := os.Lstat(s.Socket())
			if err != nil || info.Mode().Type() != os.ModeSocket || info.Mode().Perm() != 0o600 {
				t.Errorf("socket: %v, %v", info.Mode(), err)
			}
			if len(s.Socket()) > api.MaxSocketPath {
				t.Errorf("the path has %d bytes", len(s.Socket()))
			}
			folder, err := os.Lstat(filepath.Dir(s.Socket()))
			if err != nil || name == "long path" && folder.Mode().Perm() != 0o700 {
				t.Errorf("its folder: %v, %v", folder.Mode(), err)
			}
			if found, err := api.FindSocket(dir); err != nil || found != s.Socket() {
				t.Errorf("a client finds %q, %v; the server listens on %q", found, err, s.Socket())
			}
		})
	}
}

func TestStaleSocketIsReplacedAndAFileIsNot(t *testing.T) { // [API-1]
	dir := t.TempDir()
	path := filepath.Join(dir, api.SocketName)
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()
	s, err := localapi.Listen(localapi.Config{Dir: dir, Backend: new(localapitest.Backend)})
	if err != nil {
		t.Fatalf("over a stale socket: %v", err)
	}
	s.Close()
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := localapi.Listen(localapi.Config{Dir: dir, Backend: new(localapitest.Backend)}); err == nil {
		s.Close()
		t.Error("a file was replaced by a socket")
	}
	if data, _ := os.ReadFile(path); string(data) != "mine" {
		t.Error("the file is gone")
	}
}

func TestListenRefusesOtherAddresses(t *testing.T) { // [API-2]
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:80", "muster.example:80", "127.0.0.1", "x"} {
		s, err := localapi.Listen(localapi.Config{Dir: t.TempDir(), Web: address, Backend: new(localapitest.Backend)})
		if err == nil {
			s.Close()
			t.Errorf("%s is listened on", address)
		} else if api.AsError(err).Code != api.CodeUsage {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestSocketRefusesPages(t *testing.T) { // [API-2]
	s := start(t, new(localapitest.Backend), t.TempDir())
	for _, line := range []string{"Origin: http://x", "Sec-Fetch-Site: cross-site"} {
		conn, err := net.Dial("unix", s.Socket())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET /v1/status HTTP/1.1\r\nHost: muster\r\n%s\r\nConnection: close\r\n\r\n", line)
		answer, _ := io.ReadAll(conn)
		conn.Close()
		if !strings.HasPrefix(string(answer), "HTTP/1.1 403") {
			t.Errorf("%s: %.60s", line, answer)
		}
	}
}
