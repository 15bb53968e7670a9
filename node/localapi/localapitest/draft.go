package localapitest

import (
	"context"

	"muster.example/node/api"
)

// Drafts implements localapi.Backend.
func (b *Backend) Drafts(_ context.Context, q api.DraftsQuery) ([]api.Draft, error) {
	return []api.Draft{{ID: "draft", Org: "org", Text: "not yet"}}, b.got(q)
}

// SaveDraft implements localapi.Backend.
func (b *Backend) SaveDraft(_ context.Context, d api.Draft) (api.Draft, error) {
	saved := d
	saved.ID = "draft"
	return saved, b.got(d)
}

// DropDraft implements localapi.Backend.
func (b *Backend) DropDraft(_ context.Context, r api.DropDraftRequest) (api.DropDraftResult, error) {
	return api.DropDraftResult{ID: r.ID}, b.got(r)
}

// Undo implements localapi.Backend.
func (b *Backend) Undo(_ context.Context, r api.UndoRequest) (api.UndoResult, error) {
	return api.UndoResult{Draft: &api.Draft{ID: "draft"}}, b.got(r)
}
