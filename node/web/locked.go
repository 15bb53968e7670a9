package web

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strconv"

	"muster.example/node/api"
	"muster.example/node/localapi"
)

// LockedConfig says what the page of a locked folder does. Unlock is required.
type LockedConfig struct {
	New  bool     // nobody chose a passphrase yet
	Ways []string // the kinds of ways to unlock it, of api.Way; none of a new one
	// Unlock opens the folder. It overwrites the passphrase, and keeps no copy. api.CodeRefused: it was not taken.
	Unlock  func(ctx context.Context, key api.Key) error
	Version string
	Log     *slog.Logger // nil: nothing is logged
}

// Locked is the page that asks for the passphrase of a folder. It implements localapi.Pages, and shows nothing else.
type Locked struct {
	server *Server // without a backend: only its looks are used
	config LockedConfig
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
	New        bool
	Passphrase bool // it is unlocked by one
	Keyring    bool // or by what lies in the keyring
	Problem    *lockedProblem
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
	l.server.look.render(w, status, l.visit(r), screen{Template: "locked", Title: title, Data: lockedScreen{
		New: l.config.New, Problem: problem,
		Passphrase: l.config.New || slices.Contains(l.config.Ways, api.WayPassphrase),
		Keyring:    slices.Contains(l.config.Ways, api.WayKeyring),
	}})
}

func (l *Locked) visit(r *http.Request) *visit {
	return &visit{server: l.server, r: r, words: l.server.words.of(r), preferences: preferencesOf(r)}
}

// unlock takes one try.
func (l *Locked) unlock(w http.ResponseWriter, r *http.Request) {
	fields, err := readSecrets(r.Body, "passphrase", "again", "keyring")
	if err != nil {
		l.show(w, r, http.StatusBadRequest, &lockedProblem{Key: "locked.malformed"})
		return
	}
	defer fields.forget()
	key := api.Key{Passphrase: fields["passphrase"], Keyring: len(fields["keyring"]) > 0}
	if key.Keyring {
		key.Passphrase = nil
	} else if problem := l.judge(key.Passphrase, fields["again"]); problem != "" {
		l.show(w, r, http.StatusForbidden, &lockedProblem{Key: problem})
		return
	}
	if err := l.config.Unlock(r.Context(), key); err != nil {
		l.refuse(w, r, api.AsError(err))
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// refuse says why the folder is still locked.
func (l *Locked) refuse(w http.ResponseWriter, r *http.Request, err *api.Error) {
	seconds := 0
	if err.Reason == "unlock-wait" && len(err.Values) == 1 {
		seconds, _ = strconv.Atoi(err.Values[0])
	}
	switch {
	case seconds > 0:
		l.show(w, r, http.StatusForbidden, &lockedProblem{Key: "locked.wait", Seconds: seconds})
	case err.Reason == "unlock-busy":
		l.show(w, r, http.StatusForbidden, &lockedProblem{Key: "locked.busy"})
	case err.Reason == "wrong-passphrase":
		l.show(w, r, http.StatusForbidden, &lockedProblem{Key: "locked.wrong"})
	default:
		l.show(w, r, http.StatusInternalServerError, &lockedProblem{Key: "error.title", Text: err.Message, Hint: err.Hint})
	}
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
