package replicated

import (
	"math"
	"slices"
	"sort"
	"time"

	"muster.example/internal/keys"
	"muster.example/rendezvous/queue"
)

// index is what the logs of all shards say waits, and what of it this process has acknowledged already.
type index struct {
	byID    map[keys.EnvelopeID]*item // the newest of that id
	devices map[keys.PublicKey]*device
	orgs    map[keys.OrgID]*orgCount
	used    queue.Usage
	soonest int64 // nothing expires before, Unix seconds
}

func newIndex() index {
	return index{
		byID: make(map[keys.EnvelopeID]*item), devices: make(map[keys.PublicKey]*device),
		orgs: make(map[keys.OrgID]*orgCount), soonest: math.MaxInt64,
	}
}

// item is one body that somebody waits for, by the log.
type item struct {
	id      keys.EnvelopeID
	older   *item // of the same id, whose last acknowledgement is not in the log yet
	shard   *shard
	payer   *payerCount
	record  uint64   // of the log, the last that says it all
	numbers []uint64 // of its groups of entries, ascending; the first names it
	holders []holder // of its entries, and of some that are done with
	parts   []part
	commit  *commit
	expires int64
	checked time.Time // when its body was last seen
	entries int32     // by the log
	visible int32     // of them, those that were not acknowledged here
	size    uint32
	key     uint32 // of the commit's
	kind    queue.Kind
	lost    bool // its body is gone: what waits for it was told so
}

// entry is an item that waits for a device.
type entry struct {
	item   *item
	number uint64
	hidden bool // acknowledged here, and not in the log yet
}

// device is the queue of one device.
type device struct {
	key      keys.PublicKey
	entries  []entry // by their numbers
	watchers []chan struct{}
	count    int // visible entries and those being put
	bytes    int64
}

// commit is the keys that were stored with one record.
type commit struct {
	token  uint64
	shard  *shard
	items  map[uint32]*item // by the index of the key
	stored int              // keys that the cluster still has, at most
	dead   time.Time        // when the first item died whose key is still there
	last   time.Time        // and the last
}

// pack is a message with bodies.
type pack struct {
	bytes, living int64
	items         map[*item]struct{}
	dead          time.Time // when its last item died
	since         time.Time // when it was seen first
}

type orgCount struct {
	org    keys.OrgID
	stats  queue.Stats
	used   queue.Usage
	payers map[keys.MemberID]*payerCount
}

type payerCount struct {
	org   *orgCount
	payer keys.MemberID
	used  queue.Usage
	items int
}

func add(u *queue.Usage, more queue.Usage) {
	u.Entries += more.Entries
	u.Bodies += more.Bodies
	u.Bytes += more.Bytes
}

func (x *index) account(org keys.OrgID, payer keys.MemberID) *payerCount {
	o := x.orgs[org]
	if o == nil {
		o = &orgCount{org: org, payers: make(map[keys.MemberID]*payerCount)}
		x.orgs[org] = o
	}
	p := o.payers[payer]
	if p == nil {
		p = &payerCount{org: o, payer: payer}
		o.payers[payer] = p
	}
	p.items++
	return p
}

func (x *index) leaveAccount(p *payerCount) {
	if p.items--; p.items > 0 {
		return
	}
	if delete(p.org.payers, p.payer); len(p.org.payers) == 0 {
		delete(x.orgs, p.org.org)
	}
}

// count adds to what waits of an item's payer.
func (x *index) count(it *item, more queue.Usage) {
	add(&x.used, more)
	add(&it.payer.used, more)
	add(&it.payer.org.used, more)
	if it.kind == queue.Envelope {
		stats := &it.payer.org.stats
		stats.Entries += more.Entries
		stats.Bodies += more.Bodies
		stats.Bytes += more.Bodies * int64(it.size)
	}
}

// room is what an item takes, for Usage.
func (it *item) room() int64 { return int64(it.size) + noteBytes }

// show counts entries of an item that became visible, or with a negative number hidden.
func (x *index) show(it *item, entries int32) {
	was := it.visible
	it.visible += entries
	more := queue.Usage{Entries: int64(entries)}
	switch {
	case was == 0 && it.visible > 0:
		more.Bodies, more.Bytes = 1, it.room()
	case was > 0 && it.visible == 0:
		more.Bodies, more.Bytes = -1, -it.room()
	}
	x.count(it, more)
}

func (x *index) device(key keys.PublicKey) *device {
	d := x.devices[key]
	if d == nil {
		d = &device{key: key}
		x.devices[key] = d
	}
	return d
}

func (x *index) forget(d *device) {
	if len(d.entries) == 0 && len(d.watchers) == 0 && d.count == 0 {
		delete(x.devices, d.key)
	}
}

// find returns the first entry with at least that number.
func (d *device) find(number uint64) int {
	return sort.Search(len(d.entries), func(i int) bool { return d.entries[i].number >= number })
}

// at returns the entry with a number, nil if there is none.
func (d *device) at(number uint64) *entry {
	if i := d.find(number); i < len(d.entries) && d.entries[i].number == number {
		return &d.entries[i]
	}
	return nil
}

// of returns the visible entry of an item, nil if the device does not wait for it.
func (d *device) of(it *item) *entry {
	for _, number := range it.numbers {
		if e := d.at(number); e != nil && e.item == it && !e.hidden {
			return e
		}
	}
	return nil
}

// enter adds an entry unless it is there.
func (x *index) enter(d *device, it *item, number uint64) bool {
	i := d.find(number)
	if i < len(d.entries) && d.entries[i].number == number {
		return false
	}
	d.entries = slices.Insert(d.entries, i, entry{item: it, number: number})
	d.count++
	d.bytes += int64(it.size)
	it.entries++
	it.holders = append(it.holders, holder{d, number})
	x.show(it, 1)
	for _, watcher := range d.watchers {
		poke(watcher)
	}
	return true
}

// hide takes an entry out of sight: it was acknowledged here.
func (x *index) hide(d *device, e *entry) {
	if e.hidden {
		return
	}
	e.hidden = true
	d.count--
	d.bytes -= int64(e.item.size)
	x.show(e.item, -1)
}

// remove takes an entry out, as the log says.
func (x *index) remove(d *device, i int, now time.Time) {
	x.hide(d, &d.entries[i])
	it := d.entries[i].item
	d.entries = slices.Delete(d.entries, i, i+1)
	if len(d.entries) == 0 {
		d.entries = nil
	}
	if it.entries--; it.entries == 0 {
		x.bury(it, now)
	}
	x.forget(d)
}

// bury takes an item out for which nothing waits.
func (x *index) bury(it *item, now time.Time) {
	for at := x.byID[it.id]; at != nil; at = at.older {
		if at == it {
			if it.older == nil {
				delete(x.byID, it.id)
			} else {
				x.byID[it.id] = it.older
			}
			break
		}
		if at.older == it {
			at.older = it.older
			break
		}
	}
	it.unplace(now)
	it.shard.engine.cache.drop(it)
	delete(it.shard.items, it)
	x.leaveAccount(it.payer)
}

// place notes where an item's body and key lie.
func (it *item) place(parts []part, token uint64, key uint32, now time.Time) {
	s := it.shard
	it.parts, it.key = parts, key
	for _, p := range parts {
		k := s.packs[p.Seq]
		if k == nil {
			k = &pack{items: make(map[*item]struct{}), since: now}
			s.packs[p.Seq] = k
		}
		k.items[it] = struct{}{}
		k.living += int64(p.Length)
		k.bytes = max(k.bytes, int64(p.Offset)+int64(p.Length))
	}
	c := s.commits[token]
	if c == nil {
		c = &commit{token: token, shard: s, items: make(map[uint32]*item)}
		s.commits[token] = c
	}
	c.items[key] = it
	c.stored++
	it.commit = c
}

// unplace takes an item off its body and key, which can go.
func (it *item) unplace(now time.Time) {
	for _, p := range it.parts {
		if k := it.shard.packs[p.Seq]; k != nil {
			delete(k.items, it)
			if k.living -= int64(p.Length); len(k.items) == 0 {
				k.dead = now
			}
		}
	}
	if c := it.commit; c != nil && c.items[it.key] == it {
		delete(c.items, it.key)
		if c.last = now; c.dead.IsZero() {
			c.dead = now
		}
	}
}

// newest returns the item of an id that somebody still waits for, nil if there is none.
func (x *index) newest(id keys.EnvelopeID) *item {
	for it := x.byID[id]; it != nil; it = it.older {
		if it.visible > 0 && !it.lost {
			return it
		}
	}
	return nil
}

// numbered returns the item of an id whose first number it is.
func (x *index) numbered(id keys.EnvelopeID, number uint64) *item {
	for it := x.byID[id]; it != nil; it = it.older {
		if it.numbers[0] == number {
			return it
		}
	}
	return nil
}

// poke leaves a signal in a channel of capacity one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
