package node

import (
	"context"
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/membership"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// leaveTime is for how long after a grant was brought to a node its word that there is none may be from before.
const leaveTime = 10 * time.Second

// bearsLeave reports whether a node that says there is no leave is to be brought the grant that this member got, and has it
// brought, once: where there are several nodes, the grant may have been given to another that this one does not reach. The
// envelope is then offered again. Callers hold mu.
func (o *organization) bearsLeave(w store.Waiting, p *poster) bool {
	if p == nil || !o.several.Load() || len(w.Place.Members) != 2 || envelope.Kind(w.Kind) == envelope.KindIntroduction {
		return false
	}
	other := w.Place.Members[0]
	if other == o.member {
		other = w.Place.Members[1]
	}
	contact, known := o.view.Contact(other)
	if !known || len(contact.Got) == 0 {
		return false
	}
	grant, err := membership.DecodeGrant(contact.Got)
	if err != nil || !grant.Open {
		return false
	}
	if before, is := p.borne[other]; is && before.number >= grant.Number {
		return time.Since(before.at) < leaveTime // it was posted before the node had it
	}
	select {
	case p.leave <- slices.Clone(contact.Got):
		p.borne[other] = borne{grant.Number, time.Now()}
	default: // it is full: with the next try
	}
	return true
}

// bringLeave brings a node the grants that it lacks.
func (o *organization) bringLeave(ctx context.Context, client *rvclient.Client, p *poster) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case grant := <-p.leave:
			if err := unlessRefused(client.PutGrant(ctx, grant)); err != nil {
				return err
			}
		}
	}
}
