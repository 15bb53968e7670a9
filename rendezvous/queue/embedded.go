package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	Files         Files        // instead of the folder, without a lock, for tests; nil for the folder
}

// Embedded is the engine that keeps its log in one folder. Use Open, then Run, then Close.
type Embedded struct {
	files Files
	opt   Options
	log   *slog.Logger
	lock  *flock.Flock
	slots *slots

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

	ackMu sync.Mutex // held while ack logs are written or segments dropped; taken before mu

	mu       sync.Mutex // guards the following, and every segment's and index field; never held across disk calls
	now      time.Time  // of the removals being made
	next     uint64     // the next number of an entry or segment
	segments map[uint64]*segment
	drained  []*segment // to be dropped, in this order
	bodies   map[keys.EnvelopeID]*body
	devices  map[keys.PublicKey]*device
	orgs     map[keys.OrgID]*orgCount
	total    int64 // bytes of living bodies' frames, and of those being put
	peak     int   // bodies since the maps were made
	cache    cache
	damage   []error
	closed   bool
	pending  []*request
	waiting  int           // bytes in pending
	room     chan struct{} // closed when pending was taken
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
		segments: make(map[uint64]*segment),
		bodies:   make(map[keys.EnvelopeID]*body),
		devices:  make(map[keys.PublicKey]*device),
		orgs:     make(map[keys.OrgID]*orgCount),
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
	if e.files == nil {
		if err := e.openFolder(dir); err != nil {
			return nil, errors.Join(err, e.unlock())
		}
	}
	if err := e.load(); err != nil {
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
	e.sealActive()
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
		e.forgetLocked(&key, d)
	}
}

// Stats implements Engine.
func (e *Embedded) Stats() map[keys.OrgID]Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make(map[keys.OrgID]Stats, len(e.orgs))
	for org, c := range e.orgs {
		if c.stats != (Stats{}) {
			all[org] = c.stats
		}
	}
	return all
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
	for _, id := range ids {
		if b := e.bodies[id]; b != nil {
			for en := d.of(b); en != nil; en = d.of(b) { // a crash that forgot an ack can leave it there twice
				e.removeLocked(&key, d, en)
			}
		}
	}
	e.forgetLocked(&key, d)
	return nil
}

// removeLocked takes a living entry out of the index and notes it for the ack log.
func (e *Embedded) removeLocked(key *keys.PublicKey, d *device, en *entry) {
	b, home := en.body, en.home
	b.lose(en.number)
	home.acks = append(home.acks, noteOf(key, en.number))
	d.remove(en)
	e.releaseLocked(d, b, home)
	poke(e.wakeAcks)
}

// Holds implements Engine.
func (e *Embedded) Holds(id keys.EnvelopeID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.bodies[id] != nil
}

// Drop implements Engine.
func (e *Embedded) Drop(ctx context.Context, key keys.PublicKey) error {
	if err := e.usable(ctx); err != nil {
		return err
	}
	e.mu.Lock()
	if d := e.devices[key]; d != nil {
		e.now = time.Now()
		e.removeIfLocked(&key, d, func(*body) bool { return true })
		e.forgetLocked(&key, d)
	}
	e.mu.Unlock()
	return e.settle()
}

// Expire implements Engine.
func (e *Embedded) Expire(ctx context.Context, now time.Time) ([]Expired, error) {
	if err := e.usable(ctx); err != nil {
		return nil, err
	}
	var gone []Expired
	e.mu.Lock()
	e.now = time.Now()
	for key, d := range e.devices {
		e.removeIfLocked(&key, d, func(b *body) bool {
			if b.expires > now.Unix() {
				return false
			}
			gone = append(gone, Expired{Org: b.org.org, ID: b.id, Kind: b.kind, Device: key})
			return true
		})
		e.forgetLocked(&key, d)
	}
	e.mu.Unlock()
	if len(gone) == 0 {
		return nil, nil
	}
	return gone, e.settle()
}

// removeIfLocked removes the entries of d whose bodies match.
func (e *Embedded) removeIfLocked(key *keys.PublicKey, d *device, match func(*body) bool) {
	var numbers []uint64
	for i := range d.entries {
		if b := d.entries[i].body; b != nil && match(b) {
			numbers = append(numbers, d.entries[i].number)
		}
	}
	for _, number := range numbers {
		e.removeLocked(key, d, d.at(number))
	}
}

// settle makes all removals so far durable.
func (e *Embedded) settle() error { return errors.Join(e.flushAcks(), e.dropDrained()) }

// place is where a delivery's body is.
type place struct {
	body    *body
	number  uint64
	id      keys.EnvelopeID
	kind    Kind
	segment *segment
	offset  int64
	length  int32
	data    []byte // when it is in the cache
}

// Next implements Engine. A body that cannot be read back is reported as damage and passed over.
func (e *Embedded) Next(
	ctx context.Context, key keys.PublicKey, after uint64, maxItems, maxBytes int,
) ([]Delivery, error) {
	if err := e.usable(ctx); err != nil {
		return nil, err
	}
	var out []Delivery
	var reader logReader
	defer reader.close()
	for {
		places := e.places(key, after, maxItems-len(out), maxBytes, len(out) == 0)
		if len(places) == 0 {
			return out, nil
		}
		again := false
		for _, p := range places {
			data, err := e.fetch(&reader, p)
			if errors.Is(err, errMoved) {
				again = true // it was acknowledged, or lies elsewhere now: look once more
				break
			}
			if err != nil && !errors.Is(err, ErrCorrupt) {
				return out, err
			}
			after = p.number
			if err == nil {
				out = append(out, Delivery{Number: p.number, ID: p.id, Kind: p.kind, Body: data})
				maxBytes -= len(data)
			}
		}
		// Only a page of nothing but damage goes on to the next.
		if !again && len(out) > 0 || maxItems <= len(out) {
			return out, nil
		}
	}
}

// places returns where the next bodies of a device lie. first allows one body above maxBytes.
func (e *Embedded) places(key keys.PublicKey, after uint64, maxItems, maxBytes int, first bool) []place {
	e.mu.Lock()
	defer e.mu.Unlock()
	d := e.devices[key]
	if d == nil || after == ^uint64(0) {
		return nil
	}
	var places []place
	for i := d.find(after + 1); i < len(d.entries) && len(places) < maxItems; i++ {
		b := d.entries[i].body
		if b == nil || b.unread {
			continue
		}
		if maxBytes -= int(b.size); maxBytes < 0 && !first {
			break
		}
		first = false
		places = append(places, place{
			body: b, number: d.entries[i].number, id: b.id, kind: b.kind,
			segment: b.home, offset: b.offset, length: b.length, data: e.cache.bodies[b],
		})
	}
	return places
}

// errMoved means that a body is not where the index said a moment ago.
var errMoved = errors.New("queue: body moved")

// fetch returns the body at p.
func (e *Embedded) fetch(reader *logReader, p place) ([]byte, error) {
	if p.data != nil {
		return p.data, nil
	}
	data, err := reader.read(e.files, p)
	if err == nil {
		return data, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if b := p.body; e.bodies[b.id] != b || b.home != p.segment || b.offset != p.offset {
		return nil, errMoved
	}
	if errors.Is(err, ErrCorrupt) || errors.Is(err, fs.ErrNotExist) || errors.Is(err, io.EOF) {
		p.body.unread = true
		e.damagedLocked(p.segment.logName(), p.offset, "a body cannot be read")
		return nil, ErrCorrupt
	}
	return nil, diskError("reading "+p.segment.logName(), err)
}

// logReader reads bodies from log files, keeping the last one open: neighbours mostly share it.
type logReader struct {
	segment *segment
	file    File
}

func (r *logReader) read(files Files, p place) ([]byte, error) {
	if r.segment != p.segment {
		r.close()
		file, err := files.Open(p.segment.logName())
		if err != nil {
			return nil, err
		}
		r.segment, r.file = p.segment, file
	}
	data := make([]byte, p.length)
	if n, err := r.file.ReadAt(data, p.offset); n < len(data) {
		return nil, err
	}
	plain, err := openFrame(data, p.segment.key, p.segment.number, p.offset)
	if err != nil {
		return nil, err
	}
	return bodyOf(plain)
}

func (r *logReader) close() {
	if r.file != nil {
		r.file.Close()
		r.file, r.segment = nil, nil
	}
}
