package queue

import "time"

// apply makes what is durable now in s true in the index, and tells those who watch.
func (e *Embedded) apply(s *segment, writes []*write) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now = time.Now()
	s.size = s.synced
	for _, w := range writes {
		e.applyLocked(s, w)
	}
}

func (e *Embedded) applyLocked(s *segment, w *write) {
	c := e.table.at(w.message)
	s.footer.add(&w.record, e.accounts[c.account()].payer, w.offset, w.length())
	switch {
	case w.copying != nil:
		e.applyCopyLocked(s, w)
	case w.fresh:
		e.applyFreshLocked(s, w)
	default:
		if w.record.kind == recordBody { // in the place of one that cannot be read
			w.from = e.segmentOf(c)
			e.moveBodyLocked(s, w)
			e.moveEntriesLocked(s, w, true)
		}
		e.applyGainLocked(s, w)
	}
	e.endLocked(w)
}

// applyFreshLocked makes a new message seen.
func (e *Embedded) applyFreshLocked(s *segment, w *write) {
	c := e.table.at(w.message)
	c.unmark(markFresh)
	e.soonest = min(e.soonest, c.expires())
	count := len(w.devices)
	if w.set != nil {
		w.set.list.append(ref(w.message), w.record.waiting)
		w.record.waiting.each(func(i int) { count++; w.set.members[i].signal() })
	}
	for _, d := range w.devices {
		d.list.append(ref(w.message), nil)
		d.signal()
	}
	c.setPending(c.pending() + uint32(count))
	s.entries += count
	e.countLocked(c, Usage{Entries: int64(count), Bodies: 1})
	e.settleLocked(c, s, w.offset, w.length())
	e.cache.add(w.message, &w.record)
}

// applyGainLocked gives a message its new entries.
func (e *Embedded) applyGainLocked(s *segment, w *write) {
	if len(w.devices) == 0 {
		return
	}
	c, g := e.table.at(w.message), e.gainLocked(w.message, w.number, s)
	for _, d := range w.devices {
		d.list.append(refOfGain(g), nil)
		d.signal()
	}
	e.gains.all[g].living += int32(len(w.devices))
	c.setPending(c.pending() + uint32(len(w.devices)))
	s.entries += len(w.devices)
	e.countLocked(c, Usage{Entries: int64(len(w.devices))})
}

// applyCopyLocked makes s the home of what was copied to it.
func (e *Embedded) applyCopyLocked(s *segment, w *write) {
	c := e.table.at(w.message)
	here := false
	if w.record.kind != recordGain {
		if here = e.segmentOf(c) == w.from && int64(c.offset()) == w.fromOffset; here {
			e.moveBodyLocked(s, w)
		} else {
			s.laid++
			s.die(e.now)
		}
	}
	if w.set != nil {
		e.moveShareLocked(s, w, here)
		return
	}
	e.moveEntriesLocked(s, w, here)
}

// moveBodyLocked points a message to its copy in s.
func (e *Embedded) moveBodyLocked(s *segment, w *write) {
	c := e.table.at(w.message)
	old := e.segmentOf(c)
	e.leaveLocked(c)
	old.moved = true
	e.settleLocked(c, s, w.offset, w.length())
	e.drainLocked(old)
}

// moveEntriesLocked makes s the home of the entries that were copied to it. For those that were removed meanwhile s holds a
// record that needs the note too. first says that the message's first entries have moved, with its body.
func (e *Embedded) moveEntriesLocked(s *segment, w *write, first bool) {
	moved := 0
	for i := range w.record.recipients[:w.moved] {
		to := &w.record.recipients[i]
		d := e.devices[to.device]
		g := e.gains.numbered(w.message, to.number)
		switch {
		case d != nil && g != 0 && d.list.at(e, refOfGain(g), to.number) >= 0:
			if gain := &e.gains.all[g]; gain.home != s {
				e.rehomeLocked(gain.home, s, int(gain.living))
				gain.home = s
			}
		case d != nil && g == 0 && e.firstWaits(w.message, d, to.number):
			moved++
		default:
			s.acks = append(s.acks, noteOf(&to.device, to.number))
			s.die(e.now)
			poke(e.wakeAcks)
		}
	}
	if first {
		e.rehomeLocked(w.from, s, moved)
	}
}

// moveShareLocked does the same for the first entries of a message that are a set's.
func (e *Embedded) moveShareLocked(s *segment, w *write, first bool) {
	var now bitmap
	if i := w.set.list.at(e, ref(w.message), w.record.number); i >= 0 {
		now = w.set.list.waiting(i)
	}
	w.record.waiting.each(func(i int) {
		if now == nil || !now.has(i) {
			s.acks = append(s.acks, noteOf(&w.set.devices[i], w.record.number))
			s.die(e.now)
			poke(e.wakeAcks)
		}
	})
	if first {
		e.rehomeLocked(w.from, s, now.count())
	}
}

// rehomeLocked moves the counts of entries.
func (e *Embedded) rehomeLocked(old, s *segment, entries int) {
	if entries == 0 || old == nil {
		return
	}
	old.entries -= entries
	old.moved = true
	old.die(e.now)
	s.entries += entries
	e.drainLocked(old)
}

// endLocked gives back what a write had reserved.
func (e *Embedded) endLocked(w *write) {
	e.total -= w.reserved
	if w.set != nil {
		w.set.pins--
	}
	e.unpinLocked(w.message)
}

// abandon takes writes that failed out of the books and answers them.
func (e *Embedded) abandon(writes []*write, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now = time.Now()
	for _, w := range writes {
		size := int64(e.table.at(w.message).size())
		for _, d := range w.devices {
			d.count--
			d.bytes -= size
			e.forgetLocked(d)
		}
		if w.set != nil && w.fresh {
			w.record.waiting.each(func(i int) {
				w.set.members[i].count--
				w.set.members[i].bytes -= size
			})
		}
		e.endLocked(w)
		for _, a := range w.answers {
			a.request.errs[a.index] = err
		}
		if w.copying != nil {
			w.copying.err = err
		}
	}
}
