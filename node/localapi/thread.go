package localapi

import (
	"context"
	"net/http"
	"net/url"

	"muster.example/node/api"
)

// ThreadBackend is the part of Backend for threads, conversations, read marks and tags.
type ThreadBackend interface {
	// Threads lists a page of threads, the one with the newest message first.
	Threads(ctx context.Context, query api.ThreadsQuery) (api.ThreadsPage, error)
	// Thread shows messages of one thread, from the newest back, and marks none as read.
	Thread(ctx context.Context, query api.ThreadQuery) (api.ThreadPage, error)
	// Conversations lists conversations, the one with the newest message first.
	Conversations(ctx context.Context, query api.ConversationsQuery) ([]api.Conversation, error)
	// Mark marks messages as read or as not read.
	Mark(ctx context.Context, request api.MarkRequest) (api.Marked, error)
	// Tag puts a tag on messages or takes it off.
	Tag(ctx context.Context, request api.TagRequest) (api.Marked, error)
	// Tags lists the tags that messages bear.
	Tags(ctx context.Context, query api.TagsQuery) ([]api.Tag, error)
	// Losses lists what did not get where it was sent: to this account, and by it.
	Losses(ctx context.Context, query api.LossesQuery) (api.Losses, error)
}

// threadRoutes adds the routes of ThreadBackend. [API-50] [API-53] [API-56]
func (s *Server) threadRoutes(mux *http.ServeMux) {
	b := s.backend
	mux.HandleFunc("GET /v1/threads", s.query(func(ctx context.Context, q url.Values) (any, error) {
		query := api.ThreadsQuery{Org: q.Get("org"), Conversation: q.Get("conversation"), Tag: q.Get("tag"), Cursor: q.Get("cursor")}
		var err error
		if query.Limit, err = number(q, "limit"); err != nil {
			return nil, err
		}
		if query.Unread, err = boolean(q, "unread"); err != nil {
			return nil, err
		}
		if query.Sent, err = boolean(q, "sent"); err != nil {
			return nil, err
		}
		if query.Reports, err = boolean(q, "reports"); err != nil {
			return nil, err
		}
		return b.Threads(ctx, query)
	}, "org", "conversation", "unread", "tag", "sent", "reports", "cursor", "limit"))
	mux.HandleFunc("GET /v1/thread", s.query(func(ctx context.Context, q url.Values) (any, error) {
		query := api.ThreadQuery{Org: q.Get("org"), Thread: q.Get("thread"), Before: q.Get("before"), After: q.Get("after"), Around: q.Get("around")}
		var err error
		if query.Limit, err = number(q, "limit"); err != nil {
			return nil, err
		}
		if query.Hidden, err = boolean(q, "hidden"); err != nil {
			return nil, err
		}
		return b.Thread(ctx, query)
	}, "org", "thread", "before", "after", "around", "limit", "hidden"))
	mux.HandleFunc("GET /v1/losses", s.query(func(ctx context.Context, q url.Values) (any, error) {
		return b.Losses(ctx, api.LossesQuery{Org: q.Get("org")})
	}, "org"))
	mux.HandleFunc("GET /v1/conversations", s.query(func(ctx context.Context, q url.Values) (any, error) {
		return list(b.Conversations(ctx, api.ConversationsQuery{Org: q.Get("org")}))
	}, "org"))
	mux.HandleFunc("POST /v1/messages/mark", call(s, b.Mark))
	mux.HandleFunc("POST /v1/messages/tag", call(s, b.Tag))
	mux.HandleFunc("GET /v1/tags", s.query(func(ctx context.Context, q url.Values) (any, error) {
		return list(b.Tags(ctx, api.TagsQuery{Org: q.Get("org")}))
	}, "org"))
}
