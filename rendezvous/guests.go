package rendezvous

import (
	"net/netip"
	"sync"
	"time"

	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// guests is what keeps a flood of guests from slowing members down: each device and each address may do so much in a
// minute, and only few of their posts are worked on at a time. It is for all organizations of a node. [RV-94] [RV-95]
type guests struct {
	posts *rate[keys.PublicKey]
	sites *rate[netip.Prefix]
	asks  *rate[keys.PublicKey]
	turns chan struct{} // one token a batch of posts being worked on
}

func newGuests() *guests {
	return &guests{
		posts: newRate[keys.PublicKey](), sites: newRate[netip.Prefix](), asks: newRate[keys.PublicKey](),
		turns: make(chan struct{}, guestTurns),
	}
}

// mayPost spends the least that a post can cost; it returns how long to wait if there is not enough for it.
func (g *guests) mayPost(device keys.PublicKey, from ma.Multiaddr, perMinute int, now time.Time) (wait time.Duration) {
	least := postCost(perMinute) / announcesAPost
	if wait := g.posts.take(device, least, time.Minute, now); wait > 0 {
		return wait
	}
	if site, ok := siteOf(from); ok {
		return g.sites.take(site, least/guestsASite, time.Minute, now)
	}
	return 0
}

// posted spends what a post that was more than an announcement costs beyond that.
func (g *guests) posted(device keys.PublicKey, from ma.Multiaddr, perMinute int, now time.Time) {
	rest := postCost(perMinute) / announcesAPost * (announcesAPost - 1)
	g.posts.add(device, rest, now)
	if site, ok := siteOf(from); ok {
		g.sites.add(site, rest/guestsASite, now)
	}
}

// postCost is what one post takes of a minute.
func postCost(perMinute int) time.Duration { return time.Minute / time.Duration(max(perMinute, 1)) }

// mayAsk reports whether a guest's device may open one more stream.
func (g *guests) mayAsk(device keys.PublicKey, now time.Time) bool {
	return g.asks.take(device, time.Minute/guestAsks, time.Minute, now) == 0
}

// isGuest reports whether a device is a guest's.
func (o *org) isGuest(device keys.PublicKey) (guest bool) {
	o.roll.read(func(state *membership.State) {
		member, ok := state.MemberOf(device)
		guest = ok && state.Role(member) == membership.RoleGuest
	})
	return guest
}

// arrivals counts the guests who have joined an organization in this hour. It forgets at a restart. [RV-96]
type arrivals struct {
	mu    sync.Mutex // guards the following
	hour  int64
	all   uint64
	sites map[netip.Prefix]uint64
}

// take counts one more guest; StatusFull if there were as many as may come in an hour. From one address may come half.
func (a *arrivals) take(from ma.Multiaddr, perHour uint64, now time.Time) wire.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	if hour := now.Unix() / 3600; a.hour != hour || a.sites == nil {
		a.hour, a.all, a.sites = hour, 0, make(map[netip.Prefix]uint64)
	}
	site, known := siteOf(from)
	if a.all >= perHour || known && a.sites[site] >= (perHour+1)/2 {
		return wire.StatusFull
	}
	a.all++
	if known {
		a.sites[site]++
	}
	return wire.StatusOK
}

// debts are the envelopes of guests that wait, of one organization, as far as they were posted since the node started.
// [RV-95]
type debts struct {
	mu     sync.Mutex // guards the following
	guests map[keys.MemberID]*debt
	count  int
	bytes  int64
	asked  time.Time // when the queue was last asked what still waits
}

// debt is what waits of one guest.
type debt struct {
	waiting map[keys.EnvelopeID]int64 // and its bytes
	bytes   int64
}

// allows reports whether so many bytes more of a guest may wait. holds says what the queue still has: it is asked, now and
// then, when there seems to be no room.
func (d *debts) allows(guest keys.MemberID, more, limit int64, now time.Time, holds func(keys.EnvelopeID) bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.room(guest, more, limit) {
		return true
	}
	if now.Sub(d.asked).Abs() < askAgain {
		return false
	}
	d.asked = now
	for member, owed := range d.guests {
		for id, size := range owed.waiting {
			if !holds(id) {
				delete(owed.waiting, id)
				owed.bytes -= size
				d.count--
				d.bytes -= size
			}
		}
		if len(owed.waiting) == 0 {
			delete(d.guests, member)
		}
	}
	return d.room(guest, more, limit)
}

func (d *debts) room(guest keys.MemberID, more, limit int64) bool {
	owed := d.guests[guest]
	if owed == nil {
		owed = &debt{}
	}
	return d.count < guestEntries && d.bytes+more <= guestBytes &&
		owed.bytes+more <= limit && len(owed.waiting) < guestWaiting
}

// add notes an envelope that waits.
func (d *debts) add(guest keys.MemberID, id keys.EnvelopeID, size int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.guests == nil {
		d.guests = make(map[keys.MemberID]*debt)
	}
	owed := d.guests[guest]
	if owed == nil {
		owed = &debt{waiting: make(map[keys.EnvelopeID]int64)}
		d.guests[guest] = owed
	}
	if _, known := owed.waiting[id]; known {
		return
	}
	owed.waiting[id] = size
	owed.bytes += size
	d.count++
	d.bytes += size
}
