package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/authority"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/rendezvous/rvclient"
)

const (
	// applicationPause is about how often a device that asked for re-admission looks whether an admin has signed it.
	applicationPause = 5 * time.Minute
	// promisePause is about how often it looks, while the delay lasts, whether the account has refused.
	promisePause = time.Hour
)

// Lost makes the request of somebody who lost devices and words: an admin who knows them signs it. The node then takes
// the account by itself, once the delay is over.
func (n *Node) Lost(ctx context.Context, request api.LostRequest) (api.LostResult, error) {
	card, err := readCard(request.Card)
	if err != nil {
		return api.LostResult{}, err
	}
	if request.As == "" || len(request.As) > membership.MaxNameBytes {
		return api.LostResult{}, api.Errorf(api.CodeUsage, "your name in the organization is needed")
	}
	_, done := n.entering(ctx)
	defer done()
	if _, already := n.entered(card.Org); already {
		return api.LostResult{}, api.Errorf(api.CodeRefused, "this device is in the organization already")
	}
	now := n.now()
	n.mu.Lock()
	defer n.mu.Unlock()
	if had := n.applications[card.Org]; had != nil && had.promised() {
		kept := had.snapshot()
		return lostResult(kept, nil), nil // an admin has signed it: its words were shown
	}
	seed, err := keys.NewRecoverySeed(rand.Reader)
	if err != nil {
		return api.LostResult{}, err
	}
	kept := store.Application{
		Org: card.Org, Identity: keys.Generate().Seed(), Recovery: seed.Key(0).Public(), Name: request.As, Since: now.UnixMilli(),
	}
	for _, node := range card.Nodes {
		kept.Nodes = append(kept.Nodes, store.Node{Key: node.Key, Addresses: node.Addresses})
	}
	backups := signBackupStatement(kept.Org, seed.Key(0), seed, now.UnixMilli())
	err = n.store.Update(func(tx *store.Tx) error {
		return errors.Join(n.putBackupStatement(tx, kept.Org, backups), tx.PutApplication(kept))
	})
	if err != nil {
		return api.LostResult{}, err
	}
	n.applyLocked(kept)
	return lostResult(kept, seed.Words()), nil
}

func requestOf(kept store.Application) membership.Request {
	return membership.Request{Org: kept.Org, Device: keys.FromSeed(kept.Identity).Public(), Recovery: kept.Recovery, Name: kept.Name}
}

func lostResult(kept store.Application, words []string) api.LostResult {
	request := requestOf(kept)
	card := membership.Card{Org: kept.Org}
	for _, node := range kept.Nodes {
		card.Nodes = append(card.Nodes, membership.NodeAddress{Key: node.Key, Addresses: node.Addresses})
	}
	return api.LostResult{
		Org: kept.Org.String(), Device: request.Device.String(), Request: request.Link(), Code: request.Code(), Card: card.Text(),
		RecoveryWords: words,
	}
}

// readApplications reads the requests for re-admission of former runs.
func (n *Node) readApplications() error {
	var all []store.Application
	err := n.store.View(func(tx *store.Tx) (err error) {
		all, err = tx.Applications()
		return err
	})
	for _, kept := range all {
		if _, in := n.organizations[kept.Org]; in { // a crash came between the two
			err = errors.Join(err, n.store.Update(func(tx *store.Tx) error { return tx.DeleteApplication(kept.Org) }))
			continue
		}
		n.applications[kept.Org] = newApplication(n, kept)
	}
	return err
}

// applyLocked makes a request known in the place of an older one, and runs it. Callers hold n.mu.
func (n *Node) applyLocked(kept store.Application) {
	if had := n.applications[kept.Org]; had != nil {
		had.replace()
	}
	a := newApplication(n, kept)
	n.applications[kept.Org] = a
	if n.group != nil {
		n.runApplicationLocked(a)
	}
}

// runApplicationLocked runs a request in the node's group. Callers hold n.mu.
func (n *Node) runApplicationLocked(a *application) {
	n.group.Go("re-admission "+a.snapshot().Org.Short(), a.run)
}

// run looks for the re-admission, from time to time, until the account is this device's.
func (a *application) run(ctx context.Context) error {
	ctx, cancel := a.begin(ctx)
	defer cancel()
	local, err := a.node.newHost(keys.FromSeed(a.snapshot().Identity), a.gate)
	if err != nil {
		return err
	}
	entered := false
	defer func() {
		if !entered {
			local.Close()
		}
	}()
	for {
		entered, err = a.look(ctx, local)
		if entered || ctx.Err() != nil {
			return a.ended(ctx.Err())
		}
		a.node.log.Info("waiting for a re-admission", "org", a.snapshot().Org.Short(), "error", err)
		select {
		case <-ctx.Done():
			return a.ended(ctx.Err())
		case <-time.After(a.pause(a.node.now())):
		}
	}
}

// pause returns how long to wait before the next look: until the re-admission is due, if that is sooner.
func (a *application) pause(now time.Time) time.Duration {
	kept := a.snapshot()
	if due := time.UnixMilli(kept.Due).Sub(now); kept.Promised && due > 0 {
		return min(jitter(promisePause), due+time.Second)
	}
	return jitter(applicationPause)
}

// look asks each node of the card once. It reports whether the account is this device's now.
func (a *application) look(ctx context.Context, local host.Host) (entered bool, err error) {
	kept := a.snapshot()
	for _, at := range kept.Nodes {
		entered, err = a.lookAt(ctx, local, at)
		_ = local.Network().ClosePeer(p2p.PeerID(at.Key))
		if _, answered := errors.AsType[wire.Status](err); entered || err == nil || answered {
			return entered, err
		}
	}
	return false, err
}

func (a *application) lookAt(ctx context.Context, local host.Host, at store.Node) (entered bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, enterWait)
	defer cancel()
	kept := a.snapshot()
	client := &rvclient.Client{Host: local, Node: at.Key, Addresses: a.node.callAt(at), Org: kept.Org}
	if kept.Promised { // the answer to a former run may have been lost
		if page, err := client.Fetch(ctx, 0); err == nil {
			return true, a.takeAccount(ctx, local, at, page)
		}
	}
	page, err := client.Promised(ctx, 0)
	if err != nil {
		if status, answered := errors.AsType[wire.Status](err); answered && !status.Retryable() && kept.Promised {
			kept.Refused, kept.Due = true, 0
			return false, errors.Join(err, a.keep(kept))
		}
		return false, err
	}
	entries, err := parseEntries(page.Entries)
	if err != nil {
		return false, err
	}
	roll, checkpoint, err := membership.Rebuild(kept.Org, keys.MemberID{}, page.Checkpoint, at.Key, entries)
	if err != nil {
		return false, err
	}
	waiting, err := a.promise(roll.State(), kept)
	if err != nil {
		return false, err
	}
	kept.Promised, kept.Refused, kept.Due = true, false, waiting.Due
	if err := a.keep(kept); err != nil || max(a.node.now().UnixMilli(), checkpoint.Time.UnixMilli()) < waiting.Due {
		return false, err
	}
	self := keys.FromSeed(kept.Identity)
	enter := membership.SignEvent(membership.Event{
		Org: kept.Org, Counter: roll.State().NextCounter(self.Public()), At: roll.Size(), Enter: &membership.Enter{Readmission: waiting.Event},
	}, self, nil)
	if err := client.Present(ctx, enter); err != nil {
		return false, fmt.Errorf("entering the account: %w", err)
	}
	if page, err = client.Fetch(ctx, 0); err != nil {
		return false, err
	}
	return true, a.takeAccount(ctx, local, at, page)
}

// promise returns the re-admission that names this device. One that names another recovery key than the request is not
// entered: whoever changed it would have the last word over the account.
func (a *application) promise(state *membership.State, kept store.Application) (authority.Readmission, error) {
	_, waiting, ok := state.PromisedTo(keys.FromSeed(kept.Identity).Public())
	if !ok {
		return waiting, errors.New("no re-admission names this device")
	}
	if waiting.Recovery != kept.Recovery {
		return waiting, errors.New("the re-admission names another recovery key than was asked for: make a new request")
	}
	return waiting, nil
}

// takeAccount stores the organization, whose roll says that this device is its member's, and runs it.
func (a *application) takeAccount(ctx context.Context, local host.Host, at store.Node, page rvclient.Page) error {
	kept := a.snapshot()
	roll := membership.NewRoll(kept.Org)
	_, entries, err := extend(roll, page, at.Key)
	if err != nil {
		return err
	}
	member, ok := roll.State().MemberOf(keys.FromSeed(kept.Identity).Public())
	if !ok {
		return errors.New("the roll does not hold this device")
	}
	n := a.node
	o, err := n.settle(&entry{kept: store.Entrance{Org: kept.Org, Identity: kept.Identity}, at: at}, member, entries, page.Checkpoint)
	if err != nil {
		return err
	}
	o.takeHost(local, a.gate)
	n.mu.Lock()
	delete(n.applications, kept.Org)
	n.mu.Unlock()
	err = n.store.Update(func(tx *store.Tx) error {
		return errors.Join(tx.DeleteApplication(kept.Org), tx.DeleteWiped(kept.Org))
	})
	return errors.Join(err, n.add(ctx, o))
}

// applicationList describes the requests for re-admission under way.
func (n *Node) applicationList() (list []api.Application) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range n.applications {
		kept := a.snapshot()
		request := requestOf(kept)
		described := api.Application{
			Org: kept.Org.String(), Name: kept.Name, Device: request.Device.String(), Request: request.Link(), Code: request.Code(),
			State: "asked", Since: time.UnixMilli(kept.Since).UTC(),
		}
		switch {
		case kept.Refused:
			described.State = "refused"
		case kept.Promised:
			described.State, described.Due = "waiting", time.UnixMilli(kept.Due).UTC()
		}
		list = append(list, described)
	}
	slices.SortFunc(list, func(a, b api.Application) int { return a.Since.Compare(b.Since) })
	return list
}
