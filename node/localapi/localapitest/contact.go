package localapitest

import (
	"context"

	"muster.example/node/api"
)

func (b *Backend) stand(r api.ContactRequest, state api.ContactState) (api.ContactResult, error) {
	return api.ContactResult{Contact: api.Contact{Name: r.Member, State: state}}, b.got(r)
}

// Block implements localapi.Backend.
func (b *Backend) Block(_ context.Context, r api.ContactRequest) (api.ContactResult, error) {
	return b.stand(r, api.ContactBlocked)
}

// Unblock implements localapi.Backend.
func (b *Backend) Unblock(_ context.Context, r api.ContactRequest) (api.ContactResult, error) {
	return b.stand(r, api.ContactAcquainted)
}

// Decline implements localapi.Backend.
func (b *Backend) Decline(_ context.Context, r api.ContactRequest) (api.ContactResult, error) {
	return b.stand(r, api.ContactDeclined)
}
