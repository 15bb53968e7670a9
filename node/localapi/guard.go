package localapi

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
	"time"

	"muster.example/node/api"
)

// socketHandler serves the socket: whoever can open it is the owner. A request that a browser would send on behalf of
// a page is refused all the same, since only a forwarding program could have brought it here. [API-2]
func (s *Server) socketHandler() http.Handler {
	routes := http.NewServeMux()
	routes.HandleFunc("POST /v1/login", func(w http.ResponseWriter, r *http.Request) { s.answer(w, s.Login()) })
	routes.HandleFunc("POST /v1/keys/export", func(w http.ResponseWriter, r *http.Request) { s.face.Load().export.ServeHTTP(w, r) })
	routes.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.face.Load().routes.ServeHTTP(w, r) })
	return s.common(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || !sameSite(r) {
			s.deny(w, http.StatusForbidden, "the socket does not serve web pages")
			return
		}
		routes.ServeHTTP(w, r)
	}))
}

// webHandler serves loopback, where every program of the machine, and every page in its browsers, can knock. [API-2]
func (s *Server) webHandler() http.Handler {
	page := s.pageHandler()
	hosts := s.allowedHosts()
	return s.common(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.isPage(r) {
			page.ServeHTTP(w, r)
			return
		}
		if !hosts[strings.ToLower(r.Host)] {
			s.deny(w, http.StatusMisdirectedRequest, "wrong Host")
			return
		}
		if code, isLogin := strings.CutPrefix(r.URL.Path, "/login/"); isLogin {
			s.login(w, r, code)
			return
		}
		if origin := r.Header.Get("Origin"); !sameSite(r) || origin != "" && origin != "http://"+r.Host {
			s.deny(w, http.StatusForbidden, "requests of other sites are not served")
			return
		}
		if !s.hasToken(r) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			s.deny(w, http.StatusUnauthorized, "the token is missing or wrong")
			return
		}
		s.face.Load().routes.ServeHTTP(w, r)
	}))
}

// login redeems a one-time link. Only a GET that means to load it does: not a HEAD, and not a browser's prefetch.
// The caller has checked the Host, so a wrong one uses nothing up. [API-3]
func (s *Server) login(w http.ResponseWriter, r *http.Request, code string) {
	if !s.once(w, r, "a login link", &s.logins, code) {
		return
	}
	if s.face.Load().pages != nil && wantsPage(r) {
		s.toPage(w, r)
		return
	}
	s.answer(w, api.Session{Token: s.token})
}

// once uses up the code of a link that works once, and reports whether it was good. Else it has answered.
func (s *Server) once(w http.ResponseWriter, r *http.Request, what string, codes *logins, code string) bool {
	switch {
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		s.deny(w, http.StatusMethodNotAllowed, what+" is opened with GET")
	case r.Header.Get("Sec-Purpose") != "" || r.Header.Get("Purpose") != "":
		s.deny(w, http.StatusForbidden, what+" is not fetched ahead")
	case !codes.redeem(code, time.Now()):
		s.deny(w, http.StatusForbidden, what+" works once, and this one was used already or is too old")
	default:
		return true
	}
	return false
}

// common is around every request: standard headers, the limits on what happens at once, and the count of handlers.
func (s *Server) common(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.handlers.enter() {
			s.deny(w, http.StatusServiceUnavailable, "the node is stopping")
			return
		}
		defer s.handlers.leave()
		header := w.Header()
		header.Set("Cache-Control", "no-store")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		if r.Body != http.NoBody { // until it is read to its end: also what net/http reads of it after a refusal
			deadline := time.Now().Add(bodyTimeout)
			http.NewResponseController(w).SetReadDeadline(deadline) //nolint:errcheck // a connection that is gone
		}
		slots := s.requests
		if r.URL.Path == "/v1/events" {
			slots = s.watchers
		}
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		default:
			header.Set("Retry-After", "1")
			s.deny(w, http.StatusServiceUnavailable, "too many requests at once")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// allowedHosts are the Host headers that a request on loopback may have: the address as it was given, and as it is.
// A page of another site that makes its own name resolve to this machine has its own name in Host.
func (s *Server) allowedHosts() map[string]bool {
	_, port, _ := net.SplitHostPort(s.webHost)
	return map[string]bool{
		strings.ToLower(s.webHost):          true,
		s.web.first.Addr().String():         true,
		net.JoinHostPort("localhost", port): true,
	}
}

// sameSite reports whether the browser, if it was one, says that the request is the person's or our own page's.
func sameSite(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "" || site == "none" || site == "same-origin"
}

func (s *Server) hasToken(r *http.Request) bool {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.token))
	return found && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}
