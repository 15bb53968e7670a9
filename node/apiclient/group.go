package apiclient

import (
	"context"
	"net/http"

	"muster.example/node/api"
)

// Groups lists groups.
func (c *Client) Groups(ctx context.Context, query api.GroupsQuery) ([]api.Group, error) {
	values := orgValue(query.Org)
	if query.All {
		values.Set("all", "true")
	}
	return object[[]api.Group](ctx, c, http.MethodGet, "/v1/groups", values, nil)
}

// ShowGroup shows one group.
func (c *Client) ShowGroup(ctx context.Context, query api.GroupQuery) (api.Group, error) {
	values := orgValue(query.Org)
	values.Set("group", query.Group)
	return object[api.Group](ctx, c, http.MethodGet, "/v1/group", values, nil)
}

// ChangeGroup does something about a group.
func (c *Client) ChangeGroup(ctx context.Context, request api.GroupRequest) (api.GroupResult, error) {
	return object[api.GroupResult](ctx, c, http.MethodPost, "/v1/groups", nil, request)
}

// ChangeTalk does something about a conversation of several.
func (c *Client) ChangeTalk(ctx context.Context, request api.TalkRequest) (api.TalkResult, error) {
	return object[api.TalkResult](ctx, c, http.MethodPost, "/v1/conversations", nil, request)
}
