package localapitest

import (
	"context"

	"muster.example/node/api"
)

// Edit implements localapi.Backend.
func (b *Backend) Edit(_ context.Context, r api.EditRequest) (api.Message, error) {
	return api.Message{ID: r.ID, Text: r.Text}, b.got(r)
}

// Delete implements localapi.Backend.
func (b *Backend) Delete(_ context.Context, r api.DeleteRequest) ([]api.Message, error) {
	var all []api.Message
	for _, id := range r.IDs {
		all = append(all, api.Message{ID: id, Deleted: true})
	}
	return all, b.got(r)
}

// React implements localapi.Backend.
func (b *Backend) React(_ context.Context, r api.ReactRequest) (api.Message, error) {
	return api.Message{ID: r.ID}, b.got(r)
}

// ReportMessages implements localapi.Backend.
func (b *Backend) ReportMessages(_ context.Context, r api.ReportRequest) (api.SendResult, error) {
	return api.SendResult{ID: "report"}, b.got(r)
}

// Settings implements localapi.Backend.
func (b *Backend) Settings(_ context.Context, q api.SettingsQuery) ([]api.Setting, error) {
	return []api.Setting{{Org: "org", Name: "receipts", Value: "off", Default: true}}, b.got(q)
}

// SetSetting implements localapi.Backend.
func (b *Backend) SetSetting(_ context.Context, r api.SettingRequest) ([]api.Setting, error) {
	return []api.Setting{{Org: "org", Name: r.Name, Value: r.Value}}, b.got(r)
}
