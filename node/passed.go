package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

const (
	// maxPassed bounds those who are remembered as never having become members: the one who ended first goes.
	maxPassed = maxNewcomers
	// joiningEvery is how often it is looked whether a time has ended that somebody joins ahead of the roll.
	joiningEvery = time.Minute
)

// passedLocked reads who joined by an event that is not taken any more; nil if the roll has them, or the event is none. Callers hold mu.
func (o *organization) passedLocked(kept store.Newcomer) *joiner {
	event, principal, err := membership.OpenEvent(kept.Join)
	if err != nil || event.Join == nil || o.roll.State().Standing(principal.Signer) != membership.StandingNone {
		return nil
	}
	return &joiner{kept, membership.EarlyJoin{
		Member: membership.MemberOf(o.org, kept.Join), Device: principal.Signer, Name: event.Join.Name, Recovery: event.Join.Recovery, Invitation: event.Join.Invitation,
	}}
}

// passByLocked notes that a join is not taken any more, and why. Who it was is remembered, for what came from them. [ROLL-198] Callers
// hold mu.
func (o *organization) passByLocked(id keys.EventID, n *joiner, why error) {
	o.log.Info("who joined ahead of the roll is not taken", "device", n.Device.Short(), "reason", why)
	if n.Device == o.device {
		o.noticeLocked(o.member, fmt.Sprintf("%s has not taken you as a member, and nothing more goes to its members from here or comes from them: %s", o.roll.State().OrgName(), whyNot(why)))
	} else {
		o.noticeLocked(n.Inviter, fmt.Sprintf("%q, whom %s invited, did not become a member: %s", n.Name, o.memberNameLocked(n.Inviter), whyNot(why)))
	}
	n.Ended = max(o.now().UnixMilli(), 1)
	o.passed[id] = n
	if err := o.node.store.Update(func(tx *store.Tx) error { return tx.PutNewcomer(o.org, id, n.Newcomer) }); err != nil {
		o.log.Error("keeping who joined ahead of the roll", "error", err)
	}
	if len(o.passed) > maxPassed {
		first := id
		for other, p := range o.passed {
			if p.Ended < o.passed[first].Ended {
				first = other
			}
		}
		delete(o.passed, first)
		o.forgetNewcomerLocked(first)
	}
}

// refuseOwn ends the joining ahead of the roll of this very device: a rendezvous node has said that its join is not to be had.
func (o *organization) refuseOwn(why string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for id, n := range o.newcomers {
		if n.Device == o.device {
			n.Final = true
			delete(o.newcomers, id)
			o.passByLocked(id, n, errors.New(why))
			o.noteJoiningLocked()
			return
		}
	}
}

// forgetNewcomerLocked forgets a join that the roll has, or whose joiner nobody is to be reminded of. Callers hold mu.
func (o *organization) forgetNewcomerLocked(id keys.EventID) {
	if err := o.node.store.Update(func(tx *store.Tx) error { return tx.DeleteNewcomer(o.org, id) }); err != nil {
		o.log.Error("forgetting a join ahead of the roll", "error", err)
	}
}

// reviveLocked takes those again who were not taken for a reason that has gone: the roll here was too old. For how long they may be ahead of
// it counts from when they were first heard of. It forgets those whom the roll has. It reports whether anything is otherwise. Callers hold mu.
func (o *organization) reviveLocked() (changed bool) {
	for id, p := range o.passed {
		if o.roll.State().Standing(p.Device) != membership.StandingNone {
			delete(o.passed, id)
			o.forgetNewcomerLocked(id)
			continue
		}
		if p.Final {
			continue
		}
		kept := p.Newcomer
		kept.Ended = 0
		n, err := o.judgeNewcomerLocked(kept)
		if err != nil || o.roomForLocked(n) != nil {
			continue
		}
		if err := o.node.store.Update(func(tx *store.Tx) error { return tx.PutNewcomer(o.org, id, kept) }); err != nil {
			o.log.Error("keeping a join ahead of the roll", "error", err)
			continue
		}
		delete(o.passed, id)
		o.newcomers[id], changed = n, true
	}
	return changed
}

// keepJoining ends what has its time ahead of the roll. Once this device joins ahead of the roll no more, the joining is told.
func (o *organization) keepJoining(ctx context.Context) error {
	tick := time.NewTicker(joiningEvery)
	defer tick.Stop()
	for waits := !o.isConfirmed(); ; {
		changed := o.changes()
		if waits && o.isConfirmed() {
			waits = false
			o.node.wakeCandidates()
		}
		if !waits {
			changed = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.givenUp:
			return errWiped
		case <-changed:
		case <-tick.C:
			o.mu.Lock()
			if len(o.newcomers)+len(o.passed) > 0 {
				o.settleNewcomersLocked()
			}
			o.mu.Unlock()
		}
	}
}

// unconfirmedLocked says of a member that the roll does not have them, as far as they joined ahead of it. Callers hold mu.
func (o *organization) unconfirmedLocked(member keys.MemberID) api.Unconfirmed {
	if _, ahead := o.allPeopleLocked().Ahead(member); ahead {
		return api.UnconfirmedYet
	}
	if o.passedMemberLocked(member) != nil {
		return api.UnconfirmedNever
	}
	return ""
}

// passedMemberLocked returns who was ahead of the roll once under the id of a member, and is not taken; nil for nobody. Callers hold mu.
func (o *organization) passedMemberLocked(member keys.MemberID) *joiner {
	for _, p := range o.passed {
		if p.Member == member && o.roll.State().Standing(p.Device) == membership.StandingNone {
			return p
		}
	}
	return nil
}

// unconfirmedWithLocked says of the author of a message, or of the one other whom this account wrote it to, that the roll does not have
// them. Callers hold mu.
func (o *organization) unconfirmedWithLocked(m history.Message) api.Unconfirmed {
	if m.Member != o.member {
		return o.unconfirmedLocked(m.Member)
	}
	if other := o.other(placeOf(m)); !other.IsZero() {
		return o.unconfirmedLocked(other)
	}
	return ""
}

// awaitConfirmed waits until the roll has this device: a rendezvous node knows nobody else. The joining asks it meanwhile.
func (o *organization) awaitConfirmed(ctx context.Context) error {
	for {
		changed := o.changes()
		if o.isConfirmed() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// giveUpJoining has what is here of a joining ahead of the roll removed.
func (o *organization) giveUpJoining() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.node.store.Update(func(tx *store.Tx) error {
		return tx.PutWiped(store.Wiped{Org: o.org, Time: time.Now().UnixMilli(), By: "you, who gave the joining up"})
	})
	if err == nil && !isClosed(o.givenUp) {
		close(o.givenUp)
	}
	return err
}
