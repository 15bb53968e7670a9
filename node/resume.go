package node

import (
	"context"
	"fmt"

	"muster.example/internal/keys"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// openDeliver opens the deliver stream, and has a body go on where an earlier stream broke. [RV-204]
func (o *organization) openDeliver(ctx context.Context, client *rvclient.Client) (*rvclient.DeliverStream, error) {
	var kept store.Partial
	err := o.node.store.View(func(tx *store.Tx) (err error) {
		kept, err = tx.Partial(o.org, client.Node)
		return err
	})
	if err != nil {
		return nil, err
	}
	stream, err := client.ResumeDeliver(ctx, rvclient.Partial(kept), o.node.links.metered())
	if err != nil {
		return nil, fmt.Errorf("opening the deliver stream: %w", err)
	}
	return stream, nil
}

// closeDeliver ends the deliver stream and keeps what has come of a body. It is called by who read from it.
func (o *organization) closeDeliver(node keys.PublicKey, stream *rvclient.DeliverStream) {
	stream.Close()
	partial := store.Partial(stream.Partial())
	err := o.node.store.Update(func(tx *store.Tx) error {
		before, err := tx.Partial(o.org, node)
		if err != nil || before.ID == partial.ID && len(before.Data) == len(partial.Data) {
			return err
		}
		return tx.PutPartial(o.org, node, partial)
	})
	if err != nil {
		o.log.Warn("keeping what has come of an envelope", "error", err)
	}
}
