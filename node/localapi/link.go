package localapi

import (
	"context"
	"net/http"
	"net/url"

	"muster.example/node/api"
)

// LinkBackend is the part of Backend for what the device's link is like.
type LinkBackend interface {
	// Link says what was chosen, and what waits for that.
	Link(ctx context.Context) (api.Link, error)
	// SetLink chooses it, or sends what waits.
	SetLink(ctx context.Context, request api.LinkRequest) (api.Link, error)
}

// linkRoutes adds the routes of LinkBackend. [API-177]
func (s *Server) linkRoutes(mux *http.ServeMux) {
	b := s.backend
	mux.HandleFunc("GET /v1/link", s.query(func(ctx context.Context, _ url.Values) (any, error) { return b.Link(ctx) }))
	mux.HandleFunc("POST /v1/link", call(s, func(ctx context.Context, r api.LinkRequest) (any, error) { return b.SetLink(ctx, r) }))
}
