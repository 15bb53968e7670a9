package localapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"muster.example/node/api"
)

// SearchBackend is the part of Backend that looks for messages.
type SearchBackend interface {
	// Search lists a page of the messages that fit, the best first. It is cheap: it is asked at each key that is pressed.
	Search(ctx context.Context, query api.SearchQuery) (api.SearchPage, error)
}

// searchRoutes adds the route of SearchBackend. [API-52]
func (s *Server) searchRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /v1/search", s.query(func(ctx context.Context, q url.Values) (any, error) {
		query := api.SearchQuery{Org: q.Get("org"), Text: q.Get("text"), From: q.Get("from"), Tag: q.Get("tag"), Cursor: q.Get("cursor")}
		var err error
		if query.Limit, err = number(q, "limit"); err != nil {
			return nil, err
		}
		if query.Attachment, err = boolean(q, "attachment"); err != nil {
			return nil, err
		}
		if query.Before, err = moment(q, "before"); err != nil {
			return nil, err
		}
		if query.After, err = moment(q, "after"); err != nil {
			return nil, err
		}
		return s.backend.Search(ctx, query)
	}, "org", "text", "from", "tag", "before", "after", "attachment", "cursor", "limit"))
}

// moment reads a time as answers have it.
func moment(values url.Values, name string) (time.Time, error) {
	if !values.Has(name) {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, values.Get(name))
	if err != nil {
		return time.Time{}, api.Errorf(api.CodeUsage, "the query parameter %q is not a time such as 2026-12-31T00:00:00Z", name)
	}
	return t, nil
}
