package queue

import (
	"slices"
	"time"

	"muster.example/internal/keys"
)

// write is one record on its way to the log.
type write struct {
	record   record
	number   uint64                      // of its new entries
	offset   int64                       // where it is written
	moved    int                         // the first recipients of the record have their entries already; the others are new
	devices  []*device                   // of the new recipients
	old      *body                       // the body in the index; nil if this write brings a new one
	taken    map[keys.PublicKey]struct{} // the devices that it brings entries for, once there are many
	pinned   bool                        // old is held until the write has ended
	reserved int64                       // of Embedded.total
	answers  []answer                    // the items that it stands for

	copying    *request // for a copy: who asked,
	from       *segment // and where the record came from
	fromOffset int64
}

func (w *write) length() int64 { return int64(w.record.size() + frameOverhead) }

// has reports whether the write brings a new entry for a device.
func (w *write) has(key *keys.PublicKey) bool {
	if len(w.record.recipients) > fewRecipients {
		for i := len(w.taken); i < len(w.record.recipients); i++ {
			if w.taken == nil {
				w.taken = make(map[keys.PublicKey]struct{}, len(w.record.recipients))
			}
			w.taken[w.record.recipients[i].device] = struct{}{}
		}
		_, has := w.taken[*key]
		return has
	}
	return slices.ContainsFunc(w.record.recipients, func(r recipient) bool { return r.device == *key })
}

// planner turns the calls of one commit into writes. Embedded.mu is held.
type planner struct {
	e      *Embedded
	writes []*write
	byID   map[keys.EnvelopeID]*write // the items of this commit
}

// plan decides what has to be written, and reserves room and numbers for it.
func (e *Embedded) plan(requests []*request) []*write {
	e.mu.Lock()
	defer e.mu.Unlock()
	p := planner{e: e, byID: make(map[keys.EnvelopeID]*write)}
	for _, r := range requests {
		for i := range r.items {
			r.errs[i] = p.put(&r.items[i], answer{r, i})
		}
		for i := range r.copies {
			p.copy(r, &r.copies[i])
		}
	}
	return p.writes
}

// put plans one item. The nil that it returns stands unless the write fails.
func (p *planner) put(item *Item, a answer) error {
	if !item.valid() {
		return ErrItem
	}
	b, w := p.e.bodies[item.ID], p.byID[item.ID]
	wanted, full := p.wanted(item, b, w)
	if len(full) > 0 {
		return &FullError{Devices: full}
	}
	if len(wanted) == 0 && w == nil && (b == nil || !b.unread) {
		return nil // everyone waits for it already
	}
	if w == nil {
		if w = p.begin(item, b); w == nil {
			return ErrFull
		}
	}
	if len(w.record.recipients)+len(wanted) > maxEntries {
		return ErrFull
	}
	for _, key := range wanted {
		d := p.e.deviceLocked(&key)
		d.count++
		d.bytes += int64(len(item.Body))
		w.devices = append(w.devices, d)
		w.record.recipients = append(w.record.recipients, recipient{device: key, number: w.number})
	}
	w.answers = append(w.answers, a)
	return nil
}

func (item *Item) valid() bool {
	n := len(item.Recipients)
	return n > 0 && n <= MaxRecipients && len(item.Body) <= MaxBody && (item.Kind == Envelope || item.Kind == Receipt)
}

// wanted returns the recipients that do not wait for the item yet, and those of them whose queues are full.
func (p *planner) wanted(item *Item, b *body, w *write) (wanted, full []keys.PublicKey) {
	recipients := item.Recipients
	if !ascending(recipients) {
		recipients = slices.Clone(recipients)
		slices.SortFunc(recipients, keys.PublicKey.Compare)
		recipients = slices.Compact(recipients)
	}
	for _, key := range recipients {
		d := p.e.devices[key]
		switch {
		case b != nil && d != nil && d.of(b) != nil, w != nil && w.has(&key):
		case p.fits(d, int64(len(item.Body))):
			wanted = append(wanted, key)
		default:
			full = append(full, key)
		}
	}
	return wanted, full
}

// ascending reports whether a list is in order and without repeats.
func ascending(list []keys.PublicKey) bool {
	for i := 1; i < len(list); i++ {
		if list[i-1].Compare(list[i]) >= 0 {
			return false
		}
	}
	return true
}

// fits reports whether a device may have one more entry.
func (p *planner) fits(d *device, size int64) bool {
	opt, entries := &p.e.opt, 1
	if d != nil {
		entries, size = d.count+1, d.bytes+size
	}
	return (opt.DeviceEntries == 0 || entries <= opt.DeviceEntries) && (opt.DeviceBytes == 0 || size <= opt.DeviceBytes)
}

// begin starts the write of an item: a body, or a gain for one that is there. nil if there is no room. Its new entries
// have one number, taken now, whenever in this commit they are planned: numbers grow with the order of the writes.
func (p *planner) begin(item *Item, b *body) *write {
	w := &write{old: b, number: p.e.next}
	w.record = record{kind: recordGain, of: item.Kind, expires: item.Expires.Unix(), org: item.Org, id: item.ID}
	if b == nil || b.unread {
		w.record.kind, w.record.body = recordBody, item.Body
		size := w.length() + int64(len(item.Recipients)*recipientSize)
		if limit := p.e.opt.MaxBytes; limit > 0 && p.e.total+size > limit {
			return nil
		}
		w.reserved = size
		p.e.total += size
	}
	if b != nil {
		b.pending++
		w.pinned = true
		if b.unread {
			p.e.entriesLocked(b, func(key keys.PublicKey, number uint64) {
				w.record.recipients = append(w.record.recipients, recipient{device: key, number: number})
			})
			w.moved = len(w.record.recipients)
		}
	}
	p.e.next++
	p.byID[item.ID] = w
	p.writes = append(p.writes, w)
	return w
}

// entriesLocked visits the entries of a body, slowly: it looks at every device.
func (e *Embedded) entriesLocked(b *body, visit func(key keys.PublicKey, number uint64)) {
	for key, d := range e.devices {
		if en := d.of(b); en != nil {
			visit(key, en.number)
		}
	}
}

// copy plans to copy forward what still lives of a record.
func (p *planner) copy(r *request, f *frame) {
	rec := &f.record
	b := p.e.bodies[rec.id]
	if b == nil {
		return
	}
	w := &write{old: b, copying: r, from: r.from, fromOffset: f.offset}
	w.record = *rec
	w.record.recipients = nil
	for i := range rec.recipients {
		if d := p.e.devices[rec.recipients[i].device]; d != nil {
			if en := d.at(rec.recipients[i].number); en != nil && en.body == b && en.home == r.from {
				w.record.recipients = append(w.record.recipients, rec.recipients[i])
			}
		}
	}
	w.moved = len(w.record.recipients)
	if rec.kind != recordBody || b.home != r.from || b.offset != f.offset {
		w.record.kind, w.record.body = recordGain, nil
		if w.moved == 0 {
			return
		}
	}
	p.writes = append(p.writes, w)
}

// apply makes what is durable now in s true in the index, and tells those who watch.
func (e *Embedded) apply(s *segment, writes []*write) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now = time.Now()
	s.size = s.synced
	for _, w := range writes {
		e.applyLocked(s, w)
	}
	if len(e.bodies) > e.peak {
		e.peak = len(e.bodies)
	}
}

func (e *Embedded) applyLocked(s *segment, w *write) {
	r := &w.record
	b := w.old
	if b == nil {
		b = &body{id: r.id, org: e.orgLocked(r.org), kind: r.of, size: int32(len(r.body)), expires: r.expires}
		b.number = w.number
		e.bodies[r.id] = b
		if b.kind == Envelope {
			b.org.stats.Bodies++
			b.org.stats.Bytes += int64(b.size)
		}
		e.settleLocked(b, s, w.offset, w.length())
		e.cache.add(b, r.body)
	} else if r.kind == recordBody {
		e.moveBodyLocked(s, w)
	}
	for i := range r.recipients[:w.moved] {
		e.moveEntryLocked(s, w, &r.recipients[i])
	}
	if w.old != nil && len(w.devices) > 0 {
		b.gain(w.number, int32(len(w.devices)))
	}
	for _, d := range w.devices {
		d.entries = append(d.entries, entry{number: w.number, body: b, home: s})
		b.pending++
		s.entries++
		if b.kind == Envelope {
			b.org.stats.Entries++
		}
		d.signal()
	}
	e.endLocked(w)
}

// moveBodyLocked points a body to its copy in s, unless it died or moved while the copy was written.
func (e *Embedded) moveBodyLocked(s *segment, w *write) {
	b := w.old
	if e.bodies[b.id] != b || w.copying != nil && (b.home != w.from || b.offset != w.fromOffset) {
		s.die(e.now)
		return
	}
	old := b.home
	e.leaveLocked(b)
	old.moved = true
	e.settleLocked(b, s, w.offset, w.length())
	e.drainLocked(old)
}

// moveEntryLocked makes s the home of an entry that was copied to it. If the entry was removed meanwhile, s holds a
// record of it that needs the note too.
func (e *Embedded) moveEntryLocked(s *segment, w *write, r *recipient) {
	if d := e.devices[r.device]; d != nil {
		if en := d.at(r.number); en != nil && en.body == w.old {
			old := en.home
			old.entries--
			old.moved = true
			old.die(e.now)
			en.home = s
			s.entries++
			e.drainLocked(old)
			return
		}
	}
	s.acks = append(s.acks, noteOf(&r.device, r.number))
	s.die(e.now)
	poke(e.wakeAcks)
}

// endLocked gives back what a write had reserved.
func (e *Embedded) endLocked(w *write) {
	e.total -= w.reserved
	if w.pinned {
		e.unpinLocked(w.old)
	}
}

// abandon takes writes that failed out of the books and answers them.
func (e *Embedded) abandon(writes []*write, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now = time.Now()
	for _, w := range writes {
		size := int64(len(w.record.body))
		if w.old != nil {
			size = int64(w.old.size)
		}
		for i, d := range w.devices {
			d.count--
			d.bytes -= size
			e.forgetLocked(&w.record.recipients[w.moved+i].device, d)
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
