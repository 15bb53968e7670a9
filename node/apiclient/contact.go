package apiclient

import (
	"context"
	"net/http"

	"muster.example/node/api"
)

// Block ends a member's leave to write, without telling them.
func (c *Client) Block(ctx context.Context, request api.ContactRequest) (api.ContactResult, error) {
	return object[api.ContactResult](ctx, c, http.MethodPost, "/v1/contacts/block", nil, request)
}

// Unblock gives it again.
func (c *Client) Unblock(ctx context.Context, request api.ContactRequest) (api.ContactResult, error) {
	return object[api.ContactResult](ctx, c, http.MethodPost, "/v1/contacts/unblock", nil, request)
}

// Decline puts an introduction away.
func (c *Client) Decline(ctx context.Context, request api.ContactRequest) (api.ContactResult, error) {
	return object[api.ContactResult](ctx, c, http.MethodPost, "/v1/contacts/decline", nil, request)
}
