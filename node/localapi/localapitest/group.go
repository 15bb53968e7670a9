package localapitest

import (
	"context"

	"muster.example/node/api"
)

// Groups implements localapi.Backend.
func (b *Backend) Groups(_ context.Context, q api.GroupsQuery) ([]api.Group, error) {
	return []api.Group{{Org: "org", Name: "Crew"}}, b.got(q)
}

// ShowGroup implements localapi.Backend.
func (b *Backend) ShowGroup(_ context.Context, q api.GroupQuery) (api.Group, error) {
	return api.Group{Org: "org", Name: q.Group}, b.got(q)
}

// ChangeGroup implements localapi.Backend.
func (b *Backend) ChangeGroup(_ context.Context, r api.GroupRequest) (api.GroupResult, error) {
	return api.GroupResult{Group: api.Group{Org: "org", Name: r.Group}}, b.got(r)
}

// ChangeTalk implements localapi.Backend.
func (b *Backend) ChangeTalk(_ context.Context, r api.TalkRequest) (api.TalkResult, error) {
	return api.TalkResult{Org: "org", Conversation: r.ID}, b.got(r)
}
