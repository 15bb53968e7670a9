package web

import (
	"log/slog"
	"net/http"

	"muster.example/node/localapi"
)

// Config says what the app shows. Backend is required.
type Config struct {
	Backend localapi.Backend
	Guard   localapi.Guard // who locks the folder; nil: nobody, and no page is about it
	Version string
	Log     *slog.Logger // nil: nothing is logged
}

// Server is the app. It implements localapi.Pages.
type Server struct {
	backend localapi.Backend
	guard   localapi.Guard
	version string
	log     *slog.Logger
	look    *look
	words   *words
	static  *static
	mux     *http.ServeMux
	slips   slips
	renewed slips // at most one of each organization, see renewal.go
	shelf   shelf
	bundles makings

	pictures chan struct{} // one for each picture that is being read
}

var _ localapi.Pages = (*Server)(nil)

// New reads templates, words and styles, which are part of the program: an error is one of the build.
func New(config Config) (*Server, error) {
	s, err := newServer(config)
	if err != nil {
		return nil, err
	}
	s.mux = http.NewServeMux()
	s.mux.Handle("GET /static/{version}/{name}", s.static)
	for _, r := range routes() {
		s.mux.Handle(r.pattern, s.handle(r))
	}
	s.mux.Handle("/", s.handle(route{do: notFound}))
	return s, nil
}

// newServer reads what all pages are made of.
func newServer(config Config) (*Server, error) {
	s := &Server{backend: config.Backend, guard: config.Guard, version: config.Version, log: config.Log, pictures: make(chan struct{}, picturesAtOnce)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.words, err = readWords(); err != nil {
		return nil, err
	}
	if s.static, err = readStatic(); err != nil {
		return nil, err
	}
	s.look, err = readTemplates(s.static)
	return s, err
}

// ServeHTTP implements localapi.Pages.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guard(w.Header())
	s.mux.ServeHTTP(w, r)
}

// SignedOut implements localapi.Pages.
func (s *Server) SignedOut(w http.ResponseWriter, r *http.Request) {
	guard(w.Header())
	if s.static.serves(r) { // styles and scripts are no secret, and this page needs them
		s.mux.ServeHTTP(w, r)
		return
	}
	v := &visit{server: s, r: r, words: s.words.of(r), preferences: preferencesOf(r)}
	s.look.render(w, http.StatusUnauthorized, v, screen{Template: "signed-out", Title: "signedout.title"})
}

// policy lets a page use what this server has, and nothing else: no script or style in markup, no other host, no plug-in,
// no frame around it. Scripts make markup by one policy alone, in page.js.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self'; connect-src 'self'; " +
	"form-action 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types muster"

// guard sets what holds for every answer.
func guard(header http.Header) {
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", policy)
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(self), geolocation=(), microphone=(), usb=(), payment=()")
	header.Set("Referrer-Policy", "same-origin") // with none at all, browsers say of a form that it comes from nowhere
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-DNS-Prefetch-Control", "off") // names in messages are asked of nobody
}
