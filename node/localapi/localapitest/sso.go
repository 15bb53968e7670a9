package localapitest

import (
	"context"

	"muster.example/node/api"
)

// BeginSSO implements localapi.Backend.
func (b *Backend) BeginSSO(_ context.Context, r api.SSORequest) (api.SSOLogin, error) {
	return api.SSOLogin{ID: "login", Org: "org", OrgName: "Lighthouse", Login: r.URL + "/device", Code: "BCDF-GHJK", Words: "abandon ability able"}, b.got(r)
}

// FinishSSO implements localapi.Backend.
func (b *Backend) FinishSSO(_ context.Context, r api.SSOFinishRequest) (api.SSOResult, error) {
	return api.SSOResult{State: api.SSOJoined, Joined: &api.JoinResult{State: api.JoinMember, Org: "org", Member: "member"}}, b.got(r)
}

// SSO implements localapi.Backend.
func (b *Backend) SSO(_ context.Context, q api.AdminQuery) (api.AdminSSO, error) {
	return api.AdminSSO{Org: q.Org, Keys: []api.AdminEnrolment{{Key: "key", Issuer: "https://login.example.org"}}}, b.got(q)
}

// SetSSO implements localapi.Backend.
func (b *Backend) SetSSO(_ context.Context, r api.SSOSetRequest) (api.AdminSSO, error) {
	return api.AdminSSO{Org: r.Org, Keys: []api.AdminEnrolment{{Key: r.Key}}}, b.got(r)
}

// EndSSO implements localapi.Backend.
func (b *Backend) EndSSO(_ context.Context, r api.SSOEndRequest) (api.SSOEndResult, error) {
	return api.SSOEndResult{Org: r.Org, Key: r.Key, Suspended: []api.Person{{Member: "member", Name: "Zoe"}}}, b.got(r)
}
