package carrying

import (
	"encoding/binary"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/router"
)

// device is one device of the simulation.
type device struct {
	number   int
	key      keys.PublicKey
	router   router.Router
	meetings router.Meetings
	holds    map[int]*held  // by message
	was      bits           // messages that it carried or had, and does not take to carry again
	receipts bits           // that it knows, by their number
	parts    map[int]uint64 // bytes of messages that came in part
	coming   map[int]bool   // messages that a link brings now
	links    []*link
	lost     bool

	carried, most    uint64 // bytes carried for others, now and at most
	count, mostCount int    // envelopes carried for others
}

// held is a message that a device has for others.
type held struct {
	message      int
	wanted       []keys.PublicKey // increasing; replaced, never changed
	copies, hops uint32
	own          bool
}

// bits is a set of small numbers.
type bits []uint64

func newBits(size int) bits      { return make(bits, (size+63)/64) }
func (b bits) has(n int) bool    { return b[n/64]&(1<<(n%64)) != 0 }
func (b bits) set(n int)         { b[n/64] |= 1 << (n % 64) }
func keyOf(d int) keys.PublicKey { return keys.PublicKey{30: byte(d >> 8), 31: byte(d + 1)} }
func numberOf(k keys.PublicKey) int {
	return int(binary.BigEndian.Uint16(k[30:])) - 1
}

func envelopeID(message int) (id keys.EnvelopeID) {
	binary.BigEndian.PutUint32(id[:], uint32(message))
	return id
}

func messageOf(id keys.EnvelopeID) int { return int(binary.BigEndian.Uint32(id[:])) }

// item is what the router is told of a message that is held.
func (w *world) item(d *device, h *held) router.Item {
	m := &w.load[h.message]
	item := router.Item{
		ID: envelopeID(h.message), Own: h.own, Wanted: h.wanted, Size: m.Size, Age: w.now - m.Written, Copies: h.copies, Hops: h.hops,
	}
	binary.BigEndian.PutUint32(item.Author[:], uint32(m.From))
	return item
}

// clock is the simulated time as the router sees it.
func (w *world) clock() time.Time { return time.Unix(0, 0).Add(w.now) }

// carriedItems are the items that a device carries for others.
func (w *world) carriedItems(d *device) (all []router.Item) {
	for _, h := range d.sorted() {
		if !h.own {
			all = append(all, w.item(d, h))
		}
	}
	return all
}

// sorted returns what a device holds in the order of the messages.
func (d *device) sorted() []*held {
	all := make([]*held, 0, len(d.holds))
	for _, h := range d.holds {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b *held) int { return a.message - b.message })
	return all
}

// hold has a device hold a message, and lets go what that makes too much.
func (w *world) hold(d *device, h *held) {
	d.holds[h.message] = h
	if h.own {
		return
	}
	d.was.set(h.message)
	d.carried, d.count = d.carried+w.load[h.message].Size, d.count+1
	if d.carried > d.router.Bounds.Bytes || d.count > d.router.Bounds.Count {
		for _, gone := range d.router.Excess(w.carriedItems(d)) {
			w.letGo(d, messageOf(gone.ID))
			w.pressed.set(messageOf(gone.ID))
			w.figures.Dropped++
		}
	}
	d.most, d.mostCount = max(d.most, d.carried), max(d.mostCount, d.count)
}

// letGo has a device hold a message no longer.
func (w *world) letGo(d *device, message int) {
	h := d.holds[message]
	if h == nil {
		return
	}
	delete(d.holds, message)
	if !h.own {
		d.carried, d.count = d.carried-w.load[message].Size, d.count-1
	}
}

// learn has a device know receipts, and tell them on at once wherever it has a link: a vaccine.
func (w *world) learn(first *device, numbers []int) {
	type told struct {
		to      *device
		numbers []int
	}
	for queue := []told{{first, numbers}}; len(queue) > 0; queue = queue[1:] {
		d := queue[0].to
		var fresh []int
		for _, n := range queue[0].numbers {
			if !d.receipts.has(n) {
				d.receipts.set(n)
				fresh = append(fresh, n)
				w.acknowledge(d, w.receiptOf[n])
			}
		}
		if len(fresh) == 0 {
			continue
		}
		for _, l := range d.links {
			queue = append(queue, told{l.other(d), fresh})
			w.figures.ReceiptBytes += uint64(len(fresh)) * receiptSize
		}
	}
}

// acknowledge takes a device off what is held for it.
func (w *world) acknowledge(d *device, r receipt) {
	h := d.holds[r.message]
	if h == nil {
		return
	}
	key := keyOf(w.load[r.message].To[r.to])
	at, wanted := slices.BinarySearchFunc(h.wanted, key, keys.PublicKey.Compare)
	if !wanted {
		return
	}
	h.wanted = slices.Concat(h.wanted[:at], h.wanted[at+1:])
	if h.own {
		w.known[w.first[r.message]+r.to] = w.now
	}
	if len(h.wanted) == 0 {
		w.letGo(d, r.message)
	}
}
