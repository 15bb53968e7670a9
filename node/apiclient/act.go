package apiclient

import (
	"context"
	"net/http"

	"muster.example/node/api"
)

// Edit gives an own message another text.
func (c *Client) Edit(ctx context.Context, request api.EditRequest) (api.Message, error) {
	return object[api.Message](ctx, c, http.MethodPost, "/v1/messages/edit", nil, request)
}

// Delete takes own messages back.
func (c *Client) Delete(ctx context.Context, request api.DeleteRequest) ([]api.Message, error) {
	return object[[]api.Message](ctx, c, http.MethodPost, "/v1/messages/delete", nil, request)
}

// React sets a reaction beside a message, or takes it off.
func (c *Client) React(ctx context.Context, request api.ReactRequest) (api.Message, error) {
	return object[api.Message](ctx, c, http.MethodPost, "/v1/messages/react", nil, request)
}

// Report shows messages to moderators or admins.
func (c *Client) Report(ctx context.Context, request api.ReportRequest) (api.SendResult, error) {
	return object[api.SendResult](ctx, c, http.MethodPost, "/v1/messages/report", nil, request)
}

// Settings lists settings.
func (c *Client) Settings(ctx context.Context, query api.SettingsQuery) ([]api.Setting, error) {
	return object[[]api.Setting](ctx, c, http.MethodGet, "/v1/settings", orgValue(query.Org), nil)
}

// SetSetting chooses a value.
func (c *Client) SetSetting(ctx context.Context, request api.SettingRequest) ([]api.Setting, error) {
	return object[[]api.Setting](ctx, c, http.MethodPost, "/v1/settings", nil, request)
}
