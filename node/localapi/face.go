package localapi

import (
	"context"
	"net/http"

	"muster.example/node/api"
)

// face is what the server shows to who was admitted: that a folder is locked, and later the node. Who may ask, and what a
// session is, is the same for both.
type face struct {
	locked bool
	routes http.Handler // of the API
	export http.Handler // of what only the socket serves: private keys
	pages  Pages        // nil: there are none
}

// lockedFace answers every route that the folder is locked, but those by which it is unlocked. [API-65] [API-90]
func (s *Server) lockedFace(pages Pages) *face {
	locked := api.Errorf(api.CodeFailed, "the folder is locked").
		WithHint("give the passphrase here: muster unlock; or in the app: muster web")
	routes := http.NewServeMux()
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { s.finish(w, nil, locked) })
	routes.Handle("/", refuse)
	if s.guard != nil {
		s.keyholeRoutes(routes)
		routes.HandleFunc("POST /v1/lock", call(s, func(ctx context.Context, _ api.LockFolderRequest) (api.FolderLock, error) {
			return s.guard.Lock(ctx) // what is already so is no error
		}))
	}
	return &face{locked: true, pages: pages, routes: routes, export: refuse}
}

func (s *Server) openFace(pages Pages) *face {
	return &face{routes: s.routes(), export: call(s, s.backend.ExportKey), pages: pages}
}

// Open ends the locked state of a server that was made without a backend: from now on it serves this one. Sessions last, but for
// those of before the folder was locked. It is called once, also while requests are answered.
func (s *Server) Open(backend Backend, pages Pages) {
	s.backend = backend // no handler of the locked face reads it
	s.sessions.endPast()
	s.face.Store(s.openFace(pages))
}

// Locked reports whether the server still has no backend.
func (s *Server) Locked() bool { return s.face.Load().locked }
