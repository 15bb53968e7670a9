package queue

import (
	"slices"
	"time"

	"muster.example/internal/keys"
)

// write is one record on its way to the log.
type write struct {
	record   record
	message  handle
	fresh    bool      // it brings the message; else entries for one that is there, or a copy
	number   uint64    // of its new entries
	offset   int64     // where it is written
	moved    int       // the first recipients of the record have their entries already; the others are new
	devices  []*device // of the new recipients
	set      *set      // of a share
	reserved int64     // of Embedded.total
	answers  []answer  // the items that it stands for
	before   *write    // an earlier one of the same message in this commit

	copying    *request // for a copy: who asked,
	from       *segment // and where the record came from; for a body that takes another's place, where that lay
	fromOffset int64
}

func (w *write) length() int64 { return int64(w.record.size() + frameOverhead) }

// has reports whether the write brings a new entry for a device.
func (w *write) has(key *keys.PublicKey, d *device) bool {
	if w.set != nil {
		at := -1
		if d != nil {
			at = d.placeOf(w.set)
		}
		return at >= 0 && w.record.waiting.has(at)
	}
	_, found := slices.BinarySearchFunc(w.record.recipients[w.moved:], key, func(r recipient, key *keys.PublicKey) int {
		return r.device.Compare(*key)
	})
	return found
}

// planner turns the calls of one commit into writes. Embedded.mu is held.
type planner struct {
	e      *Embedded
	writes []*write
	busy   map[handle]*write // the last write of a message's items in this commit
}

// plan decides what has to be written, and reserves room and numbers for it.
func (e *Embedded) plan(requests []*request) []*write {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.now = time.Now()
	e.next = max(e.next, clock(e.now))
	p := planner{e: e, busy: make(map[handle]*write)}
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
	h := p.e.table.find(&item.ID)
	if h == 0 && item.Set != nil {
		return p.share(item, a)
	}
	wanted, full := p.wanted(item, h)
	if len(full) > 0 {
		return &FullError{Devices: full}
	}
	last := p.busy[h]
	repair := h != 0 && last == nil && p.e.table.at(h).is(markUnread)
	if h != 0 && len(wanted) == 0 && !repair {
		if last != nil {
			last.answers = append(last.answers, a)
		}
		return nil // everyone waits for it already
	}
	w := &write{record: recordOf(item, recordGain), message: h, fresh: h == 0, before: last}
	if repair {
		w.record.recipients = p.e.entriesLocked(h)
		w.moved = len(w.record.recipients)
	}
	if w.moved+len(wanted) > maxEntries || !p.begin(item, w, repair || h == 0, (w.moved+len(wanted))*recipientSize) {
		return ErrFull
	}
	w.record.recipients = slices.Grow(w.record.recipients, len(wanted))
	w.devices = make([]*device, 0, len(wanted))
	for i := range wanted {
		d := p.e.deviceLocked(&wanted[i])
		d.count++
		d.bytes += int64(len(item.Body))
		w.devices = append(w.devices, d)
		w.record.recipients = append(w.record.recipients, recipient{device: wanted[i], number: w.number})
	}
	p.add(w, a)
	return nil
}

func recordOf(item *Item, kind recordType) record {
	return record{kind: kind, of: item.Kind, expires: item.Expires.Unix(), org: item.Org, id: item.ID}
}

// share plans a new message for the members of a set.
func (p *planner) share(item *Item, a answer) error {
	s := p.e.setLocked(item.Set)
	s.used = p.e.now
	waiting := s.all
	if len(item.Except) > 0 {
		waiting = slices.Clone(s.all)
		for _, key := range item.Except {
			if at, ok := slices.BinarySearchFunc(s.devices, key, keys.PublicKey.Compare); ok {
				waiting.unset(at)
			}
		}
		if waiting.empty() {
			return ErrItem
		}
	}
	size := int64(len(item.Body))
	var full []keys.PublicKey
	waiting.each(func(i int) {
		if !p.fits(s.members[i], size) {
			full = append(full, s.devices[i])
		}
	})
	if len(full) > 0 {
		return &FullError{Devices: full}
	}
	w := &write{record: recordOf(item, recordShare), fresh: true, set: s}
	w.record.count, w.record.waiting = len(s.devices), waiting
	if !p.begin(item, w, true, setHeader+shareHeader-recordHeader+(len(s.devices)+7)/8) {
		return ErrFull
	}
	w.record.number = w.number
	p.e.table.at(w.message).setSet(s.index)
	s.pins++
	waiting.each(func(i int) {
		s.members[i].count++
		s.members[i].bytes += size
	})
	p.add(w, a)
	return nil
}

func (p *planner) add(w *write, a answer) {
	w.answers = append(w.answers, a)
	p.writes = append(p.writes, w)
	p.busy[w.message] = w
}

// wanted returns the recipients that do not wait for an item yet, and those of them whose queues are full.
func (p *planner) wanted(item *Item, h handle) (wanted, full []keys.PublicKey) {
	recipients := item.Devices()
	wanted = make([]keys.PublicKey, 0, len(recipients))
	for i := range recipients {
		key := &recipients[i]
		d := p.e.devices[*key]
		switch {
		case h != 0 && p.waits(d, key, h):
		case p.fits(d, int64(len(item.Body))):
			wanted = append(wanted, *key)
		default:
			full = append(full, *key)
		}
	}
	return wanted, full
}

// waits reports whether a device waits for a message, or will by what this commit writes.
func (p *planner) waits(d *device, key *keys.PublicKey, h handle) bool {
	if d != nil {
		if _, waits := p.e.entryLocked(d, h); waits {
			return true
		}
	}
	for w := p.busy[h]; w != nil; w = w.before {
		if w.has(key, d) {
			return true
		}
	}
	return false
}

// fits reports whether a device may have one more entry.
func (p *planner) fits(d *device, size int64) bool {
	opt, entries := &p.e.opt, 1
	if d != nil {
		entries, size = d.count+1, d.bytes+size
	}
	return (opt.DeviceEntries == 0 || entries <= opt.DeviceEntries) && (opt.DeviceBytes == 0 || size <= opt.DeviceBytes)
}

// begin makes room for a write, with more bytes than its record has by now, and gives it a number: its message, if that is
// new, cannot be seen yet. false if there is no room.
func (p *planner) begin(item *Item, w *write, withBody bool, more int) bool {
	e := p.e
	if withBody {
		if w.record.body = item.Body; w.record.kind == recordGain {
			w.record.kind = recordBody
		}
		size := int64(recordHeader + more + len(item.Body) + frameOverhead)
		if limit := e.opt.MaxBytes; limit > 0 && e.total+size > limit {
			return false
		}
		w.reserved = size
	}
	w.number = e.next
	if w.fresh {
		h, err := e.table.insert(item.ID[:])
		if err != nil {
			e.troubles.warn("no memory for another message", err)
			return false
		}
		w.message = h
		c := e.table.at(h)
		c.mark(markFresh)
		c.setNumber(w.number)
		c.setKind(item.Kind)
		c.setSize(len(item.Body))
		c.setExpires(item.Expires.Unix())
		c.setAccount(e.accountLocked(item.Org, item.Payer).index)
	}
	e.pinLocked(w.message)
	e.total += w.reserved
	e.next++
	return true
}

// entriesLocked returns the entries of a message, slowly: it looks at every device.
func (e *Embedded) entriesLocked(h handle) (all []recipient) {
	for _, d := range e.devices {
		e.eachLocked(d, func(_ entry, r ref) bool {
			if e.messageOf(r) == h {
				all = append(all, recipient{d.key, e.numberOf(r)})
			}
			return true
		})
	}
	return all
}

// copy plans to copy forward what still lives of a record.
func (p *planner) copy(r *request, f *frame) {
	e, rec := p.e, &f.record
	h := e.table.find(&rec.id)
	if h == 0 || rec.kind == recordSet {
		return
	}
	c := e.table.at(h)
	if c.is(markFresh) {
		return // it came back: what lies here is of its former life
	}
	here := rec.kind != recordGain && e.segmentOf(c) == r.from && int64(c.offset()) == f.offset
	w := &write{message: h, copying: r, from: r.from, fromOffset: f.offset, record: *rec}
	w.record.kind, w.record.recipients, w.record.body = recordGain, nil, nil
	if here {
		w.record.kind, w.record.body = recordBody, rec.body
		if s := e.setOf(c); s != nil {
			if i := s.list.at(e, ref(h), c.number()); i >= 0 {
				w.set, w.record.kind, w.record.number = s, recordShare, c.number()
				w.record.count, w.record.waiting = len(s.devices), slices.Clone(s.list.waiting(i))
				s.pins++
			}
		}
	}
	if w.set == nil {
		for _, to := range rec.recipients {
			if e.livesAt(h, &to, r.from, here) {
				w.record.recipients = append(w.record.recipients, to)
			}
		}
		w.moved = len(w.record.recipients)
	} else {
		p.copyRest(r, f, h)
	}
	if w.record.kind == recordGain && w.moved == 0 {
		return
	}
	e.pinLocked(h)
	p.writes = append(p.writes, w)
}

// copyRest plans to copy the entries of a record that are not those of its message's set.
func (p *planner) copyRest(r *request, f *frame, h handle) {
	w := &write{message: h, copying: r, from: r.from, fromOffset: f.offset, record: f.record}
	w.record.kind, w.record.recipients, w.record.body = recordGain, nil, nil
	for _, to := range f.record.recipients {
		if p.e.livesAt(h, &to, r.from, false) {
			w.record.recipients = append(w.record.recipients, to)
		}
	}
	if w.moved = len(w.record.recipients); w.moved > 0 {
		p.e.pinLocked(h)
		p.writes = append(p.writes, w)
	}
}

// livesAt reports whether an entry lives whose record lies in a segment. first says that those of the message's first
// entries do.
func (e *Embedded) livesAt(h handle, to *recipient, s *segment, first bool) bool {
	d := e.devices[to.device]
	if d == nil {
		return false
	}
	if g := e.gains.numbered(h, to.number); g != 0 {
		return e.gains.all[g].home == s && d.list.at(e, refOfGain(g), to.number) >= 0
	}
	return first && e.firstWaits(h, d, to.number)
}

// firstWaits reports whether a device waits for a message by one of its first entries, which have a number.
func (e *Embedded) firstWaits(h handle, d *device, number uint64) bool {
	c := e.table.at(h)
	if c.number() != number {
		return false
	}
	s := e.setOf(c)
	if s == nil {
		return d.list.at(e, ref(h), number) >= 0
	}
	at := d.placeOf(s)
	if at < 0 {
		return false
	}
	i := s.list.at(e, ref(h), number)
	return i >= 0 && s.list.waiting(i).has(at)
}
