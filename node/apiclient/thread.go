package apiclient

import (
	"context"
	"net/http"
	"strconv"

	"muster.example/node/api"
)

// Threads lists a page of threads.
func (c *Client) Threads(ctx context.Context, query api.ThreadsQuery) (api.ThreadsPage, error) {
	values := orgValue(query.Org)
	for name, value := range map[string]string{"conversation": query.Conversation, "tag": query.Tag, "cursor": query.Cursor} {
		if value != "" {
			values.Set(name, value)
		}
	}
	for name, value := range map[string]bool{"unread": query.Unread, "sent": query.Sent, "reports": query.Reports} {
		if value {
			values.Set(name, "true")
		}
	}
	if query.Limit > 0 {
		values.Set("limit", strconv.Itoa(query.Limit))
	}
	return object[api.ThreadsPage](ctx, c, http.MethodGet, "/v1/threads", values, nil)
}

// Thread shows messages of one thread.
func (c *Client) Thread(ctx context.Context, query api.ThreadQuery) (api.ThreadPage, error) {
	values := orgValue(query.Org)
	values.Set("thread", query.Thread)
	for name, value := range map[string]string{"before": query.Before, "after": query.After, "around": query.Around} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if query.Limit > 0 {
		values.Set("limit", strconv.Itoa(query.Limit))
	}
	if query.Hidden {
		values.Set("hidden", "true")
	}
	return object[api.ThreadPage](ctx, c, http.MethodGet, "/v1/thread", values, nil)
}

// Conversations lists conversations.
func (c *Client) Conversations(ctx context.Context, query api.ConversationsQuery) ([]api.Conversation, error) {
	return object[[]api.Conversation](ctx, c, http.MethodGet, "/v1/conversations", orgValue(query.Org), nil)
}

// Mark marks messages as read or as not read.
func (c *Client) Mark(ctx context.Context, request api.MarkRequest) (api.Marked, error) {
	return object[api.Marked](ctx, c, http.MethodPost, "/v1/messages/mark", nil, request)
}

// Tag puts a tag on messages or takes it off.
func (c *Client) Tag(ctx context.Context, request api.TagRequest) (api.Marked, error) {
	return object[api.Marked](ctx, c, http.MethodPost, "/v1/messages/tag", nil, request)
}

// Tags lists tags.
func (c *Client) Tags(ctx context.Context, query api.TagsQuery) ([]api.Tag, error) {
	return object[[]api.Tag](ctx, c, http.MethodGet, "/v1/tags", orgValue(query.Org), nil)
}

// Losses lists what did not get where it was sent.
func (c *Client) Losses(ctx context.Context, query api.LossesQuery) (api.Losses, error) {
	return object[api.Losses](ctx, c, http.MethodGet, "/v1/losses", orgValue(query.Org), nil)
}
