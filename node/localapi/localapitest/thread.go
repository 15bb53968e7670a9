package localapitest

import (
	"context"

	"muster.example/node/api"
)

// Threads implements localapi.Backend.
func (b *Backend) Threads(_ context.Context, q api.ThreadsQuery) (api.ThreadsPage, error) {
	return api.ThreadsPage{Threads: []api.Thread{{Org: q.Org, Thread: "thread", Subject: "s"}}, Next: "next"}, b.got(q)
}

// Thread implements localapi.Backend. Its messages are those that the backend has.
func (b *Backend) Thread(_ context.Context, q api.ThreadQuery) (api.ThreadPage, error) {
	return api.ThreadPage{Thread: api.Thread{Org: q.Org, Thread: q.Thread}, Messages: b.Messages, Earlier: "earlier", MayWrite: true}, b.got(q)
}

// Conversations implements localapi.Backend.
func (b *Backend) Conversations(_ context.Context, q api.ConversationsQuery) ([]api.Conversation, error) {
	return []api.Conversation{{Org: q.Org, Conversation: "conversation", Threads: 1}}, b.got(q)
}

// Mark implements localapi.Backend.
func (b *Backend) Mark(_ context.Context, r api.MarkRequest) (api.Marked, error) {
	return api.Marked{Changed: len(r.IDs) + len(r.Threads)}, b.got(r)
}

// Tag implements localapi.Backend.
func (b *Backend) Tag(_ context.Context, r api.TagRequest) (api.Marked, error) {
	return api.Marked{Changed: len(r.IDs) + len(r.Threads)}, b.got(r)
}

// Tags implements localapi.Backend.
func (b *Backend) Tags(_ context.Context, q api.TagsQuery) ([]api.Tag, error) {
	return []api.Tag{{Org: q.Org, Tag: "todo", Messages: 2}}, b.got(q)
}

// Losses implements localapi.Backend.
func (b *Backend) Losses(_ context.Context, q api.LossesQuery) (api.Losses, error) {
	return api.Losses{Gaps: []api.Gap{{Device: "device", Missing: 2, State: "offered"}}}, b.got(q)
}
