package apiclient

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"muster.example/node/api"
)

// Search lists a page of messages that fit a query.
func (c *Client) Search(ctx context.Context, query api.SearchQuery) (api.SearchPage, error) {
	values := orgValue(query.Org)
	for name, value := range map[string]string{"text": query.Text, "from": query.From, "tag": query.Tag, "cursor": query.Cursor} {
		if value != "" {
			values.Set(name, value)
		}
	}
	for name, at := range map[string]time.Time{"before": query.Before, "after": query.After} {
		if !at.IsZero() {
			values.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if query.Attachment {
		values.Set("attachment", "true")
	}
	if query.Limit > 0 {
		values.Set("limit", strconv.Itoa(query.Limit))
	}
	return object[api.SearchPage](ctx, c, http.MethodGet, "/v1/search", values, nil)
}
