package apiclient

import (
	"context"
	"io"
	"net/http"

	"muster.example/node/api"
)

// Skin tells how an inbox looks, and where each part comes from.
func (c *Client) Skin(ctx context.Context, query api.SkinQuery) (api.SkinResult, error) {
	return object[api.SkinResult](ctx, c, http.MethodGet, "/v1/skin", orgValue(query.Org), nil)
}

// SkinImage returns the image behind an inbox, a PNG.
func (c *Client) SkinImage(ctx context.Context, query api.SkinQuery) ([]byte, error) {
	response, err := c.do(ctx, http.MethodGet, "/v1/skin/image", orgValue(query.Org), "", nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(io.LimitReader(response.Body, maxSkinImage))
}

// maxSkinImage is the most bytes of an image that are read: far more than a node sends.
const maxSkinImage = 4 << 20

// SetOrgSkin changes the organization's skin.
func (c *Client) SetOrgSkin(ctx context.Context, request api.SkinRequest) (api.SkinResult, error) {
	return object[api.SkinResult](ctx, c, http.MethodPost, "/v1/admin/skin", nil, request)
}

// SetOwnSkin revises parts of it for the own account.
func (c *Client) SetOwnSkin(ctx context.Context, request api.SkinRequest) (api.SkinResult, error) {
	return object[api.SkinResult](ctx, c, http.MethodPost, "/v1/skin", nil, request)
}
