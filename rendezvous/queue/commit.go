package queue

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"muster.example/internal/keys"
)

// request is one call that waits for the committer: a Put, or a batch of records to copy forward.
type request struct {
	items []Item
	errs  []error

	from   *segment // copied from here; nil for a Put
	copies []frame
	err    error

	do func() error // something that only the committer may do, with nothing in flight

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
		r.bytes += len(items[i].Body) + len(items[i].Recipients)*recipientSize + shareHeader
		if items[i].Set != nil {
			r.bytes += len(items[i].Set.devices) / 8
		}
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

// commission has the committer do something, with nothing in flight.
func (e *Embedded) commission(ctx context.Context, do func() error) error {
	r := &request{do: do, done: make(chan struct{})}
	if err := e.submit(ctx, r); err != nil {
		return err
	}
	return r.err
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
		if r.do != nil {
			r.err = r.do()
		}
		close(r.done)
	}
}

// writeAll writes to the active segment and begins new ones as they fill up. After a failure the rest fails too.
func (e *Embedded) writeAll(writes []*write) {
	for len(writes) > 0 {
		n, err := e.writeSome(writes)
		if err != nil {
			e.troubles.warn("a commit failed", err)
			e.abandon(writes, err)
			return
		}
		writes = writes[n:]
	}
}

// writeSome commits as many writes as the active segment takes, at least one. [STO-26]
func (e *Embedded) writeSome(writes []*write) (int, error) {
	if s := e.active; s != nil && s.size > 0 && s.size+e.lengthIn(s, writes[0]) > e.opt.SegmentBytes {
		if err := e.sealActive(); err != nil {
			e.troubles.warn("ending a segment", err)
		}
	}
	if e.active == nil {
		if err := e.begin(); err != nil {
			return 0, err
		}
	}
	s, n := e.active, 0
	e.buffer, e.placed = e.buffer[:0], e.placed[:0]
	if s.size == 0 {
		header := headerOf(s.number)
		e.buffer = append(e.buffer, header[:]...)
	}
	for ; n < len(writes); n++ {
		w := writes[n]
		if n > 0 && s.size+int64(len(e.buffer))+e.lengthIn(s, w) > e.opt.SegmentBytes {
			break
		}
		if w.set != nil {
			e.placeSet(s, w.set)
			w.record.set = uint32(w.set.offset)
		}
		w.offset = e.appendRecord(s, &w.record)
	}
	if err := e.writeBuffer(s); err != nil {
		for _, set := range e.placed {
			set.segment = 0
		}
		return 0, err
	}
	for _, set := range e.placed {
		r := record{kind: recordSet, devices: set.devices}
		s.footer.add(&r, keys.MemberID{}, set.offset, int64(r.size()+frameOverhead))
	}
	e.apply(s, writes[:n])
	return n, nil
}

// lengthIn returns what a write takes in s, with the record of its set if s has none.
func (e *Embedded) lengthIn(s *segment, w *write) int64 {
	if w.set != nil && w.set.segment != s.number {
		return w.length() + int64(setHeader+len(w.set.devices)*keys.PublicKeySize+frameOverhead)
	}
	return w.length()
}

// placeSet writes the record of a set unless s has it.
func (e *Embedded) placeSet(s *segment, set *set) {
	if set.segment == s.number {
		return
	}
	set.offset = e.appendRecord(s, &record{kind: recordSet, devices: set.devices})
	set.segment = s.number
	e.placed = append(e.placed, set)
}

// appendRecord adds a record to what is written next, and returns its offset.
func (e *Embedded) appendRecord(s *segment, r *record) int64 {
	offset := s.size + int64(len(e.buffer))
	s.counter++ // never used again, even if this write fails
	e.buffer = appendFrame(e.buffer, s.key, s.number, offset, s.counter, s.synced, r)
	return offset
}

// writeBuffer puts what was appended behind the end of s, durably, or leaves s as it was.
func (e *Embedded) writeBuffer(s *segment) error {
	if _, err := s.file.WriteAt(e.buffer, s.size); err != nil {
		if s.file.Truncate(s.size) != nil {
			e.distrust()
		}
		return diskError("writing "+s.logName(), err)
	}
	if err := s.file.Sync(); err != nil {
		_ = s.file.Truncate(s.size) // nobody was told of the end, so nobody misses it
		e.distrust()
		return diskError("syncing "+s.logName(), err)
	}
	s.synced = s.size + int64(len(e.buffer))
	return nil
}

// begin makes the next active segment: its key is durable before the file is, and both before any record.
func (e *Embedded) begin() error {
	e.mu.Lock()
	s := &segment{number: e.next, footer: newFooter()}
	e.next++
	placed := e.placeLocked(s)
	e.mu.Unlock()
	if !placed {
		return fmt.Errorf("%w: the log has as many segments as there may be", ErrFull)
	}
	err := e.make(s)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		e.leavePlaceLocked(s)
		return err
	}
	e.segments[s.number] = s
	e.active = s
	return nil
}

// make makes the slot and the file of a segment.
func (e *Embedded) make(s *segment) (err error) {
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
	return nil
}

// sealActive ends the active segment with a seal, which says that all before it was durable and what it is. An error means
// that there is none: the segment is as good, but read whole when the folder is opened.
func (e *Embedded) sealActive() error {
	s := e.active
	if s == nil {
		return nil
	}
	var err error
	if s.size > 0 {
		err = e.writeSeal(s)
	}
	if e.active == s {
		e.retire(false)
	}
	return err
}

func (e *Embedded) writeSeal(s *segment) error {
	seal := record{kind: recordSeal}
	if s.footer.size() <= maxFooter {
		seal.body = s.footer.append(nil)
	}
	e.buffer = e.buffer[:0]
	offset := e.appendRecord(s, &seal)
	e.buffer = append(e.buffer, trailerMagic...)
	e.buffer = binary.BigEndian.AppendUint32(e.buffer, uint32(offset))
	return e.writeBuffer(s)
}

// distrust ends the active segment after a failure that leaves the file's content in doubt: what lives in it is copied
// forward soon.
func (e *Embedded) distrust() { e.retire(true) }

func (e *Embedded) retire(broken bool) {
	s := e.active
	e.active = nil
	if err := s.file.Close(); err != nil {
		e.troubles.warn("closing a segment", err)
	}
	s.file, s.footer = nil, nil
	e.mu.Lock()
	defer e.mu.Unlock()
	s.sealed, s.broken = time.Now(), broken
	e.drainLocked(s)
	if broken {
		poke(e.wakeSweeper)
	}
}
