package apiclient

import (
	"context"
	"net/http"

	"muster.example/node/api"
)

// Retention says for how long history is kept.
func (c *Client) Retention(ctx context.Context, query api.RetentionQuery) ([]api.Retention, error) {
	return object[[]api.Retention](ctx, c, http.MethodGet, "/v1/retention", orgValue(query.Org), nil)
}

// SetRetention chooses it.
func (c *Client) SetRetention(ctx context.Context, request api.RetentionRequest) ([]api.Retention, error) {
	return object[[]api.Retention](ctx, c, http.MethodPost, "/v1/retention", nil, request)
}
