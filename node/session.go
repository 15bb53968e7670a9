package node

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/internal/wire"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// Reconnection: the first try comes at once, then the pause doubles up to the longest one, each spread by half, so that
// a node that restarts is not stormed.
const (
	firstPause   = time.Second
	longestPause = 2 * time.Minute
	dialTimeout  = 20 * time.Second
	slowestDial  = 90 * time.Second
	// forgetAtOnce is how many notes of old envelopes one transaction removes.
	forgetAtOnce = 1000
)

// jitter spreads a duration over half of itself to one and a half.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d)
}

// run keeps the organization connected to its rendezvous node until ctx ends.
func (o *organization) run(ctx context.Context) error {
	local := o.local
	if local == nil {
		var err error
		if local, err = o.node.newHost(o.self, o.gate); err != nil {
			return err
		}
	}
	defer local.Close()
	group := task.New(ctx)
	if err := o.startGossip(group, local); err != nil {
		return err
	}
	o.siblings.takeHost(local)
	o.mesh.host = local
	o.neighbours.takeHost(local)
	if err := o.keepBackupKey(); err != nil {
		return err
	}
	group.Go("joining", o.keepJoining)
	group.Go("lifetimes", func(ctx context.Context) error { return o.keepExpiring(ctx) })
	group.Go("landing", o.keepTakingIn)
	group.Go("sessions", func(ctx context.Context) error { return o.keepConnected(ctx, local) })
	group.Go("sides", func(ctx context.Context) error { return o.keepSides(ctx, local) })
	group.Go("nodes", o.keepLooking)
	group.Go("siblings", o.siblings.run)
	group.Go("around", func(ctx context.Context) error { return o.keepTellingAround(ctx, local) })
	group.Go("mesh", o.mesh.run)
	group.Go("carriers", o.carriers.run)
	group.Go("neighbours", o.neighbours.run)
	if o.node.config.Server != nil {
		group.Go("hosting", o.keepHosting)
	}
	o.setHost(local)
	defer o.setHost(nil)
	err := errors.Join(group.Wait(), o.landing.Close())
	if errors.Is(err, errWiped) {
		return o.node.wipe(o.org)
	}
	return err
}

// keepConnected has one session after another.
func (o *organization) keepConnected(ctx context.Context, local host.Host) error {
	pause := firstPause
	lookout := lookout{o: o, local: local}
	defer lookout.end()
	for {
		if err := o.awaitEntered(ctx); err != nil {
			return err
		}
		if err := o.awaitConfirmed(ctx); err != nil {
			return err
		}
		started := time.Now()
		err := o.session(ctx, local, lookout.end)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		o.path.ended(err, time.Since(started))
		if time.Since(started) > longestPause {
			pause = firstPause
		}
		wait, gone := o.afterSession(ctx, local, err, pause)
		if gone != nil {
			return gone
		}
		if moved, ok := errors.AsType[*rvclient.MovedError](err); ok && o.hearMove(moved.Event) == nil {
			continue // to where it moved
		}
		if errors.Is(err, errHome) || o.several.Load() && !errors.Is(err, errUnreachable) && time.Since(started) > longestPause/4 {
			continue // another node has it, or has it meanwhile
		}
		if errors.Is(err, errUnreachable) {
			lookout.begin(ctx)
		}
		o.log.Info("no connection to the rendezvous node", "error", err, "retry_within", wait*3/2)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.wakeSession:
		case <-time.After(jitter(wait)):
		}
		if pause = min(2*pause, longestPause); o.path.isFresh() {
			pause = firstPause
		}
	}
}

// session is one connection to the rendezvous node, from dialling to its end. found is called when it stands.
func (o *organization) session(ctx context.Context, local host.Host, found func()) error {
	before := o.at
	switch followed, err := o.follow(ctx, local); {
	case err != nil:
		o.log.Warn("following the sequencing duty", "error", err) // the old node may still hold something
	case followed && before.Key != o.at.Key:
		o.former = before
	}
	client, err := o.dial(ctx, local)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnreachable, err)
	}
	defer local.Network().ClosePeer(p2p.PeerID(client.Node))
	found()
	orders := o.orders(client)
	if !orders {
		defer func() { o.avoid, o.avoided = client.Node, time.Now() }()
	}
	at := o.sequencer()

	group := task.New(ctx)
	early, err := o.maySpeakFirst(client, orders)
	if err != nil {
		return err
	}
	var settled chan struct{}
	post := func(ctx context.Context) error { return o.keepPosting(ctx, client, settled) }
	if early {
		settled = make(chan struct{})
		group.Go("post", post)
	}
	seal := func() { group.Go("seal", func(ctx context.Context) error { return o.keepSealing(ctx, client) }) }
	if err := o.settleIn(ctx, client, orders, func() {
		if early {
			seal()
		}
	}); err != nil {
		group.Stop()
		return cmp.Or(group.Wait(), err)
	}
	if early {
		close(settled)
	} else {
		seal()
		group.Go("post", post)
	}
	o.setConnection(client) // before deliveries are asked for: who changes the link ends a session that asked otherwise
	defer o.setConnection(nil)
	group.Go("roll", func(ctx context.Context) error { return o.keepRoll(ctx, client) })
	group.Go("deliver", func(ctx context.Context) error { return o.keepReceiving(ctx, client) })
	group.Go("carried", func(ctx context.Context) error { return o.keepHandingOn(ctx, client) })
	group.Go("presence", func(ctx context.Context) error { return o.keepPresence(ctx, client) })
	group.Go("relay", func(ctx context.Context) error {
		return o.siblings.keepRelay(ctx, store.Node{Key: client.Node, Addresses: client.Addresses})
	})
	group.Go("asking", o.keepAsking)
	if orders {
		group.Go("invitations", func(ctx context.Context) error { return o.keepIssuing(ctx, client) })
	}
	if o.several.Load() || !orders {
		group.Go("home", func(ctx context.Context) error { return o.keepHome(ctx, client, at) })
	}
	group.Go("upkeep", func(ctx context.Context) error { return o.keepUp(ctx, client) })
	group.Go("former node", func(ctx context.Context) error { o.leaveFormer(ctx, local); return nil })
	defer o.fleet.connect(client)()
	o.node.wakeCandidates()
	o.log.Info("connected to the rendezvous node")
	if err := group.Wait(); err != nil {
		return err
	}
	return errors.New("the connection ended")
}

// settleIn has this device and the node know what each needs of the other before the session. current is called once the roll is the
// newest: nothing is sealed before that.
func (o *organization) settleIn(ctx context.Context, client *rvclient.Client, orders bool, current func()) error {
	if err := o.catchUp(ctx, client); err != nil {
		if errors.Is(err, wire.StatusMoved) {
			o.fetchLast(ctx, client)
		}
		return err
	}
	if err := o.readmitted(); err != nil {
		return err
	}
	current()
	if orders {
		if err := o.submitLost(ctx, client); err != nil {
			return err
		}
	}
	if err := unlessRefused(o.publishPrekey(ctx, client)); err != nil {
		return err
	}
	if err := unlessRefused(o.publishGrants(ctx, client)); err != nil {
		return err
	}
	if err := unlessRefused(o.publishTalks(ctx, client)); err != nil {
		return err
	}
	return o.bearGrants(ctx, client)
}

// keepUp does what is due from time to time: a fresh prekey, the destruction of old ones, the end of what expired.
func (o *organization) keepUp(ctx context.Context, client *rvclient.Client) error {
	tick := time.NewTicker(jitter(time.Hour))
	defer tick.Stop()
	for {
		if err := o.expire(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if err := unlessRefused(o.publishPrekey(ctx, client)); err != nil {
			return err
		}
	}
}

// expire gives up what can no longer be delivered and forgets what can no longer come again, by the sober time.
func (o *organization) expire() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.sober()
	var expired []store.Waiting
	err := o.node.store.View(func(tx *store.Tx) error {
		return tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
			if w.Expires < now.Unix() {
				expired = append(expired, w)
			}
			return true, nil
		})
	})
	if err != nil {
		return err
	}
	var all []change
	defer func() {
		if len(all) > 0 {
			o.publishLocked(all)
		}
	}()
	for _, w := range expired {
		var events []change
		err := o.node.store.Update(func(tx *store.Tx) (err error) {
			events, err = o.giveUp(tx, w, union(w.Pending, w.Held), store.ReasonTime)
			return err
		})
		if err != nil {
			return err
		}
		all = append(all, events...)
	}
	for forgotten := forgetAtOnce; forgotten == forgetAtOnce; {
		err := o.node.store.Update(func(tx *store.Tx) (err error) {
			forgotten, err = tx.ForgetSeen(o.org, now.Unix(), forgetAtOnce)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
