package localapi

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"muster.example/node/api"
)

// SkinBackend is the part of Backend for how inboxes look.
type SkinBackend interface {
	// Skin tells how an inbox looks, and where each part comes from.
	Skin(ctx context.Context, query api.SkinQuery) (api.SkinResult, error)
	// SkinImage returns the image behind it, a PNG that the backend encoded itself.
	SkinImage(ctx context.Context, query api.SkinQuery) ([]byte, error)
	// SetOrgSkin changes the organization's skin. It returns when the own roll holds it.
	SetOrgSkin(ctx context.Context, request api.SkinRequest) (api.SkinResult, error)
	// SetOwnSkin revises parts of it for the own account.
	SetOwnSkin(ctx context.Context, request api.SkinRequest) (api.SkinResult, error)
}

// skinRoutes adds the routes of SkinBackend. [API-55]
func (s *Server) skinRoutes(mux *http.ServeMux) {
	b := s.backend
	mux.HandleFunc("GET /v1/skin", s.query(func(ctx context.Context, q url.Values) (any, error) {
		return b.Skin(ctx, api.SkinQuery{Org: q.Get("org")})
	}, "org"))
	mux.HandleFunc("GET /v1/skin/image", s.skinImage)
	mux.HandleFunc("POST /v1/skin", call(s, b.SetOwnSkin))
	mux.HandleFunc("POST /v1/admin/skin", call(s, b.SetOrgSkin))
}

// skinImage answers with the image itself.
func (s *Server) skinImage(w http.ResponseWriter, r *http.Request) {
	q, err := parameters(r, "org")
	if err != nil {
		s.finish(w, nil, err)
		return
	}
	image, err := s.backend.SkinImage(r.Context(), api.SkinQuery{Org: q.Get("org")})
	if err != nil {
		s.finish(w, nil, err)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	w.Header().Set("Content-Length", strconv.Itoa(len(image)))
	w.Write(image) //nolint:errcheck // the client has gone
}
