package localapi

import (
	"context"
	"net/http"
	"net/url"

	"muster.example/node/api"
)

// ArchiveBackend is the part of Backend for an organization's archive.
type ArchiveBackend interface {
	// Archive tells which archive there is, and whose messages go there.
	Archive(ctx context.Context, query api.AdminQuery) (api.Archive, error)
	// SetArchive changes that. It returns when the own roll holds it.
	SetArchive(ctx context.Context, request api.ArchiveRequest) (api.ArchiveResult, error)
	// ArchiveNotice says whether what is to be sent somewhere goes to an archive. It sends nothing.
	ArchiveNotice(ctx context.Context, request api.SendRequest) (api.ArchiveNotice, error)
}

// archiveRoutes adds the routes of ArchiveBackend. [API-130] [API-131] [API-132]
func (s *Server) archiveRoutes(mux *http.ServeMux) {
	b := s.backend
	mux.HandleFunc("GET /v1/archive", s.query(func(ctx context.Context, q url.Values) (any, error) {
		return b.Archive(ctx, api.AdminQuery{Org: q.Get("org")})
	}, "org"))
	mux.HandleFunc("POST /v1/admin/archive", call(s, b.SetArchive))
	mux.HandleFunc("POST /v1/archive/notice", call(s, b.ArchiveNotice))
}
