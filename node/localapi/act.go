package localapi

import (
	"context"
	"net/http"
	"net/url"

	"muster.example/node/api"
)

// ActBackend is the part of Backend that acts on messages, and the settings.
type ActBackend interface {
	// Edit gives an own message another text.
	Edit(ctx context.Context, request api.EditRequest) (api.Message, error)
	// Delete takes own messages back.
	Delete(ctx context.Context, request api.DeleteRequest) ([]api.Message, error)
	// React sets a reaction beside a message, or takes it off.
	React(ctx context.Context, request api.ReactRequest) (api.Message, error)
	// ReportMessages shows messages to moderators or admins.
	ReportMessages(ctx context.Context, request api.ReportRequest) (api.SendResult, error)

	// Settings lists what a person may choose, and what is chosen.
	Settings(ctx context.Context, query api.SettingsQuery) ([]api.Setting, error)
	// SetSetting chooses a value.
	SetSetting(ctx context.Context, request api.SettingRequest) ([]api.Setting, error)
}

// actRoutes adds the routes of ActBackend. [API-20]
func (s *Server) actRoutes(mux *http.ServeMux) {
	b := s.backend
	mux.HandleFunc("POST /v1/messages/edit", call(s, b.Edit))
	mux.HandleFunc("POST /v1/messages/delete", call(s, func(ctx context.Context, r api.DeleteRequest) (any, error) {
		return list(b.Delete(ctx, r))
	}))
	mux.HandleFunc("POST /v1/messages/react", call(s, b.React))
	mux.HandleFunc("POST /v1/messages/report", call(s, b.ReportMessages))
	mux.HandleFunc("GET /v1/settings", s.query(func(ctx context.Context, q url.Values) (any, error) {
		return list(b.Settings(ctx, api.SettingsQuery{Org: q.Get("org")}))
	}, "org"))
	mux.HandleFunc("POST /v1/settings", call(s, func(ctx context.Context, r api.SettingRequest) (any, error) {
		return list(b.SetSetting(ctx, r))
	}))
}
