package rendezvous

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
)

// Checked is what a check of a node's folder found: the JSON of `muster-rendezvous check`.
type Checked struct {
	Running  bool           `json:"running"` // the node serves, and answered itself
	Node     keys.PublicKey `json:"node"`
	Orgs     []OrgChecked   `json:"orgs"`
	Queue    QueueChecked   `json:"queue"`
	Troubles []string       `json:"troubles"` // what keeps a running node from its work
	Damage   []string       `json:"damage"`   // what is wrong on disk, each with the file that it is in
}

// Good reports whether nothing is wrong.
func (c *Checked) Good() bool { return len(c.Damage) == 0 && len(c.Troubles) == 0 }

// OrgChecked is what was found of one organization's roll: all signatures were verified, and all rules asked.
type OrgChecked struct {
	Org      keys.OrgID `json:"org"`
	Name     string     `json:"name"`
	Members  int        `json:"members"`
	RollSize uint64     `json:"roll_size"`
	Root     string     `json:"root"`
	Forgot   uint64     `json:"forgot,omitempty"` // entries that the node signed and does not have: devices bring them [RV-64]
	Moved    bool       `json:"moved,omitempty"`
}

// QueueChecked is what the queue holds, all kinds of bodies.
type QueueChecked struct {
	Bodies  int64      `json:"bodies"`
	Entries int64      `json:"entries"` // pairs of a body and a device that waits for it
	Bytes   int64      `json:"bytes"`   // of those bodies
	Disk    int64      `json:"disk"`    // bytes of all files
	Dead    int64      `json:"dead"`    // copies of bodies that nobody waits for: they go within a minute of quiet
	Oldest  *time.Time `json:"oldest,omitempty"`
	Orphans int64      `json:"orphans"` // files, keys and entries that belong to nothing
}

// reporter is a queue that says what it holds.
type reporter interface {
	Report(context.Context) (queue.Report, error)
}

// orphans counts what belongs to nothing.
func orphans(r queue.Report) int64 { return int64(len(r.Keyless)) + int64(r.Fileless) + r.Stray }

// CheckFolder checks the folder of a node that does not run. It makes nothing that is not there. Errors: ErrRunning,
// ErrIdentity, and what keeps the check from being made; what is found damaged is in the answer.
func CheckFolder(ctx context.Context, dir string) (Checked, error) {
	found := Checked{Orgs: []OrgChecked{}, Troubles: []string{}, Damage: []string{}}
	if err := compatible(dir); err != nil {
		return found, err
	}
	key, err := readIdentity(filepath.Join(dir, identityFile), nil)
	if errors.Is(err, fs.ErrNotExist) {
		return found, fmt.Errorf("%s is no rendezvous node's folder: it has no %s", dir, identityFile)
	}
	if err != nil {
		return found, err
	}
	found.Node = key.Public()
	if path := filepath.Join(dir, storeFolder); !isThere(path) {
		found.damaged("%s: there is none", storeFolder)
	} else if err := found.openStore(ctx, path, key); err != nil {
		return found, err
	}
	if path := filepath.Join(dir, queueFolder); isThere(path) {
		report, err := queue.Inspect(path)
		switch {
		case errors.Is(err, queue.ErrLocked):
			return found, ErrRunning
		case errors.Is(err, queue.ErrCorrupt):
			found.damaged("%s: %v", queueFolder, err)
		case err != nil:
			return found, err
		default:
			found.queue(report)
		}
	}
	return found, nil
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (c *Checked) openStore(ctx context.Context, path string, key keys.PrivateKey) error {
	store, err := kv.Open(path, storeKey(key), kv.Options{Brief: true})
	files := new(kv.Damage)
	switch {
	case errors.Is(err, kv.ErrLocked):
		return ErrRunning
	case errors.As(err, &files):
		for _, found := range files.Found {
			c.damaged("%s/%s", storeFolder, found)
		}
		return nil
	case errors.Is(err, kv.ErrCorrupt), errors.Is(err, kv.ErrKey):
		c.damaged("%s: %v", storeFolder, err)
		return nil
	case err != nil:
		return err
	}
	return errors.Join(c.store(ctx, store, key), store.Close())
}

// Check checks the running node's folder.
func (n *Node) Check(ctx context.Context) (Checked, error) {
	var found Checked
	for range 2 { // a roll whose place another takes meanwhile looks damaged: it is looked at again
		found = Checked{Running: true, Node: n.Key(), Orgs: []OrgChecked{}, Troubles: append([]string{}, n.Health()...), Damage: []string{}}
		if err := found.store(ctx, n.store, n.key); err != nil {
			return found, err
		}
		if len(found.Damage) == 0 {
			break
		}
	}
	if q, reports := n.queue.(reporter); reports {
		report, err := q.Report(ctx)
		if err != nil {
			return found, fmt.Errorf("looking at the queue: %w", err)
		}
		found.queue(report)
		if orphans := found.Queue.Orphans; orphans > 0 { // at rest a crash may have left some, which a start removes
			found.damaged("%s: %d files, keys or entries belong to nothing", queueFolder, orphans)
		}
	}
	return found, nil
}

func (c *Checked) damaged(format string, values ...any) {
	if len(c.Damage) < maxDamage {
		c.Damage = append(c.Damage, fmt.Sprintf(format, values...))
	}
}

// queue notes what the queue says of itself.
func (c *Checked) queue(r queue.Report) {
	c.Queue = QueueChecked{
		Bodies: r.Bodies, Entries: r.Entries, Bytes: r.Bytes, Disk: r.Disk, Dead: r.Dead,
		Orphans: orphans(r),
	}
	if !r.Oldest.IsZero() {
		oldest := r.Oldest.UTC()
		c.Queue.Oldest = &oldest
	}
	for _, err := range r.Damage {
		c.damaged("%s: %v", queueFolder, err)
	}
}

// store checks everything in the store: that it can be read, that it belongs to an organization, and the rolls.
func (c *Checked) store(ctx context.Context, store *kv.Store, key keys.PrivateKey) error {
	orgs, err := listOrgs(store)
	if errors.Is(err, kv.ErrCorrupt) {
		c.damaged("%s: the list of organizations: %v", storeFolder, err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("listing organizations: %w", err)
	}
	if err := c.values(ctx, store); err != nil {
		return err
	}
	for _, id := range orgs {
		if err := c.roll(ctx, store, key, id); err != nil {
			return err
		}
	}
	return nil
}

// values reads every value, which says whether it is what was stored.
func (c *Checked) values(ctx context.Context, store *kv.Store) error {
	err := store.View(func(tx *kv.Tx) error {
		return tx.Range(nil, nil, false, func(_, _ []byte) (bool, error) { return true, ctx.Err() })
	})
	if errors.Is(err, kv.ErrCorrupt) {
		c.damaged("%s: %v", storeFolder, err)
		return nil
	}
	return err
}

// roll folds a roll from its first entry, with every signature, and holds it against what the node kept of it.
func (c *Checked) roll(ctx context.Context, store *kv.Store, key keys.PrivateKey, id keys.OrgID) error {
	damaged := func(err error) error {
		if errors.Is(err, kv.ErrCorrupt) {
			c.damaged("%s: %v", storeFolder, err)
			return nil
		}
		return err
	}
	record, err := readOrg(store, id)
	if err != nil {
		return damaged(err)
	}
	r := blankRoll(store, key, id, record.rollTable())
	// What was vouched for is read before the entries, which only become more.
	known, err := r.vouched()
	if err != nil {
		return damaged(err)
	}
	for size := uint64(checkedAtOnce); ; size += checkedAtOnce {
		if err := r.load(size); err != nil {
			return damaged(fmt.Errorf("reading a roll: %w", err))
		}
		if r.roll.Size() < size {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if err := r.recall(); err != nil {
		return damaged(err)
	}
	found := OrgChecked{Org: id, RollSize: r.roll.Size(), Moved: len(record.Move) > 0}
	root, err := r.roll.Root(r.roll.Size())
	if err != nil {
		return fmt.Errorf("root of a roll: %w", err)
	}
	found.Root = fmt.Sprintf("%x", root)
	if r.ahead > r.roll.Size() {
		found.Forgot = r.ahead - r.roll.Size()
	}
	r.read(func(state *membership.State) {
		found.Name, found.Members = state.OrgName(), state.Count()
		if _, ok := state.Sequencer(); !found.Moved && (!ok || !state.Serves(key.Public())) {
			c.damaged("%s: the roll of %s names another node", storeFolder, id.Short())
		}
	})
	if vouched, err := r.roll.Root(min(known.Size, r.roll.Size())); known.Size > r.roll.Size() || err == nil && known.Size > 0 && vouched != known.Root {
		c.damaged("%s: the roll of %s is not the one whose %d entries this node has verified", storeFolder, id.Short(), known.Size)
	}
	c.Orgs = append(c.Orgs, found)
	return nil
}
