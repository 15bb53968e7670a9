package apiclient

import (
	"context"
	"net/http"

	"muster.example/node/api"
)

// Link says what was chosen for the device's link.
func (c *Client) Link(ctx context.Context) (api.Link, error) {
	return object[api.Link](ctx, c, http.MethodGet, "/v1/link", nil, nil)
}

// SetLink chooses it, or sends what waits.
func (c *Client) SetLink(ctx context.Context, request api.LinkRequest) (api.Link, error) {
	return object[api.Link](ctx, c, http.MethodPost, "/v1/link", nil, request)
}
