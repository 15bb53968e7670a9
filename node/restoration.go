package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

const (
	// restorePause is the first pause between tries to enter what was restored, which doubles up to longestPause.
	restorePause = 5 * time.Second
	// restoreKept is how long a recovery key is kept for that. Then the words are asked for again.
	restoreKept = 30 * 24 * time.Hour
)

// restorationOf returns what an organization waits for that was restored; false if it does not.
func (n *Node) restorationOf(org keys.OrgID) (kept store.Restoration, waits bool, err error) {
	err = n.store.View(func(tx *store.Tx) (err error) {
		kept, err = tx.Restoration(org)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return kept, false, nil
	}
	return kept, err == nil, err
}

// enterRestored makes this device one of the account in an organization that was restored: the recovery key signs it in. [BACKUP-50]
func (n *Node) enterRestored(ctx context.Context, kept store.Restoration) (result api.ReturnResult, err error) {
	o, here := n.entered(kept.Org)
	by := signing{recovery: true}
	switch {
	case len(kept.Keys) == 0:
		return result, api.Errorf(api.CodeRefused, "the words are needed again").WithHint("muster device recover CARD, with the card of this organization")
	case here:
		by.key = keys.FromSeed(kept.Keys[0].Seed)
		err = o.enrol(ctx, by)
	default:
		o, by.key, err = n.enterUnseen(ctx, &kept)
	}
	if err != nil {
		return result, err
	}
	result = api.ReturnResult{
		Org: o.org.String(), OrgName: o.name(), Member: o.member.String(), Name: o.ownName(), Device: o.device.String(), Card: o.card(),
	}
	request := api.ReturnRequest{Bar: kept.Bar, First: kept.First}
	if kept.BarSince > 0 {
		request.Since = time.UnixMilli(kept.BarSince)
	}
	err = o.settleReturn(ctx, by, request, &result)
	if status, answered := errors.AsType[wire.Status](err); err != nil && (!answered || status.Retryable()) && ctx.Err() != nil {
		return result, err // the rest is tried again
	}
	return result, errors.Join(err, n.endRestoration(kept))
}

// enrol has the recovery key add this device, which has the roll as the backup had it, to the account.
func (o *organization) enrol(ctx context.Context, by signing) error {
	add := membership.Event{Device: &membership.Device{Add: o.device}}
	err := o.submitAs(ctx, by, &o.self, add)
	if moved, ok := errors.AsType[*rvclient.MovedError](err); ok {
		if err := o.followByRecovery(ctx, moved.Event, by.key); err != nil {
			return err
		}
		err = o.submitAs(ctx, by, &o.self, add)
	}
	if err != nil {
		return err
	}
	wake(o.wakeSession)
	o.await(ctx, sendWait, func() bool { return o.connection() != nil })
	return nil
}

// awaitEntered waits until the roll has this device: one that was restored has nothing to say to a rendezvous node before, but what the
// recovery key says.
func (o *organization) awaitEntered(ctx context.Context) error {
	for {
		o.mu.Lock()
		waits := o.exclusion != nil && o.exclusion.Standing == membership.StandingNone && o.roll.State().Standing(o.device) == membership.StandingNone
		o.mu.Unlock()
		if !waits {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.wakeSession:
		}
	}
}

// followByRecovery goes to the node that a move names, on the strength of the recovery key.
func (o *organization) followByRecovery(ctx context.Context, move []byte, key keys.PrivateKey) error {
	if err := o.hearMove(move); err != nil && !errors.Is(err, errKnown) {
		return fmt.Errorf("following the organization to another rendezvous node: %w", err)
	}
	local, err := o.hostNow(ctx)
	if err != nil {
		return err
	}
	_, err = o.followWith(ctx, local, func(ctx context.Context, client *rvclient.Client) (rvclient.Page, error) {
		return client.Recover(ctx, key, 0)
	})
	return err
}

// enterUnseen enters an organization of which the backup has no roll that holds, by the roll that the rendezvous node shows.
func (n *Node) enterUnseen(ctx context.Context, kept *store.Restoration) (*organization, keys.PrivateKey, error) {
	ctx, done := n.entering(ctx)
	defer done()
	e := &entry{kept: store.Entrance{Org: kept.Org, Identity: kept.Identity}, lasting: true, request: requestID("restore", kept.Org.String())}
	var key keys.PrivateKey
	var number uint32
	e.admit = func(ctx context.Context, client *rvclient.Client) (err error) {
		key, number, err = n.addByRecovery(ctx, client, e, kept.Org, numberedKeys(kept.Keys))
		return err
	}
	e.check = func(roll *membership.Roll) error { return continuesBackup(roll, kept) }
	var o *organization
	err := errUnreached
	for _, at := range kept.Nodes {
		e.at = at
		if o, err = n.enter(ctx, e); err == nil {
			break
		}
		if _, answered := errors.AsType[wire.Status](err); answered {
			break
		}
	}
	if err != nil {
		return nil, key, err
	}
	kept.Keys = []store.NumberedKey{{Number: number, Seed: key.Seed()}}
	return o, key, n.store.Update(func(tx *store.Tx) error { return errors.Join(tx.PutRestoration(*kept), tx.DeleteEntrance(e.request)) })
}

// continuesBackup holds a roll against the newest checkpoint that the backup has: a rendezvous node that shows an older one is found out.
func continuesBackup(roll *membership.Roll, kept *store.Restoration) error {
	for _, node := range kept.Nodes {
		head, err := membership.HeadOf(kept.Checkpoint, kept.Org, node.Key)
		if err != nil {
			continue // nothing that a sequencer signed: the backup does not say
		}
		if err := roll.CompareHead(head); err != nil {
			return fmt.Errorf("the rendezvous node shows another roll than the backup is from: %w", err)
		}
	}
	return nil
}

// finishRestoration adds this device to the account where that was left undone, with the words that were given now: the backup may be
// from before they were made.
func (n *Node) finishRestoration(ctx context.Context, o *organization, series []numberedKey) error {
	kept, waits, err := n.restorationOf(o.org)
	if err != nil || !waits {
		return err
	}
	client, err := o.reach(ctx)
	if err != nil {
		return err
	}
	key, number, page, err := findAccount(ctx, client, series, o.size())
	if err == nil {
		err = o.adopt(page)
	}
	if err == nil {
		err = o.enrol(ctx, signing{key: key, recovery: true})
	}
	if err != nil {
		return err
	}
	kept.Keys = []store.NumberedKey{{Number: number}}
	return n.endRestoration(kept)
}

// endRestoration forgets that an organization was restored, and with it the recovery key.
func (n *Node) endRestoration(kept store.Restoration) error {
	return n.store.Update(func(tx *store.Tx) error {
		choice, err := tx.Choice(kept.Org)
		if err != nil {
			return err
		}
		if len(kept.Keys) > 0 {
			choice.Number = kept.Keys[0].Number
		}
		return errors.Join(tx.PutChoice(kept.Org, choice), tx.DeleteRestoration(kept.Org))
	})
}

// keepRestoring enters what was restored while the rendezvous node was not reached.
func (n *Node) keepRestoring(ctx context.Context) error {
	return keepAtIt(ctx, restorePause, n.wakeRestorations, n.tryRestorations)
}

// tryRestorations tries each once, and returns how many are left that may succeed later. Errors are of the store.
func (n *Node) tryRestorations(ctx context.Context) (left int, err error) {
	if r := n.currentRestore(); r != nil && !r.said.now().Over() {
		return 1, nil // it does it
	}
	var all []store.Restoration
	err = n.store.View(func(tx *store.Tx) (err error) {
		all, err = tx.Restorations()
		return err
	})
	for _, kept := range all {
		if len(kept.Keys) == 0 || ctx.Err() != nil {
			continue
		}
		if n.sober().Sub(time.UnixMilli(kept.Since)) > restoreKept {
			err = errors.Join(err, n.refuseRestoration(kept, "the rendezvous node was not reached for too long: the words are needed again"))
			continue
		}
		trying, cancel := context.WithTimeout(ctx, enterWait)
		_, tried := n.enterRestored(trying, kept)
		cancel()
		if tried == nil || ctx.Err() != nil {
			continue
		}
		n.log.Info("not a device of an account yet that was restored", "org", kept.Org.Short(), "error", tried)
		if final(tried) {
			why := api.AsError(tried).Message
			if _, here := n.entered(kept.Org); !here {
				why += "; the key that the backup names was tried alone: the words are needed again"
			}
			err = errors.Join(err, n.refuseRestoration(kept, why))
			continue
		}
		left++
	}
	return left, err
}

// final reports whether entering was refused for what it is, so that the same words are of no use.
func final(err error) bool {
	if status, answered := errors.AsType[wire.Status](err); answered {
		return !status.Retryable() && status != wire.StatusMoved && status != wire.StatusLimit
	}
	known, ok := errors.AsType[*api.Error](err)
	return ok && known.Code == api.CodeRefused
}

// refuseRestoration keeps why an organization that was restored is not entered, and the recovery keys no longer.
func (n *Node) refuseRestoration(kept store.Restoration, why string) error {
	kept.Keys, kept.Refused = nil, why
	return n.store.Update(func(tx *store.Tx) error { return tx.PutRestoration(kept) })
}

// restorationText says what a restored organization waits for; "" if it does not.
func (n *Node) restorationText(org keys.OrgID) string {
	kept, waits, err := n.restorationOf(org)
	switch {
	case err != nil || !waits:
		return ""
	case kept.Refused != "":
		return kept.Refused
	}
	return "it was restored from a backup, and is a device of your account as soon as the rendezvous node is reached"
}

func numberedKeys(kept []store.NumberedKey) (all []numberedKey) {
	for _, k := range kept {
		all = append(all, numberedKey{k.Number, keys.FromSeed(k.Seed)})
	}
	return all
}

func keptKeys(all []numberedKey) (kept []store.NumberedKey) {
	for _, k := range all {
		kept = append(kept, store.NumberedKey{Number: k.number, Seed: k.key.Seed()})
	}
	return kept
}

// seriesFrom returns the keys of a series that are tried first: the number that is said, and the first ones.
func seriesFrom(seed keys.RecoverySeed, number uint32) []numberedKey {
	all := []numberedKey{{number, seed.Key(number)}}
	for other := range uint32(returnSearch) {
		if other != number {
			all = append(all, numberedKey{other, seed.Key(other)})
		}
	}
	return all
}

// keyOfMember finds the key of a series that is a member's recovery key.
func keyOfMember(seed keys.RecoverySeed, number uint32, recovery keys.PublicKey) (numberedKey, bool) {
	tried := seriesFrom(seed, number)
	for other := uint32(returnSearch); other < seriesSearch; other++ {
		tried = append(tried, numberedKey{other, seed.Key(other)})
	}
	at := slices.IndexFunc(tried, func(k numberedKey) bool { return k.key.Public() == recovery })
	if at < 0 {
		return numberedKey{}, false
	}
	return tried[at], true
}
