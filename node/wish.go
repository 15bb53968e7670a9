package node

import (
	"cmp"
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
	// maxWishes is how many invitations of one organization may wait for a rendezvous node. Further ones are refused.
	maxWishes = 32
	// wishKept is how long an invitation is listed that the rules refused once it could be handed in.
	wishKept = 30 * 24 * time.Hour
	// wishPause is how long one is kept back that the rendezvous node had no room or time for.
	wishPause = 10 * time.Minute
	// wishWait is how long a connected rendezvous node may take to put an invitation on the roll before it is kept instead. It is
	// less than whoever meets face to face waits for the link. [FACE-5]
	wishWait = 10 * time.Second
)

// inviteEvent is what puts a wish on the roll.
func inviteEvent(w store.Wish) membership.Event {
	return membership.Event{Invite: &membership.Invite{
		Key: w.Key(), Role: membership.Role(w.Role), Uses: w.Uses, Expires: w.Expires, Name: w.Name, Apply: w.Apply,
	}}
}

// issue puts an invitation on the roll or, while no rendezvous node can be reached, keeps it until one can. What the rules
// refuse, as far as the roll is known here, is an error either way.
func (o *organization) issue(ctx context.Context, wish store.Wish) (api.InvitationState, error) {
	if err := o.mayDecide(inviteEvent(wish), nil); err != nil {
		return "", explained(err)
	}
	if _, err := o.awaitOrderer(ctx); err != nil {
		o.log.Info("an invitation waits for the rendezvous node", "reason", err)
	}
	return o.issueNow(ctx, wish)
}

// issueNow is issue without waiting for a connection.
func (o *organization) issueNow(ctx context.Context, wish store.Wish) (api.InvitationState, error) {
	if err := o.mayDecide(inviteEvent(wish), nil); err != nil {
		return "", explained(err)
	}
	if client := o.connection(); client != nil {
		deciding, cancel := context.WithTimeout(ctx, wishWait)
		_, err := o.decideBy(deciding, client, inviteEvent(wish), nil)
		cancel()
		if err == nil {
			return api.InvitationActive, nil
		}
		if _, said := errors.AsType[*api.Error](err); said || ctx.Err() != nil {
			return "", err
		}
		o.log.Info("the connection broke while an invitation was handed in: it is kept", "error", err)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return api.InvitationWaiting, o.keepWish(wish)
}

// keepWish stores an invitation that is to be put on the roll, if there is room for it.
func (o *organization) keepWish(wish store.Wish) error {
	err := o.node.store.Update(func(tx *store.Tx) error {
		all, err := tx.Wishes(o.org)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(w store.Wish) bool { return w.Why != "" })
		if len(all) >= maxWishes {
			return api.Errorf(api.CodeRefused, "%d invitations wait for the rendezvous node already", len(all)).
				WithHint("take some of them back, or wait until it can be reached")
		}
		return tx.PutWish(wish)
	})
	if err == nil {
		wake(o.wakeWishes)
		o.tellWishes()
	}
	return err
}

// tellWishes has pages look at the invitations again.
func (o *organization) tellWishes() {
	o.node.hub.publish(api.Event{Kind: api.EventOrg, Time: o.now().UTC(), Org: o.org.String()})
}

func (o *organization) wishes() (all []store.Wish, err error) {
	err = o.node.store.View(func(tx *store.Tx) (err error) {
		all, err = tx.Wishes(o.org)
		return err
	})
	return all, err
}

// keepIssuing puts on the roll what waits for it, until the session ends.
func (o *organization) keepIssuing(ctx context.Context, client *rvclient.Client) error {
	for {
		left, err := o.issueWishes(ctx, client)
		if err != nil {
			return err
		}
		again := make(<-chan time.Time)
		if left > 0 {
			again = time.After(jitter(wishPause))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.wakeWishes:
		case <-again:
		}
	}
}

// issueWishes hands in what waits, each signed with the counter that is due now, and returns how many are left. An error is
// the network's or the store's.
func (o *organization) issueWishes(ctx context.Context, client *rvclient.Client) (left int, err error) {
	if err := o.takeWishes(ctx); err != nil {
		return 0, err
	}
	defer o.releaseWishes()
	all, err := o.wishes()
	if err != nil {
		return 0, err
	}
	for _, wish := range all {
		if wish.Why != "" {
			if o.sober().Sub(time.UnixMilli(wish.Since)) > wishKept {
				err = errors.Join(err, o.dropWish(wish.Key()))
			}
			continue
		}
		tried := o.issueWish(ctx, client, wish)
		said, answered := errors.AsType[*api.Error](tried)
		switch {
		case tried == nil:
			err = errors.Join(err, o.dropWish(wish.Key()))
		case answered && said.Code == api.CodeRefused:
			o.log.Info("an invitation that waited for the rendezvous node is refused", "reason", said.Message)
			wish.Why = said.Message
			err = errors.Join(err, o.node.store.Update(func(tx *store.Tx) error { return tx.PutWish(wish) }))
		case answered:
			left++
			continue
		default:
			return left, errors.Join(err, fmt.Errorf("handing in an invitation: %w", tried))
		}
		o.tellWishes()
	}
	return left, err
}

// issueWish hands one in, unless the roll has it since a run that did not learn the answer.
func (o *organization) issueWish(ctx context.Context, client *rvclient.Client, wish store.Wish) error {
	o.mu.Lock()
	_, there := o.roll.State().Invitation(wish.Key())
	o.mu.Unlock()
	if there {
		return nil
	}
	if err := o.mayDecide(inviteEvent(wish), nil); err != nil {
		return explained(err)
	}
	_, err := o.decideBy(ctx, client, inviteEvent(wish), nil)
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, there = o.roll.State().Invitation(wish.Key()); there {
		return nil // somebody has handed in the one that travels ahead of the roll [ROLL-196]
	}
	return err
}

// takeWishes takes the turn to hand in or take back what waits: one at a time, so that nothing is taken back that is on its
// way. Callers call releaseWishes.
func (o *organization) takeWishes(ctx context.Context) error {
	select {
	case o.wishing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (o *organization) releaseWishes() { <-o.wishing }

func (o *organization) dropWish(key keys.PublicKey) error {
	return o.node.store.Update(func(tx *store.Tx) error { return tx.DeleteWish(o.org, key) })
}

// takeBackWish takes back an invitation that is not on the roll, if text names one. With check it only says whether it does.
func (o *organization) takeBackWish(ctx context.Context, text string, check bool) (found bool, err error) {
	if err := o.takeWishes(ctx); err != nil {
		return false, err
	}
	defer o.releaseWishes()
	if link, err := membership.ParseInvitation(text); err == nil {
		text = link.Key().Public().String()
	}
	all, err := o.wishes()
	if err != nil {
		return false, err
	}
	all = slices.DeleteFunc(all, func(w store.Wish) bool { return !fits(w.Key(), text) })
	if len(all) == 0 {
		return false, nil
	}
	keysFound := make([]keys.PublicKey, 0, len(all))
	for _, wish := range all {
		keysFound = append(keysFound, wish.Key())
	}
	key, err := oneKey(keysFound, text, "invitation", "")
	if err != nil || check {
		return true, err
	}
	err = o.dropWish(key)
	o.tellWishes()
	return true, err
}

// listWishes describes the invitations that are not on the roll.
func (o *organization) listWishes() (list []api.AdminInvitation, err error) {
	all, err := o.wishes()
	slices.SortFunc(all, func(a, b store.Wish) int { return cmp.Compare(a.Since, b.Since) })
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, wish := range all {
		described := api.AdminInvitation{
			Key: wish.Key().String(), Role: membership.Role(wish.Role).String(), Name: wish.Name, Uses: wish.Uses,
			Made: time.UnixMilli(wish.Since).UTC(), Expires: time.Unix(wish.Expires, 0).UTC(), By: o.personLocked(o.member),
			Apply: wish.Apply, State: api.InvitationWaiting, Why: wish.Why,
		}
		if wish.Why != "" {
			described.State = api.InvitationRefused
		}
		list = append(list, described)
	}
	return list, err
}
