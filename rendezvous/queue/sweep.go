package queue

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"muster.example/internal/keys"
)

// sweepAll is the sweeper: it writes ack logs, drops drained segments, and copies forward.
func (e *Embedded) sweepAll(ctx context.Context) error {
	ticks := time.NewTicker(sweepEvery)
	defer ticks.Stop()
	var acks <-chan time.Time
	rotated := time.Now()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-e.wakeSweeper:
			err = e.dropDrained()
		case <-e.wakeAcks:
			if acks == nil {
				acks = time.After(AckDelay / 2)
			}
		case <-acks:
			acks = nil
			if err = e.flushAcks(); err != nil {
				poke(e.wakeAcks)
			}
		case <-ticks.C:
			err = e.sweep(ctx, time.Now())
			if now := time.Now(); now.Sub(rotated) >= rotateEvery {
				rotated = now
				err = errors.Join(err, e.slots.rotate())
			}
		}
		if err != nil && ctx.Err() == nil {
			e.troubles.warn("sweeping", err)
		}
	}
}

// sweep frees what is due at now.
func (e *Embedded) sweep(ctx context.Context, now time.Time) error {
	if e.activeDue(now) {
		if err := e.commission(ctx, e.sealActive); err != nil && ctx.Err() != nil {
			return err
		}
	}
	// A segment may be drained but for a drop that failed before.
	err := e.dropDrained()
	budget := int64(copyRate * sweepEvery / time.Second)
	for _, s := range e.due(now) {
		if budget <= 0 || ctx.Err() != nil {
			break
		}
		budget -= s.living
		if failed := e.evacuate(ctx, s); failed != nil {
			return errors.Join(err, failed)
		}
		err = errors.Join(err, e.flushAcks(), e.dropDrained())
	}
	return errors.Join(err, e.shrink(ctx, now))
}

// activeDue says whether the active segment holds dead bodies that are due.
func (e *Embedded) activeDue(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.segments {
		if s.sealed.IsZero() && (s.broken || s.resting(now)) {
			return true
		}
	}
	return false
}

// due returns the segments to copy forward, those that wait longest first. None of them is the active one, which the
// copies go to.
func (e *Embedded) due(now time.Time) []*segment {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []*segment
	for _, s := range e.segments {
		if s.due(now, e.opt.SegmentBytes) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *segment) int {
		return cmp.Or(a.dead.Compare(b.dead), byNumber(a, b))
	})
	return list
}

// evacuate copies what lives in s to the active segment. When it returns nil, s is drained, or the rest of it cannot be
// read.
func (e *Embedded) evacuate(ctx context.Context, s *segment) error {
	file, err := e.files.Open(s.logName())
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	} else if err != nil {
		return diskError("opening "+s.logName(), err)
	} else {
		err = e.copyAll(ctx, s, file)
		file.Close()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil && !s.empty() {
		s.held = true
		e.damagedLocked(s.logName(), 0, "records cannot be read")
	}
	return err
}

func (e *Embedded) copyAll(ctx context.Context, s *segment, file File) error {
	r := &request{from: s}
	send := func() error {
		if len(r.copies) == 0 {
			return nil
		}
		r.done = make(chan struct{})
		err := e.submit(ctx, r)
		if err == nil {
			err = r.err
		}
		r = &request{from: s}
		return err
	}
	sets := make(map[uint32][]keys.PublicKey)
	_, err := scanSegment(file, s.key, s.number, func(f frame) error {
		if f.record.kind == recordSet {
			sets[uint32(f.offset)] = f.record.devices
		}
		if f.record.kind == recordSeal || f.record.kind == recordSet || !e.lives(s, &f) {
			return nil
		}
		f.record.spread(sets)
		f.record.body = bytes.Clone(f.record.body)
		r.copies = append(r.copies, f)
		if r.bytes += int(f.length); r.bytes >= copyBytes {
			return send()
		}
		return nil
	})
	if err == nil {
		err = send()
	}
	if err != nil {
		return diskError("copying "+s.logName()+" forward", err)
	}
	return nil
}

// lives says whether any of a record may still be wanted; the committer looks more closely.
func (e *Embedded) lives(s *segment, f *frame) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := e.table.find(&f.record.id)
	if h == 0 {
		return false
	}
	c := e.table.at(h)
	return f.record.kind == recordGain || e.segmentOf(c) == s && int64(c.offset()) == f.offset || s.entries > 0
}

// dropDrained destroys the keys of drained segments, then removes their files. They go in the order in which they were
// drained, and one whose entries were copied forward ends a step: the copies' notes go later.
func (e *Embedded) dropDrained() error {
	e.ackMu.Lock()
	defer e.ackMu.Unlock()
	for {
		e.mu.Lock()
		var step []*segment
		for _, s := range e.drained {
			if step = append(step, s); s.moved {
				break
			}
		}
		e.mu.Unlock()
		if len(step) == 0 {
			return nil
		}
		numbers := make([]uint64, len(step))
		for i, s := range step {
			numbers[i] = s.number
		}
		if err := e.slots.destroy(numbers); err != nil {
			return err
		}
		e.mu.Lock()
		for _, s := range step {
			delete(e.segments, s.number)
			e.leavePlaceLocked(s)
		}
		if e.drained = e.drained[len(step):]; len(e.drained) == 0 {
			e.drained = nil
		}
		e.mu.Unlock()
		for _, s := range step {
			e.removeLog(s.number)
		}
	}
}

// removeLog unlinks the files of a segment whose key is gone. What stays is removed at the next opening.
func (e *Embedded) removeLog(number uint64) {
	for _, suffix := range []string{logSuffix, ackSuffix} {
		name := numbered(logPrefix, number, suffix)
		if err := e.files.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			e.troubles.warn("removing a drained segment", err)
		}
	}
}

// shrink gives back the memory of a queue that was longer, of bodies that nobody fetched at once, and of sets for which
// nothing came for a while.
func (e *Embedded) shrink(ctx context.Context, now time.Time) error {
	e.mu.Lock()
	if now.Sub(e.now) >= quietTime {
		e.cache.clear()
	}
	e.forgetSetsLocked(now)
	sparse := e.table.sparse()
	e.mu.Unlock()
	if !sparse {
		return nil
	}
	return e.commission(ctx, func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.packLocked()
	})
}
