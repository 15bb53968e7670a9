package replicated

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
)

// shard is the part of the queue whose log is one stream. An organization is in one of them.
type shard struct {
	engine *Engine
	link   *link
	n      int
	most   int64 // bytes of sealed bodies

	logName, bodyName, keyName string // of the streams
	log, bodies, keyring       jetstream.Stream
	page                       func(ctx context.Context, from uint64) ([]logged, error) // of the log; nothing is no error

	wakeWriter chan struct{}     // a put waits
	wakeAcks   chan struct{}     // an acknowledgement waits
	want       chan struct{}     // a record is missed
	anew       chan chan<- error // the log is to be read from its beginning: the follower answers when it was

	writing chan struct{} // of capacity one, full while a record is being appended by this process

	// Guarded by the engine's mu.
	items    map[*item]struct{}
	packs    map[uint64]*pack   // by sequence
	commits  map[uint64]*commit // by token
	applied  uint64             // the last record that the index knows
	made     time.Time          // when the log was, of which the index is
	losses   uint64             // how often it was made anew, or went back
	progress chan struct{}      // closed when applied changes
	pending  []*request
	waiting  int           // bytes in pending
	room     chan struct{} // closed when pending was taken
	acks     map[keys.PublicKey][]uint64
	unsent   int // numbers in acks

	state state // the sweeper's
}

func newShard(e *Engine, n, of int) *shard {
	name := fmt.Sprintf("%s-%d", e.opt.Prefix, n)
	s := &shard{
		engine: e, link: e.link, n: n, most: e.opt.MaxBytes / int64(of),
		logName: name + "-log", bodyName: name + "-bodies", keyName: name + "-keys",
		wakeWriter: make(chan struct{}, 1), wakeAcks: make(chan struct{}, 1), want: make(chan struct{}, 1),
		anew:    make(chan chan<- error),
		writing: make(chan struct{}, 1),
		items:   make(map[*item]struct{}), packs: make(map[uint64]*pack), commits: make(map[uint64]*commit),
		progress: make(chan struct{}), room: make(chan struct{}), acks: make(map[keys.PublicKey][]uint64),
	}
	s.page = func(ctx context.Context, from uint64) ([]logged, error) { return s.link.page(ctx, s.logName, from) }
	return s
}

// Subjects of a shard.
func (s *shard) logSubject() string  { return s.engine.subject(s.n, "log") }
func (s *shard) liveSubject() string { return s.engine.subject(s.n, "live") }
func (s *shard) bodySubject() string { return s.engine.subject(s.n, "body") }
func (s *shard) keySubjects() string { return s.engine.subject(s.n, "key.*") }
func (s *shard) progressLocked()     { close(s.progress); s.progress = make(chan struct{}) }
func (s *shard) keySubject(token uint64) string {
	return s.engine.subject(s.n, "key."+strconv.FormatUint(token, 16))
}

// hold makes this the one that appends of this process, until leave. Whoever does so waits for the cluster: the context says how long others wait for
// them.
func (s *shard) hold(ctx context.Context) (leave func(), err error) {
	select {
	case s.writing <- struct{}{}:
		return func() { <-s.writing }, nil
	case <-ctx.Done():
		return nil, unavailable("waiting for what is being appended", ctx.Err())
	}
}

// parse returns what a message of the log says: nothing if it is damaged, which is reported.
func (s *shard) parse(m logged) *record {
	r, err := parseRecord(m.data)
	if err != nil {
		s.engine.log.Error("queue: damage in the cluster", "stream", s.logName, "sequence", m.seq, "error", err)
		return &record{}
	}
	return &r
}

// applyLocked makes true what the next record says.
func (s *shard) applyLocked(seq uint64, r *record) {
	s.applied = seq
	defer s.progressLocked()
	now := time.Now()
	for i := range r.Items {
		s.acceptLocked(r, &r.Items[i], seq, numberOf(seq, i, s.n), now)
	}
	for i := range r.States {
		s.stateLocked(r, &r.States[i], seq, now)
	}
	for _, a := range r.Acks {
		d := s.engine.devices[a.Device]
		for _, number := range a.Numbers {
			if d == nil {
				break
			}
			if i := d.find(number); i < len(d.entries) && d.entries[i].number == number && d.entries[i].item.shard == s {
				s.engine.remove(d, i, now)
			}
		}
	}
}

// acceptLocked makes an item seen, or gives one more entries. One that is gone gets none: who put them sees that, and puts the
// body too.
func (s *shard) acceptLocked(r *record, n *note, seq, number uint64, now time.Time) {
	e := s.engine
	it := e.numbered(n.ID, n.Of)
	switch {
	case n.Of != 0 && (it == nil || it.shard != s):
		return
	case n.Of != 0:
		it.numbers = append(it.numbers, number)
		it.record = min(it.record, seq)
	default:
		it = s.newItemLocked(n, number, seq, now)
	}
	r.devices(&n.Groups[0], func(key keys.PublicKey) { e.enter(e.device(key), it, number) })
}

func (s *shard) newItemLocked(n *note, number, seq uint64, now time.Time) *item {
	e := s.engine
	it := &item{
		id: n.ID, older: e.byID[n.ID], shard: s, payer: e.account(n.Org, n.Payer), record: seq, numbers: []uint64{number},
		expires: int64(min(n.Expires, math.MaxInt64)), size: n.Size, kind: queue.Kind(n.Kind),
	}
	e.byID[n.ID] = it
	s.items[it] = struct{}{}
	it.place(n.Parts, n.Token, n.Key, now)
	e.soonest = min(e.soonest, it.expires)
	return it
}

// stateLocked notes where an item stands now. It is exact: nothing came between what its author knew and the record.
func (s *shard) stateLocked(r *record, n *note, seq uint64, now time.Time) {
	e := s.engine
	it := e.numbered(n.ID, n.Of)
	if it != nil && it.shard == s {
		it.record = seq
		if it.commit.token != n.Token || !slices.Equal(it.parts, n.Parts) {
			it.unplace(now)
			it.place(n.Parts, n.Token, n.Key, now)
		}
		return
	}
	it = s.newItemLocked(n, n.Of, seq, now)
	for i := range n.Groups {
		g := &n.Groups[i]
		if !slices.Contains(it.numbers, g.Number) {
			it.numbers = append(it.numbers, g.Number)
		}
		r.devices(g, func(key keys.PublicKey) { e.enter(e.device(key), it, g.Number) })
	}
	slices.Sort(it.numbers)
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
