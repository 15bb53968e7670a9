package node

import (
	"context"
	"errors"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/task"
	"muster.example/node/account"
	"muster.example/node/api"
	"muster.example/node/store"
)

const (
	// restoreLife bounds a restore: a large one from a slow drive takes hours.
	restoreLife = 48 * time.Hour
	// restoreWait is how long a request waits for a change of a restore.
	restoreWait = 20 * time.Second
	// restoreTold is how often those are told who watch a restore.
	restoreTold = 300 * time.Millisecond
	// maxDamageLines is how many lines of damage are told.
	maxDamageLines = 1000
)

// itemKind is what a restore asks a backup for.
type itemKind uint8

const (
	itemRecord itemKind = iota
	itemPage
	itemPiece
)

// backedUp is a snapshot of a backup as a restore reads it. What it gives proves nothing: whoever can write to a drive can write
// a backup there.
type backedUp interface {
	// Name names the snapshot, and Time says when it was made.
	Name() string
	Time() time.Time
	// Bytes is how much there is, about.
	Bytes() uint64
	// Account returns what the snapshot says of the account.
	Account(ctx context.Context) (account.Account, error)
	// Each visits what there is of a kind in one organization and can be read. The visit must not keep the bytes. An error of the
	// visit ends it.
	Each(ctx context.Context, org keys.OrgID, kind itemKind, visit func(body []byte) error) error
	// Damage says what could not be read so far, for people.
	Damage() []string
}

// restoreRun is a restore under way, or the last one.
type restoreRun struct {
	*undertaking[api.Restore]
	request api.RestoreRequest
	seed    keys.RecoverySeed
	from    backedUp
	orgs    []restoredOrg
	told    time.Time
	read    uint64
}

// restoredOrg is one organization of a restore.
type restoredOrg struct {
	said    account.Organization
	o       *organization // nil: there is no roll yet
	waiting bool          // a restoration of it is kept
	result  api.RestoredOrg
	tally   tally
}

var (
	errRestoreBusy  = api.Errorf(api.CodeFailed, "another restore was begun at the same time").WithHint("try again")
	errNothingToGet = api.Errorf(api.CodeNotFound, "the backup holds no such organization")
)

func (n *Node) currentRestore() *restoreRun {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.restore
}

// Restore brings back what a backup holds, as far as it is intact, and makes this device a new one of the account in each
// organization. It returns at once: Restoring tells what comes of it. [BACKUP-50] [API-95]
func (n *Node) Restore(ctx context.Context, request api.RestoreRequest) (api.Restore, error) {
	seed, err := readWords(request.Words)
	if err != nil {
		return api.Restore{}, err
	}
	from, err := n.openBackup(ctx, request, seed)
	if err != nil {
		return api.Restore{}, err
	}
	return n.restoreFrom(ctx, request, seed, from)
}

// restoreFrom begins a restore from an open snapshot.
func (n *Node) restoreFrom(ctx context.Context, request api.RestoreRequest, seed keys.RecoverySeed, from backedUp) (api.Restore, error) {
	request.Words = ""
	first := api.Restore{State: api.RestoreReading, Snapshot: from.Name(), Time: from.Time().UTC(), Total: from.Bytes()}
	r := &restoreRun{request: request, seed: seed, from: from, undertaking: &undertaking[api.Restore]{
		node: n, name: "restore", event: api.EventRestore, over: make(chan struct{}), said: newBulletin(first),
		version: func(s *api.Restore) *uint64 { return &s.Version },
		ending: func(s *api.Restore, err error) {
			if s.Over() {
				return
			}
			if err == nil || errors.Is(err, context.Canceled) {
				err = api.Errorf(api.CodeInterrupted, "the restore was ended before it was done").WithHint("begin it again: what is here is kept")
			}
			s.State, s.Error = api.RestoreFailed, api.AsError(err)
		},
	}}
	life, err := undertake(ctx, &n.restore, r, restoreLife, errRestoreBusy)
	if err != nil {
		return api.Restore{}, err
	}
	err = r.start(life, map[string]func(context.Context) error{"restoring": r.run})
	return r.said.now(), err
}

// Restoring tells how far the restore is that is under way, or was last.
func (n *Node) Restoring(ctx context.Context, query api.RestoreQuery) (api.Restore, error) {
	r := n.currentRestore()
	if r == nil {
		return api.Restore{State: api.RestoreNone}, nil
	}
	return r.said.await(ctx, restoreWait, func(s api.Restore) bool { return s.Version > query.After })
}

// run is the whole of it.
func (r *restoreRun) run(ctx context.Context) error {
	said, err := r.from.Account(ctx)
	if err != nil {
		return err
	}
	for _, org := range said.Orgs {
		if r.request.Org == "" || r.request.Org == org.Org.String() || r.request.Org == org.Name {
			r.orgs = append(r.orgs, restoredOrg{said: org, result: api.RestoredOrg{Org: org.Org.String(), Name: org.Name, Member: org.Member.String()}})
		}
	}
	if len(r.orgs) == 0 {
		return errNothingToGet
	}
	r.show(api.RestoreTaking)
	for i := range r.orgs {
		if err := r.take(ctx, &r.orgs[i]); err != nil {
			if ctx.Err() != nil {
				return err
			}
			r.orgs[i].result.State, r.orgs[i].result.Why = "missing", api.AsError(err).Message
		}
		r.show(api.RestoreTaking)
	}
	if err := r.node.backups.noteRestored(); err != nil {
		return err
	}
	r.show(api.RestoreEntering)
	r.enter(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.show(api.RestoreDone)
	wake(r.node.wakeRestorations)
	return nil
}

// show tells how far it is.
func (r *restoreRun) show(state api.RestoreState) {
	orgs := make(api.List[api.RestoredOrg], len(r.orgs))
	for i := range r.orgs {
		org := &r.orgs[i]
		org.result.Records, org.result.Messages = org.tally.added, org.tally.messages
		org.result.Refused = org.tally.items()
		orgs[i] = org.result
	}
	damage := r.from.Damage()
	read := r.read
	r.tell(func(said *api.Restore) {
		said.State, said.Orgs, said.Read, said.Damage = state, orgs, read, damage[:min(len(damage), maxDamageLines)]
	})
	r.told = time.Now()
}

// count notes that bytes were read, and tells of it from time to time.
func (r *restoreRun) count(bytes int) {
	r.read += uint64(bytes)
	if time.Since(r.told) >= restoreTold {
		r.show(api.RestoreTaking)
	}
}

// enter makes this device one of the account wherever it is not, in all organizations at once: a rendezvous node that does not answer
// keeps none of the others waiting.
func (r *restoreRun) enter(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, enterWait)
	defer cancel()
	group := task.New(ctx)
	for i := range r.orgs {
		if org := &r.orgs[i]; org.waiting {
			group.Go("enter "+org.said.Org.Short(), func(ctx context.Context) error { r.enterOne(ctx, org); return nil })
		}
	}
	_ = group.Wait() // none fails
}

func (r *restoreRun) enterOne(ctx context.Context, org *restoredOrg) {
	kept, waits, err := r.node.restorationOf(org.said.Org)
	if err == nil && !waits {
		return
	}
	var entered api.ReturnResult
	if err == nil {
		tried := kept
		if org.o == nil && len(kept.Keys) > 0 {
			tried.Keys = keptKeys(seriesFrom(r.seed, kept.Keys[0].Number))
		}
		entered, err = r.node.enterRestored(ctx, tried)
	}
	if entered.Device != "" {
		org.result.State, org.result.Device, org.result.Name = "entered", entered.Device, entered.OrgName
		org.result.Barred, org.result.Others, org.result.Card = entered.Barred, entered.Others, entered.Card
	}
	switch {
	case err == nil:
		if err := r.noteBackupKey(org.said.Org); err != nil {
			r.node.log.Error("noting what backups are written with", "error", err)
		}
	case entered.Device != "":
		org.result.Why = api.AsError(err).Message
	case final(err):
		org.result.State, org.result.Why = "refused", api.AsError(err).Message
		if err := r.node.refuseRestoration(kept, org.result.Why); err != nil {
			r.node.log.Error("noting that an organization is not entered", "error", err)
		}
	default:
		org.result.State, org.result.Why = "waiting", api.AsError(err).Message
	}
}

// noteBackupKey has this device go on with backups, while the words are there.
func (r *restoreRun) noteBackupKey(org keys.OrgID) error {
	o, here := r.node.entered(org)
	number, err := uint32(0), error(nil)
	if here {
		number, err = o.recoveryNumber()
	}
	if !here || err != nil {
		return err
	}
	o.mu.Lock()
	self, _ := o.roll.State().Member(o.member)
	o.mu.Unlock()
	key, ok := keyOfMember(r.seed, number, self.Recovery)
	if !ok {
		return nil
	}
	return o.noteBackupKey(key.key, r.seed)
}

// keepProfile has further organizations get recovery keys of the same words, if this device has none to give.
func (r *restoreRun) keepProfile(tx *store.Tx) error {
	profile, err := tx.Profile()
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	if err != nil || len(profile.Recovery) > 0 {
		return err
	}
	return tx.PutProfile(seriesOf(r.seed))
}

// nodesOf returns where an organization is reached.
func nodesOf(said account.Organization) (all []store.Node) {
	for _, node := range said.Nodes {
		all = append(all, store.Node{Key: node.Key, Addresses: slices.Clone(node.Addresses)})
	}
	return all
}
