package localapi

import (
	"context"
	"net/http"

	"muster.example/node/api"
)

// PresenceBackend is the part of Backend about who is there.
type PresenceBackend interface {
	// Presence tells who is there, and what the own account shows.
	Presence(ctx context.Context, query api.PresenceQuery) (api.PresenceResult, error)
	// SetPresence says whether the person is there.
	SetPresence(ctx context.Context, request api.SetPresenceRequest) (api.PresenceResult, error)
	// SharePresence says who may see that. It returns when the rendezvous node keeps to it.
	SharePresence(ctx context.Context, request api.SharePresenceRequest) (api.OwnPresence, error)
	// Typing tells members that the person is typing to them.
	Typing(ctx context.Context, request api.TypingRequest) (api.TypingResult, error)
	// Used notes that a person uses this device.
	Used()
}

// presenceRoutes adds the routes of PresenceBackend. [API-40] [API-41]
func (s *Server) presenceRoutes(mux *http.ServeMux) {
	b := s.backend
	mux.HandleFunc("POST /v1/presence", call(s, b.Presence))
	mux.HandleFunc("POST /v1/presence/state", call(s, b.SetPresence))
	mux.HandleFunc("POST /v1/presence/share", call(s, b.SharePresence))
	mux.HandleFunc("POST /v1/typing", call(s, b.Typing))
}

// note tells the backend of a request that a person makes: one that does something, not one that only looks. [API-42]
func (s *Server) note(r *http.Request) {
	if r.URL.Path != "/v1/presence" && !s.Locked() {
		s.used()
	}
}

// used tells whom it matters to that a person is there.
func (s *Server) used() {
	s.backend.Used()
	if s.guard != nil {
		s.guard.Used()
	}
}
