package apiclient

import (
	"context"
	"net/http"

	"muster.example/node/api"
)

// BeginSSO begins a joining by a login.
func (c *Client) BeginSSO(ctx context.Context, request api.SSORequest) (api.SSOLogin, error) {
	return object[api.SSOLogin](ctx, c, http.MethodPost, "/v1/sso", nil, request)
}

// FinishSSO waits for the login, and joins.
func (c *Client) FinishSSO(ctx context.Context, request api.SSOFinishRequest) (api.SSOResult, error) {
	return object[api.SSOResult](ctx, c, http.MethodPost, "/v1/sso/finish", nil, request)
}

// SSO tells what the roll says of joining by a login.
func (c *Client) SSO(ctx context.Context, query api.AdminQuery) (api.AdminSSO, error) {
	return object[api.AdminSSO](ctx, c, http.MethodGet, "/v1/admin/sso", lookValues(query), nil)
}

// SetSSO names an enrolment key, or changes what it may do.
func (c *Client) SetSSO(ctx context.Context, request api.SSOSetRequest) (api.AdminSSO, error) {
	return object[api.AdminSSO](ctx, c, http.MethodPost, "/v1/admin/sso", nil, request)
}

// EndSSO ends an enrolment key.
func (c *Client) EndSSO(ctx context.Context, request api.SSOEndRequest) (api.SSOEndResult, error) {
	return object[api.SSOEndResult](ctx, c, http.MethodPost, "/v1/admin/sso/end", nil, request)
}
