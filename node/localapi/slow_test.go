package localapi

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"muster.example/node/api"
)

// pipeListener hands out one end of in-memory connections, so that a server runs inside a bubble with a fake clock.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (l *pipeListener) dial() net.Conn {
	near, far := net.Pipe()
	l.conns <- far
	return near
}

// quietBackend is a backend of which only Watch, Upload and ContinueUpload are called.
type quietBackend struct {
	Backend
	events chan api.Event
}

func (b quietBackend) Watch(context.Context, api.WatchQuery) (<-chan api.Event, error) {
	return b.events, nil
}

func (b quietBackend) ContinueUpload(_ context.Context, _ string, _ int64, r io.Reader) (api.Partial, error) {
	n, err := io.Copy(io.Discard, r)
	return api.Partial{Offset: n}, err
}

func (b quietBackend) Upload(_ context.Context, _ string, r io.Reader) (api.Upload, error) {
	n, err := io.Copy(io.Discard, r)
	return api.Upload{Size: n}, err
}

// bubble runs test with a server whose two listeners are pipes.
func bubble(t *testing.T, backend quietBackend, test func(t *testing.T, s *Server, unix, web *pipeListener)) {
	synctest.Test(t, func(t *testing.T) {
		backend.events = make(chan api.Event, WatchBuffer)
		unix := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		web := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		s := newServer(Config{Backend: backend})
		s.socket, s.web, s.webHost = &socket{Listener: unix}, &loopback{first: web}, "127.0.0.1:80"
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		test(t, s, unix, web)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// read returns what comes until the other side closes or within has passed.
func read(t *testing.T, conn net.Conn, within time.Duration) (string, bool) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(within))
	data, err := io.ReadAll(conn)
	return string(data), err == nil
}

func TestSlowClients(t *testing.T) { // [API-7]
	for name, c := range map[string]struct {
		sent   string
		within time.Duration
		want   string
	}{
		"sends nothing":        {"", headerTimeout + time.Second, ""},
		"half a header":        {"GET /v1/status HTTP/1.1\r\nHost:", headerTimeout + time.Second, ""},
		"half a body":          {"POST /v1/join HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{", bodyTimeout + time.Second, "HTTP/1.1 408"},
		"half an upload":       {"POST /v1/uploads?name=x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", bodyTimeout + time.Second, "HTTP/1.1 408"},
		"half a next piece":    {"PATCH /v1/uploads/x?offset=0 HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", bodyTimeout + time.Second, "HTTP/1.1 408"},
		"refused, half a body": {"POST /v1/join HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{", bodyTimeout + time.Second, ""},
		"breaks a request":     {"GARBAGE\r\n\r\n", time.Second, "HTTP/1.1 400"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, quietBackend{}, func(t *testing.T, _ *Server, unix, _ *pipeListener) {
				conn := unix.dial()
				defer conn.Close()
				if _, err := io.WriteString(conn, c.sent); err != nil {
					t.Fatal(err)
				}
				answer, closed := read(t, conn, c.within)
				if !closed || !strings.HasPrefix(answer, c.want) {
					t.Errorf("closed %v, answer %.80q", closed, answer)
				}
			})
		})
	}
}

func TestSteadyUploadMayTakeLong(t *testing.T) { // [API-10]
	bubble(t, quietBackend{}, func(t *testing.T, _ *Server, unix, _ *pipeListener) {
		conn := unix.dial()
		defer conn.Close()
		fmt.Fprint(conn, "POST /v1/uploads?name=x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 20\r\n\r\n")
		for range 20 { // 20 bytes in ten minutes
			time.Sleep(bodyTimeout - time.Second)
			if _, err := conn.Write([]byte("x")); err != nil {
				t.Fatalf("cut off: %v", err)
			}
		}
		if answer, _ := read(t, conn, time.Second); !strings.HasPrefix(answer, "HTTP/1.1 200") || !strings.Contains(answer, `"size":20`) {
			t.Errorf("answer %q", answer)
		}
	})
}

func TestLoginLinkExpires(t *testing.T) { // [API-3]
	bubble(t, quietBackend{}, func(t *testing.T, s *Server, _, web *pipeListener) {
		try := func(link string) string {
			conn := web.dial()
			defer conn.Close()
			path := strings.TrimPrefix(link, "http://127.0.0.1:80")
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:80\r\nConnection: close\r\n\r\n", path)
			answer, _ := read(t, conn, time.Second)
			return answer[:min(12, len(answer))]
		}
		early, late := s.Login(), s.Login()
		time.Sleep(loginLife - time.Second)
		if got := try(early.Link); got != "HTTP/1.1 200" {
			t.Errorf("in time: %s", got)
		}
		time.Sleep(time.Second)
		if got := try(late.Link); got != "HTTP/1.1 403" {
			t.Errorf("too late: %s", got)
		}
		first := s.Login()
		for range maxLogins {
			s.Login()
		}
		if got := try(first.Link); got != "HTTP/1.1 403" || len(s.logins.codes) != maxLogins {
			t.Errorf("the oldest of too many: %s, %d are kept", got, len(s.logins.codes))
		}
	})
}

func TestWatchBeatsAndTellsLag(t *testing.T) { // [API-9]
	bubble(t, quietBackend{}, func(t *testing.T, s *Server, unix, _ *pipeListener) {
		conn := unix.dial()
		defer conn.Close()
		fmt.Fprint(conn, "GET /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		events := s.backend.(quietBackend).events
		go func() {
			time.Sleep(2*heartbeat + time.Second)
			events <- api.Event{Kind: api.EventOrg, Org: "line\nbreak"}
			close(events)
		}()
		answer, closed := read(t, conn, time.Minute)
		want := []string{"event: ready\n", ":\n\n", ":\n\n", "event: org\ndata: {", `line\nbreak`, "event: lagged\n"}
		rest := answer
		for _, part := range want {
			_, after, found := strings.Cut(rest, part)
			if !found {
				t.Fatalf("%q is missing or out of order in %q", part, answer)
			}
			rest = after
		}
		if !closed {
			t.Error("the stream was not ended")
		}
	})
}

func TestDeafWatcherIsCutOff(t *testing.T) { // [API-9]
	bubble(t, quietBackend{}, func(t *testing.T, s *Server, unix, _ *pipeListener) {
		conn := unix.dial()
		defer conn.Close()
		fmt.Fprint(conn, "GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
		synctest.Wait() // the server is stuck in its first write: nobody reads from the pipe
		if len(s.watchers) != 1 {
			t.Fatal("no watch was begun")
		}
		time.Sleep(writeTimeout + time.Second)
		synctest.Wait()
		if len(s.watchers) != 0 {
			t.Error("a watcher that reads nothing is kept")
		}
	})
}
