package localapitest

import (
	"context"

	"muster.example/node/api"
)

// Skin implements localapi.Backend. It is no request that tests ask for: every page of an organization makes it.
func (b *Backend) Skin(_ context.Context, q api.SkinQuery) (api.SkinResult, error) {
	return api.SkinResult{Org: q.Org}, nil
}

// SkinImage implements localapi.Backend.
func (b *Backend) SkinImage(_ context.Context, q api.SkinQuery) ([]byte, error) {
	return []byte("\x89PNG\r\n\x1a\n"), b.got(q)
}

// SetOrgSkin implements localapi.Backend.
func (b *Backend) SetOrgSkin(_ context.Context, r api.SkinRequest) (api.SkinResult, error) {
	return api.SkinResult{Org: r.Org, Official: r.Skin}, b.got(r)
}

// SetOwnSkin implements localapi.Backend.
func (b *Backend) SetOwnSkin(_ context.Context, r api.SkinRequest) (api.SkinResult, error) {
	return api.SkinResult{Org: r.Org, Own: r.Skin}, b.got(r)
}
