package node

import (
	"context"
	"time"

	"muster.example/internal/keys"
)

const (
	// sealedForNeighbours is how many bytes of envelopes may lie without a rendezvous node having them, for neighbours.
	sealedForNeighbours = 64 << 20
	// prekeyPause is the least time between two questions for prekeys.
	prekeyPause = 15 * time.Second
)

// keepSealingApart seals, while no session does, what neighbours could get: as soon as one is in reach.
func (o *organization) keepSealingApart(ctx context.Context) error {
	return o.keepTrying(ctx, "sealing without a rendezvous node", func(ctx context.Context) error {
		retry := time.NewTicker(prekeyPause + time.Second)
		defer retry.Stop()
		connected := true
		for due := true; ; {
			changed := o.changes()
			alone := o.connection() == nil && o.mesh.anyReady()
			if lost := o.connection() == nil && connected; lost && o.mesh.paths != nil {
				o.mesh.paths.news() // who is there is seen by streams from now on
			}
			connected = o.connection() != nil
			if alone && due {
				if err := o.sealForNeighbours(ctx); err != nil {
					return err
				}
				due = false
			}
			var jobs <-chan struct{} // of a session while there is one
			if alone {
				jobs = o.wakeSeal
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-changed:
				due = due || !alone
			case <-o.mesh.apart:
				due = true
			case <-retry.C:
				due = true
				if err := o.wantNear(time.Now()); err != nil {
					return err
				}
			case <-jobs:
				due = true
				if o.connection() != nil {
					wake(o.wakeSeal) // it is the session's
				}
			}
		}
	})
}

// anyReady reports whether a neighbour is in reach.
func (m *meshStreams) anyReady() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.peers {
		if p.direct.ready {
			return true
		}
	}
	return false
}

// sealForNeighbours seals what can be sealed, and asks for the prekeys that the rest lacks.
func (o *organization) sealForNeighbours(ctx context.Context) error {
	select {
	case o.sealing <- struct{}{}:
		defer func() { <-o.sealing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	lacking, err := o.sealApartFromNode(ctx, sealedForNeighbours)
	if err == nil {
		o.mesh.askFor(lacking, time.Now())
	}
	return err
}

// askFor asks for prekeys, unless that was asked just now.
func (m *meshStreams) askFor(devices []keys.PublicKey, now time.Time) {
	m.mu.Lock()
	soon := now.Sub(m.asked) < prekeyPause
	if !soon && len(devices) > 0 {
		m.asked = now
	}
	m.mu.Unlock()
	if !soon {
		m.askPrekeys(devices)
	}
}
