package apiclient

import (
	"context"
	"net/http"

	"muster.example/node/api"
)

// Archive tells which archive an organization has, and whose messages go there.
func (c *Client) Archive(ctx context.Context, query api.AdminQuery) (api.Archive, error) {
	return object[api.Archive](ctx, c, http.MethodGet, "/v1/archive", orgValue(query.Org), nil)
}

// SetArchive changes that.
func (c *Client) SetArchive(ctx context.Context, request api.ArchiveRequest) (api.ArchiveResult, error) {
	return object[api.ArchiveResult](ctx, c, http.MethodPost, "/v1/admin/archive", nil, request)
}

// ArchiveNotice says whether what is to be sent goes to an archive.
func (c *Client) ArchiveNotice(ctx context.Context, request api.SendRequest) (api.ArchiveNotice, error) {
	return object[api.ArchiveNotice](ctx, c, http.MethodPost, "/v1/archive/notice", nil, request)
}
