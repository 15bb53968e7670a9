package enrolment

import (
	"embed"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"muster.example/membership"
	"muster.example/rendezvous/enrolproto"
)

//go:embed pages
var files embed.FS

var (
	words = readWords()
	style = mustRead("pages/style.css")
)

// languages are those of the pages, the first if a browser asks for none of them.
var languages = []string{"en", "de", "ar"}

// policy lets a page load its own style, and send its own forms here.
const policy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func mustRead(name string) []byte {
	data, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return data
}

func readWords() map[string]map[string]string {
	all := make(map[string]map[string]string)
	for _, tag := range languages {
		var list map[string]string
		if err := json.Unmarshal(mustRead("pages/"+tag+".json"), &list); err != nil {
			panic(err)
		}
		all[tag] = list
	}
	return all
}

// visit is one request for a page.
type visit struct {
	s       *Service
	w       http.ResponseWriter
	r       *http.Request
	session string // the browser's, by its cookie
	tag     string // of the language
}

// newVisit gives a browser its cookie, and refuses what no page of ours sent; nil if it was answered.
func (s *Service) newVisit(w http.ResponseWriter, r *http.Request) *visit {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	v := &visit{s: s, w: w, r: r, tag: languageOf(r)}
	if cookie, err := r.Cookie(cookieName); err == nil && len(cookie.Value) == base64.RawURLEncoding.EncodedLen(32) {
		v.session = cookie.Value
	}
	if r.Method == http.MethodPost {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		site := r.Header.Get("Sec-Fetch-Site")
		if v.session == "" || site != "" && site != "same-origin" {
			v.fail(http.StatusForbidden, "over")
			return nil
		}
		return v
	}
	if v.session == "" {
		session, err := s.desk.name()
		if err != nil {
			v.fail(http.StatusServiceUnavailable, "unreached")
			return nil
		}
		v.session = session
		http.SetCookie(w, &http.Cookie{
			Name: cookieName, Value: session, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
			MaxAge: int(enrolproto.OfferTime / time.Second),
		})
	}
	return v
}

// show writes a page; a is the login that it is about, if any.
func (v *visit) show(name string, about any) {
	w := words[v.tag]
	view := screen{Lang: v.tag, Prefix: v.s.prefix, W: w, Title: w[name+".title"], Text: w[name+".text"]}
	v.s.roll.read(func(state *membership.State) { view.Org = state.OrgName() })
	if a, ok := about.(attempt); ok {
		view.Page, view.Name = a.page, a.name
		if !a.again() {
			view.Words = a.offer.Words()
		}
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = v.w.Write(view.page(name)) //nolint:errcheck // the browser is gone
}

// fail writes a page that says what does not go, and what to do.
func (v *visit) fail(status int, why string) {
	w := words[v.tag]
	view := screen{Lang: v.tag, Prefix: v.s.prefix, W: w, Title: w["failed.title"], Text: w["failed."+why]}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(view.page("failed")) //nolint:errcheck // the browser is gone
}

// pageOf names the text for a status.
func pageOf(status enrolproto.Status) string {
	switch status {
	case enrolproto.NotAllowed:
		return "not_allowed"
	case enrolproto.NoName, enrolproto.NameMissing:
		return "no_name"
	case enrolproto.Member:
		return "member"
	case enrolproto.DailyLimit:
		return "limit"
	case enrolproto.Ended:
		return "ended"
	case enrolproto.Unreachable:
		return "unreached"
	}
	return "refused"
}

func serveStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(style) //nolint:errcheck // the browser is gone
}

// languageOf returns the first language that the browser asks for and that there is.
func languageOf(r *http.Request) string {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		tag, _, _ = strings.Cut(strings.ToLower(tag), "-")
		if _, there := words[tag]; there {
			return tag
		}
	}
	return languages[0]
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// lastOf returns the last address of a header of which each is a list: what the proxy next to us added.
func lastOf(values []string) string {
	if len(values) == 0 {
		return ""
	}
	all := strings.Split(values[len(values)-1], ",")
	return strings.TrimSpace(all[len(all)-1])
}
