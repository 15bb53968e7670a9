package queue

import (
	"context"
	"slices"
	"time"
)

// request is one call that waits for the committer: a Put, or a batch of records to copy forward.
type request struct {
	items []Item
	errs  []error

	from   *segment // copied from here; nil for a Put
	copies []frame
	err    error

	seal bool // seal the active segment, nothing else

	bytes int
	done  chan struct{}
}

func (r *request) fail(err error) {
	for i := range r.errs {
		r.errs[i] = err
	}
	r.err = err
	close(r.done)
}

// answer is the place of one item's error.
type answer struct {
	request *request
	index   int
}

// Put implements Engine.
func (e *Embedded) Put(ctx context.Context, items []Item) []error {
	r := &request{items: items, errs: make([]error, len(items)), done: make(chan struct{})}
	for i := range items {
		r.bytes += len(items[i].Body) + len(items[i].Recipients)*recipientSize + recordHeader
	}
	if err := e.submit(ctx, r); err != nil {
		for i := range r.errs {
			r.errs[i] = err
		}
	}
	return r.errs
}

// submit hands r to the committer and waits for its answer. While more than pendingBytes wait, it waits for room. When
// it returns, the committer does not look at r any more: what the context's end finds unbegun is taken back, and what
// was begun is waited for.
func (e *Embedded) submit(ctx context.Context, r *request) error {
	for {
		e.mu.Lock()
		if len(e.pending) == 0 || e.waiting+r.bytes <= pendingBytes {
			break
		}
		room := e.room
		e.mu.Unlock()
		select {
		case <-room:
		case <-e.stopped:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	select {
	case <-e.stopped: // checked under mu: refuse answers what was appended before
		e.mu.Unlock()
		return ErrClosed
	default:
	}
	e.pending = append(e.pending, r)
	e.waiting += r.bytes
	e.mu.Unlock()
	poke(e.wake)
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
	}
	if e.takeBack(r) {
		return ctx.Err()
	}
	<-r.done
	return nil
}

// takeBack takes r from what waits; false if the committer has it.
func (e *Embedded) takeBack(r *request) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.Index(e.pending, r)
	if i < 0 {
		return false
	}
	e.pending = slices.Delete(e.pending, i, i+1)
	e.waiting -= r.bytes
	close(e.room)
	e.room = make(chan struct{})
	return true
}

// take returns what waits, at least one call and at most commitBytes beyond it.
func (e *Embedded) take() []*request {
	e.mu.Lock()
	defer e.mu.Unlock()
	n, size := 0, 0
	for n < len(e.pending) && (n == 0 || size+e.pending[n].bytes <= commitBytes) {
		size += e.pending[n].bytes
		n++
	}
	taken := e.pending[:n:n]
	if e.pending = e.pending[n:]; len(e.pending) == 0 {
		e.pending = nil
	}
	e.waiting -= size
	close(e.room)
	e.room = make(chan struct{})
	return taken
}

// commitAll is the committer: it takes whatever waits, without lingering for more, and answers it after one fsync.
func (e *Embedded) commitAll(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-e.wake:
		}
		for ctx.Err() == nil {
			requests := e.take()
			if len(requests) == 0 {
				break
			}
			e.commit(requests)
		}
		if cap(e.buffer) > keepBuffer {
			e.buffer = nil
		}
	}
}

// commit writes what requests ask for in as few pieces as segments allow, each synced, and answers them.
func (e *Embedded) commit(requests []*request) {
	e.writeAll(e.plan(requests))
	for _, r := range requests {
		if r.seal {
			e.sealActive()
		}
		close(r.done)
	}
}

// writeAll writes to the active segment and begins new ones as they fill up. After a failure the rest fails too.
func (e *Embedded) writeAll(writes []*write) {
	for len(writes) > 0 {
		n, err := e.writeSome(writes)
		if err != nil {
			e.log.Warn("queue: a commit failed", "error", err)
			e.abandon(writes, err)
			return
		}
		writes = writes[n:]
	}
}

// writeSome commits as many writes as the active segment takes, at least one. [STO-26]
func (e *Embedded) writeSome(writes []*write) (int, error) {
	if s := e.active; s != nil && s.size > 0 && s.size+writes[0].length() > e.opt.SegmentBytes {
		e.sealActive()
	}
	if e.active == nil {
		if err := e.begin(); err != nil {
			return 0, err
		}
	}
	s, n := e.active, 0
	e.buffer = e.buffer[:0]
	if s.size == 0 {
		header := headerOf(s.number)
		e.buffer = append(e.buffer, header[:]...)
	}
	for ; n < len(writes); n++ {
		w := writes[n]
		w.offset = s.size + int64(len(e.buffer))
		if n > 0 && w.offset+w.length() > e.opt.SegmentBytes {
			break
		}
		s.counter++ // never used again, even if this write fails
		e.buffer = appendFrame(e.buffer, s.key, s.number, w.offset, s.counter, s.synced, &w.record)
	}
	if _, err := s.file.WriteAt(e.buffer, s.size); err != nil {
		if s.file.Truncate(s.size) != nil {
			e.distrust()
		}
		return 0, diskError("writing "+s.logName(), err)
	}
	if err := s.file.Sync(); err != nil {
		_ = s.file.Truncate(s.size) // nobody was told of the end, so nobody misses it
		e.distrust()
		return 0, diskError("syncing "+s.logName(), err)
	}
	s.synced = s.size + int64(len(e.buffer))
	e.apply(s, writes[:n])
	return n, nil
}

// begin makes the next active segment: its key is durable before the file is, and both before any record.
func (e *Embedded) begin() error {
	e.mu.Lock()
	s := &segment{number: e.next}
	e.next++
	e.mu.Unlock()
	var err error
	if s.key, err = e.slots.add(s.number); err != nil {
		return err
	}
	if s.file, err = e.files.Create(s.logName()); err == nil {
		if err = e.files.Sync(); err != nil {
			s.file.Close()
			e.files.Remove(s.logName())
		}
	}
	if err != nil {
		e.slots.destroy([]uint64{s.number}) // if that fails too, the next opening frees the slot
		return diskError("making "+s.logName(), err)
	}
	e.mu.Lock()
	e.segments[s.number] = s
	e.mu.Unlock()
	e.active = s
	return nil
}

// sealActive ends the active segment with a seal, which says that all before it was durable.
func (e *Embedded) sealActive() {
	s := e.active
	if s == nil {
		return
	}
	if s.size > 0 {
		s.counter++
		seal := appendFrame(nil, s.key, s.number, s.size, s.counter, s.synced, &record{kind: recordSeal})
		if _, err := s.file.WriteAt(seal, s.size); err != nil {
			_ = s.file.Truncate(s.size) // a segment without a seal is as good, but for telling damage from a torn end
		}
	}
	e.retire(false)
}

// distrust ends the active segment after a failure that leaves the file's content in doubt: what lives in it is copied
// forward soon.
func (e *Embedded) distrust() { e.retire(true) }

func (e *Embedded) retire(broken bool) {
	s := e.active
	e.active = nil
	if err := s.file.Close(); err != nil {
		e.log.Warn("queue: closing a segment", "error", err)
	}
	s.file = nil
	e.mu.Lock()
	defer e.mu.Unlock()
	s.sealed, s.broken = time.Now(), broken
	e.drainLocked(s)
	if broken {
		poke(e.wakeSweeper)
	}
}
