package node

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/p2p"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// leaveFormer asks the rendezvous node of before a move, once, for what waits there. It learns so that this device has followed,
// and ends when all have. Nothing is lost if it is gone: whoever sent something offers it to the new node. [RV-73]
func (o *organization) leaveFormer(ctx context.Context, local host.Host) {
	at := o.former
	if at.Key.IsZero() {
		return
	}
	o.former = store.Node{}
	client := &rvclient.Client{Host: local, Node: at.Key, Addresses: o.node.callAt(at), Org: o.org}
	dialling, cancel := context.WithTimeout(ctx, dialTimeout)
	err := client.Connect(dialling)
	cancel()
	if err != nil {
		o.log.Info("the rendezvous node of before is not there", "error", err)
		return
	}
	defer local.Network().ClosePeer(p2p.PeerID(at.Key))
	o.fetchLast(ctx, client)
}

// lastTime is how long a node that has given the duty up may take to deliver what it has: the new one has to be gone to.
const lastTime = 5 * time.Minute

// fetchLast takes what a rendezvous node that has given the duty up still has for this device. [RV-72]
func (o *organization) fetchLast(ctx context.Context, client *rvclient.Client) {
	ctx, cancel := context.WithTimeout(ctx, lastTime)
	defer cancel()
	stream, err := client.OpenDeliver(ctx)
	if err != nil {
		o.log.Info("asking the rendezvous node of before", "error", err)
		return
	}
	defer stream.Close()
	if stream.Moved() == nil {
		return // it has come to the duty again
	}
	if err := o.takeDeliveries(ctx, nil, stream); !errors.Is(err, io.EOF) && ctx.Err() == nil {
		o.log.Info("taking what waits at the rendezvous node of before", "error", err)
	}
}
