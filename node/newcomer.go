package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

const (
	// maxNewcomers bounds the joins that a device holds ahead of the roll, and maxNewcomersOf those whom one member invited. [ROLL-194]
	maxNewcomers   = 256
	maxNewcomersOf = 8
	// maxInvites bounds the invitations that the roll lacks and that are remembered for joins which may come.
	maxInvites = 64
)

// joiner is who joined by an event that holds against the own roll, and is not on it yet. Whoever has the event hands it in.
type joiner struct {
	store.Newcomer
	membership.EarlyJoin
}

// hearAhead takes in an event that travels ahead of the roll, whatever kind of those it is. errKnown and errNotEarly say that nothing
// was done; any other error that the bytes are no valid event.
func (o *organization) hearAhead(event []byte) error {
	err := o.hearBar(event)
	for _, hear := range []func([]byte) error{o.hearJoin, o.hearMove} {
		if !errors.Is(err, errNotEarly) {
			return err
		}
		err = hear(event)
	}
	return err
}

// hearJoin takes in a join that the roll lacks, or an invitation by which one may come. [ROLL-193]
func (o *organization) hearJoin(data []byte) error {
	event, principal, err := membership.OpenEvent(data)
	if err != nil {
		return err
	}
	if principal.Org != o.org || event.Join == nil && event.Invite == nil {
		return errNotEarly
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if event.Invite != nil {
		return o.rememberInviteLocked(event.Invite.Key, data)
	}
	if o.newcomers[principal.Event] != nil {
		return errKnown
	}
	kept := store.Newcomer{Join: slices.Clone(data), Invite: o.invites[event.Join.Invitation], Heard: o.now().UnixMilli()}
	if before := o.passed[principal.Event]; before != nil {
		if before.Final {
			return errKnown
		}
		kept.Heard = before.Heard // to hear of it again makes it no newer
	}
	n, err := o.judgeNewcomerLocked(kept)
	if err == nil {
		err = o.roomForLocked(n)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errNotEarly, err)
	}
	if err := o.node.store.Update(func(tx *store.Tx) error { return tx.PutNewcomer(o.org, principal.Event, kept) }); err != nil {
		return err
	}
	o.newcomers[principal.Event] = n
	delete(o.passed, principal.Event)
	o.noteJoiningLocked()
	o.log.Info("somebody joins ahead of the roll", "device", n.Device.Short())
	if n.Device != o.device {
		o.noticeLocked(n.Inviter, fmt.Sprintf("%s invited %q, who is not confirmed by the roll yet", o.memberNameLocked(n.Inviter), n.Name))
	}
	o.tellLocked()
	if o.client == nil {
		o.neighbours.news() // no rendezvous node tells them
	}
	wake(o.wakeRoll) // which hands it in
	return nil
}

// rememberInviteLocked keeps the event of an invitation that the roll lacks, if it holds. Callers hold mu.
func (o *organization) rememberInviteLocked(key keys.PublicKey, data []byte) error {
	_, known := o.invites[key]
	switch {
	case known:
		return errKnown
	case len(o.invites) >= maxInvites || !o.roll.State().Policy().TakesEarly():
		return errNotEarly
	}
	if err := o.roll.Check(data, o.rollTime(o.roll.State())); err != nil {
		return fmt.Errorf("%w: %w", errNotEarly, err)
	}
	o.invites[key] = slices.Clone(data)
	return nil
}

// judgeNewcomerLocked holds a join against the roll, the policy, what is known of bars, and for how long nothing was heard of the
// sequencer: who has heard nothing for longer than the offline grace takes nobody. [ROLL-193] [ROLL-195] Callers hold mu.
func (o *organization) judgeNewcomerLocked(kept store.Newcomer) (*joiner, error) {
	state := o.roll.State()
	early, err := o.roll.JudgeEarly(kept.Invite, kept.Join, o.rollTime(state))
	grace := time.Duration(state.Policy().OfflineGrace) * time.Second
	switch {
	case err != nil:
		return nil, err
	case !state.Policy().TakesEarly():
		return nil, errors.New("the policy has nobody taken ahead of the roll")
	case o.distrust != nil || !o.freshLocked(o.checkpoint, o.reckoning.Late()):
		return nil, errors.New("the roll here is too old to take anybody ahead of it")
	case grace > 0 && o.reckoning.Late().Sub(time.UnixMilli(kept.Heard)) >= grace:
		return nil, errors.New("the roll has lacked the join for longer than the offline grace")
	case o.endedEarlyLocked(early.By):
		return nil, errors.New("the device that made the invitation was barred")
	}
	return &joiner{kept, early}, nil
}

// roomForLocked refuses what goes beyond the bounds. [ROLL-194] Callers hold mu.
func (o *organization) roomForLocked(n *joiner) error {
	var by, with uint64
	for _, other := range o.newcomers {
		if other.Device == n.Device {
			return errors.New("the device joins by another event")
		}
		if other.Inviter == n.Inviter {
			by++
		}
		if other.Invitation == n.Invitation {
			with++
		}
	}
	switch {
	case len(o.newcomers) >= maxNewcomers, by >= maxNewcomersOf:
		return fmt.Errorf("%d whom the member invited are not on the roll yet", by)
	case with >= n.Uses:
		return errors.New("the invitation is used up by others")
	}
	return nil
}

// readNewcomers reads the joins that the roll lacked when the node last ran.
func (o *organization) readNewcomers(tx *store.Tx) error {
	return tx.Newcomers(o.org, func(id keys.EventID, kept store.Newcomer) error {
		n, err := o.judgeNewcomerLocked(kept)
		if err == nil && kept.Ended == 0 {
			o.newcomers[id] = n
		} else if passed := o.passedLocked(kept); passed != nil {
			o.passed[id] = passed
		}
		return nil
	})
}

// settleNewcomersLocked forgets those who are on the roll by now, and tells of those whom it cannot have any more, or for whom a bar
// ahead of it was heard. [ROLL-195] Callers hold mu.
func (o *organization) settleNewcomersLocked() {
	changed := false
	for key, invite := range o.invites {
		if o.roll.Check(invite, o.rollTime(o.roll.State())) != nil {
			delete(o.invites, key)
		}
	}
	for id, n := range o.newcomers {
		again, err := o.judgeNewcomerLocked(n.Newcomer)
		if err == nil {
			o.newcomers[id] = again
			continue
		}
		if again := o.renewedLocked(n); again != nil {
			o.newcomers[id] = again
			if err := o.node.store.Update(func(tx *store.Tx) error { return tx.PutNewcomer(o.org, id, again.Newcomer) }); err != nil {
				o.log.Error("keeping a join ahead of the roll", "error", err)
			}
			continue
		}
		changed = true
		if delete(o.newcomers, id); o.roll.State().Standing(n.Device) == membership.StandingNone {
			o.passByLocked(id, n, err)
			continue
		}
		o.log.Info("who joined ahead of the roll is on it", "member", n.Member)
		if n.Device == o.device {
			wake(o.wakeSession)
			o.noticeLocked(o.member, "the roll has you as a member now")
		}
		o.forgetNewcomerLocked(id)
	}
	if o.reviveLocked() || changed {
		o.noteJoiningLocked()
	}
}

// whyNot says in a person's words why somebody did not become a member.
func whyNot(err error) string {
	if reason, refused := membership.ReasonOf(err); refused {
		return reason.String()
	}
	return err.Error()
}

// joinsToTellLocked returns the events of those who join ahead of the roll, each invitation that the roll lacks before its joins.
// Callers hold mu.
func (o *organization) joinsToTellLocked() (events [][]byte) {
	for _, n := range o.newcomersLocked() {
		if len(n.Invite) > 0 && !n.Listed && !slices.ContainsFunc(events, func(e []byte) bool { return slices.Equal(e, n.Invite) }) {
			events = append(events, n.Invite)
		}
		events = append(events, n.Join)
	}
	return events
}

// newcomersLocked returns those who join ahead of the roll, whom one heard of first in front. Callers hold mu.
func (o *organization) newcomersLocked() (all []*joiner) {
	for _, n := range o.newcomers {
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b *joiner) int {
		if a.Heard != b.Heard {
			return int(a.Heard/1000 - b.Heard/1000)
		}
		return a.Device.Compare(b.Device)
	})
	return all
}

// submitNewcomers hands the joins that the roll lacks to the rendezvous node: whoever holds one may. [ROLL-196]
func (o *organization) submitNewcomers(ctx context.Context, client *rvclient.Client) {
	if !o.orders(client) {
		return // no other puts it on the roll
	}
	o.mu.Lock()
	events := o.joinsToTellLocked()
	o.mu.Unlock()
	for _, event := range events {
		if err := client.Submit(ctx, event); err != nil {
			o.log.Info("handing in a join", "error", err)
		}
	}
}

// describeNewcomersLocked says who joins ahead of the roll, and who has a name that looks like another's of them. Callers hold mu.
func (o *organization) describeNewcomersLocked() (all []api.Newcomer) {
	newcomers := slices.DeleteFunc(o.newcomersLocked(), func(n *joiner) bool { return n.Device == o.device })
	for _, n := range newcomers {
		described := api.Newcomer{
			Member: n.Member.String(), Device: n.Device.String(), Name: n.Name, By: o.personLocked(n.Inviter), Since: time.UnixMilli(n.Heard).UTC(),
		}
		if grace := o.roll.State().Policy().OfflineGrace; grace > 0 {
			described.Until = described.Since.Add(time.Duration(grace) * time.Second)
		}
		for _, other := range newcomers {
			described.Clash = described.Clash || other != n && o.roll.State().AreAlike(n.Name, other.Name)
		}
		all = append(all, described)
	}
	return all
}
