package localapitest

import (
	"context"

	"muster.example/node/api"
)

// Devices implements localapi.Backend.
func (b *Backend) Devices(_ context.Context, q api.DevicesQuery) ([]api.Account, error) {
	return []api.Account{{Org: "org", Devices: []api.Device{{Device: "device", This: true}}}}, b.got(q)
}

// Bar implements localapi.Backend.
func (b *Backend) Bar(_ context.Context, r api.BarRequest) (api.BarResult, error) {
	return api.BarResult{Org: "org", Barred: r.Devices, Done: !r.Preview}, b.got(r)
}

// Freeze implements localapi.Backend.
func (b *Backend) Freeze(_ context.Context, r api.FreezeRequest) (api.FreezeResult, error) {
	return api.FreezeResult{Org: "org", Frozen: !r.Lift}, b.got(r)
}

// Refuse implements localapi.Backend.
func (b *Backend) Refuse(_ context.Context, r api.RefuseRequest) (api.RefuseResult, error) {
	return api.RefuseResult{Org: "org", Readmission: r.Readmission}, b.got(r)
}

// Wiper implements localapi.Backend.
func (b *Backend) Wiper(_ context.Context, r api.WiperRequest) (api.WiperResult, error) {
	return api.WiperResult{Org: "org", Obey: r.Obey}, b.got(r)
}

// Recover implements localapi.Backend.
func (b *Backend) Recover(_ context.Context, r api.RecoverRequest) (api.RecoverResult, error) {
	return api.RecoverResult{Org: "org", Replaced: r.NewWords != ""}, b.got(r)
}

// Return implements localapi.Backend.
func (b *Backend) Return(_ context.Context, r api.ReturnRequest) (api.ReturnResult, error) {
	return api.ReturnResult{Org: "org", Device: "device"}, b.got(r)
}

// Lost implements localapi.Backend.
func (b *Backend) Lost(_ context.Context, r api.LostRequest) (api.LostResult, error) {
	return api.LostResult{Org: "org", Request: "muster:again/x"}, b.got(r)
}

// Card implements localapi.Backend.
func (b *Backend) Card(_ context.Context, q api.DevicesQuery) (api.CardResult, error) {
	return api.CardResult{Org: "org", Card: "muster:card/x"}, b.got(q)
}

// MakeWords implements localapi.Backend.
func (b *Backend) MakeWords(_ context.Context, r api.WordsRequest) (api.WordsResult, error) {
	return api.WordsResult{RecoveryWords: []string{"abandon", "ability"}}, b.got(r)
}

// GiveUp implements localapi.Backend.
func (b *Backend) GiveUp(_ context.Context, r api.GiveUpRequest) (api.Candidacy, error) {
	return api.Candidacy{Org: r.Org, State: api.JoinWaiting}, b.got(r)
}

// MeetToInvite implements localapi.Backend.
func (b *Backend) MeetToInvite(_ context.Context, r api.InviteRequest) (api.MeetingCode, error) {
	return api.MeetingCode{Code: "01234-apple-river-stone"}, b.got(r)
}

// MeetToExchange implements localapi.Backend.
func (b *Backend) MeetToExchange(_ context.Context, r api.CardRequest) (api.MeetingCode, error) {
	return api.MeetingCode{Code: "01234-apple-river-stone"}, b.got(r)
}

// VisitMeeting implements localapi.Backend.
func (b *Backend) VisitMeeting(_ context.Context, r api.VisitRequest) (api.Meeting, error) {
	return api.Meeting{State: api.MeetingWaiting, Kind: r.Kind}, b.got(r)
}

// Meeting implements localapi.Backend.
func (b *Backend) Meeting(_ context.Context, q api.MeetingQuery) (api.Meeting, error) {
	return api.Meeting{State: api.MeetingAsked, Kind: api.MeetInvitation, Version: q.After + 1}, b.got(q)
}

// AnswerMeeting implements localapi.Backend.
func (b *Backend) AnswerMeeting(_ context.Context, r api.AnswerRequest) (api.AnswerResult, error) {
	return api.AnswerResult{Meeting: api.Meeting{State: api.MeetingDone}, Joined: &api.JoinResult{State: api.JoinWaiting}}, b.got(r)
}

// AddDevice implements localapi.Backend.
func (b *Backend) AddDevice(_ context.Context, r api.AddDeviceRequest) (api.AddDeviceResult, error) {
	return api.AddDeviceResult{Code: "01234-apple-river-stone", Link: "muster:pair/x"}, b.got(r)
}

// Pair implements localapi.Backend.
func (b *Backend) Pair(_ context.Context, r api.PairRequest) (api.Pairing, error) {
	return api.Pairing{State: api.PairingWaiting, New: true}, b.got(r)
}

// Pairing implements localapi.Backend.
func (b *Backend) Pairing(_ context.Context, q api.PairingQuery) (api.Pairing, error) {
	return api.Pairing{State: api.PairingCompare, Words: []string{"able", "about"}, Version: q.After + 1}, b.got(q)
}

// ConfirmPairing implements localapi.Backend.
func (b *Backend) ConfirmPairing(_ context.Context, r api.ConfirmRequest) (api.Pairing, error) {
	return api.Pairing{State: api.PairingAdding, Words: r.Words}, b.got(r)
}

// Restore implements localapi.Backend.
func (b *Backend) Restore(_ context.Context, r api.RestoreRequest) (api.Restore, error) {
	return api.Restore{State: api.RestoreReading}, b.got(r)
}

// Restoring implements localapi.Backend.
func (b *Backend) Restoring(_ context.Context, q api.RestoreQuery) (api.Restore, error) {
	return api.Restore{State: api.RestoreTaking, Read: 1, Total: 2, Version: q.After + 1}, b.got(q)
}
