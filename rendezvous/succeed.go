package rendezvous

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// hearRoll takes in what another node shows of the roll. A further node follows it. The one that orders the roll learns by
// it what it has forgotten, or that another has taken over. [RV-163]
func (n *Node) hearRoll(ctx context.Context, o *org, link *peerLink, from uint64, answer rvproto.NodeAnswer, ask asker) error {
	var named membership.Rendezvous
	o.roll.read(func(state *membership.State) { named, _ = state.Sequencer() })
	shown, err := membership.OpenCheckpoint(answer.Checkpoint, o.id, named.Node)
	if err != nil && o.isOver(answer.Checkpoint) { // the other is behind, and learns so by asking
		select {
		case <-ctx.Done():
		case <-time.After(longestPeerPause / 3):
		}
		return nil
	}
	if err != nil || shown.Term != named.Term { // of a term that is not here yet
		return n.hearTerm(ctx, o, link, ask)
	}
	entries, err := whole(o.id, from, shown.Size, answer, ask)
	if err != nil {
		return err
	}
	if named.Node == n.key.Public() {
		if shown.Size > from {
			n.remind(ctx, o, from, answer, entries)
		}
		return nil
	}
	proof := make([]membership.Hash, 0, len(answer.Proof))
	for _, hash := range answer.Proof {
		proof = append(proof, hash)
	}
	err = n.sequenced(func() error { return n.extendBy(o, answer.Checkpoint, entries, proof) })
	if errors.Is(err, membership.ErrMoved) {
		return n.hearTerm(ctx, o, link, ask)
	}
	return err
}

// remind gives this node back what it has ordered and forgotten.
func (n *Node) remind(ctx context.Context, o *org, from uint64, answer rvproto.NodeAnswer, entries []membership.Entry) {
	request := &rvproto.ShowRequest{Checkpoint: answer.Checkpoint, From: from}
	for _, entry := range entries {
		request.Entries = append(request.Entries, entry.Marshal())
	}
	n.show(ctx, o, keys.PublicKey{}, request)
}

func (n *Node) sequenced(do func() error) error {
	n.sequence.Lock()
	defer n.sequence.Unlock()
	return do()
}

// extendBy has a further node's roll grow. The caller holds sequence.
func (n *Node) extendBy(o *org, note []byte, entries []membership.Entry, proof []membership.Hash) error {
	if n.directory.org(o.id) != o || o.moved().status != wire.StatusOK {
		return errNotPeer
	}
	added, err := o.roll.extend(note, entries, proof)
	if err != nil {
		return fmt.Errorf("following the roll: %w", err)
	}
	return n.followed(o, added)
}

// followed makes hold what entries say that a further node has just taken in. The caller holds sequence.
func (n *Node) followed(o *org, added []membership.Entry) error {
	nodes, reconsider := false, false
	for _, entry := range added {
		if entry.Hidden() {
			continue
		}
		event, err := membership.ReadEvent(entry.Event)
		if err != nil {
			continue
		}
		nodes = nodes || event.Nodes != nil || event.Rendezvous != nil
		reconsider = reconsider || judges(&event) || event.Policy != nil
		if len(added) <= followSingly {
			n.enforce(o, &event, membership.Principal{Org: o.id, Signer: event.Signer}, keys.PublicKey{})
		}
	}
	if len(added) > followSingly {
		n.judge(o, keys.PublicKey{})
		n.directory.archivesOf(o)
	}
	if reconsider {
		o.presence.reconsider()
	}
	if nodes && !o.roll.serves() {
		return n.retire(o, added)
	}
	if nodes {
		n.notePeers()
	}
	o.sessions.wakeAll()
	wake(n.news)
	return nil
}

// retire ends the service of a further node that was taken away: it delivers what it has, and takes nothing more. The
// caller holds sequence. [RV-168]
func (n *Node) retire(o *org, entries []membership.Entry) error {
	event := lastOfNodes(entries)
	record := orgRecord{Table: o.roll.table, Move: event, Given: n.cfg.Now().Unix()}
	err := n.store.Update(func(tx *kv.Tx) error { return tx.Put(kv.Key(tableOrg, o.id[:]), wire.Encode(record)) })
	if err != nil {
		return fmt.Errorf("noting that this node serves no more: %w", err)
	}
	o.given.Store(record.Given)
	o.move.Store(&event)
	o.sessions.cutAll()
	n.gossip.Leave(o.topic)
	n.notePeers()
	n.log.Info("this node serves an organization no more", "org", o.id.Short())
	return nil
}

// lastOfNodes returns the last event that says who serves.
func lastOfNodes(entries []membership.Entry) []byte {
	for i := len(entries) - 1; i >= 0; i-- {
		if entries[i].Hidden() {
			continue
		}
		if event, err := membership.ReadEvent(entries[i].Event); err == nil && (event.Nodes != nil || event.Rendezvous != nil) {
			return bytes.Clone(entries[i].Event)
		}
	}
	return nil
}

// hearTerm fetches the whole roll from another node, because it is of another term of sequencing, and puts it in the place
// of this node's if it succeeds that. [RV-163]
func (n *Node) hearTerm(ctx context.Context, o *org, link *peerLink, ask asker) error {
	now := n.cfg.Now()
	link.mu.Lock()
	early := !link.whole.IsZero() && now.Sub(link.whole) < peerWhole
	link.whole = now
	link.mu.Unlock()
	if early {
		select { // whoever shows rolls that lead nowhere is asked seldom
		case <-ctx.Done():
		case <-time.After(peerPause):
		}
		return nil
	}
	first, err := ask(rvproto.NodeAsk{Org: o.id})
	if err != nil {
		return err
	}
	size, err := rvproto.CheckpointSize(first.Checkpoint)
	if err != nil {
		return err
	}
	entries, err := whole(o.id, 0, size, first, ask)
	if err != nil {
		return err
	}
	event, err := membership.ReadEvent(lastRendezvous(entries))
	if err != nil {
		return err
	}
	next, _, err := membership.Rebuild(o.id, keys.MemberID{}, first.Checkpoint, event.Rendezvous.Node, entries)
	if err != nil {
		return fmt.Errorf("verifying another node's roll: %w", err)
	}
	return n.sequenced(func() error { return n.replace(o, next, entries, first.Checkpoint) })
}

// lastRendezvous returns the last event that names who orders the roll.
func lastRendezvous(entries []membership.Entry) []byte {
	for i := len(entries) - 1; i >= 0; i-- {
		if event, err := membership.ReadEvent(entries[i].Event); err == nil && event.Rendezvous != nil {
			return entries[i].Event
		}
	}
	return nil
}

// replace puts a roll of a later term in the place of the own. The caller holds sequence.
func (n *Node) replace(here *org, next *membership.Roll, entries []membership.Entry, note []byte) error {
	if n.directory.org(here.id) != here {
		return errNotPeer
	}
	here.roll.mu.RLock()
	_, err := here.roll.roll.Succeed(next)
	here.roll.mu.RUnlock()
	if errors.Is(err, membership.ErrSequencer) {
		return nil // it is the other that is behind
	}
	if err != nil {
		return fmt.Errorf("another node's roll does not follow from this one's: %w", err)
	}
	table, err := n.freshTable(here)
	if err != nil {
		return err
	}
	for start := 0; start < len(entries); start += dropBatch {
		err := n.store.Update(func(tx *kv.Tx) error {
			for i, entry := range entries[start:min(start+dropBatch, len(entries))] {
				if err := tx.Put(kv.Key(table, here.id[:], kv.Number(uint64(start+i))), entry.Marshal()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("storing another node's roll: %w", err)
		}
	}
	root, err := next.Root(next.Size())
	if err != nil {
		return err
	}
	record := orgRecord{Table: table}
	if !next.State().Serves(n.key.Public()) {
		record.Move, record.Given = lastOfNodes(entries), n.cfg.Now().Unix()
	}
	vouched := vouchRecord{Size: next.Size(), Root: root}
	err = n.store.Update(func(tx *kv.Tx) error {
		return errors.Join(
			tx.Put(kv.Key(tableOrg, here.id[:]), wire.Encode(record)),
			tx.Put(kv.Key(tableHead, here.id[:]), note),
			tx.Put(kv.Key(tableVouch, here.id[:]), wire.Encode(vouched)),
			tx.Delete(kv.Key(tableAhead, here.id[:])),
		)
	})
	if err != nil {
		return fmt.Errorf("storing another node's roll: %w", err)
	}
	return n.reopen(here)
}

// freshTable returns an empty table for a roll that takes the place of an organization's.
func (n *Node) freshTable(here *org) ([]byte, error) {
	for _, table := range [][]byte{tableRoll, []byte("roll-next")} {
		if !bytes.Equal(table, here.roll.table) {
			return table, dropTable(n.store, table, here.id)
		}
	}
	return nil, errors.New("no table for a roll")
}

// reopen serves an organization by what is stored of it now, in the place of what was served. The caller holds sequence.
func (n *Node) reopen(here *org) error {
	if err := dropTable(n.store, tableTold, here.id); err != nil {
		n.fault("forgetting who knew of the move of before", err)
	}
	o, err := openOrg(n.store, n.key, here.id, n.cfg.Now())
	if err != nil {
		return fmt.Errorf("opening an organization: %w", err)
	}
	n.settle(here, o)
	n.log.Info("the roll of another term was taken in", "org", o.id.Short(), "orders", o.roll.orders())
	return nil
}

// settle serves an organization that was opened, in the place of the one that was served before, if any. The caller holds
// sequence.
func (n *Node) settle(here, o *org) {
	n.enroll(o)
	for device, c := range o.conditions {
		n.clear(o, device, c.standing)
		if c.standing == membership.StandingActive {
			n.welcome(device)
		}
	}
	n.gossip.Leave(o.topic) // who hears there knows the organization as it was
	n.joinGossip(o)
	if here == nil {
		return
	}
	here.sessions.cutAll()
	if !bytes.Equal(here.roll.table, o.roll.table) {
		if err := dropTable(n.store, here.roll.table, o.id); err != nil {
			n.fault("removing the roll of before", err)
		}
	}
}

// isOver reports whether a checkpoint is of a term that another has followed.
func (o *org) isOver(note []byte) (over bool) {
	o.roll.read(func(state *membership.State) {
		terms := state.Terms()
		for _, term := range terms[:len(terms)-1] {
			shown, err := membership.OpenCheckpoint(note, o.id, term.Node)
			over = over || err == nil && shown.Term == term.Number
		}
	})
	return over
}
