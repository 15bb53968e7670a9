package apiclient

import (
	"context"
	"net/http"
	"net/url"

	"muster.example/node/api"
)

// CallAround has the node try now to have direct connections with the devices of a member.
func (c *Client) CallAround(ctx context.Context, request api.AroundCall) (api.AroundCalled, error) {
	return object[api.AroundCalled](ctx, c, http.MethodPost, "/v1/around/call", nil, request)
}

// Around asks which devices are in reach, and what waits and is carried here.
func (c *Client) Around(ctx context.Context, query api.AroundQuery) ([]api.Around, error) {
	values := url.Values{}
	if query.Org != "" {
		values.Set("org", query.Org)
	}
	return object[[]api.Around](ctx, c, http.MethodGet, "/v1/around", values, nil)
}
