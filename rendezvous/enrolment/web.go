package enrolment

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"golang.org/x/oauth2"

	"muster.example/membership"
	"muster.example/rendezvous/enrolproto"
)

// The addresses of the pages, below the service's own.
const (
	devicePath   = "/device"
	loginPath    = "/login/"
	callbackPath = "/callback"
	confirmPath  = "/confirm"
	againPath    = "/again"
	stylePath    = "/style.css"
	cookieName   = "__Host-muster-enrol"
)

// handler serves the exchange with devices, and the few pages that people see.
func (s *Service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+s.prefix+enrolproto.Path, s.serveExchange)
	mux.HandleFunc("GET "+s.prefix+stylePath, serveStyle)
	page := func(pattern string, serve func(*visit)) {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" "+s.prefix+path, func(w http.ResponseWriter, r *http.Request) {
			v := s.newVisit(w, r)
			if v == nil {
				return
			}
			serve(v)
		})
	}
	page("GET "+devicePath, func(v *visit) { v.show("code", nil) })
	page("POST "+devicePath, s.takeCode)
	page("GET "+loginPath+"{page}", s.startLogin)
	page("GET "+callbackPath, s.finishLogin)
	page("POST "+confirmPath, s.confirm)
	page("GET "+againPath, func(v *visit) { v.show("again", nil) })
	page("POST "+againPath, s.beginAgain)
	return mux
}

// takeCode takes what a person typed, and shows the way to the provider.
func (s *Service) takeCode(v *visit) {
	code := enrolproto.TypedCode(v.r.PostFormValue("code"))
	a, known := s.desk.typed(code, v.session, s.from(v.r), s.cfg.Now())
	if !known {
		v.fail(http.StatusNotFound, "unknown_code")
		return
	}
	v.show("go", a)
}

// startLogin sends the browser to the provider. [ENR-22]
func (s *Service) startLogin(v *visit) {
	page := v.r.PathValue("page")
	a, known := s.desk.open(page, v.session, s.cfg.Now())
	if !known {
		v.fail(http.StatusNotFound, "over")
		return
	}
	state, err := s.desk.name()
	nonce := a.offer.Nonce()
	if err == nil && a.again() {
		nonce, err = s.desk.name()
	}
	if err != nil {
		v.fail(http.StatusServiceUnavailable, "unreached")
		return
	}
	verifier := oauth2.GenerateVerifier()
	to, err := s.provider.begin(v.r.Context(), state, nonce, verifier)
	if err != nil {
		s.log.Warn("the login provider cannot be reached", "error", err)
		v.fail(http.StatusServiceUnavailable, "unreached")
		return
	}
	if !s.desk.leave(page, state, verifier, nonce) {
		v.fail(http.StatusNotFound, "over")
		return
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
}

// finishLogin takes the browser back from the provider: the same browser that left, with a state that was not used. [ENR-22]
func (s *Service) finishLogin(v *visit) {
	query := v.r.URL.Query()
	a, known := s.desk.back(query.Get("state"), v.session, s.cfg.Now())
	if !known {
		v.fail(http.StatusNotFound, "over")
		return
	}
	status := enrolproto.LoginRefused
	var found login
	if query.Get("error") == "" {
		found, status = s.accept(v.r.Context(), a, query.Get("code"))
	}
	if status != enrolproto.OK {
		s.counts.turned.Add(1)
		s.desk.change(a.page, away, func(a *attempt) { a.refuse(status) })
		v.fail(http.StatusForbidden, pageOf(status))
		return
	}
	s.counts.logins.Add(1)
	if a.again() {
		s.welcomeBack(v, a, found)
		return
	}
	s.goOn(v, a)
}

// accept asks everything of a login: the token, its binding to the device, its first use, the rules of claims, the roll.
func (s *Service) accept(ctx context.Context, a attempt, code string) (login, enrolproto.Status) {
	found, err := s.provider.finish(ctx, code, a.verifier)
	if errors.Is(err, errUnreached) {
		s.log.Warn("a login could not be finished", "error", err)
		return login{}, enrolproto.Unreachable
	}
	if err == nil {
		err = s.redeem(found.token, a.nonce)
	}
	if err != nil {
		s.log.Warn("a login was refused", "error", err)
		return login{}, enrolproto.LoginRefused
	}
	if a.again() {
		return found, enrolproto.OK
	}
	return found, s.admit(a, found)
}

// redeem asks that a token was made for this very login, and counts for the first time. [ENR-12] [ENR-25]
func (s *Service) redeem(t idToken, nonce string) error {
	if err := t.boundTo(nonce); err != nil {
		return err
	}
	return s.spent.use(t, s.cfg.Now())
}

// admit asks whether a login is one that may join, and notes as what. [ENR-26] [ENR-27]
func (s *Service) admit(a attempt, found login) enrolproto.Status {
	switch {
	case !s.cfg.Rules.allow(found.token.claims):
		return enrolproto.NotAllowed
	case found.refresh == "": // nobody could see that the account is gone
		s.log.Warn("the provider gives no refresh token: allow the scope offline_access for this client")
		return enrolproto.LoginRefused
	}
	var terms membership.EnrolmentTerms
	var err error
	s.roll.read(func(state *membership.State) { terms, err = s.cfg.terms(state, s.key.Public()) })
	if err != nil {
		return enrolproto.Ended
	}
	name, status := nameOf(found.token.claims, terms, a.chosen)
	if status != enrolproto.OK {
		return status
	}
	if had, known, err := s.accounts.get(found.token.subject); err != nil {
		return enrolproto.Unreachable
	} else if member, on := s.memberOf(had); known && on && !member.Removed && had.Device != a.offer.Device {
		return enrolproto.Member
	}
	s.roll.read(func(state *membership.State) {
		err = state.CheckEnrolledName(s.key.Public(), name, max(s.cfg.Now().UnixMilli(), state.Time()))
	})
	if err != nil {
		return statusOf(err)
	}
	role := s.cfg.Rules.role(found.token.claims, terms)
	s.desk.change(a.page, away, func(a *attempt) {
		a.subject, a.refresh, a.name, a.role = found.token.subject, found.refresh, name, role
	})
	return enrolproto.OK
}

// goOn brings a good login back to the device: through the browser if it came from one there, or by words that the person
// compares. [ENR-13]
func (s *Service) goOn(v *visit, a attempt) {
	if a.back == "" {
		s.desk.change(a.page, away, func(kept *attempt) {
			kept.phase = confirming
			a = *kept
		})
		v.show("words", a)
		return
	}
	handed, err := s.desk.secret()
	if err != nil {
		v.fail(http.StatusServiceUnavailable, "unreached")
		return
	}
	s.desk.change(a.page, away, func(a *attempt) { a.phase, a.handed = ready, string(handed[:]) })
	http.Redirect(v.w, v.r, a.back+"?code="+encode(handed[:]), http.StatusSeeOther)
}

// confirm takes the person's word that the device before them shows the same words.
func (s *Service) confirm(v *visit) {
	a, known := s.desk.open(v.r.PostFormValue("page"), v.session, s.cfg.Now())
	if !known || a.phase != confirming {
		v.fail(http.StatusNotFound, "over")
		return
	}
	if v.r.PostFormValue("same") != "yes" {
		s.desk.change(a.page, confirming, func(a *attempt) { a.refuse(enrolproto.Declined) })
		v.fail(http.StatusForbidden, "declined")
		return
	}
	s.desk.change(a.page, confirming, func(a *attempt) { a.phase = ready })
	v.show("done", a)
}

// beginAgain begins the login of a member whose account was refused.
func (s *Service) beginAgain(v *visit) {
	a := &attempt{session: v.session}
	if s.desk.begin(a, s.from(v.r), s.cfg.Now()) != nil {
		v.fail(http.StatusServiceUnavailable, "full")
		return
	}
	v.show("go", *a)
}

// welcomeBack takes the refresh token of somebody who logged in again, and reinstates whom the service suspended. [ENR-32]
func (s *Service) welcomeBack(v *visit, at attempt, found login) {
	s.desk.change(at.page, away, func(a *attempt) { a.phase = signed })
	defer s.hold(found.token.subject)()
	a, known, err := s.accounts.get(found.token.subject)
	if err != nil || !known || found.refresh == "" {
		v.fail(http.StatusNotFound, "no_member")
		return
	}
	if !s.cfg.Rules.allow(found.token.claims) {
		v.fail(http.StatusForbidden, "not_allowed")
		return
	}
	a.Refresh = found.refresh
	err = s.roll.follow(v.r.Context())
	member, on := s.memberOf(a)
	if err == nil && on {
		err = s.letIn(v.r.Context(), a, member, found.token.claims)
	}
	if err != nil || !on {
		s.log.Warn("a member who logged in again could not be reinstated", "error", err)
		_ = s.accounts.put(a) //nolint:errcheck // the next check says so again
		v.fail(http.StatusServiceUnavailable, "later")
		return
	}
	v.show("back", nil)
}
