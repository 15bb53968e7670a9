package queue

import (
	"time"

	"muster.example/internal/keys"
)

// loader builds the index from records in the order of the log. Of two copies of a body or an entry the later counts.
type loader struct {
	e       *Embedded
	gone    gone
	devices map[*device]*loadedDevice
	last    uint64             // highest number seen
	laid    map[*segment]int64 // bytes of the frames of bodies, dead and living
	failed  error
}

// loadedDevice is a device, and what is gone of it.
type loadedDevice struct {
	d    *device
	gone spans
}

func newLoader(e *Embedded) *loader {
	return &loader{e: e, gone: make(gone), devices: make(map[*device]*loadedDevice), laid: make(map[*segment]int64)}
}

func (l *loader) device(key *keys.PublicKey) *loadedDevice {
	d := l.e.deviceLocked(key)
	found := l.devices[d]
	if found == nil {
		found = &loadedDevice{d, l.gone.of(key)}
		l.devices[d] = found
	}
	return found
}

// add adds a message and its entries, or more entries of one. Counts are made up in the end.
func (l *loader) add(s *segment, r *row, payer func() account, devices []*loadedDevice, set *set) {
	e := l.e
	h := e.table.findPart(r.id[:])
	if h == 0 {
		if h, l.failed = e.table.insert(r.id[:]); l.failed != nil {
			return
		}
		c := e.table.at(h)
		c.mark(markLost)
	}
	c := e.table.at(h)
	body := r.kind != recordGain
	if body {
		if c.is(markLost) {
			a := payer()
			c.unmark(markLost)
			c.setKind(r.of)
			c.setExpires(r.expires)
			c.setAccount(e.accountLocked(a.org, a.payer).index)
			c.setSize(int(r.size))
		}
		c.setPlace(s.place, int64(r.offset), int64(r.length))
		l.laid[s] += int64(r.length)
		s.laid++
	}
	if set != nil {
		l.addShare(s, h, r, set)
		return
	}
	for i, d := range devices {
		l.last = max(l.last, r.numbers[i])
		if !d.gone.has(r.numbers[i]) {
			d.d.list.append(l.entry(s, h, r.numbers[i], body), nil)
		}
	}
}

// entry returns what stands in a device's list for an entry of a message. The first number that comes with the body is the
// message's own, others are gains.
func (l *loader) entry(s *segment, h handle, number uint64, body bool) ref {
	e, c := l.e, l.e.table.at(h)
	if g := e.gains.numbered(h, number); g != 0 {
		e.gains.all[g].home = s
		return refOfGain(g)
	}
	if body && c.number() == 0 {
		c.setNumber(number)
	}
	if c.number() == number && c.set() == 0 {
		if body {
			return ref(h)
		}
		l.split(h) // its entries lie apart from the body
	}
	return refOfGain(e.gainLocked(h, number, s))
}

// split makes the first entries of a message a gain of it.
func (l *loader) split(h handle) {
	e, c := l.e, l.e.table.at(h)
	g := refOfGain(e.gainLocked(h, c.number(), e.segmentOf(c)))
	c.setNumber(0)
	for _, d := range e.devices {
		for i, r := range d.list.refs {
			if r == ref(h) {
				d.list.refs[i] = g
			}
		}
	}
}

// addShare adds a message's entries that are a set's.
func (l *loader) addShare(s *segment, h handle, r *row, set *set) {
	c := l.e.table.at(h)
	l.last = max(l.last, r.number)
	if number := c.number(); number != 0 && (number != r.number || c.set() == 0) { // its first entries were others
		r.waiting.each(func(i int) {
			if d := l.device(&set.devices[i]); !d.gone.has(r.number) {
				d.d.list.append(l.entry(s, h, r.number, false), nil)
			}
		})
		return
	}
	c.setNumber(r.number)
	c.setSet(set.index)
	waiting := make(bitmap, len(r.waiting))
	copy(waiting, r.waiting)
	r.waiting.each(func(i int) {
		if l.gone.of(&set.devices[i]).has(r.number) {
			waiting.unset(i)
		}
	})
	set.list.append(ref(h), waiting)
}

// count takes entries of a message into the counts; false if its body is nowhere: its segment was dropped, or is named as
// damaged.
func (l *loader) count(r ref, entries int) (cell, bool) {
	c := l.e.table.at(l.e.messageOf(r))
	if c.is(markLost) {
		return c, false
	}
	if r&refGain != 0 {
		l.e.gains.all[r&^refGain].living += int32(entries)
	}
	c.setPending(c.pending() + uint32(entries))
	l.e.homeOf(r).entries += entries
	l.e.countLocked(c, Usage{Entries: int64(entries)})
	return c, true
}

func (l *loader) finishDevice(d *device) {
	l.e.byNumberLocked(&d.list)
	kept := d.list.refs[:0]
	for _, r := range d.list.refs {
		if c, ok := l.count(r, 1); ok {
			kept = append(kept, r)
			d.count++
			d.bytes += int64(c.size())
		}
	}
	d.list.refs = kept
}

func (l *loader) finishSet(s *set) {
	s.used = l.e.now
	l.e.byNumberLocked(&s.list)
	was := s.list
	s.list.refs, s.list.bits = was.refs[:0], was.bits[:0]
	for i, r := range was.refs {
		waiting := was.waiting(i)
		if waiting.empty() {
			continue
		}
		c, ok := l.count(r, waiting.count())
		if !ok {
			continue
		}
		waiting.each(func(i int) {
			s.members[i].count++
			s.members[i].bytes += int64(c.size())
		})
		s.list.append(r, waiting)
	}
}

// finishGains forgets those of which nothing waits.
func (l *loader) finishGains() {
	e := l.e
	for i := range e.gains.all {
		if h := e.gains.all[i].message; h != 0 && e.gains.all[i].living == 0 {
			e.gains.remove(uint32(i))
			if e.gains.of[h] == 0 {
				e.table.at(h).unmark(markGained)
			}
		}
	}
}

// finish counts what lives, forgets the rest, and lines up what is drained.
func (l *loader) finish(segments []*segment) {
	e := l.e
	e.now = time.Now()
	for _, d := range e.devices {
		l.finishDevice(d)
	}
	for _, s := range e.setsBySum {
		l.finishSet(s)
	}
	l.finishGains()
	var dead []handle
	e.table.each(func(h handle, c cell) {
		if c.pending() == 0 {
			dead = append(dead, h)
			return
		}
		e.soonest = min(e.soonest, c.expires())
		length := int64(c.length())
		s := e.segmentOf(c)
		c.setPlace(s.place, int64(c.offset()), 0)
		s.laid-- // it is counted again
		e.settleLocked(c, s, int64(c.offset()), length)
		e.countLocked(c, Usage{Bodies: 1})
	})
	for _, h := range dead {
		if account := e.accounts[e.table.at(h).account()]; account != nil {
			e.leaveAccountLocked(account)
		}
		e.table.remove(h)
	}
	for _, d := range e.devices {
		e.forgetLocked(d)
	}
	for _, s := range segments {
		if s.living < l.laid[s] {
			s.die(e.now) // there are dead bodies in it
		}
		e.drainLocked(s)
	}
	// Numbers never go back, even when all that had the highest ones is gone: the clock is ahead of any count.
	e.next = max(l.last+1, clock(e.now))
}
