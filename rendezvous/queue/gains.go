package queue

// gain is entries that a message got after its first ones, in the lists of their devices.
type gain struct {
	message handle
	next    uint32 // gain of the same message; of a free one the next that is free
	number  uint64
	living  int32
	home    *segment // where their record lies
}

// gains are few: most messages get all their entries at once.
type gains struct {
	all  []gain // the first is none
	free uint32
	of   map[handle]uint32 // the first gain of a message
}

func newGains() gains { return gains{all: make([]gain, 1), of: make(map[handle]uint32)} }

// add makes a gain without entries.
func (g *gains) add(h handle, number uint64, home *segment) uint32 {
	i := g.free
	if i != 0 {
		g.free = g.all[i].next
	} else {
		i = uint32(len(g.all))
		g.all = append(g.all, gain{})
	}
	g.all[i] = gain{message: h, next: g.of[h], number: number, home: home}
	g.of[h] = i
	return i
}

// numbered returns the gain of a message that has a number, 0 if there is none.
func (g *gains) numbered(h handle, number uint64) uint32 {
	for i := g.of[h]; i != 0; i = g.all[i].next {
		if g.all[i].number == number {
			return i
		}
	}
	return 0
}

// remove takes a gain out.
func (g *gains) remove(i uint32) {
	h := g.all[i].message
	if g.of[h] == i {
		if g.of[h] = g.all[i].next; g.of[h] == 0 {
			delete(g.of, h)
		}
	} else {
		for at := g.of[h]; ; at = g.all[at].next {
			if g.all[at].next == i {
				g.all[at].next = g.all[i].next
				break
			}
		}
	}
	g.all[i] = gain{next: g.free}
	g.free = i
}

// moved follows messages to other handles.
func (g *gains) moved(to func(handle) handle) {
	of := make(map[handle]uint32, len(g.of))
	for h, first := range g.of {
		for i := first; i != 0; i = g.all[i].next {
			g.all[i].message = to(h)
		}
		of[to(h)] = first
	}
	g.of = of
}

// gainLocked returns the gain of a message with a number, making it.
func (e *Embedded) gainLocked(h handle, number uint64, home *segment) uint32 {
	if i := e.gains.numbered(h, number); i != 0 {
		return i
	}
	e.table.at(h).mark(markGained)
	return e.gains.add(h, number, home)
}

// loseLocked notes that an entry of a gain lives no more. A gain without entries is forgotten: devices come and go for as
// long as the body stays.
func (e *Embedded) loseLocked(h handle, i uint32) {
	g := &e.gains.all[i]
	if g.living--; g.living > 0 {
		return
	}
	e.gains.remove(i)
	if e.gains.of[h] == 0 {
		e.table.at(h).unmark(markGained)
	}
}
