package localapi

import (
	"context"
	"net/http"
	"net/url"

	"muster.example/node/api"
)

// DraftBackend is the part of Backend for what is not sent yet.
type DraftBackend interface {
	// Drafts lists drafts, the newest first.
	Drafts(ctx context.Context, query api.DraftsQuery) ([]api.Draft, error)
	// SaveDraft saves a draft and returns it as it is then.
	SaveDraft(ctx context.Context, draft api.Draft) (api.Draft, error)
	// DropDraft removes a draft.
	DropDraft(ctx context.Context, request api.DropDraftRequest) (api.DropDraftResult, error)
	// Undo takes back a message or a deletion that waits.
	Undo(ctx context.Context, request api.UndoRequest) (api.UndoResult, error)
}

// draftRoutes adds the routes of DraftBackend. [API-51] [API-54]
func (s *Server) draftRoutes(mux *http.ServeMux) {
	b := s.backend
	mux.HandleFunc("GET /v1/drafts", s.query(func(ctx context.Context, q url.Values) (any, error) {
		return list(b.Drafts(ctx, api.DraftsQuery{Org: q.Get("org"), ID: q.Get("id")}))
	}, "org", "id"))
	mux.HandleFunc("POST /v1/drafts", call(s, b.SaveDraft))
	mux.HandleFunc("POST /v1/drafts/drop", call(s, b.DropDraft))
	mux.HandleFunc("POST /v1/messages/undo", call(s, b.Undo))
}
