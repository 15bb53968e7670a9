package apiclient

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"muster.example/node/api"
)

// BeginUpload makes an upload that comes in pieces.
func (c *Client) BeginUpload(ctx context.Context, request api.BeginUploadRequest) (api.Partial, error) {
	return object[api.Partial](ctx, c, http.MethodPost, "/v1/uploads/begin", nil, request)
}

// PartialUpload tells how an upload that comes in pieces stands.
func (c *Client) PartialUpload(ctx context.Context, id string) (api.Partial, error) {
	return object[api.Partial](ctx, c, http.MethodGet, "/v1/uploads/"+url.PathEscape(id), nil, nil)
}

// ContinueUpload streams the bytes from offset on. After an error PartialUpload tells where to go on.
func (c *Client) ContinueUpload(ctx context.Context, id string, offset int64, r io.Reader) (api.Partial, error) {
	values := url.Values{"offset": {strconv.FormatInt(offset, 10)}}
	response, err := c.do(ctx, http.MethodPatch, "/v1/uploads/"+url.PathEscape(id), values, "application/octet-stream", r)
	if err != nil {
		return api.Partial{}, err
	}
	defer response.Body.Close()
	return decode[api.Partial](ctx, c, response)
}

// DropUpload removes an upload.
func (c *Client) DropUpload(ctx context.Context, id string) (api.DropUploadResult, error) {
	return object[api.DropUploadResult](ctx, c, http.MethodDelete, "/v1/uploads/"+url.PathEscape(id), nil, nil)
}
