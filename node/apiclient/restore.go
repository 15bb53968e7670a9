package apiclient

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"muster.example/node/api"
)

// Restore begins to bring back what a backup holds.
func (c *Client) Restore(ctx context.Context, request api.RestoreRequest) (api.Restore, error) {
	return object[api.Restore](ctx, c, http.MethodPost, "/v1/backup/restore", nil, request)
}

// Restoring tells how far the restore is, and waits a while for a version after that of the query.
func (c *Client) Restoring(ctx context.Context, query api.RestoreQuery) (api.Restore, error) {
	values := url.Values{}
	if query.After > 0 {
		values.Set("after", strconv.FormatUint(query.After, 10))
	}
	return object[api.Restore](ctx, c, http.MethodGet, "/v1/backup/restore", values, nil)
}
