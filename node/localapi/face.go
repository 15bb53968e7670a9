package localapi

import (
	"net/http"

	"muster.example/node/api"
)

// face is what the server shows to who was admitted: that a folder is locked, and later the node. Who may ask, and what a
// session is, is the same for both.
type face struct {
	locked bool
	routes http.Handler // of the API
	pages  Pages        // nil: there are none
}

// lockedFace answers every route that the folder is locked. [API-65]
func (s *Server) lockedFace(pages Pages) *face {
	locked := api.Errorf(api.CodeFailed, "the folder is locked").
		WithHint("open the app and give the passphrase there: muster web")
	return &face{locked: true, pages: pages, routes: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.finish(w, nil, locked)
	})}
}

func (s *Server) openFace(pages Pages) *face { return &face{routes: s.routes(), pages: pages} }

// Open ends the locked state of a server that was made without a backend: from now on it serves this one. Sessions last. It
// is called once, also while requests are answered.
func (s *Server) Open(backend Backend, pages Pages) {
	s.backend = backend // no handler of the locked face reads it
	s.face.Store(s.openFace(pages))
}

// Locked reports whether the server still has no backend.
func (s *Server) Locked() bool { return s.face.Load().locked }
