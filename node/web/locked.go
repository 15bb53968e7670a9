package web

import (
	"bytes"
	"log/slog"
	"net/http"
	"time"

	"muster.example/node/api"
	"muster.example/node/localapi"
)

// LockedConfig says what the page of a locked folder does. Unlock is required.
type LockedConfig struct {
	New bool // nobody chose a passphrase yet
	// Unlock opens the folder. It may overwrite the passphrase, and keeps no copy. api.CodeRefused: it is the wrong one.
	// It is called by one request at a time, and not again once it has returned nil.
	Unlock  func(passphrase []byte) error
	Version string
	Log     *slog.Logger // nil: nothing is logged
}

// Locked is the page that asks for the passphrase of a folder. It implements localapi.Pages, and shows nothing else.
type Locked struct {
	server *Server // without a backend: only its looks are used
	config LockedConfig
	tries  tries
	mux    *http.ServeMux
}

var _ localapi.Pages = (*Locked)(nil)

// NewLocked makes the page.
func NewLocked(config LockedConfig) (*Locked, error) {
	server, err := newServer(Config{Version: config.Version, Log: config.Log})
	if err != nil {
		return nil, err
	}
	l := &Locked{server: server, config: config, mux: http.NewServeMux()}
	l.mux.Handle("GET /static/{version}/{name}", server.static)
	l.mux.HandleFunc("POST /unlock", l.unlock)
	l.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { l.show(w, r, http.StatusOK, nil) })
	return l, nil
}

// ServeHTTP implements localapi.Pages.
func (l *Locked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guard(w.Header())
	l.mux.ServeHTTP(w, r)
}

// SignedOut implements localapi.Pages.
func (l *Locked) SignedOut(w http.ResponseWriter, r *http.Request) {
	guard(w.Header())
	if l.server.static.serves(r) {
		l.mux.ServeHTTP(w, r)
		return
	}
	l.server.look.render(w, http.StatusUnauthorized, l.visit(r), screen{Template: "signed-out", Title: "signedout.title"})
}

// lockedScreen is what the page asks. What was typed is never shown again.
type lockedScreen struct {
	New     bool
	Problem *lockedProblem
}

// lockedProblem says why the folder is still locked.
type lockedProblem struct {
	Key     string // of its words
	Seconds int    // to wait, if that is the problem
	Text    string // what the program says, if it is none of those that a person makes
	Hint    string
}

func (l *Locked) show(w http.ResponseWriter, r *http.Request, status int, problem *lockedProblem) {
	title := "locked.title"
	if l.config.New {
		title = "locked.newtitle"
	}
	l.server.look.render(w, status, l.visit(r), screen{Template: "locked", Title: title, Data: lockedScreen{l.config.New, problem}})
}

func (l *Locked) visit(r *http.Request) *visit {
	return &visit{server: l.server, r: r, words: l.server.words.of(r), preferences: preferencesOf(r)}
}

// unlock takes one try.
func (l *Locked) unlock(w http.ResponseWriter, r *http.Request) {
	fields, err := readSecrets(r.Body, "passphrase", "again")
	if err != nil {
		l.show(w, r, http.StatusBadRequest, &lockedProblem{Key: "locked.malformed"})
		return
	}
	defer fields.forget()
	passphrase := fields["passphrase"]
	if problem := l.judge(passphrase, fields["again"]); problem != "" {
		l.show(w, r, http.StatusForbidden, &lockedProblem{Key: problem})
		return
	}
	wait, ok := l.tries.begin(time.Now())
	switch {
	case wait > 0:
		l.show(w, r, http.StatusForbidden, &lockedProblem{Key: "locked.wait", Seconds: int((wait + time.Second - 1) / time.Second)})
		return
	case !ok:
		l.show(w, r, http.StatusForbidden, &lockedProblem{Key: "locked.busy"})
		return
	}
	if err := l.config.Unlock(passphrase); err != nil {
		known := api.AsError(err)
		l.tries.failed(known.Code == api.CodeRefused, time.Now())
		if known.Code == api.CodeRefused {
			l.show(w, r, http.StatusForbidden, &lockedProblem{Key: "locked.wrong"})
			return
		}
		l.show(w, r, http.StatusInternalServerError, &lockedProblem{Key: "error.title", Text: known.Message, Hint: known.Hint})
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// judge returns the key of what is wrong with a passphrase before it is tried, empty if nothing is.
func (l *Locked) judge(passphrase, again []byte) string {
	switch {
	case len(passphrase) == 0:
		return "locked.empty"
	case !l.config.New:
		return ""
	case !bytes.Equal(passphrase, again):
		return "locked.differ"
	}
	return tooWeak(passphrase, l.server.static.files[commonFile])
}
