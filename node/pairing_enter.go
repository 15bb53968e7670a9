package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/pairing"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

const (
	// pairingKept is how long a device that signed keeps asking whether it was added: longer than an event is good for that the
	// other device has not handed in yet.
	pairingKept = 24 * time.Hour
	// pairingPause is the first pause between such questions, which doubles up to longestPause.
	pairingPause = 5 * time.Second
)

// enterAll enters what this device was added to, or was perhaps, and says what came of each.
func (p *newPairing) enterAll(ctx context.Context, broken error) error {
	orgs, added := api.List[api.PairedOrg]{}, 0
	var last error
	for i := range p.offers {
		org := &p.offers[i]
		said := api.PairedOrg{
			Org: org.Org.String(), Name: org.Name, Member: org.Member.String(), Device: keys.FromSeed(org.Identity).Public().String(),
			State: outcomeText[pairing.Added],
		}
		switch err := p.node.enterOffered(ctx, org); {
		case err == nil:
			added++
		case org.known && org.outcome != pairing.Added:
			said.State, said.Why, last = outcomeText[org.outcome], "the other device says why", err
		case org.signed:
			said.State, said.Why, last = "waiting", pairingError(err).Message, err
			added++ // or perhaps
		default:
			said.State, said.Why, last = outcomeText[pairing.Missed], pairingError(err).Message, err
		}
		orgs = append(orgs, said)
	}
	wake(p.node.wakePairings)
	p.tell(func(said *api.Pairing) {
		said.Orgs = orgs
		if said.State = api.PairingDone; added == 0 {
			said.State, said.Error = api.PairingFailed, pairingError(errors.Join(broken, last))
		}
	})
	return nil
}

// errNotAdded means that the old device says that this one was not added.
var errNotAdded = errors.New("this device was not added")

func (n *Node) enterOffered(ctx context.Context, org *offered) error {
	switch {
	case org.known && org.outcome != pairing.Added:
		return errors.Join(errNotAdded, n.store.Update(func(tx *store.Tx) error { return tx.DeletePairing(org.Org) }))
	case org.here:
		return nil
	case !org.signed && !org.known:
		return errNotAdded
	}
	return n.enterPaired(ctx, org.Pairing)
}

// enterPaired enters an organization whose roll has this device, if it has.
func (n *Node) enterPaired(ctx context.Context, kept store.Pairing) error {
	ctx, done := n.entering(ctx)
	defer done()
	if _, already := n.entered(kept.Org); already {
		return n.paired(kept)
	}
	self := keys.FromSeed(kept.Identity).Public()
	e := &entry{kept: store.Entrance{Org: kept.Org, Identity: kept.Identity}, lasting: true}
	e.admit = func(context.Context, *rvclient.Client) error { return nil }
	e.check = func(roll *membership.Roll) error {
		if err := roll.Compare(kept.Size, kept.Root); err != nil {
			return fmt.Errorf("the rendezvous node shows another roll than the other device has: %w", err)
		}
		if member, in := roll.State().MemberOf(self); !in || member != kept.Member {
			return errors.New("the roll has this device as nobody's, or as another member's")
		}
		return nil
	}
	var err error
	for _, node := range kept.Nodes {
		e.at = node
		if _, err = n.enter(ctx, e); err == nil {
			return n.paired(kept)
		}
		if _, answered := errors.AsType[wire.Status](err); answered {
			break
		}
	}
	return err
}

// paired forgets a pairing that is entered, and keeps what lasts of it.
func (n *Node) paired(kept store.Pairing) error {
	return n.store.Update(func(tx *store.Tx) error {
		_, err := tx.Profile()
		if errors.Is(err, store.ErrNotFound) && len(kept.Recovery) > 0 {
			err = tx.PutProfile(store.Profile{Recovery: kept.Recovery, First: kept.First})
		} else if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return errors.Join(err, tx.PutChoice(kept.Org, store.Choice{Number: kept.Number}), tx.DeleteWiped(kept.Org), tx.DeletePairing(kept.Org))
	})
}

// keepPairings enters what a pairing that broke off, or a run that ended, has left: as soon as the rendezvous nodes say that
// this device was added.
func (n *Node) keepPairings(ctx context.Context) error {
	return keepAtIt(ctx, pairingPause, n.wakePairings, n.tryPairings)
}

// tryPairings tries each once, and returns how many are left. Errors are of the store.
func (n *Node) tryPairings(ctx context.Context) (left int, err error) {
	if r := n.currentPairing(); r != nil && !r.said.now().Over() {
		return 1, nil // it may be signing just now
	}
	var all []store.Pairing
	err = n.store.View(func(tx *store.Tx) (err error) {
		all, err = tx.Pairings()
		return err
	})
	for _, kept := range all {
		tried := n.enterPaired(ctx, kept)
		if tried == nil || ctx.Err() != nil {
			continue
		}
		n.log.Info("not in an organization that another device may have added this one to", "org", kept.Org.Short(), "error", tried)
		status, answered := errors.AsType[wire.Status](tried)
		if answered && !status.Retryable() && n.sober().Sub(time.UnixMilli(kept.Since)) > pairingKept {
			err = errors.Join(err, n.store.Update(func(tx *store.Tx) error { return tx.DeletePairing(kept.Org) }))
			continue
		}
		left++
	}
	return left, err
}
