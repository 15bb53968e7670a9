package apiclient

import (
	"context"
	"net/http"

	"muster.example/node/api"
)

// Presence tells who is there, and what the own account shows.
func (c *Client) Presence(ctx context.Context, query api.PresenceQuery) (api.PresenceResult, error) {
	return object[api.PresenceResult](ctx, c, http.MethodPost, "/v1/presence", nil, query)
}

// SetPresence says whether the person is there.
func (c *Client) SetPresence(ctx context.Context, request api.SetPresenceRequest) (api.PresenceResult, error) {
	return object[api.PresenceResult](ctx, c, http.MethodPost, "/v1/presence/state", nil, request)
}

// SharePresence says who may see that.
func (c *Client) SharePresence(ctx context.Context, request api.SharePresenceRequest) (api.OwnPresence, error) {
	return object[api.OwnPresence](ctx, c, http.MethodPost, "/v1/presence/share", nil, request)
}

// Typing tells members that the person is typing to them.
func (c *Client) Typing(ctx context.Context, request api.TypingRequest) (api.TypingResult, error) {
	return object[api.TypingResult](ctx, c, http.MethodPost, "/v1/typing", nil, request)
}
