package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

const (
	// candidateFirst is how long a device that applied waits before it asks whether it was admitted; then ever longer, a
	// fifth of the time since, up to candidatePause.
	candidateFirst = 15 * time.Second
	candidatePause = 10 * time.Minute
)

// candidate is a joining of this device that is under way, until it is a member.
type candidate struct {
	node   *Node
	asking chan struct{} // capacity 1: one at a time asks the rendezvous node

	wake chan struct{} // capacity 1: an organization may be in reach now

	mu   sync.Mutex // guards the following
	kept store.Candidacy
	done bool               // a member, given up, or replaced by another
	said string             // while it waits: for what
	stop context.CancelFunc // ends what asks the rendezvous node just now; nil if nothing does
}

func (c *candidate) snapshot() store.Candidacy {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept
}

// over reports whether the application cannot succeed any more, so that another may take its place.
func (c *candidate) over() bool {
	kept := c.snapshot()
	return kept.Declined || kept.Why != ""
}

func (c *candidate) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = true
}

func (c *candidate) ended() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done
}

func (n *Node) candidateOf(org keys.OrgID) *candidate {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.candidates[org]
}

// applied keeps an application that was handed in and answers it. From here on it waits by itself.
func (n *Node) applied(e *entry, request api.JoinRequest) (api.JoinResult, error) {
	kept := store.Candidacy{
		Org: e.kept.Org, Identity: e.kept.Identity, Event: e.kept.Event, Link: request.Invitation, Text: e.kept.Text,
		Since: n.now().UnixMilli(),
	}
	if err := n.store.Update(func(tx *store.Tx) error { return tx.PutCandidacy(kept) }); err != nil {
		return api.JoinResult{}, err
	}
	result, err := n.takeCandidate(kept).result()
	if err != nil {
		return result, err
	}
	result.RecoveryWords = e.words()
	return result, n.shown(e)
}

// takeCandidate runs a joining, in the place of the one before for that organization.
func (n *Node) takeCandidate(kept store.Candidacy) *candidate {
	c := n.newCandidate(kept)
	n.mu.Lock()
	defer n.mu.Unlock()
	if had := n.candidates[kept.Org]; had != nil {
		had.end()
	}
	n.candidates[kept.Org] = c
	if n.group != nil {
		n.runCandidateLocked(c)
	}
	n.tellJoining()
	return c
}

func (n *Node) newCandidate(kept store.Candidacy) *candidate {
	return &candidate{node: n, kept: kept, asking: make(chan struct{}, 1), wake: make(chan struct{}, 1)}
}

// tellJoining has pages look at the joinings under way again.
func (n *Node) tellJoining() { n.hub.publish(api.Event{Kind: api.EventOrg, Time: time.Now().UTC()}) }

// readCandidacies reads the applications to join of former runs.
func (n *Node) readCandidacies() error {
	var all []store.Candidacy
	err := n.store.View(func(tx *store.Tx) (err error) {
		all, err = tx.Candidacies()
		return err
	})
	for _, kept := range all {
		if o, in := n.organizations[kept.Org]; in && o.isConfirmed() { // a crash came between the two
			err = errors.Join(err, n.store.Update(func(tx *store.Tx) error { return tx.DeleteCandidacy(kept.Org) }))
			continue
		}
		n.candidates[kept.Org] = n.newCandidate(kept)
	}
	return err
}

// runCandidateLocked runs an application in the node's group. Callers hold n.mu.
func (n *Node) runCandidateLocked(c *candidate) {
	n.group.Go("application "+c.snapshot().Org.Short(), c.run)
}

// run asks from time to time whether the device was admitted, until it is, or cannot be.
func (c *candidate) run(ctx context.Context) error {
	for {
		kept := c.snapshot()
		since := c.node.now().Sub(time.UnixMilli(kept.Since))
		if err := c.pause(ctx, jitter(min(max(since/5, candidateFirst), candidatePause)), kept.Waiting); err != nil {
			return err
		}
		if c.over() || c.ended() {
			return nil
		}
		asking, cancel := context.WithTimeout(ctx, enterWait)
		_, err := c.ask(asking)
		cancel()
		if err != nil {
			c.node.log.Info("waiting to be admitted", "org", c.snapshot().Org.Short(), "error", err)
		}
	}
}

// again answers who asks to join where this device has applied: it looks at once.
func (c *candidate) again(ctx context.Context) (api.JoinResult, error) {
	ctx, cancel := context.WithTimeout(ctx, enterWait)
	defer cancel()
	o, err := c.ask(ctx)
	if o != nil {
		return api.JoinResult{
			State: api.JoinMember, Org: o.org.String(), OrgName: o.name(), Member: o.member.String(), Device: o.device.String(), Card: o.card(),
		}, nil
	}
	if _, answered := errors.AsType[wire.Status](err); err != nil && !answered && !c.snapshot().Waiting && !c.over() {
		return api.JoinResult{}, refusal("asking about the application", err)
	}
	return c.result()
}

// turn waits until nobody else asks; a turn that was got ends with pass. It is no lock, since asking takes as long as a network does.
func (c *candidate) turn(ctx context.Context) error {
	select {
	case c.asking <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// turnNow reports whether nobody asked, and takes the turn then.
func (c *candidate) turnNow() bool {
	select {
	case c.asking <- struct{}{}:
		return true
	default:
		return false
	}
}

func (c *candidate) pass() { <-c.asking }

// ask hands the application in again, which says what has become of it, and enters if it was accepted.
func (c *candidate) ask(ctx context.Context) (*organization, error) {
	if err := c.turn(ctx); err != nil {
		return nil, err
	}
	defer c.pass()
	kept, n := c.snapshot(), c.node
	if o, in := n.entered(kept.Org); in && o.isConfirmed() {
		return o, c.admitted()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if !c.begin(cancel) {
		return nil, errReplaced
	}
	if kept.Waiting {
		return c.join(ctx, kept)
	}
	invitation, err := membership.ParseInvitation(kept.Link)
	if err != nil {
		return nil, err
	}
	var o *organization
	for _, node := range invitation.Nodes {
		e := &entry{
			kept: store.Entrance{Org: kept.Org, Identity: kept.Identity, Event: kept.Event}, lasting: true,
			at: store.Node{Key: node.Key, Addresses: node.Addresses},
			admit: func(ctx context.Context, client *rvclient.Client) error {
				return client.Apply(ctx, invitation.Key(), kept.Event, kept.Text)
			},
			check: func(roll *membership.Roll) error { return checkInvited(roll, invitation) },
		}
		o, err = n.enter(ctx, e)
		if _, answered := errors.AsType[wire.Status](err); err == nil || answered {
			break
		}
	}
	if err != nil {
		return nil, c.note(err)
	}
	return o, c.admitted()
}

// begin notes that somebody asks the rendezvous node, whom cancel stops; false if the joining has ended.
func (c *candidate) begin(cancel context.CancelFunc) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stop = cancel
	return !c.done
}

// admitted ends the joining of who is a member now.
func (c *candidate) admitted() error {
	c.end()
	org := c.snapshot().Org
	c.node.mu.Lock()
	delete(c.node.candidates, org)
	c.node.mu.Unlock()
	return c.node.store.Update(func(tx *store.Tx) error { return tx.DeleteCandidacy(org) })
}

// note keeps what the rendezvous node said, if it ends the application.
func (c *candidate) note(err error) error {
	status, answered := errors.AsType[wire.Status](err)
	if !answered || status.Retryable() || status == wire.StatusPending || status == wire.StatusLimit {
		return err
	}
	kept := c.snapshot()
	if kept.Declined = status == wire.StatusRefused; !kept.Declined {
		kept.Why = status.Error()
	}
	return errors.Join(err, c.keep(kept))
}

// keep stores how the joining stands.
func (c *candidate) keep(kept store.Candidacy) error {
	if err := c.node.store.Update(func(tx *store.Tx) error { return tx.PutCandidacy(kept) }); err != nil {
		return err
	}
	c.mu.Lock()
	c.kept = kept
	c.mu.Unlock()
	c.node.tellJoining()
	return nil
}

// describe returns the application as a person reads it.
func (c *candidate) describe() (api.Candidacy, error) {
	kept := c.snapshot()
	invitation, err := membership.ParseInvitation(kept.Link)
	if err != nil {
		return api.Candidacy{}, fmt.Errorf("reading the own application: %w", err)
	}
	described := api.Candidacy{
		Org: kept.Org.String(), OrgName: invitation.OrgName, Name: kept.Name, Text: kept.Text,
		Device: keys.FromSeed(kept.Identity).Public().String(), State: api.JoinApplied, Why: kept.Why, Since: time.UnixMilli(kept.Since).UTC(),
	}
	switch {
	case kept.Declined:
		described.State = api.JoinDeclined
	case kept.Why != "":
		described.State = api.JoinFailed
	case kept.Waiting:
		described.State, described.Why = api.JoinWaiting, c.waitsFor()
	}
	if len(kept.Event) == 0 {
		return described, nil
	}
	join, err := membership.ReadEvent(kept.Event)
	if err != nil {
		return api.Candidacy{}, fmt.Errorf("reading the own application: %w", err)
	}
	described.Name, described.ID = join.Join.Name, membership.SignedEvent(kept.Event).ID().String()
	return described, nil
}

// result answers a join that waits.
func (c *candidate) result() (api.JoinResult, error) {
	described, err := c.describe()
	if err != nil {
		return api.JoinResult{}, err
	}
	kept := c.snapshot()
	invitation, err := membership.ParseInvitation(kept.Link)
	if err != nil {
		return api.JoinResult{}, err
	}
	recovery, member := kept.Recovery, ""
	if len(kept.Event) > 0 {
		join, err := membership.ReadEvent(kept.Event)
		if err != nil {
			return api.JoinResult{}, err
		}
		recovery, member = join.Join.Recovery, membership.MemberOf(kept.Org, kept.Event).String()
	}
	profile, err := c.node.profile()
	if err != nil {
		return api.JoinResult{}, err
	}
	card := membership.Card{Org: kept.Org, Nodes: invitation.Nodes}
	if at := slices.Index(profile.Recovery, recovery); at >= 0 {
		card.Number = profile.First + uint32(at)
	}
	return api.JoinResult{
		State: described.State, Org: described.Org, OrgName: described.OrgName, Device: described.Device,
		Member: member, Card: card.Text(),
	}, nil
}

// candidacyList describes the joinings of this device that are under way.
func (n *Node) candidacyList() (list []api.Candidacy) {
	n.mu.Lock()
	candidates := make([]*candidate, 0, len(n.candidates))
	for _, c := range n.candidates {
		candidates = append(candidates, c)
	}
	n.mu.Unlock()
	for _, c := range candidates {
		if described, err := c.describe(); err == nil {
			list = append(list, described)
		}
	}
	slices.SortFunc(list, func(a, b api.Candidacy) int { return a.Since.Compare(b.Since) })
	return list
}
