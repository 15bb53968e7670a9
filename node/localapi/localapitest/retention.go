package localapitest

import (
	"context"

	"muster.example/node/api"
)

// Retention implements localapi.Backend.
func (b *Backend) Retention(_ context.Context, q api.RetentionQuery) ([]api.Retention, error) {
	return []api.Retention{{Org: "org", Keep: "forever", Default: true}}, b.got(q)
}

// SetRetention implements localapi.Backend.
func (b *Backend) SetRetention(_ context.Context, r api.RetentionRequest) ([]api.Retention, error) {
	return []api.Retention{{Org: "org", Keep: r.Keep, Chosen: r.Erase}}, b.got(r)
}
