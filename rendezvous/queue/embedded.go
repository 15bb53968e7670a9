package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"muster.example/internal/keys"
	"muster.example/internal/task"
)

// Options of an embedded engine. The zero value is right for a small machine.
type Options struct {
	MaxBytes      int64        // most bytes of living bodies, with what the log adds to each; 0 for no limit
	DeviceEntries int          // most entries of one device; 0 for no limit
	DeviceBytes   int64        // most bytes of bodies that wait for one device; 0 for no limit
	SegmentBytes  int64        // size at which a new segment is begun; 0 for 8 MiB
	CacheBytes    int          // fresh bodies kept in memory; 0 for 4 MiB
	Logger        *slog.Logger // nil for none
	// Payer says whose room an item takes that is found when the queue is opened; nil for nobody's.
	Payer func(item *Item) keys.MemberID
	// Secret is what nothing in the folder can be read without, beside the root key; none if empty.
	Secret []byte
	Files  Files // instead of the folder, without a lock, for tests; nil for the folder
}

// Embedded is the engine that keeps its log in one folder. Use Open, then Run, then Close.
type Embedded struct {
	files    Files
	opt      Options
	log      *slog.Logger
	troubles *troubles
	lock     *flock.Flock
	slots    *slots

	wake        chan struct{} // something waits for the committer
	wakeSweeper chan struct{} // a segment was drained or cannot be trusted
	wakeAcks    chan struct{} // an entry was removed
	stopped     chan struct{} // closed when no Put is accepted any more
	stop        sync.Once
	close       sync.Once
	closeErr    error

	// The committer's alone.
	active *segment
	buffer []byte
	placed []*set // whose records are in buffer

	ackMu sync.Mutex // held while ack logs are written or segments dropped; taken before mu

	mu       sync.Mutex // guards the following, and every segment's and index field; never held across disk calls
	now      time.Time  // of the removals being made
	next     uint64     // the next number of an entry or segment
	segments map[uint64]*segment
	drained  []*segment // to be dropped, in this order
	index
	total   int64 // bytes of living bodies' frames, and of those being put
	cache   cache
	damage  []error
	closed  bool
	pending []*request
	waiting int           // bytes in pending
	room    chan struct{} // closed when pending was taken
}

var _ Engine = (*Embedded)(nil)

// Open opens the queue in dir, making it if there is none, and reads its log. The folder is narrowed to mode 0700.
// Damage to segments is no error: it is logged, kept for Damage, and what can be read is served. Errors: ErrLocked,
// ErrFormat, and ErrCorrupt when the keys themselves are lost. Until Run runs, Put waits.
func Open(dir string, opt Options) (*Embedded, error) {
	e := &Embedded{
		opt: opt, files: opt.Files, log: opt.Logger,
		wake: make(chan struct{}, 1), wakeSweeper: make(chan struct{}, 1), wakeAcks: make(chan struct{}, 1),
		stopped: make(chan struct{}), room: make(chan struct{}),
		segments: make(map[uint64]*segment), index: newIndex(),
	}
	if e.opt.SegmentBytes == 0 {
		e.opt.SegmentBytes = segmentBytes
	}
	if e.cache.limit = opt.CacheBytes; e.cache.limit == 0 {
		e.cache.limit = cacheBytes
	}
	e.cache.clear()
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.troubles = newTroubles(e.log)
	if e.files == nil {
		if err := e.openFolder(dir); err != nil {
			return nil, errors.Join(err, e.unlock())
		}
	}
	if err := e.load(); err != nil {
		e.table.close()
		if e.slots != nil {
			e.slots.close()
		}
		return nil, errors.Join(err, e.unlock())
	}
	return e, nil
}

func (e *Embedded) openFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("queue: making the folder: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("queue: narrowing the folder: %w", err)
	}
	e.lock = flock.New(filepath.Join(dir, lockName), flock.SetPermissions(0o600))
	switch held, err := e.lock.TryLock(); {
	case err != nil:
		return fmt.Errorf("queue: locking %s: %w", dir, err)
	case !held:
		return fmt.Errorf("%w: %s", ErrLocked, dir)
	}
	e.files = osFiles(dir)
	return nil
}

func (e *Embedded) unlock() error {
	if e.lock == nil {
		return nil
	}
	return e.lock.Close()
}

// Run accepts and removes until ctx ends, then refuses what waits, writes what is owed to the disk and returns.
func (e *Embedded) Run(ctx context.Context) error {
	group := task.New(ctx)
	group.Go("queue committer", e.commitAll)
	group.Go("queue sweeper", e.sweepAll)
	err := group.Wait()
	e.refuse()
	if err := e.sealActive(); err != nil {
		e.troubles.warn("ending a segment", err)
	}
	return errors.Join(err, e.flushAcks(), e.dropDrained())
}

// refuse ends the acceptance of puts and answers those that wait.
func (e *Embedded) refuse() {
	e.stop.Do(func() { close(e.stopped) })
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.pending {
		r.fail(ErrClosed)
	}
	e.pending, e.waiting = nil, 0
}

// Close frees the folder. Run must have returned. Closing twice is no error.
func (e *Embedded) Close() error {
	e.close.Do(func() {
		e.refuse()
		e.mu.Lock()
		e.closed = true
		e.cache.clear()
		e.table.close()
		e.index = newIndex()
		e.mu.Unlock()
		e.closeErr = errors.Join(e.slots.close(), e.unlock())
	})
	return e.closeErr
}

func (e *Embedded) usable(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	return ctx.Err()
}

// Damage returns what was found unreadable since Open; each error wraps ErrCorrupt and names a file.
func (e *Embedded) Damage() []error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.damage)
}

// damagedLocked notes and logs damage.
func (e *Embedded) damagedLocked(file string, offset int64, what string) {
	err := fmt.Errorf("%w: %s: %s at offset %d", ErrCorrupt, file, what, offset)
	if len(e.damage) < 100 {
		e.damage = append(e.damage, err)
	}
	e.log.Error("queue: damage on disk", "error", err)
}

// Era implements Engine: no number is given twice.
func (e *Embedded) Era() uint64 { return 0 }

// Watch implements Engine.
func (e *Embedded) Watch(key keys.PublicKey) (changed <-chan struct{}, stop func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	watcher := make(chan struct{}, 1)
	d := e.deviceLocked(&key)
	d.watchers = append(d.watchers, watcher)
	return watcher, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		d.watchers = slices.DeleteFunc(d.watchers, func(w chan struct{}) bool { return w == watcher })
		e.forgetLocked(d)
	}
}

// Ack implements Engine. The note of it reaches the disk within AckDelay.
func (e *Embedded) Ack(ctx context.Context, key keys.PublicKey, ids []keys.EnvelopeID) error {
	if err := e.usable(ctx); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.devices[key]
	if d == nil {
		return nil
	}
	e.now = time.Now()
	removed := make([]removal, 0, len(ids))
	for i := range ids {
		h := e.table.find(&ids[i])
		for h != 0 { // a crash that forgot an ack can leave it there twice
			en, waits := e.entryLocked(d, h)
			if !waits {
				break
			}
			removed = append(removed, e.removeLocked(d, en))
			h = e.table.find(&ids[i])
		}
	}
	e.noteLocked(d, removed)
	e.forgetLocked(d)
	return nil
}

// Holds implements Engine.
func (e *Embedded) Holds(id keys.EnvelopeID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.table.find(&id)
	return h != 0 && !e.table.at(h).is(markFresh)
}

// Drop implements Engine.
func (e *Embedded) Drop(ctx context.Context, key keys.PublicKey) error {
	if err := e.usable(ctx); err != nil {
		return err
	}
	e.mu.Lock()
	if d := e.devices[key]; d != nil {
		e.now = time.Now()
		var removed []removal
		e.eachLocked(d, func(en entry, _ ref) bool {
			removed = append(removed, e.removeLocked(d, en))
			return true
		})
		e.noteLocked(d, removed)
		e.forgetLocked(d)
	}
	e.mu.Unlock()
	return e.settle()
}

// settle makes all removals so far durable.
func (e *Embedded) settle() error { return errors.Join(e.flushAcks(), e.dropDrained()) }
