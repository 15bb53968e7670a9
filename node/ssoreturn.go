package node

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"muster.example/node/api"
	"muster.example/rendezvous/enrolproto"
)

// loginReturn is where a browser on this computer brings a login back to: an address of loopback that nobody knows, for one
// login and its time. [ENR-13]
type loginReturn struct {
	address string
	server  *http.Server
	brought chan []byte // capacity 1: what the browser brought
	stop    sync.Once

	mu   sync.Mutex // guards the following
	code []byte
}

// listenForLogin opens such an address, in the node's group.
func (n *Node) listenForLogin() (*loginReturn, error) {
	secret := make([]byte, 16)
	if _, err := io.ReadFull(rand.Reader, secret); err != nil {
		return nil, err
	}
	path := "/login-" + base64.RawURLEncoding.EncodeToString(secret)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &loginReturn{address: "http://" + listener.Addr().String() + path, brought: make(chan []byte, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, request *http.Request) {
		r.take(w, request)
		n.hub.publish(api.Event{Kind: api.EventOrg, Time: time.Now().UTC()}) // the page looks again
	})
	r.server = &http.Server{
		Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.group == nil {
		return nil, errors.Join(errNotRunning, listener.Close())
	}
	n.group.Go("login", func(context.Context) error {
		if err := r.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			n.log.Info("a login cannot come back", "error", err)
		}
		return nil
	})
	n.group.Go("end of login", func(ctx context.Context) error {
		late := time.NewTimer(enrolproto.OfferTime)
		defer late.Stop()
		select {
		case <-ctx.Done():
		case <-late.C:
		}
		r.end()
		return nil
	})
	return r, nil
}

// take takes what a browser brings, once, and tells the person to go back.
func (r *loginReturn) take(w http.ResponseWriter, request *http.Request) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	code, err := base64.RawURLEncoding.Strict().DecodeString(request.URL.Query().Get("code"))
	if err != nil || len(code) != len(enrolproto.Ticket{}) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	select {
	case r.brought <- code:
	default: // brought before: the first counts
	}
	_, _ = io.WriteString(w, returnPage) //nolint:errcheck // the browser is gone
}

// returnPage says so in each language of the app, since nothing is known of the browser.
const returnPage = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Muster</title></head><body>
<p>You are logged in. Go back to Muster: you can close this page.</p>
<p lang="de">Sie sind angemeldet. Gehen Sie zurück zu Muster: Sie können diese Seite schließen.</p>
<p lang="ar" dir="rtl">لقد سجّلت الدخول. عد إلى Muster: يمكنك إغلاق هذه الصفحة.</p>
</body></html>
`

// wait returns what the browser brought; the same each time.
func (r *loginReturn) wait(ctx context.Context) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.code != nil {
		return r.code, nil
	}
	select {
	case <-ctx.Done():
		return nil, enrolproto.Unknown
	case r.code = <-r.brought:
		return r.code, nil
	}
}

// end closes the address.
func (r *loginReturn) end() { r.stop.Do(func() { _ = r.server.Close() }) } //nolint:errcheck // nothing is lost with it
