package localapi

import (
	"context"
	"net/http"

	"muster.example/node/api"
)

// ContactBackend is the part of Backend for whom one hears, and whom not.
type ContactBackend interface {
	// Block ends a member's leave to write, without telling them.
	Block(ctx context.Context, request api.ContactRequest) (api.ContactResult, error)
	// Unblock gives it again.
	Unblock(ctx context.Context, request api.ContactRequest) (api.ContactResult, error)
	// Decline puts an introduction away.
	Decline(ctx context.Context, request api.ContactRequest) (api.ContactResult, error)
}

// contactRoutes adds the routes of ContactBackend. [API-17]
func (s *Server) contactRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /v1/contacts/block", call(s, s.backend.Block))
	mux.HandleFunc("POST /v1/contacts/unblock", call(s, s.backend.Unblock))
	mux.HandleFunc("POST /v1/contacts/decline", call(s, s.backend.Decline))
}
