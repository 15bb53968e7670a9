package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

const (
	// homeDial is for how long the node that orders the roll is called before another stands in for it.
	homeDial = 5 * time.Second
	// avoidTime is for how long a node whose session failed does not stand in again, if another can.
	avoidTime = time.Minute
	// termEvery is the time between whole rolls that are fetched because a node shows one of another term.
	termEvery = 30 * time.Second
)

// errHome ends a session that another node is to have.
var errHome = errors.New("the node that orders the roll is there again")

// nodesLocked returns the rendezvous nodes that serve, the one that orders the roll first. Callers hold mu.
func (o *organization) nodesLocked() []store.Node {
	all := []store.Node{o.at}
	for _, node := range o.roll.State().AllNodes() {
		if node.Key != o.at.Key {
			all = append(all, store.Node{Key: node.Key, Addresses: node.Addresses})
		}
	}
	return all
}

func (o *organization) nodes() []store.Node {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.nodesLocked()
}

// noteNodesLocked follows who serves by the roll as it is. Callers hold mu.
func (o *organization) noteNodesLocked() {
	all := o.nodesLocked()
	o.several.Store(len(all) > 1)
	o.fleet.keep(all, o.roll.State().Policy().Posts())
	wake(o.wakeNodes)
	wake(o.wakeHome)
}

// clientAt returns a client of a rendezvous node, which holds no connection yet.
func (o *organization) clientAt(local host.Host, at store.Node) *rvclient.Client {
	return &rvclient.Client{Host: local, Node: at.Key, Addresses: o.node.callAt(at), Org: o.org, Slow: o.path.slow()}
}

// dial connects to the node that orders the roll or, where there are several and that one does not answer, to another that
// stands in for it: the first by their keys that answers, so that the devices of an organization meet at the same one.
func (o *organization) dial(ctx context.Context, local host.Host) (*rvclient.Client, error) {
	all := o.nodes()
	limit := o.path.dialTime()
	if len(all) > 1 {
		limit = homeDial
	}
	dialling, done := o.path.dialling(ctx)
	client, err := o.dialNode(dialling, local, all[0], limit)
	done()
	o.path.dialled(err == nil)
	if err == nil || len(all) == 1 {
		return client, err
	}
	others := slices.Clone(all[1:])
	slices.SortFunc(others, func(a, b store.Node) int { return a.Key.Compare(b.Key) })
	if i := slices.IndexFunc(others, func(n store.Node) bool { return n.Key == o.avoid }); i >= 0 && time.Since(o.avoided) < avoidTime {
		others = append(slices.Delete(others, i, i+1), others[i])
	}
	for _, at := range others {
		if client, other := o.dialNode(ctx, local, at, homeDial); other == nil {
			o.log.Info("another node stands in for the one that orders the roll", "node", at.Key.Short(), "reason", err)
			return client, nil
		}
	}
	return nil, err
}

func (o *organization) dialNode(ctx context.Context, local host.Host, at store.Node, limit time.Duration) (*rvclient.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	client := o.clientAt(local, at)
	return client, client.Connect(ctx)
}

// orders reports whether a client is of the node that orders the roll.
func (o *organization) orders(client *rvclient.Client) bool {
	return client != nil && client.Node == o.sequencer()
}

// keepHome ends a session with a node that stands in once the one that orders the roll is there, and any when the duty has
// moved.
func (o *organization) keepHome(ctx context.Context, client *rvclient.Client, at keys.PublicKey) error {
	for {
		if now := o.sequencer(); now != at || now != client.Node && o.fleet.clientOf(now) != nil {
			return errHome
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.wakeHome:
		}
	}
}

// awaitOrderer returns the client of the node that orders the roll, waiting for it if need be: no other puts anything there.
func (o *organization) awaitOrderer(ctx context.Context) (*rvclient.Client, error) {
	o.await(ctx, connectWait, func() bool { return o.orders(o.connection()) })
	if client := o.connection(); o.orders(client) {
		return client, nil
	}
	if o.connection() == nil {
		return o.awaitConnection(ctx)
	}
	return nil, api.Errorf(api.CodeFailed, "the rendezvous node that orders the roll cannot be reached now; messages go on by another").
		WithHint("try again later; if it is gone for good: muster admin rendezvous move --to KEY")
}

// otherTerm reports whether a checkpoint of a node is not of the term of sequencing that this device knows, where there are
// several nodes.
func (o *organization) otherTerm(note []byte) bool {
	if !o.several.Load() {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	shown, err := membership.OpenCheckpoint(note, o.org, o.at.Key)
	named, _ := o.roll.State().Sequencer()
	return err != nil || shown.Term != named.Term
}

// followTerm follows the sequencing duty to where a node of the set shows that it has moved: by the whole roll, verified as
// after any move. A roll of a term that is over changes nothing. [RV-167]
func (o *organization) followTerm(ctx context.Context, client *rvclient.Client) error {
	o.mu.Lock()
	early := time.Since(o.termTried) < termEvery
	if !early {
		o.termTried = time.Now()
	}
	o.mu.Unlock()
	if early {
		return nil
	}
	page, err := client.Fetch(ctx, 0)
	if err != nil {
		return fmt.Errorf("fetching the roll of another term: %w", err)
	}
	move, at, err := lastMove(page)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now, _ := o.roll.State().Sequencer()
	if move.Term <= now.Term {
		return nil
	}
	if err := o.replaceLocked(page, at); err != nil {
		return err
	}
	wake(o.wakeHome)
	return nil
}

// lastMove returns the last event of a whole roll that names who orders it, not verified.
func lastMove(page rvclient.Page) (move membership.Rendezvous, at store.Node, err error) {
	for _, data := range slices.Backward(page.Entries) {
		entry, err := membership.ParseEntry(bytes.Clone(data))
		if err != nil || entry.Hidden() {
			continue
		}
		if event, err := membership.ReadEvent(entry.Event); err == nil && event.Rendezvous != nil {
			return *event.Rendezvous, store.Node{Key: event.Rendezvous.Node, Addresses: event.Rendezvous.Addresses}, nil
		}
	}
	return move, at, errors.New("a roll that names nobody who orders it")
}
