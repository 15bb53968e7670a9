package apiclient

import (
	"context"
	"net/http"

	"muster.example/node/api"
)

// Lock tells whether the folder is locked, and how it is unlocked.
func (c *Client) Lock(ctx context.Context) (api.FolderLock, error) {
	return object[api.FolderLock](ctx, c, http.MethodGet, "/v1/lock", nil, nil)
}

// LockNow has the folder locked. It returns before that is done: Lock tells.
func (c *Client) LockNow(ctx context.Context) (api.FolderLock, error) {
	return object[api.FolderLock](ctx, c, http.MethodPost, "/v1/lock", nil, api.LockFolderRequest{})
}

// Unlock unlocks the folder.
func (c *Client) Unlock(ctx context.Context, key api.Key) (api.FolderLock, error) {
	return object[api.FolderLock](ctx, c, http.MethodPost, "/v1/unlock", nil, key)
}

// SetLock says when the folder locks itself.
func (c *Client) SetLock(ctx context.Context, settings api.LockSettings) (api.FolderLock, error) {
	return object[api.FolderLock](ctx, c, http.MethodPost, "/v1/lock/settings", nil, settings)
}

// ChangeWays changes how the folder is unlocked.
func (c *Client) ChangeWays(ctx context.Context, request api.WaysRequest) (api.FolderLock, error) {
	return object[api.FolderLock](ctx, c, http.MethodPost, "/v1/lock/ways", nil, request)
}
