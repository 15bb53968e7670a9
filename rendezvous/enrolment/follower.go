package enrolment

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/enrolproto"
	"muster.example/rendezvous/rvclient"
)

// follower keeps the roll, as a stranger with the enrolment key sees it: every entry verified.
type follower struct {
	org  membership.Card
	key  keys.PrivateKey
	host host.Host

	turn sync.Mutex // one at a time asks the rendezvous node; before mu
	mu   sync.Mutex // guards the following
	roll *membership.Roll
}

// newFollower makes a host of its own, with an identity that nobody knows again.
func newFollower(org membership.Card, key keys.PrivateKey) (*follower, error) {
	local, err := p2p.NewHost(p2p.Config{Identity: keys.Generate(), UserAgent: "muster-enrolment"})
	if err != nil {
		return nil, err
	}
	return &follower{org: org, key: key, host: local, roll: membership.NewRoll(org.Org)}, nil
}

func (f *follower) close() error { return f.host.Close() }

// read calls visit with the state, which must not be kept or changed.
func (f *follower) read(visit func(*membership.State)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	visit(f.roll.State())
}

// nodes returns who is asked: those that the roll names, the one that orders it first, and then those of the card, which may be
// where none of the others can be reached any more.
func (f *follower) nodes() []membership.NodeAddress {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append(f.roll.State().AllNodes(), f.org.Nodes...)
}

// follow takes in what is new, from the first node that answers.
func (f *follower) follow(ctx context.Context) error {
	f.turn.Lock()
	defer f.turn.Unlock()
	return f.followNow(ctx)
}

// followNow is follow for who holds the turn.
func (f *follower) followNow(ctx context.Context) error {
	var failed error
	for _, node := range f.nodes() {
		err := f.take(ctx, node)
		if err == nil {
			return nil
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

func (f *follower) client(node membership.NodeAddress) *rvclient.Client {
	return &rvclient.Client{Host: f.host, Node: node.Key, Addresses: node.Addresses, Org: f.org.Org}
}

// take fetches the roll beyond what is there from a node, and folds it once it has been verified.
func (f *follower) take(ctx context.Context, node membership.NodeAddress) error {
	ctx, cancel := context.WithTimeout(ctx, followTime)
	defer cancel()
	f.mu.Lock()
	size := f.roll.Size()
	f.mu.Unlock()
	page, err := f.view(ctx, node, size)
	if moved, ok := errors.AsType[*rvclient.MovedError](err); ok {
		return f.goAfter(ctx, moved.Event)
	}
	if err != nil {
		return err
	}
	entries, err := parseEntries(page.Entries, size)
	if err != nil {
		return err
	}
	proof := make([]membership.Hash, len(page.Proof))
	for i, hash := range page.Proof {
		proof[i] = hash
	}
	f.mu.Lock()
	_, err = f.roll.Extend(page.Checkpoint, node.Key, entries, proof)
	f.mu.Unlock()
	if otherTerm(err) {
		return f.rebuild(ctx, node)
	}
	if err != nil {
		return fmt.Errorf("verifying the roll: %w", err)
	}
	return nil
}

// view asks a node for the roll from a size on.
func (f *follower) view(ctx context.Context, node membership.NodeAddress, from uint64) (page rvclient.Page, err error) {
	page, err = f.client(node).View(ctx, f.key, from)
	if errors.Is(err, wire.StatusNotFound) {
		return page, fmt.Errorf("reading the roll: the rendezvous node does not know the organization, or its roll does not name the key %s: %w", f.key.Public(), err)
	}
	if err != nil {
		return page, fmt.Errorf("reading the roll: %w", err)
	}
	return page, nil
}

// parseEntries reads entries, of which the first has a number.
func parseEntries(all [][]byte, first uint64) ([]membership.Entry, error) {
	entries := make([]membership.Entry, 0, len(all))
	for i, data := range all {
		entry, err := membership.ParseEntry(data)
		if err != nil {
			return nil, fmt.Errorf("entry %d of the roll: %w", first+uint64(i), err)
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// say signs what the enrolment key decides, as its next event, and has the node put it on the roll. The event is made anew if
// the roll moved on meanwhile.
func (f *follower) say(ctx context.Context, fill func(*membership.Event)) (err error) {
	f.turn.Lock()
	defer f.turn.Unlock()
	for range 3 {
		var event membership.SignedEvent
		f.mu.Lock()
		e := membership.Event{Org: f.org.Org, At: f.roll.Size(), Counter: f.roll.State().NextCounter(f.key.Public())}
		fill(&e)
		event = membership.SignEvent(e, f.key, nil)
		err = f.roll.Check(event, max(time.Now().UnixMilli(), f.roll.State().Time()))
		f.mu.Unlock()
		if err != nil {
			return err
		}
		if err = f.present(ctx, event); err == nil {
			return f.followNow(ctx)
		}
		if _, answered := errors.AsType[wire.Status](err); !answered {
			return err
		}
		if again := f.followNow(ctx); again != nil {
			return errors.Join(err, again)
		}
	}
	return err
}

func (f *follower) present(ctx context.Context, event membership.SignedEvent) (err error) {
	ctx, cancel := context.WithTimeout(ctx, followTime)
	defer cancel()
	for _, node := range f.nodes() {
		if err = f.client(node).Present(ctx, event); err == nil {
			return nil
		}
		if status, answered := errors.AsType[wire.Status](err); answered && status != wire.StatusMoved {
			return err
		}
	}
	return err
}

// offer fills in what the roll says, for a device.
func (f *follower) offer(device keys.PublicKey) (o enrolproto.Offer, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	size := f.roll.Size()
	root, err := f.roll.Root(size)
	if err != nil {
		return o, err
	}
	o = enrolproto.Offer{
		Org: f.org.Org, OrgName: f.roll.State().OrgName(), Key: f.key.Public(), Device: device, Size: size, Root: root,
	}
	nodes := f.roll.State().AllNodes()
	if len(nodes) == 0 {
		nodes = f.org.Nodes
	}
	for _, node := range nodes {
		leave := rvclient.EnrolmentLeave(f.key, f.org.Org, node.Key, device)
		o.Nodes = append(o.Nodes, enrolproto.Node{Key: node.Key, Addresses: node.Addresses, Proof: leave.Proof})
	}
	return o, nil
}
