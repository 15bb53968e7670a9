package node

import (
	"cmp"
	"errors"
	"slices"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/node/face"
	"muster.example/node/store"
)

// joinAhead returns the join that this device signs by an invitation which was given to it face to face, while no rendezvous node is
// there to show it the roll; nil if the inviter takes none, or the joining is another's to judge. From then on the device hands in that
// one. It has seen of the roll what the invitation says of it: what a node shows later is held against that before the device goes in.
// [FACE-8]
func (n *Node) joinAhead(offer face.Invitation, link face.Link) []byte {
	c := n.candidateOf(offer.Org)
	if c == nil || !link.Ahead || offer.Apply || offer.Role != membership.RoleMember || !c.turnNow() {
		return nil // it is asked about just now: then a rendezvous node is in reach
	}
	defer c.pass()
	kept := c.snapshot()
	invitation, err := membership.ParseInvitation(link.Text)
	if err != nil || !kept.Waiting || kept.Link != link.Text {
		return nil
	}
	if len(kept.Event) > 0 {
		return kept.Event
	}
	key := invitation.Key()
	kept.Event = membership.SignEvent(membership.Event{Org: offer.Org, Counter: 1, At: invitation.Size, Join: &membership.Join{
		Invitation: key.Public(), Name: cmp.Or(kept.Name, offer.Name), Recovery: kept.Recovery,
	}}, keys.FromSeed(kept.Identity), &key)
	if err := c.keep(kept); err != nil {
		n.log.Warn("keeping a join", "error", err)
		return nil
	}
	return kept.Event
}

// takesEarly reports whether this device takes who joins ahead of the roll.
func (o *organization) takesEarly() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.roll.State().Policy().TakesEarly()
}

// takeJoinAhead takes in the join of somebody whom this device has just invited. If the invitation waits for a rendezvous node its event
// is signed now, so that others can hand in both.
func (o *organization) takeJoinAhead(wish store.Wish, join []byte) (taken bool) {
	o.mu.Lock()
	_, listed := o.roll.State().Invitation(wish.Key())
	var invite []byte
	var err error
	if !listed {
		invite, err = o.signCheckedLocked(inviteEvent(wish), nil)
	}
	o.mu.Unlock()
	if err == nil && len(invite) > 0 {
		if err = o.hearAhead(invite); errors.Is(err, errKnown) {
			err = nil
		}
	}
	if err == nil {
		err = o.hearAhead(join)
	}
	if err != nil { // the joiner and the inviter hand in their own, as ever
		o.log.Info("a join is not taken ahead of the roll", "error", err)
	}
	return err == nil
}

// renewedLocked returns a joiner whose invitation is this device's, and waits for the roll still, with the event of it signed anew: the one
// before had a counter that something else has taken meanwhile. Callers hold mu.
func (o *organization) renewedLocked(n *joiner) *joiner {
	if n.By != o.device || n.Listed {
		return nil
	}
	var all []store.Wish
	err := o.node.store.View(func(tx *store.Tx) (err error) { all, err = tx.Wishes(o.org); return err })
	at := slices.IndexFunc(all, func(w store.Wish) bool { return w.Why == "" && w.Key() == n.Invitation })
	if err != nil || at < 0 {
		return nil
	}
	kept := n.Newcomer
	if kept.Invite, err = o.signCheckedLocked(inviteEvent(all[at]), nil); err != nil {
		return nil
	}
	again, err := o.judgeNewcomerLocked(kept)
	if err != nil {
		return nil
	}
	return again
}
