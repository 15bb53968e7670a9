package localapi

import (
	"context"
	"net/http"
	"net/url"

	"muster.example/node/api"
)

// AroundBackend is the part of Backend for who is in reach.
type AroundBackend interface {
	// Around tells which devices are in reach, and what waits and is carried here.
	Around(ctx context.Context, query api.AroundQuery) ([]api.Around, error)
	// CallAround tries now to have direct connections with the devices of a member.
	CallAround(ctx context.Context, request api.AroundCall) (api.AroundCalled, error)
}

// aroundRoutes adds the routes of AroundBackend. [API-171] [API-181]
func (s *Server) aroundRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/around", s.query(func(ctx context.Context, values url.Values) (any, error) {
		return list(s.backend.Around(ctx, api.AroundQuery{Org: values.Get("org")}))
	}, "org"))
	mux.HandleFunc("POST /v1/around/call", call(s, s.backend.CallAround))
}
