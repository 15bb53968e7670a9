package localapi

import (
	"context"
	"net/http"
	"net/url"

	"muster.example/node/api"
)

// GroupBackend is the part of Backend for groups and conversations of several.
type GroupBackend interface {
	// Groups lists groups, by organization and name.
	Groups(ctx context.Context, query api.GroupsQuery) ([]api.Group, error)
	// ShowGroup shows one group.
	ShowGroup(ctx context.Context, query api.GroupQuery) (api.Group, error)
	// ChangeGroup does something about a group. It returns when the own roll holds it.
	ChangeGroup(ctx context.Context, request api.GroupRequest) (api.GroupResult, error)
	// ChangeTalk takes part in a conversation of several, leaves it, or goes on with more members.
	ChangeTalk(ctx context.Context, request api.TalkRequest) (api.TalkResult, error)
}

// groupRoutes adds the routes of GroupBackend. [API-22] [API-23]
func (s *Server) groupRoutes(mux *http.ServeMux) {
	b := s.backend
	mux.HandleFunc("GET /v1/groups", s.query(func(ctx context.Context, q url.Values) (any, error) {
		all, err := boolean(q, "all")
		if err != nil {
			return nil, err
		}
		return list(b.Groups(ctx, api.GroupsQuery{Org: q.Get("org"), All: all}))
	}, "org", "all"))
	mux.HandleFunc("GET /v1/group", s.query(func(ctx context.Context, q url.Values) (any, error) {
		return b.ShowGroup(ctx, api.GroupQuery{Org: q.Get("org"), Group: q.Get("group")})
	}, "org", "group"))
	mux.HandleFunc("POST /v1/groups", call(s, b.ChangeGroup))
	mux.HandleFunc("POST /v1/conversations", call(s, b.ChangeTalk))
}
