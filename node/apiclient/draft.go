package apiclient

import (
	"context"
	"net/http"

	"muster.example/node/api"
)

// Drafts lists drafts, the newest first.
func (c *Client) Drafts(ctx context.Context, query api.DraftsQuery) ([]api.Draft, error) {
	values := orgValue(query.Org)
	if query.ID != "" {
		values.Set("id", query.ID)
	}
	return object[[]api.Draft](ctx, c, http.MethodGet, "/v1/drafts", values, nil)
}

// SaveDraft saves a draft and returns it as it is then.
func (c *Client) SaveDraft(ctx context.Context, draft api.Draft) (api.Draft, error) {
	return object[api.Draft](ctx, c, http.MethodPost, "/v1/drafts", nil, draft)
}

// DropDraft removes a draft.
func (c *Client) DropDraft(ctx context.Context, request api.DropDraftRequest) (api.DropDraftResult, error) {
	return object[api.DropDraftResult](ctx, c, http.MethodPost, "/v1/drafts/drop", nil, request)
}

// Undo takes back a message or a deletion that waits.
func (c *Client) Undo(ctx context.Context, request api.UndoRequest) (api.UndoResult, error) {
	return object[api.UndoResult](ctx, c, http.MethodPost, "/v1/messages/undo", nil, request)
}
