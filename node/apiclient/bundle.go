package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"

	"muster.example/node/api"
)

// ExportBundle begins a bundle: its parts come by Next, named by their numbers, and then "result", an api.BundleWritten.
func (c *Client) ExportBundle(ctx context.Context, request api.BundleRequest) (*Export, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return nil, api.Errorf(api.CodeUsage, "%v", err)
	}
	response, err := c.do(ctx, http.MethodPost, "/v1/bundles/export", nil, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	kind, parameters, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" || parameters["boundary"] == "" {
		response.Body.Close()
		return nil, api.Errorf(api.CodeFailed, "the node's answer is no bundle")
	}
	return &Export{Body: response.Body, parts: multipart.NewReader(response.Body, parameters["boundary"])}, nil
}

// BundleKept says that a bundle is written durably.
func (c *Client) BundleKept(ctx context.Context, bundle string) (api.BundleKept, error) {
	return object[api.BundleKept](ctx, c, http.MethodPost, "/v1/bundles/kept", nil, api.BundleKeptRequest{Bundle: bundle})
}

// ImportBundle has the node take in a part of a bundle.
func (c *Client) ImportBundle(ctx context.Context, request api.BundleImportRequest, r io.Reader) (api.BundleImport, error) {
	values := url.Values{}
	if request.Org != "" {
		values.Set("org", request.Org)
	}
	response, err := c.do(ctx, http.MethodPost, "/v1/bundles/import", values, "application/octet-stream", r)
	if err != nil {
		return api.BundleImport{}, err
	}
	defer response.Body.Close()
	return decode[api.BundleImport](ctx, c, response)
}

// Carrying asks what the device carries for others.
func (c *Client) Carrying(ctx context.Context) ([]api.Carrying, error) {
	return object[[]api.Carrying](ctx, c, http.MethodGet, "/v1/bundles", nil, nil)
}
