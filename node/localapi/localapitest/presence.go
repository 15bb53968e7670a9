package localapitest

import (
	"context"

	"muster.example/node/api"
)

// Presence implements localapi.Backend.
func (b *Backend) Presence(_ context.Context, q api.PresenceQuery) (api.PresenceResult, error) {
	return api.PresenceResult{Members: api.List[api.Presence]{{Org: q.Org, State: api.PresenceAway}}}, b.got(q)
}

// SetPresence implements localapi.Backend.
func (b *Backend) SetPresence(_ context.Context, r api.SetPresenceRequest) (api.PresenceResult, error) {
	return api.PresenceResult{Own: api.List[api.OwnPresence]{{Org: r.Org, State: r.State}}}, b.got(r)
}

// SharePresence implements localapi.Backend.
func (b *Backend) SharePresence(_ context.Context, r api.SharePresenceRequest) (api.OwnPresence, error) {
	return api.OwnPresence{Org: r.Org, Share: r.Share}, b.got(r)
}

// Typing implements localapi.Backend.
func (b *Backend) Typing(_ context.Context, r api.TypingRequest) (api.TypingResult, error) {
	return api.TypingResult{Members: r.To}, b.got(r)
}

// Used implements localapi.Backend.
func (b *Backend) Used() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used++
}

// Uses returns how often a person used the node.
func (b *Backend) Uses() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}
