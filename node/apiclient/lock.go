package apiclient

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"muster.example/node/api"
)

// Keys lists own keys, those of members, and those that the person added.
func (c *Client) Keys(ctx context.Context, query api.KeysQuery) ([]api.LockKey, error) {
	return object[[]api.LockKey](ctx, c, http.MethodGet, "/v1/keys", orgValue(query.Org), nil)
}

// ChangeKey makes, imports, adds or revokes a key, or says how the person stands to one.
func (c *Client) ChangeKey(ctx context.Context, request api.KeyRequest) (api.KeyResult, error) {
	return object[api.KeyResult](ctx, c, http.MethodPost, "/v1/keys", nil, request)
}

// ExportKey returns the private half of an own key. Only the socket serves it.
func (c *Client) ExportKey(ctx context.Context, request api.ExportKeyRequest) (api.ExportKeyResult, error) {
	return object[api.ExportKeyResult](ctx, c, http.MethodPost, "/v1/keys/export", nil, request)
}

// PrepareLock holds a lock in the node for a message to come.
func (c *Client) PrepareLock(ctx context.Context, request api.LockRequest) (api.Lock, error) {
	return object[api.Lock](ctx, c, http.MethodPost, "/v1/locks", nil, request)
}

// DropLock erases a lock that is not to be used.
func (c *Client) DropLock(ctx context.Context, request api.UnlockRequest) (api.UnlockResult, error) {
	return object[api.UnlockResult](ctx, c, http.MethodPost, "/v1/locks/drop", nil, request)
}

// UploadLocked streams a file to the node, which locks it before anything is stored.
func (c *Client) UploadLocked(ctx context.Context, lock, name string, r io.Reader) (api.Upload, error) {
	values := url.Values{"name": {name}, "lock": {lock}}
	response, err := c.do(ctx, http.MethodPost, "/v1/uploads", values, "application/octet-stream", r)
	if err != nil {
		return api.Upload{}, err
	}
	defer response.Body.Close()
	return decode[api.Upload](ctx, c, response)
}

// Open opens a locked message.
func (c *Client) Open(ctx context.Context, request api.OpenRequest) (api.Opened, error) {
	return object[api.Opened](ctx, c, http.MethodPost, "/v1/messages/open", nil, request)
}

// Opened returns what a message says that is open.
func (c *Client) Opened(ctx context.Context, query api.OpenedQuery) (api.Opened, error) {
	values := orgValue(query.Org)
	values.Set("id", query.ID)
	return object[api.Opened](ctx, c, http.MethodGet, "/v1/messages/opened", values, nil)
}

// CloseOpened locks again what is open.
func (c *Client) CloseOpened(ctx context.Context, request api.CloseRequest) (api.CloseResult, error) {
	return object[api.CloseResult](ctx, c, http.MethodPost, "/v1/messages/close", nil, request)
}

// OpenedAttachment opens a file of a message that is open, or that own keys open. The reader ends in an error if the file is not whole;
// the caller closes it.
func (c *Client) OpenedAttachment(ctx context.Context, messageID string, index int) (api.OpenedFile, io.ReadCloser, error) {
	path := "/v1/messages/" + url.PathEscape(messageID) + "/opened/" + strconv.Itoa(index)
	response, err := c.do(ctx, http.MethodGet, path, nil, "", nil)
	if err != nil {
		return api.OpenedFile{}, nil, err
	}
	name, err := url.PathUnescape(response.Header.Get("Muster-Name"))
	if err != nil {
		response.Body.Close()
		return api.OpenedFile{}, nil, api.Errorf(api.CodeFailed, "the node's answer lacks the file's name")
	}
	return api.OpenedFile{Name: name}, response.Body, nil
}
