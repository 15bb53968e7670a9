package node

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

// Reconnection: the first try comes at once, then the pause doubles up to the longest one, each spread by half, so that
// a node that restarts is not stormed.
const (
	firstPause   = time.Second
	longestPause = 2 * time.Minute
	dialTimeout  = 20 * time.Second
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
	group.Go("lifetimes", func(ctx context.Context) error { return o.keepExpiring(ctx) })
	group.Go("sessions", func(ctx context.Context) error { return o.keepConnected(ctx, local) })
	o.setHost(local)
	defer o.setHost(nil)
	err := group.Wait()
	if errors.Is(err, errWiped) {
		return o.node.wipe(o.org)
	}
	return err
}

// keepConnected has one session after another.
func (o *organization) keepConnected(ctx context.Context, local host.Host) error {
	pause := firstPause
	for {
		started := time.Now()
		err := o.session(ctx, local)
		if ctx.Err() != nil {
			return ctx.Err()
		}
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
		o.log.Info("no connection to the rendezvous node", "error", err, "retry_within", wait*3/2)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.wakeSession:
		case <-time.After(jitter(wait)):
		}
		pause = min(2*pause, longestPause)
	}
}

// session is one connection to the rendezvous node, from dialling to its end.
func (o *organization) session(ctx context.Context, local host.Host) error {
	if _, err := o.follow(ctx, local); err != nil {
		o.log.Warn("following the sequencing duty", "error", err) // the old node may still hold something
	}
	client, err := o.dial(ctx, local)
	if err != nil {
		return err
	}
	defer local.Network().ClosePeer(p2p.PeerID(client.Node))

	if err := o.catchUp(ctx, client); err != nil {
		return err
	}
	if err := o.readmitted(); err != nil {
		return err
	}
	if err := o.submitLost(ctx, client); err != nil {
		return err
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
	if err := o.bearGrants(ctx, client); err != nil {
		return err
	}
	group := task.New(ctx)
	group.Go("roll", func(ctx context.Context) error { return o.keepRoll(ctx, client) })
	group.Go("seal", func(ctx context.Context) error { return o.keepSealing(ctx, client) })
	group.Go("post", func(ctx context.Context) error { return o.keepPosting(ctx, client) })
	group.Go("deliver", func(ctx context.Context) error { return o.keepReceiving(ctx, client) })
	group.Go("presence", func(ctx context.Context) error { return o.keepPresence(ctx, client) })
	group.Go("siblings", func(ctx context.Context) error { return o.keepSiblings(ctx, local, client.Node) })
	group.Go("upkeep", func(ctx context.Context) error { return o.keepUp(ctx, client) })
	o.setConnection(client)
	defer o.setConnection(nil)
	o.log.Info("connected to the rendezvous node")
	if err := group.Wait(); err != nil {
		return err
	}
	return errors.New("the connection ended")
}

func (o *organization) dial(ctx context.Context, local host.Host) (*rvclient.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	client := &rvclient.Client{Host: local, Node: o.at.Key, Addresses: o.at.Addresses, Org: o.org}
	return client, client.Connect(ctx)
}

// keepUp does what is due from time to time: a fresh prekey, the destruction of old ones, the end of what expired.
func (o *organization) keepUp(ctx context.Context, client *rvclient.Client) error {
	tick := time.NewTicker(jitter(time.Hour))
	defer tick.Stop()
	for {
		if err := o.expire(time.Now()); err != nil {
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

// soberLocked returns the time by which something may be given up or destroyed for good: the own clock's, but not far
// ahead of the newest checkpoint, which was fetched when the session began. A clock that is ahead by years must not end
// every message and key. Callers hold mu.
func (o *organization) soberLocked(now time.Time) time.Time {
	if latest := o.checkpoint.Time.Add(24 * time.Hour); now.After(latest) {
		return latest
	}
	return now
}

// expire gives up what can no longer be delivered and forgets what can no longer come again.
func (o *organization) expire(now time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	now = o.soberLocked(now)
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
	for _, w := range expired {
		var events []change
		err := o.node.store.Update(func(tx *store.Tx) (err error) {
			events, err = o.giveUp(tx, w, union(w.Pending, w.Held))
			return err
		})
		if err != nil {
			return err
		}
		o.publishLocked(events)
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
