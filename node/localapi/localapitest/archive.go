package localapitest

import (
	"context"

	"muster.example/node/api"
)

// Archive implements localapi.Backend.
func (b *Backend) Archive(_ context.Context, q api.AdminQuery) (api.Archive, error) {
	return api.Archive{Org: q.Org}, b.got(q)
}

// SetArchive implements localapi.Backend.
func (b *Backend) SetArchive(_ context.Context, r api.ArchiveRequest) (api.ArchiveResult, error) {
	return api.ArchiveResult{Archive: api.Archive{Org: r.Org}}, b.got(r)
}

// ArchiveNotice implements localapi.Backend.
func (b *Backend) ArchiveNotice(_ context.Context, r api.SendRequest) (api.ArchiveNotice, error) {
	return api.ArchiveNotice{}, b.got(r)
}
