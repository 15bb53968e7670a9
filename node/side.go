package node

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/internal/wire"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

const (
	// longestSidePause is the longest time between tries to reach a node beside the one of the session.
	longestSidePause = time.Minute
	// fleetLook is how often it is looked which nodes are gone, or owe an answer, where there are several.
	fleetLook = time.Second
)

// side is the session with one rendezvous node beside the one of the main session: this device is delivered what waits
// there, and may post there.
type side struct {
	end     context.CancelFunc
	at      string // addresses
	drained bool   // the node was taken away: it is listened to until it has nothing more
}

// keepSides keeps a session with every node beside the one of the main session, and listens to those that were taken away
// until they are empty. [RV-169]
func (o *organization) keepSides(ctx context.Context, local host.Host) error {
	if err := o.awaitConfirmed(ctx); err != nil {
		return err
	}
	group := task.New(ctx)
	running := make(map[keys.PublicKey]*side)
	var before []store.Node
	for {
		wanted := o.sideNodes()
		for _, gone := range departed(before, o.nodes()) {
			if s := running[gone.Key]; s != nil {
				s.end()
			}
			running[gone.Key] = o.startSide(group, gone, true, func(ctx context.Context) { o.drain(ctx, local, gone) })
		}
		before = o.nodes()
		keep := make(map[keys.PublicKey]bool)
		for _, at := range wanted {
			keep[at.Key] = true
			if s := running[at.Key]; s != nil && !s.drained && s.at == joined(at.Addresses) {
				continue
			} else if s != nil {
				s.end()
			}
			running[at.Key] = o.startSide(group, at, false, func(ctx context.Context) { o.keepSide(ctx, local, at) })
		}
		for key, s := range running {
			if !keep[key] && !s.drained {
				s.end()
				delete(running, key)
			}
		}
		select {
		case <-group.Context().Done():
			for _, s := range running {
				s.end()
			}
			return errors.Join(ctx.Err(), group.Wait())
		case <-o.wakeNodes:
		}
	}
}

// keepLooking looks, where there are several nodes, which are gone and which owe an answer, for as long as time decides that.
func (o *organization) keepLooking(ctx context.Context) error {
	for {
		var look <-chan time.Time
		if o.several.Load() && o.fleet.look() {
			look = time.After(fleetLook)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.fleet.unrest:
			if look == nil {
				continue
			}
			select { // not for each post
			case <-ctx.Done():
				return ctx.Err()
			case <-look:
			}
		case <-look:
		}
	}
}

func (o *organization) startSide(group *task.Group, at store.Node, drained bool, run func(context.Context)) *side {
	ctx, end := context.WithCancel(group.Context())
	group.Go("side "+at.Key.Short(), func(context.Context) error {
		run(ctx)
		return nil
	})
	return &side{end: end, at: joined(at.Addresses), drained: drained}
}

// departed returns the nodes that serve no more.
func departed(before, now []store.Node) (gone []store.Node) {
	still := make(map[keys.PublicKey]bool)
	for _, node := range now {
		still[node.Key] = true
	}
	for _, node := range before {
		if !still[node.Key] && len(now) > 0 {
			gone = append(gone, node)
		}
	}
	return gone
}

// sideNodes returns the nodes beside that of the main session: none where there is one alone.
func (o *organization) sideNodes() (nodes []store.Node) {
	if !o.several.Load() || o.excluded() != nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, at := range o.nodesLocked() {
		if o.client == nil || o.client.Node != at.Key {
			nodes = append(nodes, at)
		}
	}
	return nodes
}

// keepSide has one session with a node after another.
func (o *organization) keepSide(ctx context.Context, local host.Host, at store.Node) {
	pause := firstPause
	for ctx.Err() == nil {
		started := time.Now()
		err := o.side(ctx, local, at)
		if ctx.Err() != nil {
			return
		}
		if time.Since(started) > longestSidePause {
			pause = firstPause
		}
		o.log.Info("no connection to another rendezvous node", "node", at.Key.Short(), "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(jitter(pause)):
		}
		pause = min(2*pause, longestSidePause)
	}
}

func (o *organization) side(ctx context.Context, local host.Host, at store.Node) error {
	client, err := o.dialNode(ctx, local, at, dialTimeout)
	if err != nil {
		return err
	}
	defer o.hangUp(local, at.Key)
	if err := unlessRefused(o.publishPrekey(ctx, client)); err != nil {
		return err
	}
	if err := o.presence.bring(ctx, client); err != nil {
		return err
	}
	defer o.fleet.connect(client)()
	wake(o.wakeHome) // the main session may be with one that stands in for this
	group := task.New(ctx)
	group.Go("deliver", func(ctx context.Context) error { return o.keepReceiving(ctx, client) })
	group.Go("post", func(ctx context.Context) error { return o.keepPosting(ctx, client, nil) })
	o.log.Info("connected to another rendezvous node", "node", at.Key.Short())
	if err := group.Wait(); err != nil {
		return err
	}
	return errors.New("the connection ended")
}

// hangUp closes the connection to a node unless the main session has it by now.
func (o *organization) hangUp(local host.Host, node keys.PublicKey) {
	if client := o.connection(); client == nil || client.Node != node {
		_ = local.Network().ClosePeer(p2p.PeerID(node)) // it may be gone already
	}
}

// drain listens to a node that was taken away until it has nothing more for this device, or nothing can be there any more.
// [RV-169]
func (o *organization) drain(ctx context.Context, local host.Host, at store.Node) {
	o.mu.Lock()
	until := time.Now().Add(time.Duration(o.roll.State().Policy().QueueTime) * time.Second)
	o.mu.Unlock()
	for pause := firstPause; ctx.Err() == nil && time.Now().Before(until); pause = min(2*pause, longestPause) {
		client, err := o.dialNode(ctx, local, at, dialTimeout)
		if err == nil {
			if err = o.drainOnce(ctx, client); err == nil {
				o.hangUp(local, at.Key)
				o.log.Info("a rendezvous node that was taken away has nothing more for this device", "node", at.Key.Short())
				return
			}
		}
		o.log.Info("listening to a rendezvous node that was taken away", "node", at.Key.Short(), "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(jitter(pause)):
		}
	}
}

// drainOnce takes what a node has that was taken away, to the end.
func (o *organization) drainOnce(ctx context.Context, client *rvclient.Client) error {
	stream, err := client.OpenDeliver(ctx)
	if errors.Is(err, wire.StatusNotMember) {
		return nil // it knows nothing of this device
	}
	if err != nil {
		return err
	}
	defer stream.Close()
	if stream.Moved() == nil { // it does not know yet that it was taken away
		return o.tellTakenAway(ctx, client, stream.Checkpoint())
	}
	err = o.takeDeliveries(ctx, nil, stream)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// tellTakenAway shows a node the roll by which it serves no more.
func (o *organization) tellTakenAway(ctx context.Context, client *rvclient.Client, note []byte) error {
	err := o.remind(ctx, client, rvclient.Page{Checkpoint: note})
	return errors.Join(errors.New("it serves still"), err)
}
