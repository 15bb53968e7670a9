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

// candidate is an application of this device to join an organization, until it is a member.
type candidate struct {
	node   *Node
	asking sync.Mutex // one at a time asks the rendezvous node

	mu   sync.Mutex // guards the following
	kept store.Candidacy
	done bool // a member, or replaced by another application
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
		Since: time.Now().UnixMilli(),
	}
	if err := n.store.Update(func(tx *store.Tx) error { return tx.PutCandidacy(kept) }); err != nil {
		return api.JoinResult{}, err
	}
	c := &candidate{node: n, kept: kept}
	n.mu.Lock()
	if had := n.candidates[kept.Org]; had != nil {
		had.end()
	}
	n.candidates[kept.Org] = c
	if n.group != nil {
		n.runCandidateLocked(c)
	}
	n.mu.Unlock()
	result, err := c.result()
	if err != nil {
		return result, err
	}
	result.RecoveryWords = e.words()
	return result, n.shown(e)
}

// readCandidacies reads the applications to join of former runs.
func (n *Node) readCandidacies() error {
	var all []store.Candidacy
	err := n.store.View(func(tx *store.Tx) (err error) {
		all, err = tx.Candidacies()
		return err
	})
	for _, kept := range all {
		if _, in := n.organizations[kept.Org]; in { // a crash came between the two
			err = errors.Join(err, n.store.Update(func(tx *store.Tx) error { return tx.DeleteCandidacy(kept.Org) }))
			continue
		}
		n.candidates[kept.Org] = &candidate{node: n, kept: kept}
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
		since := time.Since(time.UnixMilli(c.snapshot().Since))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(jitter(min(max(since/5, candidateFirst), candidatePause))):
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
	if _, answered := errors.AsType[wire.Status](err); err != nil && !answered {
		return api.JoinResult{}, refusal("asking about the application", err)
	}
	return c.result()
}

// ask hands the application in again, which says what has become of it, and enters if it was accepted.
func (c *candidate) ask(ctx context.Context) (*organization, error) {
	c.asking.Lock()
	defer c.asking.Unlock()
	kept, n := c.snapshot(), c.node
	if o, in := n.entered(kept.Org); in {
		return o, nil
	}
	if c.ended() {
		return nil, errReplaced
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
	c.end()
	n.mu.Lock()
	delete(n.candidates, kept.Org)
	n.mu.Unlock()
	return o, n.store.Update(func(tx *store.Tx) error { return tx.DeleteCandidacy(kept.Org) })
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
	if saved := c.node.store.Update(func(tx *store.Tx) error { return tx.PutCandidacy(kept) }); saved != nil {
		return errors.Join(err, saved)
	}
	c.mu.Lock()
	c.kept = kept
	c.mu.Unlock()
	return err
}

// describe returns the application as a person reads it.
func (c *candidate) describe() (api.Candidacy, error) {
	kept := c.snapshot()
	join, err := membership.ReadEvent(kept.Event)
	if err != nil {
		return api.Candidacy{}, fmt.Errorf("reading the own application: %w", err)
	}
	invitation, err := membership.ParseInvitation(kept.Link)
	if err != nil {
		return api.Candidacy{}, fmt.Errorf("reading the own application: %w", err)
	}
	described := api.Candidacy{
		Org: kept.Org.String(), OrgName: invitation.OrgName, Name: join.Join.Name, Text: kept.Text, Device: join.Signer.String(),
		ID: membership.SignedEvent(kept.Event).ID().String(), State: api.JoinApplied, Why: kept.Why, Since: time.UnixMilli(kept.Since).UTC(),
	}
	switch {
	case kept.Declined:
		described.State = api.JoinDeclined
	case kept.Why != "":
		described.State = api.JoinFailed
	}
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
	join, err := membership.ReadEvent(kept.Event)
	if err != nil {
		return api.JoinResult{}, err
	}
	profile, err := c.node.profile()
	if err != nil {
		return api.JoinResult{}, err
	}
	card := membership.Card{Org: kept.Org, Nodes: invitation.Nodes}
	if at := slices.Index(profile.Recovery, join.Join.Recovery); at >= 0 {
		card.Number = profile.First + uint32(at)
	}
	return api.JoinResult{
		State: described.State, Org: described.Org, OrgName: described.OrgName, Device: described.Device,
		Member: membership.MemberOf(kept.Org, kept.Event).String(), Card: card.Text(),
	}, nil
}

// candidacyList describes the applications of this device.
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
