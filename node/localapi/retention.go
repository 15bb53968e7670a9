package localapi

import (
	"context"
	"net/http"
	"net/url"

	"muster.example/node/api"
)

// RetentionBackend is the part of Backend for how long history is kept.
type RetentionBackend interface {
	// Retention says for how long history is kept.
	Retention(ctx context.Context, query api.RetentionQuery) ([]api.Retention, error)
	// SetRetention chooses it, or says what would go by that.
	SetRetention(ctx context.Context, request api.RetentionRequest) ([]api.Retention, error)
}

// retentionRoutes adds the routes of RetentionBackend and ExportBackend. [API-82] [API-83]
func (s *Server) retentionRoutes(mux *http.ServeMux) {
	b := s.backend
	mux.HandleFunc("POST /v1/export", s.export)
	mux.HandleFunc("POST /v1/import", s.importMail)
	mux.HandleFunc("GET /v1/retention", s.query(func(ctx context.Context, q url.Values) (any, error) {
		return list(b.Retention(ctx, api.RetentionQuery{Org: q.Get("org")}))
	}, "org"))
	mux.HandleFunc("POST /v1/retention", call(s, func(ctx context.Context, r api.RetentionRequest) (any, error) {
		return list(b.SetRetention(ctx, r))
	}))
}
