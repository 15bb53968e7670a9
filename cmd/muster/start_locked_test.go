package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"muster.example/node/api"
)

// started is a `muster start` in this process that nobody sits at, and a browser that opened its link.
type started struct {
	t      *testing.T
	client *http.Client
	home   string // http:// and the page's host
	stop   func() (status int)
	log    *safeBuffer
}

type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func startUnattended(t *testing.T, dir string, arguments ...string) *started {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, printed := io.Pipe()
	s := &started{t: t, log: &safeBuffer{}}
	ended := make(chan int, 1)
	go func() {
		status := run(ctx, append([]string{"start", "--dir", dir, "--json"}, arguments...), strings.NewReader(""), printed, s.log)
		printed.Close()
		ended <- status
	}()
	s.stop = sync.OnceValue(func() int { cancel(); return <-ended })
	t.Cleanup(func() { s.stop() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("start ended with %d: %s", s.stop(), s.log)
	}
	go io.Copy(io.Discard, out) //nolint:errcheck // until the program ends
	var answer struct {
		Link   string `json:"link"`
		Locked bool   `json:"locked"`
	}
	if err := json.Unmarshal([]byte(line), &answer); err != nil || !answer.Locked {
		t.Fatalf("start says %s (%v)", line, err)
	}
	link, err := url.Parse(answer.Link)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, link.Host)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	jar, _ := cookiejar.New(nil)
	s.client = &http.Client{Transport: transport, Jar: jar}
	_, _, at := s.ask("GET", answer.Link, nil)
	s.home = "http://" + at.Host
	return s
}

func (s *started) ask(method, address string, form url.Values) (status int, body string, at *url.URL) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", s.home)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer.StatusCode, string(text), answer.Request.URL
}

// command runs another command for the same folder.
func command(t *testing.T, arguments ...string) (status int, said string) {
	t.Helper()
	var out, log bytes.Buffer
	status = run(t.Context(), arguments, strings.NewReader(""), &out, &log)
	return status, out.String() + log.String()
}

// A start that nobody sits at is unlocked on the page: first with a new passphrase, later with that one. Until then the API
// says that the folder is locked, and the page shows nothing else. [API-65]
func TestStartIsUnlockedOnThePage(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "node")
	const passphrase = "five lamps under the old bridge"
	t.Run("new", func(t *testing.T) {
		s := startUnattended(t, dir)
		if status, said := command(t, "status", "--dir", dir); status != api.ExitFailed || !strings.Contains(said, "locked") {
			t.Errorf("status exits with %d: %s", status, said)
		}
		if status, said := command(t, "start", "--dir", dir); status != api.ExitFailed || !strings.Contains(said, "another program") {
			t.Errorf("a second start exits with %d: %s", status, said)
		}
		for _, path := range []string{"/", "/welcome", "/o/x/"} {
			if status, body, _ := s.ask("GET", s.home+path, nil); status != http.StatusOK || !strings.Contains(body, `name="again"`) {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
		if status, body, _ := s.ask("GET", s.home+"/v1/orgs", nil); status != http.StatusInternalServerError || !strings.Contains(body, "locked") {
			t.Errorf("the API for the page: %d %s", status, body)
		}
		if status, _, _ := s.ask("POST", s.home+"/unlock", url.Values{"passphrase": {"short"}, "again": {"short"}}); status != http.StatusForbidden {
			t.Errorf("a weak passphrase: %d", status)
		}
		status, _, at := s.ask("POST", s.home+"/unlock", url.Values{"passphrase": {passphrase}, "again": {passphrase}})
		if status != http.StatusOK || at.Path != "/welcome" {
			t.Errorf("unlocking leads to %s (%d)", at, status)
		}
		if status, said := command(t, "status", "--dir", dir); status != api.ExitDone {
			t.Errorf("status exits with %d: %s", status, said)
		}
		s.stop()
		if strings.Contains(s.log.String(), "lamps") {
			t.Errorf("the log holds the passphrase: %s", s.log)
		}
	})
	t.Run("again", func(t *testing.T) {
		s := startUnattended(t, dir, "--unlock-in-browser")
		if status, body, _ := s.ask("POST", s.home+"/unlock", url.Values{"passphrase": {"four lamps"}}); status != http.StatusForbidden ||
			!strings.Contains(body, "not the passphrase") || strings.Contains(body, `name="again"`) {
			t.Errorf("a wrong passphrase: %d %s", status, body)
		}
		stranger := &started{t: t, home: s.home, client: &http.Client{Transport: s.client.Transport}}
		if status, _, _ := stranger.ask("POST", s.home+"/unlock", url.Values{"passphrase": {passphrase}}); status != http.StatusUnauthorized {
			t.Errorf("without a session: %d", status)
		}
		if status, _, at := s.ask("POST", s.home+"/unlock", url.Values{"passphrase": {passphrase}}); status != http.StatusOK || at.Path != "/welcome" {
			t.Errorf("unlocking leads to %s (%d)", at, status)
		}
	})
	t.Run("stopped while locked", func(t *testing.T) {
		startUnattended(t, dir).stop()
		s := startUnattended(t, dir) // the folder was given back
		s.stop()
	})
}

// A folder that has a key file only cannot be unlocked on the page.
func TestPageUnlocksByPassphraseAlone(t *testing.T) {
	if status, said := command(t, "start", "--unlock-in-browser", "--key-file", "k"); status != api.ExitUsage {
		t.Errorf("both exit with %d: %s", status, said)
	}
}
