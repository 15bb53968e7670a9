package rendezvous

import (
	"errors"
	"fmt"

	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// takeService makes this node a further one of an organization whose roll was handed over: all of it becomes durable at
// once, with the token used up, or nothing. Who repeats it gets the same answer. [RV-162]
func (n *Node) takeService(r *rvproto.ServeRequest) rvproto.RollAnswer {
	n.sequence.Lock()
	defer n.sequence.Unlock()
	here := n.directory.org(r.Org)
	used, err := n.claimFor(r.Token)
	if err == nil && (used.IsZero() || used == r.Org) && here != nil && here.moved().status == wire.StatusOK {
		return n.submitted(here, wire.StatusOK)
	}
	if err == nil {
		err = n.mayTake(r.Token, r.Org)
	}
	if err == nil {
		err = n.serveHanded(r, here)
	}
	if err != nil {
		return rollRefusal(n.answerFor("beginning to serve an organization", err))
	}
	o, err := openOrg(n.store, n.key, r.Org, n.cfg.Now())
	if err != nil {
		return rollRefusal(n.fault("opening an organization", err))
	}
	n.settle(here, o)
	n.log.Info("this node serves one more organization beside another", "org", r.Org.Short(), "size", o.roll.roll.Size())
	return n.submitted(o, wire.StatusOK)
}

// serveHanded judges what was handed over, and makes it the organization's roll.
func (n *Node) serveHanded(r *rvproto.ServeRequest, here *org) error {
	record, err := n.handed(r.Token)
	if err != nil {
		return err
	}
	if record.Org != r.Org || record.Size == 0 {
		return wire.StatusNotFound
	}
	next := blankRoll(n.store, n.key, r.Org, handTable(r.Token))
	if err := next.load(record.Size); err != nil {
		return fmt.Errorf("%w: %v", wire.StatusRefused, err)
	}
	if !next.roll.State().IsFurther(n.key.Public()) {
		return wire.StatusRefused
	}
	if err := next.adopt(r.Checkpoint); err != nil {
		return fmt.Errorf("%w: %v", wire.StatusRefused, err)
	}
	if here != nil {
		if err := here.roll.leadsOn(next.roll); err != nil {
			return fmt.Errorf("%w: %v", wire.StatusRefused, err)
		}
	}
	root, err := next.roll.Root(record.Size)
	if err != nil {
		return err
	}
	for device := range conditionsIn(next.roll.State()) {
		if other := n.directory.of(device); other != nil && other.id != r.Org {
			return wire.StatusUsed
		}
	}
	return n.store.Update(func(tx *kv.Tx) error {
		return errors.Join(
			tx.Put(kv.Key(tableOrg, r.Org[:]), wire.Encode(orgRecord{Table: next.table})),
			tx.Put(kv.Key(tableHead, r.Org[:]), r.Checkpoint),
			next.vouch(tx, record.Size, root),
			tx.Put(kv.Key(tableClaim, tokenKey(r.Token)), r.Org[:]),
			tx.Delete(kv.Key(tableHand, tokenKey(r.Token))),
			tx.Delete(kv.Key(tableAhead, r.Org[:])),
		)
	})
}

// leadsOn: a roll begins with all of this one, or succeeds it.
func (r *roll) leadsOn(next *membership.Roll) error {
	if _, err := r.roll.Succeed(next); !errors.Is(err, membership.ErrSequencer) {
		return err
	}
	root, err := r.roll.Root(r.roll.Size())
	if err != nil {
		return err
	}
	return next.Compare(r.roll.Size(), root)
}
