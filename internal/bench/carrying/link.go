package carrying

import (
	"container/heap"
	"time"

	"muster.example/node/router"
)

// What is said beside envelopes, in bytes: one offer, one receipt as it is signed, one summary of receipts.
const offerSize, receiptSize, summarySize = 120, 200, 1000

// link is a contact while it stands.
type link struct {
	a, b *device
	end  time.Duration
	gone bool
	ways [2]way
}

// way is one direction of a link.
type way struct {
	link     *link
	from, to *device
	offers   offers
	sending  *sending
}

// sending is an envelope on its way.
type sending struct {
	message      int
	begun        time.Duration
	done         uint64 // bytes that were there before
	share        uint32
	hops         uint32
	moves, isFor bool
}

func (l *link) other(d *device) *device {
	if l.a == d {
		return l.b
	}
	return l.a
}

// offers is a heap in the router's order.
type offers []router.Offer

func (o offers) Len() int           { return len(o) }
func (o offers) Less(i, j int) bool { return router.Before(o[i], o[j]) < 0 }
func (o offers) Swap(i, j int)      { o[i], o[j] = o[j], o[i] }
func (o *offers) Push(x any)        { *o = append(*o, x.(router.Offer)) }
func (o *offers) Pop() any {
	last := (*o)[len(*o)-1]
	*o = (*o)[:len(*o)-1]
	return last
}

// begin has two devices meet.
func (w *world) begin(c Contact) {
	a, b := w.devices[c.A], w.devices[c.B]
	l := &link{a: a, b: b, end: c.To}
	l.ways = [2]way{{link: l, from: a, to: b}, {link: l, from: b, to: a}}
	a.meetings.Met(b.key, w.clock())
	b.meetings.Met(a.key, w.clock())
	a.links, b.links = append(a.links, l), append(b.links, l)
	w.schedule(event{at: c.To, link: l, kind: linkEnds})
	w.figures.ReceiptBytes += 2 * summarySize
	toB, toA := w.missing(a, b), w.missing(b, a)
	w.learn(b, toB)
	w.learn(a, toA)
	w.figures.ReceiptBytes += uint64(len(toA)+len(toB)) * receiptSize
	for i := range l.ways {
		y := &l.ways[i]
		for _, h := range y.from.sorted() {
			w.offer(y, h)
		}
	}
	for i := range l.ways {
		w.send(&l.ways[i])
	}
}

// missing are the receipts that one device has and another has not.
func (w *world) missing(has, lacks *device) (numbers []int) {
	for i, word := range has.receipts {
		if word &^= lacks.receipts[i]; word == 0 {
			continue
		}
		for bit := range 64 {
			if word&(1<<bit) != 0 {
				numbers = append(numbers, i*64+bit)
			}
		}
	}
	return numbers
}

// offer offers what is held to the other end of a way.
func (w *world) offer(y *way, h *held) {
	if w.over(h.message) {
		return
	}
	o, ok := y.from.router.Offer(y.to.key, w.item(y.from, h), w.clock())
	if !ok {
		return
	}
	w.figures.OfferBytes += offerSize
	if w.take(y.to, o).Any() {
		heap.Push(&y.offers, o)
	}
}

// take says what a device does with an offer.
func (w *world) take(d *device, o router.Offer) router.Take {
	message := messageOf(o.ID)
	if d.coming[message] {
		return router.Take{}
	}
	fits := func() bool {
		if d.carried+o.Size <= d.router.Bounds.Bytes && d.count < d.router.Bounds.Count {
			return true
		}
		return d.router.Fits(w.carriedItems(d), o.Item)
	}
	held := d.was.has(message)
	take := d.router.Take(o, held, w.clock())
	if take.Share > 0 && !fits() {
		take.Share, take.Moves = 0, false
		w.figures.Refused++
		w.pressed.set(message)
	}
	return take
}

// send begins with the next envelope on a way.
func (w *world) send(y *way) {
	for y.sending == nil && len(y.offers) > 0 && !y.link.gone {
		message := messageOf(heap.Pop(&y.offers).(router.Offer).ID)
		h := y.from.holds[message]
		if h == nil || w.over(message) {
			continue
		}
		o, ok := y.from.router.Offer(y.to.key, w.item(y.from, h), w.clock())
		if !ok {
			continue
		}
		take := w.take(y.to, o)
		if !take.Any() {
			continue
		}
		h.copies -= take.Share
		y.to.coming[message] = true
		y.sending = &sending{message: message, begun: w.now, done: y.to.parts[message], share: take.Share, hops: h.hops + 1,
			moves: take.Moves, isFor: take.For}
		w.schedule(event{at: w.now + transfer(w.load[message].Size-y.sending.done), link: y.link, way: y, what: y.sending, kind: arrives})
	}
}

// arrive ends a sending that came through.
func (w *world) arrive(y *way, s *sending) {
	if y.sending != s {
		return
	}
	y.sending = nil
	delete(y.to.coming, s.message)
	delete(y.to.parts, s.message)
	w.figures.Bytes += w.load[s.message].Size - s.done
	w.figures.Handings++
	if s.moves {
		if h := y.from.holds[s.message]; h != nil && !h.own {
			w.letGo(y.from, s.message)
		}
	}
	w.receive(y.to, s)
	w.send(y)
}

// receive has a device take what came: for itself, to carry, or both.
func (w *world) receive(d *device, s *sending) {
	m := &w.load[s.message]
	h := &held{message: s.message, copies: s.share, hops: s.hops}
	for i, to := range m.To {
		if !d.receipts.has(w.first[s.message] + i) {
			if to == d.number {
				w.deliver(d, s.message, i)
			} else {
				h.wanted = append(h.wanted, keyOf(to))
			}
		}
	}
	if s.share > 0 && len(h.wanted) > 0 && !d.was.has(s.message) {
		w.hold(d, h)
		if d.holds[s.message] == h {
			for _, l := range d.links {
				w.offerOn(l, d, h)
			}
		}
	}
}

// offerOn offers something new on a link that stands.
func (w *world) offerOn(l *link, from *device, h *held) {
	for i := range l.ways {
		if l.ways[i].from == from {
			w.offer(&l.ways[i], h)
			w.send(&l.ways[i])
		}
	}
}

// end has two devices part. What was under way goes on with what came, by whatever link is next.
func (w *world) end(l *link) {
	if l.gone {
		return
	}
	l.gone = true
	l.a.links, l.b.links = without(l.a.links, l), without(l.b.links, l)
	for i := range l.ways {
		y := &l.ways[i]
		s := y.sending
		if s == nil {
			continue
		}
		y.sending = nil
		got := min(uint64(float64(w.now-s.begun)/float64(time.Second)*Bandwidth), w.load[s.message].Size-s.done-1)
		w.figures.Bytes += got
		y.to.parts[s.message] = s.done + got
		delete(y.to.coming, s.message)
		if h := y.from.holds[s.message]; h != nil {
			h.copies += s.share
		}
		for _, other := range y.to.links {
			if h := other.other(y.to).holds[s.message]; h != nil {
				w.offerOn(other, other.other(y.to), h)
			}
		}
	}
}

func without(links []*link, gone *link) (left []*link) {
	for _, l := range links {
		if l != gone {
			left = append(left, l)
		}
	}
	return left
}
