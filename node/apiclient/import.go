package apiclient

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"muster.example/node/api"
)

// Import has the node take in an mbox file, or one mail. What came in before an error stays; the same file goes on from there.
func (c *Client) Import(ctx context.Context, request api.ImportRequest, r io.Reader) (api.ImportResult, error) {
	values := url.Values{}
	for name, value := range map[string]string{"org": request.Org, "as": request.As} {
		if value != "" {
			values.Set(name, value)
		}
	}
	response, err := c.do(ctx, http.MethodPost, "/v1/import", values, "application/octet-stream", r)
	if err != nil {
		return api.ImportResult{}, err
	}
	defer response.Body.Close()
	return decode[api.ImportResult](ctx, c, response)
}
