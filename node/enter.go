package node

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

const (
	// recoverySeries is how many recovery keys are derived when the words are made: one for each organization that a
	// person can enter before the words have to be entered again.
	recoverySeries = 64
	// enterWait bounds the whole of a create or join.
	enterWait = time.Minute
)

// errUnreached means that a rendezvous node does not answer: nothing was asked of it.
var errUnreached = errors.New("connecting to the rendezvous node")

// entry is a create or join under way. What a rendezvous node is handed is stored before (begin), so that a crash at
// any instant leaves a request that can be made again, with the same words to show at its end.
type entry struct {
	request [32]byte
	kept    store.Entrance
	profile store.Profile
	begun   bool                 // kept and profile are stored
	lasting bool                 // what was begun is kept elsewhere, whatever comes of it
	recover keys.PublicKey       // the recovery key, if it is taken already; zero: the next one
	save    func(e *entry) error // of a lasting entry: keeps what is to be handed in; nil: it is kept already
	at      store.Node           // where
	ahead   *store.Newcomer      // the own join, if the roll that is entered by lacks it
	admit   func(ctx context.Context, client *rvclient.Client) error
	check   func(*membership.Roll) error // holds a roll against what whoever invited this device says of it; nil for none
}

// requestID names a request by what was asked for.
func requestID(parts ...string) [32]byte { return sha256.Sum256(wire.Encode(parts)) }

// entering takes the turn to create or join: one at a time, for each takes the next recovery key.
func (n *Node) entering(ctx context.Context) (context.Context, func()) {
	n.joining.Lock()
	ctx, cancel := context.WithTimeout(ctx, enterWait)
	return ctx, func() {
		cancel()
		n.joining.Unlock()
	}
}

// resume returns the entry that a request began before, or a new one.
func (n *Node) resume(request [32]byte) (*entry, error) {
	e := &entry{request: request}
	err := n.store.View(func(tx *store.Tx) (err error) {
		if e.profile, err = tx.Profile(); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		e.kept, err = tx.Entrance(request)
		if e.begun = err == nil; errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil || e.begun {
		return e, err
	}
	e.kept.Identity = keys.Generate().Seed()
	if len(e.profile.Recovery) == 0 {
		seed, err := keys.NewRecoverySeed(rand.Reader)
		if err != nil {
			return nil, err
		}
		for index := range uint32(recoverySeries) {
			e.profile.Recovery = append(e.profile.Recovery, seed.Key(index).Public())
		}
		e.profile.Unshown = seed[:]
	}
	if int(e.profile.Used) >= len(e.profile.Recovery) {
		return nil, api.Errorf(api.CodeFailed, "this device has entered %d organizations, and has no recovery key left for another", e.profile.Used)
	}
	return e, nil
}

// fresh reports whether nothing was handed in for the entry yet.
func (e *entry) fresh() bool { return !e.begun }

// recoveryKey returns the recovery key for the organization to be entered.
func (e *entry) recoveryKey() keys.PublicKey {
	if !e.recover.IsZero() {
		return e.recover
	}
	return e.profile.Recovery[e.profile.Used]
}

// names reports whether the event that was to be handed in holds a recovery key.
func (e *entry) names(recovery keys.PublicKey) bool {
	event, _, err := membership.OpenEvent(e.kept.Event)
	switch {
	case err != nil:
		return false
	case event.Found != nil:
		return event.Found.Recovery == recovery
	default:
		return event.Join != nil && event.Join.Recovery == recovery
	}
}

// words returns the recovery words if they have not been shown yet.
func (e *entry) words() []string {
	if len(e.profile.Unshown) == 0 {
		return nil
	}
	return keys.RecoverySeed(e.profile.Unshown).Words()
}

// begin stores the entry and uses up its recovery key, before anything is handed in.
func (n *Node) begin(e *entry) error {
	switch {
	case e.begun || e.lasting && e.save == nil:
		return nil
	case e.lasting:
		e.begun = true
		return e.save(e)
	}
	e.profile.Used++
	e.begun = true
	return n.store.Update(func(tx *store.Tx) error {
		if err := tx.PutProfile(e.profile); err != nil {
			return err
		}
		return tx.PutEntrance(e.request, e.kept)
	})
}

// abandon forgets an entry that the rendezvous node refused for good, and gives its recovery key back if no other entry
// has taken one since.
func (n *Node) abandon(e *entry) error {
	if !e.begun || e.lasting {
		return nil
	}
	e.begun = false
	if used := e.profile.Used; used > 0 && e.names(e.profile.Recovery[used-1]) {
		e.profile.Used--
	}
	return n.store.Update(func(tx *store.Tx) error {
		if err := tx.PutProfile(e.profile); err != nil {
			return err
		}
		return tx.DeleteEntrance(e.request)
	})
}

// shown ends an entry whose words are about to be answered: from here on they are with the person, and nowhere else. Until
// then the same request gets them again.
func (n *Node) shown(e *entry) error {
	backups := n.backupStatement(e, e.names)
	e.profile.Unshown = nil
	err := n.store.Update(func(tx *store.Tx) error {
		if err := n.putBackupStatement(tx, e.kept.Org, backups); err != nil {
			return err
		}
		if err := tx.PutProfile(e.profile); err != nil {
			return err
		}
		return tx.DeleteEntrance(e.request)
	})
	if o, in := n.entered(e.kept.Org); in && err == nil {
		err = o.keepBackupKey()
	}
	return err
}

// entered returns the organization if this device is in it already.
func (n *Node) entered(org keys.OrgID) (*organization, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	o, ok := n.organizations[org]
	return o, ok
}

// enter has a rendezvous node admit this device, verifies the roll that says so, and stores and runs the organization.
func (n *Node) enter(ctx context.Context, e *entry) (o *organization, err error) {
	self := keys.FromSeed(e.kept.Identity)
	gate := n.newGate()
	local, err := n.newHost(self, gate)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			local.Close()
		}
	}()
	client := &rvclient.Client{Host: local, Node: e.at.Key, Addresses: n.callAt(e.at), Org: e.kept.Org}
	if err := client.Connect(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreached, err)
	}
	if len(e.kept.Event) > 0 { // a join signs its event once it has seen the roll
		if err := n.begin(e); err != nil {
			return nil, err
		}
	}
	if err := e.admit(ctx, client); err != nil {
		if status, ok := errors.AsType[wire.Status](err); ok && !status.Retryable() && status != wire.StatusPending {
			err = errors.Join(err, n.abandon(e))
		}
		return nil, err
	}
	if o, in := n.entered(e.kept.Org); in { // ahead of the roll
		if err := n.confirm(ctx, o, client); err != nil {
			return nil, err
		}
		return o, local.Close()
	}
	page, err := client.Fetch(ctx, 0)
	if err != nil {
		return nil, fmt.Errorf("fetching the roll: %w", err)
	}
	roll := membership.NewRoll(e.kept.Org)
	_, entries, err := extend(roll, page, e.at.Key)
	if err == nil && e.check != nil { // also the second time: what was shown before the join may have been another
		err = e.check(roll)
	}
	if err != nil {
		return nil, err
	}
	member, ok := roll.State().MemberOf(self.Public())
	if !ok {
		return nil, errors.New("the rendezvous node says that it admitted this device, and the roll does not hold it")
	}
	if o, err = n.settle(e, member, entries, page.Checkpoint); err != nil {
		return nil, err
	}
	o.mu.Lock()
	o.heardTimeLocked(page.Checkpoint)
	o.mu.Unlock()
	signed, err := o.currentPrekey()
	if err != nil {
		return nil, err
	}
	// Published before the answer, so that others can seal to this device at once. If it fails, the session does it.
	if err := client.PutPrekey(ctx, signed); err != nil {
		o.log.Info("the prekey is not published yet", "error", err)
	}
	o.takeHost(local, gate)
	if err := n.add(ctx, o); err != nil {
		return nil, err
	}
	o.await(ctx, sendWait, func() bool { return o.connection() != nil })
	return o, nil
}

// settle stores the organization and its roll.
func (n *Node) settle(e *entry, member keys.MemberID, entries []membership.Entry, note []byte) (*organization, error) {
	kept := store.Organization{
		Org: e.kept.Org, Member: member, Identity: e.kept.Identity, Node: e.at, Joined: n.timeOf(note, e.kept.Org, e.at.Key).UnixMilli(),
	}
	for start := 0; start < len(entries); start += entriesPerUpdate {
		err := n.store.Update(func(tx *store.Tx) error {
			for i := start; i < min(start+entriesPerUpdate, len(entries)); i++ {
				if err := tx.PutEntry(kept.Org, uint64(i), entries[i].Marshal()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("storing the roll: %w", err)
		}
	}
	err := n.store.Update(func(tx *store.Tx) error {
		if err := tx.PutCheckpoint(kept.Org, store.Checkpoint{Note: note, Seen: kept.Joined}); err != nil {
			return err
		}
		if e.ahead != nil {
			if err := tx.PutNewcomer(kept.Org, membership.SignedEvent(e.ahead.Join).ID(), *e.ahead); err != nil {
				return err
			}
		}
		return tx.PutOrganization(kept)
	})
	if err != nil {
		return nil, fmt.Errorf("storing the organization: %w", err)
	}
	return n.openOrganization(kept)
}
