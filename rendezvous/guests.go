package rendezvous

import (
	"math"
	"net/netip"
	"sync"
	"time"

	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
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

// debts are what waits of all guests of one organization: counted now and then, and what was added since. [RV-95]
type debts struct {
	mu   sync.Mutex // guards the following
	at   time.Time  // when it was counted
	owed amount
}

// of returns what waits of all guests.
func (d *debts) of(now time.Time, count func() amount) amount {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at.IsZero() || now.Sub(d.at).Abs() >= askAgain {
		d.at, d.owed = now, count()
	}
	return d.owed
}

// add notes an envelope that waits.
func (d *debts) add(size amount) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.owed = d.owed.plus(size)
}

// owed counts what waits of the guests of an organization.
func (n *Node) owed(o *org) (sum amount) {
	all := make(map[keys.MemberID]queue.Usage)
	n.queue.Payers(o.id, func(payer keys.MemberID, used queue.Usage) { all[payer] = used })
	o.roll.read(func(state *membership.State) {
		for member, used := range all {
			if state.Role(member) == membership.RoleGuest {
				sum = sum.plus(amountOf(used))
			}
		}
	})
	return sum
}

// tab begins a batch of a member's posts. [RV-95] [RV-130]
func (n *Node) tab(o *org, member keys.MemberID, guest bool, terms terms, now time.Time) tab {
	t := n.room.open(o.id, member)
	if !guest {
		return t
	}
	_, _, mine := n.queue.Usage(o.id, member)
	one := amount{math.MaxInt64, guestWaiting, terms.guestBytes}
	q := &n.cfg.Quotas
	together := amount{math.MaxInt64, q.DeviceEntries / guestsShare, q.DeviceBytes / guestsShare}
	t.spare = 0 // a guest talks to one desk
	t.left = t.left.atMost(one.less(amountOf(mine))).atMost(together.less(o.debts.of(now, func() amount { return n.owed(o) })))
	return t
}

// mayPost reports whether a guest's post is judged now; else it is answered. [RV-94]
func (p *poster) mayPost(terms terms, now time.Time) bool {
	if p.tab.full() >= shedGuests {
		p.rest = guestRest
	} else {
		p.rest = p.node.guests.mayPost(p.from, p.stream.Conn().RemoteMultiaddr(), terms.guestPosts, now)
	}
	if p.rest > 0 {
		p.answers = append(p.answers, rvproto.AnswerFrame{Status: wire.StatusFull})
	}
	return p.rest == 0
}
