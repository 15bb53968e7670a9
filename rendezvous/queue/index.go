package queue

import (
	"slices"
	"sort"

	"muster.example/internal/keys"
)

// body is a living body in the index.
type body struct {
	id      keys.EnvelopeID
	org     *orgCount
	home    *segment // where its bytes lie
	offset  int64
	length  int32 // of its frame
	size    int32 // of the body alone
	kind    Kind
	unread  bool   // could not be read back: the next Put of the id replaces it
	pending int32  // entries
	expires int64  // unix s
	number  uint64 // of its first entries
	gained  []gain // later ones, of which some live
}

// gain is a number that a body's later entries have, and how many of these live.
type gain struct {
	number uint64
	living int32
}

// entry is a body that waits for a device.
type entry struct {
	number uint64
	body   *body    // nil once removed
	home   *segment // where the record that holds the entry lies
}

// gain notes count living entries of a number beyond the first.
func (b *body) gain(number uint64, count int32) {
	for i := range b.gained {
		if b.gained[i].number == number {
			b.gained[i].living += count
			return
		}
	}
	b.gained = append(b.gained, gain{number, count})
}

// lose notes that an entry of a number lives no more. A number without entries is forgotten: devices come and go for as
// long as the body stays.
func (b *body) lose(number uint64) {
	for i := range b.gained {
		if b.gained[i].number != number {
			continue
		}
		if b.gained[i].living--; b.gained[i].living == 0 {
			b.gained = slices.Delete(b.gained, i, i+1)
		}
		return
	}
}

// orgCount is the statistics of an organization.
type orgCount struct {
	org   keys.OrgID
	stats Stats
}

// device is the queue of one device.
type device struct {
	entries  []entry // by number; removed ones stay until compacted
	holes    int
	count    int   // living entries and those being put
	bytes    int64 // their bodies
	watchers []chan struct{}
}

func (d *device) idle() bool { return d.count == 0 && len(d.watchers) == 0 }

// find returns the index of the first entry whose number is at least number.
func (d *device) find(number uint64) int {
	return sort.Search(len(d.entries), func(i int) bool { return d.entries[i].number >= number })
}

// at returns the living entry of a number.
func (d *device) at(number uint64) *entry {
	if i := d.find(number); i < len(d.entries) && d.entries[i].number == number && d.entries[i].body != nil {
		return &d.entries[i]
	}
	return nil
}

// of returns the living entry of a body.
func (d *device) of(b *body) *entry {
	if en := d.at(b.number); en != nil && en.body == b {
		return en
	}
	for _, g := range b.gained {
		if en := d.at(g.number); en != nil && en.body == b {
			return en
		}
	}
	return nil
}

// remove makes a living entry a hole, and closes holes at the front and when they are many.
func (d *device) remove(en *entry) {
	en.body, en.home = nil, nil
	d.holes++
	front := 0
	for front < len(d.entries) && d.entries[front].body == nil {
		front++
	}
	d.entries = d.entries[front:]
	d.holes -= front
	switch {
	case len(d.entries) == 0:
		d.entries = nil
	case d.holes > 16 && d.holes > len(d.entries)/2:
		kept := make([]entry, 0, len(d.entries)-d.holes)
		for _, en := range d.entries {
			if en.body != nil {
				kept = append(kept, en)
			}
		}
		d.entries, d.holes = kept, 0
	}
}

func (d *device) signal() {
	for _, watcher := range d.watchers {
		select {
		case watcher <- struct{}{}:
		default:
		}
	}
}

// cache keeps the bodies put last, up to a number of bytes.
type cache struct {
	bodies map[*body][]byte
	order  []*body
	bytes  int
	limit  int
}

func (c *cache) add(b *body, data []byte) {
	if len(data) > c.limit/4 {
		return
	}
	c.bodies[b] = data
	c.order = append(c.order, b)
	c.bytes += len(data)
	for c.bytes > c.limit {
		c.drop(c.order[0])
		c.order = c.order[1:]
	}
	if len(c.order) > 64 && len(c.order) > 2*len(c.bodies) {
		c.order = slices.DeleteFunc(c.order, func(b *body) bool { _, ok := c.bodies[b]; return !ok })
	}
}

func (c *cache) drop(b *body) {
	if data, ok := c.bodies[b]; ok {
		delete(c.bodies, b)
		c.bytes -= len(data)
	}
}

func (c *cache) clear() { c.bodies, c.order, c.bytes = make(map[*body][]byte), nil, 0 }

// releaseLocked takes a removed entry of b, whose record lay in home, off the counts; mu is held.
func (e *Embedded) releaseLocked(d *device, b *body, home *segment) {
	d.count--
	d.bytes -= int64(b.size)
	home.entries--
	home.die(e.now)
	if b.kind == Envelope {
		b.org.stats.Entries--
	}
	e.unpinLocked(b)
	e.drainLocked(home)
}

// unpinLocked takes one holder off a body, an entry or a commit that is about to add entries, and with the last one
// removes it.
func (e *Embedded) unpinLocked(b *body) {
	if b.pending--; b.pending > 0 {
		return
	}
	delete(e.bodies, b.id)
	e.cache.drop(b)
	e.total -= int64(b.length)
	if b.kind == Envelope {
		b.org.stats.Bodies--
		b.org.stats.Bytes -= int64(b.size)
	}
	if b.org.stats == (Stats{}) && e.orgs[b.org.org] == b.org {
		delete(e.orgs, b.org.org)
	}
	home := b.home
	e.leaveLocked(b)
	e.drainLocked(home)
}

// leaveLocked takes a body off the counts of its segment.
func (e *Embedded) leaveLocked(b *body) {
	b.home.bodies--
	b.home.living -= int64(b.length)
	b.home.die(e.now)
}

// settleLocked puts a body where its frame lies now.
func (e *Embedded) settleLocked(b *body, s *segment, offset, length int64) {
	e.total += length - int64(b.length)
	b.home, b.offset, b.length, b.unread = s, offset, int32(length), false
	s.bodies++
	s.living += length
}

// drainLocked puts a sealed segment that holds nothing living any more in the row of those to be dropped.
func (e *Embedded) drainLocked(s *segment) {
	if s.empty() && !s.draining && !s.sealed.IsZero() {
		s.draining = true
		s.acks = nil
		e.drained = append(e.drained, s)
		poke(e.wakeSweeper)
	}
}

// orgLocked returns the counts of an organization, making them.
func (e *Embedded) orgLocked(org keys.OrgID) *orgCount {
	c := e.orgs[org]
	if c == nil {
		c = &orgCount{org: org}
		e.orgs[org] = c
	}
	return c
}

// deviceLocked returns the queue of a device, making it.
func (e *Embedded) deviceLocked(key *keys.PublicKey) *device {
	d := e.devices[*key]
	if d == nil {
		d = new(device)
		e.devices[*key] = d
	}
	return d
}

func (e *Embedded) forgetLocked(key *keys.PublicKey, d *device) {
	if d.idle() && e.devices[*key] == d {
		delete(e.devices, *key)
	}
}

// poke leaves a signal in a channel of capacity one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
