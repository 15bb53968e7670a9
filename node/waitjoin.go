package node

import (
	"context"
	"errors"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
)

const (
	// maxJoining is how many joinings may be under way at a time: each asks its rendezvous node by itself.
	maxJoining = 32
	// joiningKept is how long a joining waits at most: as long as an invitation can be good for.
	joiningKept = longestInvitation
	// lookAtNetwork is how often a device that waits for an organization looks whether it is on another network.
	lookAtNetwork = 5 * time.Second
)

// waits reports whether a join that did not work is to be kept: no rendezvous node answered or, if who asks says that the
// invitation may be new, the one that did does not know it yet, or the connection broke.
func waits(err error, request api.JoinRequest) bool {
	if errors.Is(err, errUnreached) {
		return true
	}
	status, answered := errors.AsType[wire.Status](err)
	_, said := errors.AsType[*api.Error](err)
	switch {
	case !request.Wait || said:
		return false
	case answered:
		return status == wire.StatusNotFound || status.Retryable()
	}
	return !errors.Is(err, errOtherRoll)
}

// waitToJoin keeps a joining until the organization can be reached and knows the invitation. The recovery words are shown now,
// while a person is there: they are good for whatever organization comes first.
func (n *Node) waitToJoin(e *entry, request api.JoinRequest, cause error) (api.JoinResult, error) {
	kept := store.Candidacy{
		Org: e.kept.Org, Identity: e.kept.Identity, Event: e.kept.Event, Link: request.Invitation, Text: request.Text, Name: request.As,
		Since: n.now().UnixMilli(), Waiting: true,
	}
	n.mu.Lock()
	many := len(n.candidates) >= maxJoining && n.candidates[kept.Org] == nil
	n.mu.Unlock()
	if many {
		return api.JoinResult{}, api.Errorf(api.CodeRefused, "%d joinings are under way already", maxJoining).
			WithHint("give some of them up: muster status lists them, muster join --give-up ends one")
	}
	if e.begun {
		event, err := membership.ReadEvent(e.kept.Event)
		if err != nil {
			return api.JoinResult{}, err
		}
		kept.Recovery = event.Join.Recovery
		if kept.Text = ""; e.kept.Apply {
			kept.Text = e.kept.Text
		}
	} else {
		kept.Recovery = e.recoveryKey()
		e.profile.Used++
	}
	words := e.words()
	backups := n.backupStatement(e, func(recovery keys.PublicKey) bool { return recovery == kept.Recovery })
	e.profile.Unshown = nil
	err := n.store.Update(func(tx *store.Tx) error {
		return errors.Join(n.putBackupStatement(tx, kept.Org, backups), tx.PutCandidacy(kept), tx.PutProfile(e.profile), tx.DeleteEntrance(e.request))
	})
	if err != nil {
		return api.JoinResult{}, err
	}
	n.log.Info("a joining waits for the organization", "org", kept.Org.Short(), "reason", cause)
	c := n.takeCandidate(kept)
	c.waitFor(cause)
	result, err := c.result()
	result.RecoveryWords = words
	return result, err
}

// join tries to join with an invitation that the organization may not know yet. Callers have the turn.
func (c *candidate) join(ctx context.Context, kept store.Candidacy) (*organization, error) {
	invitation, err := membership.ParseInvitation(kept.Link)
	if err != nil {
		return nil, err
	}
	e := &entry{
		kept:  store.Entrance{Org: kept.Org, Identity: kept.Identity, Event: kept.Event, Text: kept.Text},
		begun: len(kept.Event) > 0, lasting: true, recover: kept.Recovery,
	}
	if e.begun {
		e.kept.Apply = kept.Text != "" // it was signed for an invitation of that kind
	}
	e.save = func(e *entry) error {
		kept.Event = e.kept.Event
		if kept.Text = ""; e.kept.Apply {
			kept.Text = e.kept.Text
		}
		return c.keep(kept)
	}
	o, err := c.node.joinAny(ctx, e, invitation, api.JoinRequest{As: kept.Name, Text: kept.Text})
	if err != nil {
		return nil, c.noteJoin(err)
	}
	if err := o.takeGuestName(ctx, kept.Name); err != nil {
		o.log.Info("a guest's name could not be taken", "error", err)
	}
	return o, c.admitted()
}

// noteJoin keeps what an attempt to join came to, if it is not to be tried again as it is.
func (c *candidate) noteJoin(err error) error {
	kept := c.snapshot()
	status, answered := errors.AsType[wire.Status](err)
	said, refused := errors.AsType[*api.Error](err)
	switch {
	case refused:
		kept.Why = said.Message
	case status == wire.StatusPending: // an application, from here on
		kept.Waiting = false
	case status == wire.StatusStale: // signed long ago, and never taken
		kept.Event = nil
	case answered && status != wire.StatusNotFound && status != wire.StatusLimit && !status.Retryable():
		kept.Why = status.Error()
	case c.node.sober().Sub(time.UnixMilli(kept.Since)) > joiningKept:
		kept.Why = wire.StatusExpired.Error()
	default:
		c.waitFor(err)
		return err
	}
	if o, in := c.node.entered(kept.Org); in && kept.Why != "" {
		o.refuseOwn(kept.Why)
	}
	return errors.Join(err, c.keep(kept))
}

// waitFor notes why the joining waits.
func (c *candidate) waitFor(cause error) {
	said := waitsNetwork
	if _, answered := errors.AsType[wire.Status](cause); answered {
		said = waitsInvitation
	} else if errors.Is(cause, errOtherRoll) {
		said = waitsRoll
	}
	c.mu.Lock()
	changed := c.said != said
	c.said = said
	c.mu.Unlock()
	if changed {
		c.node.tellJoining()
	}
}

// What a joining waits for.
const (
	waitsNetwork    = "the rendezvous node cannot be reached yet"
	waitsInvitation = "the organization does not know the invitation yet"
	waitsRoll       = "the rendezvous node shows another roll than whoever invited you has"
)

func (c *candidate) waitsFor() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.said == "" {
		return waitsNetwork
	}
	return c.said
}

// pause waits until the joining is to be asked about again: after some time or, if it waits for the organization, as soon as
// one can be reached, or this device is on another network.
func (c *candidate) pause(ctx context.Context, limit time.Duration, waiting bool) error {
	due := time.NewTimer(limit)
	defer due.Stop()
	look := make(<-chan time.Time)
	if waiting {
		tick := time.NewTicker(lookAtNetwork)
		defer tick.Stop()
		look = tick.C
	}
	for network := networksNow(); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-due.C:
			return nil
		case <-c.wake:
			return nil
		case <-look:
			if now := networksNow(); now != network {
				return nil
			}
		}
	}
}

// wakeCandidates has every joining that waits try at once: a rendezvous node answers again.
func (n *Node) wakeCandidates() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.candidates {
		wake(c.wake)
	}
}

// replacedBy reports whether a request takes the place of a joining that waits: it has another invitation, name or text.
func (c *candidate) replacedBy(request api.JoinRequest) bool {
	kept := c.snapshot()
	return kept.Waiting && (request.Invitation != kept.Link || request.As != kept.Name || request.Text != kept.Text)
}

// GiveUp ends a joining that waits, or that cannot succeed any more. An application that is with the organization stays there.
func (n *Node) GiveUp(ctx context.Context, request api.GiveUpRequest) (api.Candidacy, error) {
	n.mu.Lock()
	var found []*candidate
	for _, c := range n.candidates {
		found = append(found, c)
	}
	n.mu.Unlock()
	var named []*candidate
	var described api.Candidacy
	for _, c := range found {
		d, err := c.describe()
		if err == nil && (d.Org == request.Org || d.OrgName == request.Org) {
			named, described = append(named, c), d
		}
	}
	switch {
	case len(named) == 0:
		return described, api.Errorf(api.CodeNotFound, "no joining of %q is under way", request.Org).WithHint("`muster status` lists those that are")
	case len(named) > 1:
		return described, api.Errorf(api.CodeUsage, "more than one organization is meant").WithHint("name it by its id")
	case described.State == api.JoinApplied:
		return described, api.Errorf(api.CodeRefused, "the application is with the organization, whose members decide").WithHint("ask an admin there to decline it")
	}
	return described, n.forget(ctx, named[0])
}

// forget ends a joining and gives its recovery key back, if nobody was told of it and no other was taken since.
func (n *Node) forget(ctx context.Context, c *candidate) error {
	c.cut()
	if err := c.turn(ctx); err != nil {
		return err
	}
	defer c.pass()
	kept := c.snapshot()
	o, in := n.entered(kept.Org)
	if in && o.isConfirmed() {
		return api.Errorf(api.CodeRefused, "you are a member already")
	}
	_, done := n.entering(ctx)
	defer done()
	err := n.store.Update(func(tx *store.Tx) error {
		profile, err := tx.Profile()
		if err != nil {
			return err
		}
		if used := profile.Used; used > 0 && len(kept.Event) == 0 && kept.Recovery == profile.Recovery[used-1] {
			profile.Used--
		}
		return errors.Join(tx.PutProfile(profile), tx.DeleteCandidacy(kept.Org))
	})
	if err != nil {
		return err
	}
	if in { // what was said ahead of the roll goes too
		if err := o.giveUpJoining(); err != nil {
			return err
		}
	}
	n.mu.Lock()
	if n.candidates[kept.Org] == c {
		delete(n.candidates, kept.Org)
	}
	n.mu.Unlock()
	wake(c.wake) // it has nothing to wait for
	n.tellJoining()
	return nil
}

// cut ends the joining, and whatever asks about it just now.
func (c *candidate) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done = true; c.stop != nil {
		c.stop()
	}
}
