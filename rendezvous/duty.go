package rendezvous

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// handRecord is a roll that is being handed over and lies in the table of its token.
type handRecord struct {
	Org   keys.OrgID `cbor:"1,keyasint"`
	Size  uint64     `cbor:"2,keyasint"`
	Bytes uint64     `cbor:"3,keyasint"`
}

// handTable returns where the roll lies that is handed over with a token, and stays when it is taken.
func handTable(token [32]byte) []byte {
	return append([]byte("roll-"), hex.EncodeToString(tokenKey(token))...)
}

// claimFor returns the organization that a token was used for, zero if it is open; a wire.Status if there is no such token.
func (n *Node) claimFor(token [32]byte) (org keys.OrgID, err error) {
	var held []byte
	err = n.store.View(func(tx *kv.Tx) (err error) {
		held, err = tx.Get(kv.Key(tableClaim, tokenKey(token)))
		return err
	})
	if errors.Is(err, kv.ErrNotFound) {
		return org, wire.StatusNotFound
	}
	if err != nil {
		return org, err
	}
	return keys.OrgID(held), nil
}

// mayTake: the token is open, and the organization is not here, or was and has moved.
func (n *Node) mayTake(token [32]byte, id keys.OrgID) error {
	used, err := n.claimFor(token)
	if err != nil {
		return err
	}
	if o := n.directory.org(id); !used.IsZero() || o != nil && o.moved().status == wire.StatusOK {
		return wire.StatusUsed
	}
	return nil
}

// handOver stores a piece of a roll. Nothing of it counts before take. [RV-70]
func (n *Node) handOver(r *rvproto.HandOverRequest) rvproto.RollAnswer {
	n.sequence.Lock()
	defer n.sequence.Unlock()
	if err := n.stage(r); err != nil {
		return rollRefusal(n.answerFor("taking a piece of a roll", err))
	}
	return rvproto.RollAnswer{}
}

func (n *Node) stage(r *rvproto.HandOverRequest) error {
	if err := n.mayTake(r.Token, r.Org); err != nil {
		return err
	}
	table := handTable(r.Token)
	record, err := n.handed(r.Token)
	if err != nil {
		return err
	}
	if r.From == 0 {
		if err := dropTable(n.store, table, record.Org); err != nil {
			return err
		}
		record = handRecord{Org: r.Org}
	}
	if record.Org != r.Org || record.Size != r.From {
		return wire.StatusStale
	}
	for i, data := range r.Entries {
		entry, err := membership.ParseEntry(data)
		if err != nil {
			return err
		}
		first := r.From == 0 && i == 0
		if entry.Hidden() || first && membership.OrgOf(entry.Event) != r.Org {
			return wire.StatusRefused
		}
		record.Size, record.Bytes = record.Size+1, record.Bytes+uint64(len(data))
	}
	if record.Bytes > maxHanded {
		return wire.StatusTooLarge
	}
	return n.store.Update(func(tx *kv.Tx) error {
		for i, data := range r.Entries {
			if err := tx.Put(kv.Key(table, r.Org[:], kv.Number(r.From+uint64(i))), data); err != nil {
				return err
			}
		}
		return tx.Put(kv.Key(tableHand, tokenKey(r.Token)), wire.Encode(record))
	})
}

// handed returns what was handed over with a token, the zero record for nothing.
func (n *Node) handed(token [32]byte) (record handRecord, err error) {
	err = n.store.View(func(tx *kv.Tx) error {
		value, err := tx.Get(kv.Key(tableHand, tokenKey(token)))
		if err != nil {
			return err
		}
		return wire.Decode(value, &record)
	})
	if errors.Is(err, kv.ErrNotFound) {
		err = nil
	}
	return record, err
}

// takeDuty makes this node order a roll that was handed over: all of it becomes durable at once, with the token used up, or
// nothing. Who repeats it gets the same answer. [RV-71]
func (n *Node) takeDuty(ctx context.Context, r *rvproto.TakeRequest) rvproto.RollAnswer {
	n.sequence.Lock()
	defer n.sequence.Unlock()
	here := n.directory.org(r.Org)
	used, err := n.claimFor(r.Token)
	if err == nil && used == r.Org && here != nil && here.roll.holds(r.Event) {
		return n.submitted(here, wire.StatusOK)
	}
	if err == nil {
		err = n.mayTake(r.Token, r.Org)
	}
	if err == nil {
		err = n.takeHanded(r, here, n.cfg.Now())
	}
	if err != nil {
		return rollRefusal(n.answerFor("taking over an organization", err))
	}
	if err := dropTable(n.store, tableTold, r.Org); err != nil {
		n.fault("forgetting who knew of the move of before", err)
	}
	o, err := openOrg(n.store, n.key, r.Org, n.cfg.Now())
	if err != nil {
		return rollRefusal(n.fault("opening an organization", err))
	}
	n.settle(here, o)
	n.log.Info("organization taken over", "org", r.Org.Short(), "size", o.roll.roll.Size())
	return n.submitted(o, wire.StatusOK)
}

// takeHanded judges what was handed over with the move behind it, and makes it the organization's roll.
func (n *Node) takeHanded(r *rvproto.TakeRequest, here *org, now time.Time) error {
	record, err := n.handed(r.Token)
	if err != nil {
		return err
	}
	if record.Org != r.Org || record.Size == 0 {
		return wire.StatusNotFound
	}
	event, _, err := membership.OpenEvent(r.Event)
	if err != nil {
		return err
	}
	if event.Rendezvous == nil || event.Rendezvous.Node != n.key.Public() {
		return wire.StatusRefused
	}
	next := blankRoll(n.store, n.key, r.Org, handTable(r.Token))
	if err := next.load(record.Size); err != nil {
		return fmt.Errorf("%w: %v", wire.StatusRefused, err)
	}
	root, err := next.roll.Root(record.Size)
	if err != nil {
		return err
	}
	entry, err := next.follow(n.cfg.Random, now, r.Event)
	if err != nil {
		return err
	}
	if here != nil {
		if _, err := here.roll.roll.Succeed(next.roll); err != nil {
			return fmt.Errorf("%w: %v", wire.StatusRefused, err)
		}
	}
	for device := range conditionsIn(next.roll.State()) {
		if other := n.directory.of(device); other != nil && other.id != r.Org {
			return wire.StatusUsed
		}
	}
	return n.store.Update(func(tx *kv.Tx) error {
		return errors.Join(
			tx.Put(kv.Key(next.table, r.Org[:], kv.Number(record.Size)), entry.Marshal()),
			tx.Put(kv.Key(tableOrg, r.Org[:]), wire.Encode(orgRecord{Table: next.table})),
			next.vouch(tx, record.Size, root),
			tx.Put(kv.Key(tableClaim, tokenKey(r.Token)), r.Org[:]),
			tx.Delete(kv.Key(tableHand, tokenKey(r.Token))),
			tx.Delete(kv.Key(tableAhead, r.Org[:])),
		)
	})
}

// giveUp ends the duty of this node, if an event moves it to another, and the other shows by a checkpoint that it has taken
// over: from here on this node orders and takes nothing for the organization, says who does, and delivers what it has. The
// move alone does nothing: it may name a node that nobody runs. charge is called before what costs time. The caller is the
// sequencer. [RV-72]
func (n *Node) giveUp(o *org, parsed *membership.Event, event, note []byte, charge func() error) error {
	move := parsed.Rendezvous
	if err := o.roll.mayMove(parsed); err != nil {
		return err
	}
	if len(note) == 0 {
		return wire.StatusConflict
	}
	shown, err := membership.OpenCheckpoint(note, o.id, move.Node)
	if err != nil || shown.Term != move.Term || shown.Size <= move.Size {
		return wire.StatusRefused
	}
	if err := charge(); err != nil {
		return err
	}
	next := blankRoll(n.store, n.key, o.id, o.roll.table)
	root, err := o.roll.roll.Root(move.Size) // only the sequencer changes the roll
	if err != nil {
		return err
	}
	if err := next.reload(move.Size, root); err != nil {
		return err
	}
	if _, err := next.follow(n.cfg.Random, n.cfg.Now(), event); err != nil {
		return err
	}
	o.roll.mu.RLock()
	_, err = o.roll.roll.Succeed(next.roll)
	o.roll.mu.RUnlock()
	if err != nil {
		return fmt.Errorf("%w: %v", wire.StatusRefused, err)
	}
	event = bytes.Clone(event)
	record := orgRecord{Table: o.roll.table, Move: event, Given: n.cfg.Now().Unix()}
	err = n.store.Update(func(tx *kv.Tx) error {
		return tx.Put(kv.Key(tableOrg, o.id[:]), wire.Encode(record))
	})
	if err != nil {
		return err
	}
	o.given.Store(record.Given)
	o.move.Store(&event)
	o.sessions.cutAll()
	n.gossip.Leave(o.topic)
	n.log.Info("another node has taken over", "org", o.id.Short(), "node", move.Node)
	return nil
}

// mayMove refuses, without looking at more than the newest state, a move that does not begin a later term from within the
// roll, or is by somebody who may not act for the organization now. The caller is the sequencer.
func (r *roll) mayMove(event *membership.Event) (err error) {
	r.read(func(state *membership.State) {
		named, _ := state.Sequencer()
		member, _ := state.MemberOf(event.Signer)
		account, _ := state.Member(member)
		admin := !member.IsZero() && account.Role == membership.RoleAdmin
		switch {
		case event.Rendezvous.Size > state.Size(), event.Rendezvous.Term <= named.Term:
			err = wire.StatusStale
		case !admin && event.Signer != state.RootKey():
			err = wire.StatusRefused
		}
	})
	return err
}
