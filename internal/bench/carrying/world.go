package carrying

import (
	"container/heap"
	"slices"
	"time"

	"muster.example/node/router"
)

// world is one simulated week.
type world struct {
	now     time.Duration
	load    []Message
	trace   Trace
	devices []*device
	events  events
	number  int // of the last event: what is due at once comes in the order in which it was scheduled

	first     []int           // number of the first receipt of each message; its others follow, in the order of To
	receiptOf []receipt       // by number
	delivered []time.Duration // by receipt; never: not
	known     []time.Duration // when the sender knew, by receipt
	returned  []bool          // the sender was told that it was not delivered, by receipt
	pressed   bits            // messages that some device let go, or did not take, for want of room
	figures   Figures
}

// receipt is what one device says of one message.
type receipt struct{ message, to int }

type kind int

const (
	meets kind = iota
	linkEnds
	arrives
	written
	isLost
	hourly
)

// event is what happens at a time.
type event struct {
	at     time.Duration
	number int
	kind   kind
	link   *link
	way    *way
	what   *sending
	index  int // of a contact, a message or a device
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].number < e[j].number
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func (w *world) schedule(e event) {
	w.number++
	e.number = w.number
	heap.Push(&w.events, e)
}

// Play has a trace and a load run for the week, with devices that carry within bounds. Copies 0 is delivering directly alone.
func Play(t Trace, load []Message, bounds router.Bounds) Result {
	w := &world{load: load, trace: t, pressed: newBits(len(load))}
	for m := range load {
		w.first = append(w.first, len(w.receiptOf))
		for to := range load[m].To {
			w.receiptOf = append(w.receiptOf, receipt{m, to})
		}
		w.schedule(event{at: load[m].Written, kind: written, index: m})
	}
	w.delivered = slices.Repeat([]time.Duration{never}, len(w.receiptOf))
	w.known = slices.Clone(w.delivered)
	w.returned = make([]bool, len(w.receiptOf))
	for d := range Devices {
		dev := &device{
			number: d, key: keyOf(d), holds: make(map[int]*held), was: newBits(len(load)), receipts: newBits(len(w.receiptOf)),
			parts: make(map[int]uint64), coming: make(map[int]bool),
		}
		dev.router = router.Router{Own: dev.key, Bounds: bounds, Meetings: &dev.meetings}
		w.devices = append(w.devices, dev)
		if t.Lost[d] < Week {
			w.schedule(event{at: t.Lost[d], kind: isLost, index: d})
		}
	}
	for i, c := range t.Contacts {
		w.schedule(event{at: c.From, kind: meets, index: i})
	}
	w.schedule(event{at: time.Hour, kind: hourly})
	for len(w.events) > 0 {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		w.happen(e)
	}
	return w.result()
}

func (w *world) happen(e event) {
	switch e.kind {
	case meets:
		w.begin(w.trace.Contacts[e.index])
	case linkEnds:
		w.end(e.link)
	case arrives:
		w.arrive(e.way, e.what)
	case written:
		w.write(e.index)
	case isLost:
		w.lose(w.devices[e.index])
	case hourly:
		w.tidy()
		if w.now < Week {
			w.schedule(event{at: w.now + time.Hour, kind: hourly})
		}
	}
}

// write has a message be written, and go to whoever is in reach.
func (w *world) write(message int) {
	m := &w.load[message]
	d := w.devices[m.From]
	h := &held{message: message, copies: d.router.Bounds.Copies, own: true}
	for _, to := range m.To {
		h.wanted = append(h.wanted, keyOf(to))
	}
	d.was.set(message)
	w.hold(d, h)
	for _, l := range d.links {
		w.offerOn(l, d, h)
	}
}

// deliver has the device that a message is for have it. Its receipt goes the other way at once.
func (w *world) deliver(d *device, message, to int) {
	n := w.first[message] + to
	w.delivered[n] = w.now
	w.learn(d, []int{n})
}

// lose has a device be lost with all that it holds.
func (w *world) lose(d *device) {
	d.lost = true
	for _, l := range slices.Clone(d.links) {
		w.end(l)
	}
}

// tidy lets go what is over, and looks at what is carried.
func (w *world) tidy() {
	sum := uint64(0)
	for _, d := range w.devices {
		if d.lost {
			continue
		}
		for _, h := range d.sorted() {
			if w.now-w.load[h.message].Written >= Life {
				w.letGo(d, h.message)
				w.giveBack(d, h)
			}
		}
		sum += d.carried
	}
	w.figures.samples++
	w.figures.carriedSum += float64(sum) / Devices
}

// giveBack has a sender hear that a message was not delivered to those who still want it.
func (w *world) giveBack(d *device, h *held) {
	if !h.own {
		return
	}
	for _, key := range h.wanted {
		to := slices.Index(w.load[h.message].To, numberOf(key))
		w.returned[w.first[h.message]+to] = true
	}
}

// over reports whether a message has lived for as long as it may.
func (w *world) over(message int) bool { return w.now-w.load[message].Written >= Life }
