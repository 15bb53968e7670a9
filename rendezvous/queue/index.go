package queue

import (
	"cmp"
	"math"
	"slices"

	"muster.example/internal/keys"
)

// index is what the engine knows in memory of what lies in its log. Messages are cells in a table; the entries of a device
// are refs to them in its own list, or bits in the list of a set that it is in.
type index struct {
	table *table
	gains gains

	devices map[keys.PublicKey]*device

	sets      []*set // the first is none
	freeSets  []uint32
	setsBySum map[[32]byte]*set

	places     []*segment // the segments, by what cells call them; the first is none
	freePlaces []uint16

	accounts     []*payerCount // the first is none
	freeAccounts []uint32
	orgs         map[keys.OrgID]*orgCount
	used         Usage // of all

	soonest uint32 // nothing expires before
}

func newIndex() index {
	return index{
		table: newTable(), gains: newGains(), devices: make(map[keys.PublicKey]*device),
		sets: make([]*set, 1), setsBySum: make(map[[32]byte]*set),
		places: make([]*segment, 1), accounts: make([]*payerCount, 1),
		orgs: make(map[keys.OrgID]*orgCount), soonest: math.MaxUint32,
	}
}

// device is the queue of one device.
type device struct {
	key      keys.PublicKey
	list     list         // entries that are its own
	sets     []membership // in which it may have more
	count    int          // living entries and those being put
	bytes    int64        // their bodies
	watchers []chan struct{}
}

func (d *device) idle() bool { return d.count == 0 && len(d.watchers) == 0 && len(d.sets) == 0 }

func (d *device) signal() {
	for _, watcher := range d.watchers {
		poke(watcher)
	}
}

// deviceLocked returns the queue of a device, making it.
func (x *index) deviceLocked(key *keys.PublicKey) *device {
	d := x.devices[*key]
	if d == nil {
		d = &device{key: *key}
		x.devices[*key] = d
	}
	return d
}

func (x *index) forgetLocked(d *device) {
	if d.idle() && x.devices[d.key] == d {
		delete(x.devices, d.key)
	}
}

// messageOf returns the message of a ref.
func (x *index) messageOf(r ref) handle {
	if r&refGain != 0 {
		return x.gains.all[r&^refGain].message
	}
	return handle(r)
}

// numberOf returns the number of a ref.
func (x *index) numberOf(r ref) uint64 {
	if r&refGain != 0 {
		return x.gains.all[r&^refGain].number
	}
	return x.table.at(handle(r)).number()
}

// homeOf returns where the record of a ref's entries lies.
func (x *index) homeOf(r ref) *segment {
	if r&refGain != 0 {
		return x.gains.all[r&^refGain].home
	}
	return x.segmentOf(x.table.at(handle(r)))
}

// segmentOf returns where the body of a message lies.
func (x *index) segmentOf(c cell) *segment { return x.places[c.segment()] }

// setOf returns the set of a message's first entries, nil if they are in lists of devices.
func (x *index) setOf(c cell) *set { return x.sets[c.set()] }

// placeLocked gives a segment a number that fits in a cell.
func (x *index) placeLocked(s *segment) bool {
	if n := len(x.freePlaces); n > 0 {
		s.place, x.freePlaces = x.freePlaces[n-1], x.freePlaces[:n-1]
		x.places[s.place] = s
		return true
	}
	if len(x.places) > math.MaxUint16 {
		return false
	}
	s.place = uint16(len(x.places))
	x.places = append(x.places, s)
	return true
}

func (x *index) leavePlaceLocked(s *segment) {
	if s.place != 0 {
		x.places[s.place] = nil
		x.freePlaces = append(x.freePlaces, s.place)
		s.place = 0
	}
}

// frontLocked returns the lowest number that waits for a device, the highest of all if nothing does.
func (x *index) frontLocked(d *device) uint64 {
	front := uint64(math.MaxUint64)
	if len(d.list.refs) > 0 {
		front = x.numberOf(d.list.refs[0]) // the first is no hole
	}
	for _, m := range d.sets {
		if i := m.set.firstFor(x, m.at, 0); i < len(m.set.list.refs) {
			front = min(front, x.numberOf(m.set.list.refs[i]))
		}
	}
	return front
}

// entry is where one entry of a device is.
type entry struct {
	set *set // nil for the device's own list
	at  int  // the member of the set
	i   int  // the index in the list
}

// entryLocked returns an entry of a message that waits for a device.
func (x *index) entryLocked(d *device, h handle) (entry, bool) {
	c := x.table.at(h)
	if s := x.setOf(c); s != nil {
		if at := d.placeOf(s); at >= 0 {
			if i := s.indexOf(x, at, ref(h), c.number()); i >= 0 && s.list.waiting(i).has(at) {
				return entry{s, at, i}, true
			}
		}
	} else if i := d.list.at(x, ref(h), c.number()); i >= 0 {
		return entry{i: i}, true
	}
	if c.is(markGained) {
		for g := x.gains.of[h]; g != 0; g = x.gains.all[g].next {
			if i := d.list.at(x, refOfGain(g), x.gains.all[g].number); i >= 0 {
				return entry{i: i}, true
			}
		}
	}
	return entry{}, false
}

// eachLocked visits the entries of a device, in no order, until visit returns false. visit may remove the one it is told of.
func (x *index) eachLocked(d *device, visit func(en entry, r ref) bool) {
	for i := len(d.list.refs) - 1; i >= 0; i-- { // from the back: what is removed shortens the list there, or not at all
		if i < len(d.list.refs) && d.list.refs[i] != 0 && !visit(entry{i: i}, d.list.refs[i]) {
			return
		}
	}
	for _, m := range d.sets {
		for i := len(m.set.list.refs) - 1; i >= 0; i-- {
			if i < len(m.set.list.refs) && m.set.list.refs[i] != 0 && m.set.list.waiting(i).has(m.at) &&
				!visit(entry{m.set, m.at, i}, m.set.list.refs[i]) {
				return
			}
		}
	}
}

// removal is an entry that was just removed.
type removal struct {
	home   *segment
	number uint64
}

// removeLocked takes a living entry of a device out of the index.
func (e *Embedded) removeLocked(d *device, en entry) removal {
	l := &d.list
	if en.set != nil {
		l = &en.set.list
	}
	r := l.refs[en.i]
	h, gone := e.messageOf(r), removal{e.homeOf(r), e.numberOf(r)}
	if en.set != nil {
		l.waiting(en.i).unset(en.at)
	}
	if en.set == nil || l.waiting(en.i).empty() {
		l.remove(en.i)
	}
	if r&refGain != 0 {
		e.loseLocked(h, uint32(r&^refGain))
	}
	c := e.table.at(h)
	d.count--
	d.bytes -= int64(c.size())
	gone.home.entries--
	gone.home.die(e.now)
	e.countLocked(c, Usage{Entries: -1})
	e.unpinLocked(h)
	e.drainLocked(gone.home)
	return gone
}

// noteLocked notes for the ack logs what was removed of a device. What lies before all that still waits for it is noted as
// a range, which takes in the numbers between: nothing of them is left.
func (e *Embedded) noteLocked(d *device, removed []removal) {
	if len(removed) == 0 {
		return
	}
	front := e.frontLocked(d)
	for _, r := range removed {
		switch s := r.home; {
		case s.draining: // its key goes
		case r.number < front:
			s.noteRange(d, r.number)
		default:
			s.acks = append(s.acks, noteOf(&d.key, r.number))
		}
	}
	poke(e.wakeAcks)
}

// pinLocked keeps a message while something is written of it.
func (x *index) pinLocked(h handle) {
	c := x.table.at(h)
	c.setPending(c.pending() + 1)
}

// unpinLocked takes one holder off a message, an entry or a write, and with the last one removes it.
func (e *Embedded) unpinLocked(h handle) {
	c := e.table.at(h)
	left := c.pending() - 1
	if c.setPending(left); left > 0 {
		return
	}
	e.cache.drop(h)
	p := e.accounts[c.account()]
	if !c.is(markFresh) {
		e.total -= int64(c.length())
		e.countLocked(c, Usage{Bodies: -1, Bytes: -int64(c.length())})
		home := e.segmentOf(c)
		e.leaveLocked(c)
		e.drainLocked(home)
	}
	e.table.remove(h)
	e.leaveAccountLocked(p)
}

// leaveLocked takes a body off the counts of its segment.
func (e *Embedded) leaveLocked(c cell) {
	home := e.segmentOf(c)
	home.bodies--
	home.living -= int64(c.length())
	home.die(e.now)
}

// settleLocked puts a body where its frame lies now.
func (e *Embedded) settleLocked(c cell, s *segment, offset, length int64) {
	more := length - int64(c.length())
	e.total += more
	e.countLocked(c, Usage{Bytes: more})
	c.setPlace(s.place, offset, length)
	c.unmark(markUnread)
	s.bodies++
	s.laid++
	s.living += length
}

// drainLocked puts a sealed segment that holds nothing living any more in the row of those to be dropped.
func (e *Embedded) drainLocked(s *segment) {
	if s.empty() && !s.draining && !s.sealed.IsZero() {
		s.draining = true
		s.acks, s.ranges = nil, nil
		e.drained = append(e.drained, s)
		poke(e.wakeSweeper)
	}
}

// packLocked moves what lives into as little memory as it needs, once most of it has gone. The caller is the committer, with
// nothing in flight: handles change.
func (e *Embedded) packLocked() error {
	if e.table.used == 0 {
		e.table.close()
		e.cache.clear()
		return nil
	}
	packed, err := e.table.packed()
	if err != nil {
		return err
	}
	to := func(r ref) ref {
		if r == 0 || r&refGain != 0 {
			return r
		}
		return ref(e.table.at(handle(r)).next())
	}
	lists := make([]*list, 0, len(e.devices)+len(e.sets))
	for _, d := range e.devices {
		lists = append(lists, &d.list)
	}
	for _, s := range e.setsBySum {
		lists = append(lists, &s.list)
	}
	for _, l := range lists {
		for i, r := range l.refs {
			l.refs[i] = to(r)
		}
	}
	e.gains.moved(func(h handle) handle { return handle(to(ref(h))) })
	e.cache.clear()
	e.table.close()
	e.table = packed
	return nil
}

// byNumberLocked sorts a list that was filled in any order, and leaves the last of those that are the same.
func (x *index) byNumberLocked(l *list) {
	order := make([]int32, len(l.refs))
	sorted := true
	for i := range order {
		order[i] = int32(i)
		sorted = sorted && (i == 0 || x.numberOf(l.refs[i-1]) < x.numberOf(l.refs[i]))
	}
	if sorted {
		l.refs, l.bits = slices.Clip(l.refs), slices.Clip(l.bits)
		return
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(x.numberOf(l.refs[a]), x.numberOf(l.refs[b])), cmp.Compare(l.refs[a], l.refs[b]), cmp.Compare(b, a))
	})
	was := *l
	l.refs, l.bits = make([]ref, 0, len(order)), make([]uint64, 0, len(was.bits))
	for n, i := range order {
		if n == 0 || was.refs[i] != was.refs[order[n-1]] {
			l.append(was.refs[i], was.waiting(int(i)))
		}
	}
}

// poke leaves a signal in a channel of capacity one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
