package rendezvous

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/internal/wire"
	"muster.example/rendezvous/rvproto"
)

// Several processes of one node share what they know of its organizations: the store of each is a copy of one journal, and
// what one changes the others take in. What lies in memory beside the store is read anew then. [STO-92]

// journaled is a queue that has a journal too. node is the text of the node's key.
type journaled interface {
	Journal(node string) (kv.Journal, error)
}

// foreign is which keys of the store others have changed, and are not taken in yet. Each is there once.
type foreign struct {
	wake chan struct{} // capacity 1

	mu   sync.Mutex // guards the following
	keys map[string]struct{}
}

func newForeign() *foreign {
	return &foreign{wake: make(chan struct{}, 1), keys: make(map[string]struct{})}
}

func (f *foreign) add(changed [][]byte) {
	f.mu.Lock()
	for _, key := range changed {
		f.keys[string(key)] = struct{}{}
	}
	f.mu.Unlock()
	wake(f.wake)
}

// giveBack notes keys again that could not be taken in. Nobody is woken.
func (f *foreign) giveBack(changed map[string]struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.Copy(f.keys, changed)
}

func (f *foreign) take() map[string]struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := f.keys
	f.keys = make(map[string]struct{})
	return taken
}

// shareStore makes the store a copy of the queue's journal, if it has one. A copy that is too old is made anew.
func (n *Node) shareStore() error {
	q, has := n.queue.(journaled)
	if !has {
		return nil
	}
	journal, err := q.Journal(n.key.Public().String())
	if err != nil {
		return fmt.Errorf("opening the shared store: %w", err)
	}
	err = n.store.Share(journal, storeKey(n.key), n.foreign.add)
	if errors.Is(err, kv.ErrBehind) {
		dir := filepath.Join(n.cfg.Dir, storeFolder)
		n.log.Warn("the folder's copy of the shared store is too old: it is made anew", "folder", dir)
		if err := errors.Join(n.store.Close(), os.RemoveAll(dir)); err != nil {
			return err
		}
		if n.store, err = kv.Open(dir, storeKey(n.key), kv.Options{Logger: n.log}); err != nil {
			return err
		}
		err = n.store.Share(journal, storeKey(n.key), n.foreign.add)
	}
	if n.leaving && errors.Is(err, kv.ErrDiverged) {
		if end, failed := journal.End(); failed == nil && end == 0 {
			return nil // a move broke off when all was here, and the journal gone
		}
	}
	if err != nil {
		return fmt.Errorf("sharing the store: %w", err)
	}
	n.shared = true
	return nil
}

// followStore takes in what other processes change.
func (n *Node) followStore(ctx context.Context) error {
	if !n.shared {
		return nil
	}
	err := n.store.Follow(ctx, func(err error) { n.fault("following the shared store", err) })
	if errors.Is(err, kv.ErrBehind) {
		err = fmt.Errorf("this process was cut off from the cluster for so long that it cannot catch up: start it again, and it makes its copy anew: %w", err)
	}
	return err
}

// takeForeign reads anew what lies in memory of what others have changed. What cannot be taken in is tried again: it may be a bar.
func (n *Node) takeForeign(ctx context.Context) error {
	again := time.NewTimer(foreignPause)
	again.Stop()
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.foreign.wake:
		case <-again.C:
		}
		if failed, err := n.takeChanged(n.foreign.take()); err != nil && ctx.Err() == nil {
			n.fault("taking in what another process changed", err)
			n.foreign.giveBack(failed)
			again.Reset(foreignPause)
		}
	}
}

// parts splits a key of the store.
func parts(key string) (found []string) {
	for len(key) > 0 {
		length, n := binary.Uvarint([]byte(key))
		if n <= 0 || uint64(len(key)-n) < length {
			return nil
		}
		found = append(found, key[n:n+int(length)])
		key = key[n+int(length):]
	}
	return found
}

// takeChanged takes in what changed, and returns what of it could not be.
func (n *Node) takeChanged(changed map[string]struct{}) (left map[string]struct{}, err error) {
	orgs := make(map[keys.OrgID][]string)
	for key := range changed {
		if p := parts(key); len(p) > 1 && len(p[1]) == keys.IDSize {
			id := keys.OrgID([]byte(p[1]))
			orgs[id] = append(orgs[id], key)
		}
	}
	left = make(map[string]struct{})
	for id, all := range orgs {
		found := make([][]string, len(all))
		for i, key := range all {
			found[i] = parts(key)
		}
		if failed := n.takeChangedOf(id, found); failed != nil {
			err = errors.Join(err, fmt.Errorf("organization %s: %w", id.Short(), failed))
			for _, key := range all {
				left[key] = struct{}{}
			}
		}
	}
	return left, err
}

// takeChangedOf takes in what changed of one organization: first whether it is there, then its roll, then the rest.
func (n *Node) takeChangedOf(id keys.OrgID, changed [][]string) error {
	has := func(table []byte) bool {
		for _, p := range changed {
			if p[0] == string(table) {
				return true
			}
		}
		return false
	}
	n.sequence.Lock()
	o := n.directory.org(id)
	var err error
	switch {
	case o == nil && has(tableOrg):
		err = n.openFounded(id).Err()
		n.sequence.Unlock()
		return err
	case o == nil:
		n.sequence.Unlock()
		return nil
	case has(tableOrg):
		err = n.takeRecord(o)
	}
	if err == nil && has(o.roll.table) {
		err = n.overtake(o)
	}
	n.sequence.Unlock()
	for _, p := range changed {
		err = errors.Join(err, o.takeChanged(p), o.passOn(p))
	}
	return err
}

// takeRecord takes in that an organization has moved away, or that its entries lie elsewhere: then it is opened anew. The
// caller holds sequence.
func (n *Node) takeRecord(o *org) error {
	record, err := readOrg(n.store, o.id)
	if err != nil {
		return err
	}
	if string(record.rollTable()) != string(o.roll.table) || len(record.Move) == 0 && o.move.Load() != nil {
		fresh, err := openOrg(n.store, n.key, o.id, n.cfg.Now())
		if err != nil {
			return err
		}
		n.enroll(fresh)
		n.gossip.Leave(fresh.topic) // who hears there knows the organization as it was
		n.joinGossip(fresh)
		o.sessions.cutAll() // and so do streams
		return nil
	}
	if len(record.Move) > 0 && o.move.Load() == nil {
		o.given.Store(record.Given)
		o.move.Store(&record.Move)
		o.sessions.wakeAll()
	}
	return nil
}

// takeChanged takes in one key of an organization that another process changed, of those that lie in memory too.
func (o *org) takeChanged(p []string) error {
	switch {
	case p[0] == string(tableGrant) && len(p) == 5:
		return o.grants.reread(keys.MemberID([]byte(p[2])), keys.MemberID([]byte(p[3])))
	case p[0] == string(tableSay) && len(p) == 5:
		o.talks.reread(keys.MemberID([]byte(p[2])), keys.ConversationID([]byte(p[3])))
	case p[0] == string(tableTalk) && len(p) == 3:
		o.talks.forget(keys.ConversationID([]byte(p[2])))
	case p[0] == string(tableShare) && len(p) == 3:
		return o.presence.reread(keys.MemberID([]byte(p[2])))
	case p[0] == string(tableHere) && len(p) == 3:
		return o.attendance.reread(keys.PublicKey([]byte(p[2])))
	case p[0] == string(tableArchive):
		return o.archive.open()
	}
	return nil
}

// reread judges the grants of a pair anew.
func (g *grants) reread(from, to keys.MemberID) error {
	g.writing.Lock()
	defer g.writing.Unlock()
	standing, err := g.read(kv.Key(tableGrant, g.org[:], from[:], to[:]), func(pair) bool { return true })
	if err == nil {
		g.take(standing)
	}
	return err
}

// reread has what a member gave for a conversation read anew.
func (t *talks) reread(member keys.MemberID, id keys.ConversationID) {
	t.writing.Lock()
	delete(t.counts, member)
	t.writing.Unlock()
	t.forget(id)
}

// value reads one value of the store, nil if there is none.
func value(store *kv.Store, key []byte) (found []byte, err error) {
	err = store.View(func(tx *kv.Tx) (err error) {
		found, err = tx.Get(key)
		return err
	})
	if errors.Is(err, kv.ErrNotFound) {
		return nil, nil
	}
	return found, err
}

// reread takes in what a member shares now.
func (p *presence) reread(member keys.MemberID) error {
	data, err := value(p.store, kv.Key(tableShare, p.org[:], member[:]))
	if err != nil || data == nil {
		return err
	}
	share := new(rvproto.Share)
	if err := wire.Decode(data, share); err != nil {
		return fmt.Errorf("%w: a share: %v", kv.ErrCorrupt, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.personLocked(member).share = share
	p.touchLocked(member)
	return nil
}

// reread takes in when a device came to another process, or that nothing is kept for it: the later of two days counts.
func (a *attendance) reread(device keys.PublicKey) error {
	data, err := value(a.store, kv.Key(tableHere, a.org[:], device[:]))
	if err != nil || data == nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if device.IsZero() {
		var days calendar
		if err := wire.Decode(data, &days); err != nil {
			return fmt.Errorf("%w: the days of attendance: %v", kv.ErrCorrupt, err)
		}
		if days.Count > a.days.Count {
			a.days = days
		}
		return nil
	}
	var r visit
	if err := wire.Decode(data, &r); err != nil {
		return fmt.Errorf("%w: when a device came: %v", kv.ErrCorrupt, err)
	}
	if here, known := a.devices[device]; !known || r.Count >= here.Count {
		a.devices[device] = r
		a.noteParkedLocked()
	}
	return nil
}
