package localapitest

import (
	"context"

	"muster.example/node/api"
)

// Link implements localapi.Backend.
func (b *Backend) Link(context.Context) (api.Link, error) {
	return api.Link{Mode: api.LinkAuto, Metered: true, FilesOver: api.DefaultFilesOver}, b.got("link")
}

// SetLink implements localapi.Backend.
func (b *Backend) SetLink(_ context.Context, r api.LinkRequest) (api.Link, error) {
	return api.Link{Mode: r.Mode, Metered: r.Mode == api.LinkMetered, FilesOver: api.DefaultFilesOver, Waiting: 1}, b.got(r)
}
