package localapi

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// Pages is the app that people open in a browser. The server admits to it who has a session, under a host name of its own.
type Pages interface {
	// ServeHTTP answers a request that has a session and comes from the app itself, or from a person.
	http.Handler
	// SignedOut answers who has no session, with status 401: how to open the app again.
	SignedOut(w http.ResponseWriter, r *http.Request)
}

// LiveHeader marks a request that a script of the page makes because something happened, not because the person is there.
const LiveHeader = "Muster-Live"

// sessionCookie is the name of the cookie that holds a session.
const sessionCookie = "muster_session"

// pageHandler serves the page's host: the app itself, and the routes of the API for its scripts. [API-60]
//
// Cookies know no ports, so a name that only this server has keeps the session from all other servers on loopback.
func (s *Server) pageHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if code, isEntry := strings.CutPrefix(r.URL.Path, "/enter/"); isEntry {
			s.enter(w, r, code)
			return
		}
		// A page elsewhere does not know the name; if it does, its requests bear another origin or are cross-site. Same-site
		// are also the pages of other servers on loopback.
		if !sameSite(r) || !s.fromPage(r) {
			s.deny(w, http.StatusForbidden, "requests of other sites are not served")
			return
		}
		face := s.face.Load()
		cookie, err := r.Cookie(sessionCookie)
		switch {
		case err != nil || !s.sessions.good(cookie.Value, time.Now()):
			face.pages.SignedOut(w, r)
		case strings.HasPrefix(r.URL.Path, "/v1/"):
			face.routes.ServeHTTP(w, r)
		default:
			if !face.locked && r.Header.Get(LiveHeader) == "" {
				s.used()
			}
			if face.locked && s.sessions.isPast(cookie.Value) {
				w = &renewing{ResponseWriter: w, server: s}
			}
			face.pages.ServeHTTP(w, r)
		}
	})
}

// fromPage reports whether a request that changes something says that it comes from the page. Browsers say so of each.
func (s *Server) fromPage(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return origin == "" || origin == "http://"+s.pageHost
	}
	return origin == "http://"+s.pageHost
}

// isPage reports whether a request is for the page's host.
func (s *Server) isPage(r *http.Request) bool {
	return s.face.Load().pages != nil && strings.EqualFold(r.Host, s.pageHost)
}

// wantsPage reports whether who opens a login link is a browser.
func wantsPage(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }

// toPage sends a browser that redeemed a login link on to the page's host, with a code for one entry there.
func (s *Server) toPage(w http.ResponseWriter, r *http.Request) {
	code, _ := s.entries.add(time.Now())
	http.Redirect(w, r, "http://"+s.pageHost+"/enter/"+code, http.StatusSeeOther)
}

// enter makes a session out of the code that toPage gave. It answers with a page, not a redirection: a browser sends a
// strict cookie only to what this host itself led to. [API-60]
func (s *Server) enter(w http.ResponseWriter, r *http.Request, code string) {
	if !s.once(w, r, "an entry", &s.entries, code) {
		return
	}
	s.admit(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, `<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/">`+
		`<title>Muster</title><p><a href="/">Muster</a></p></html>`)
}

// admit gives a browser a session.
func (s *Server) admit(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: s.sessions.add(time.Now()), Path: "/", MaxAge: int(sessionLife / time.Second),
		HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// renewing gives a new session to the browser that unlocked the folder: its own, of before it was locked, has ended with that. The
// page of a locked folder leads on by 303 then, and never else. [API-90]
type renewing struct {
	http.ResponseWriter
	server *Server
}

// WriteHeader implements http.ResponseWriter.
func (r *renewing) WriteHeader(status int) {
	if status == http.StatusSeeOther && !r.server.Locked() {
		r.server.admit(r)
	}
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap serves http.ResponseController.
func (r *renewing) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// pageHostOf returns the Host of the page: a name below localhost, which browsers look for on this machine alone.
func pageHostOf(name, port string) string { return net.JoinHostPort(name+".localhost", port) }
