package rendezvous

import (
	"math"
	"sync"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/rendezvous/queue"
	"muster.example/rendezvous/rvproto"
)

// lookPause is between looks at how much room the volume has.
const lookPause = time.Second

// What the log adds to a body, and to each of its recipients, about.
const (
	bodyOverhead      = 160
	recipientOverhead = 40
)

// So that a large file to somebody who is away does not stop its author's words to everybody else, a part of the member's
// share is for small envelopes alone.
const (
	smallPost  = 64 << 10 // bytes in the log
	smallShare = 25       // percent
)

// ledger judges by the quotas what may be put into the queue. It keeps no counts of its own: those of the queue are right
// after a restart too. [RV-130]
type ledger struct {
	quotas Quotas
	queue  queue.Engine
	volume func() (free, size uint64, err error)

	mu      sync.Mutex // guards the following
	looked  time.Time
	spare   int64 // of the volume, beyond the reserve; below zero if that is touched
	reserve int64
	unsure  bool // the volume does not say
}

// amount is what waits, or may.
type amount struct{ entries, bodies, bytes int64 }

func amountOf(u queue.Usage) amount { return amount{u.Entries, u.Bodies, u.Bytes} }

func (a amount) less(b amount) amount {
	return amount{a.entries - b.entries, a.bodies - b.bodies, a.bytes - b.bytes}
}

func (a amount) plus(b amount) amount {
	return amount{a.entries + b.entries, a.bodies + b.bodies, a.bytes + b.bytes}
}

func (a amount) part(percent int) amount {
	part := func(n int64) int64 { return max(0, n)/100*int64(percent) + max(0, n)%100*int64(percent)/100 }
	return amount{part(a.entries), part(a.bodies), part(a.bytes)}
}

func (a amount) atMost(b amount) amount {
	return amount{min(a.entries, b.entries), min(a.bodies, b.bodies), min(a.bytes, b.bytes)}
}

func (a amount) holds(b amount) bool {
	return a.entries >= b.entries && a.bodies >= b.bodies && a.bytes >= b.bytes
}

// fill returns how much of a limit is used, in percent; 100 of none.
func (a amount) fill(limit amount) int {
	percent := func(used, limit int64) int {
		if limit <= 0 || used >= limit {
			return shedNothing
		}
		return int(float64(used) / float64(limit) * shedNothing)
	}
	return max(percent(a.entries, limit.entries), percent(a.bytes, limit.bytes))
}

// sizeOf is what an envelope for so many devices takes, about.
func sizeOf(body, recipients int) amount {
	return amount{
		entries: int64(recipients), bodies: 1,
		bytes: int64(body) + bodyOverhead + recipientOverhead*int64(recipients),
	}
}

// limits are what may wait of the node, of an organization and of a member in it, when so much waits, and so much of the
// node may be used.
func (q Quotas) limits(capacity, all, of, payers amount) (org, member amount) {
	org = capacity.less(all.less(of)).part(q.OrgShare)
	member = org.less(of.less(payers)).part(q.MemberShare)
	return org, member
}

// capacity returns what may wait when so much does; of the reserve, receipts may use a part.
func (l *ledger) capacity(all amount, receipts bool) amount {
	spare, unsure, reserve := l.look()
	if receipts {
		spare += reserve / receiptsPart
	}
	bytes := all.bytes + max(0, spare)
	if unsure {
		bytes = unknownVolume
	}
	if l.quotas.Bytes > 0 {
		bytes = min(bytes, l.quotas.Bytes)
	}
	return amount{entries: l.quotas.Entries, bodies: math.MaxInt64, bytes: bytes}
}

// look returns what the volume has to spare, not asking again at once.
func (l *ledger) look() (spare int64, unsure bool, reserve int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.looked.IsZero() || now.Sub(l.looked).Abs() >= lookPause {
		free, size, err := l.volume()
		l.looked, l.unsure = now, err != nil
		l.reserve = l.quotas.reserve(int64(min(size, math.MaxInt64)))
		l.spare = int64(min(free, math.MaxInt64)) - l.reserve
	}
	return l.spare, l.unsure, l.reserve
}

// tab is what the posts of one batch may still add. Batches of several streams do not see each other's: together they
// may exceed a limit by a batch for each stream.
type tab struct {
	left  amount
	spare int64 // bytes that large envelopes leave to small ones
	room  int   // percent of the node that are used
	share int   // percent of the organization's share of it
}

// full returns how much of the node, or of the organization's share of it, is used, in percent.
func (t *tab) full() int { return max(t.room, t.share) }

// open begins a batch of a member's.
func (l *ledger) open(org keys.OrgID, member keys.MemberID) tab {
	everybody, us, me := l.queue.Usage(org, member)
	all, of, payers := amountOf(everybody), amountOf(us), amountOf(me)
	whole := l.capacity(all, false)
	share, _ := l.quotas.limits(whole, all, of, payers)
	t := tab{room: all.fill(whole), share: of.fill(share)}
	limit, mine := l.quotas.limits(whole.part(shedPosts), all, of, payers)
	mine = mine.atMost(amount{math.MaxInt64, l.quotas.MemberBodies, l.quotas.MemberBytes})
	t.spare = mine.part(smallShare).bytes
	t.left = whole.part(shedPosts).less(all).atMost(limit.less(of)).atMost(mine.less(payers))
	return t
}

// full returns how much of the node, or of an organization's share of it, is used, in percent.
func (l *ledger) full(org keys.OrgID) int {
	t := l.open(org, keys.MemberID{})
	return t.full()
}

// used returns how much of the node is used, in percent.
func (l *ledger) used() int {
	everybody, _, _ := l.queue.Usage(keys.OrgID{}, keys.MemberID{})
	all := amountOf(everybody)
	return all.fill(l.capacity(all, false))
}

// take notes one more envelope, if there is room for it.
func (t *tab) take(size amount) bool {
	if !t.left.holds(size) || size.bytes > smallPost && t.left.bytes-size.bytes < t.spare {
		return false
	}
	t.left = t.left.less(size)
	return true
}

// receipt reports whether one more receipt for a member's device may wait: in the room of posts, and in what is kept free
// for it. What posts fill, receipts drain. [RV-131]
func (l *ledger) receipt(org keys.OrgID, member keys.MemberID, body int) bool {
	everybody, us, me := l.queue.Usage(org, member)
	all, of, payers := amountOf(everybody), amountOf(us), amountOf(me)
	whole := l.capacity(all, true)
	limit, mine := l.quotas.limits(whole, all, of, payers)
	return whole.less(all).atMost(limit.less(of)).atMost(mine.less(payers)).holds(sizeOf(body, 1))
}

// payer says whose room an item takes that the queue finds at its opening: an envelope its sender's, and what stands
// for one; a receipt or a return that of the member who gets it.
func (n *Node) payer(item *queue.Item) (member keys.MemberID) {
	o := n.directory.org(item.Org)
	if o == nil {
		return member
	}
	if item.Kind == queue.Gap || item.Kind == queue.Envelope && len(item.Recipients) == 1 {
		if service := item.Recipients[0]; n.directory.archiveOf(service) == o && !forArchiveAlone(item) {
			return archivePayer(service)
		}
	}
	var device keys.PublicKey
	switch item.Kind {
	case queue.Receipt, queue.Return:
		if len(item.Recipients) > 0 {
			device = item.Recipients[0]
		}
	case queue.Silence:
		s, err := parseSilence(item.Body)
		if err != nil {
			return member
		}
		device = s.Sender
	default:
		e, err := envelope.View(item.Body, rvproto.MaxEnvelope)
		if err != nil {
			return member
		}
		device = e.ParsedHeader().Sender
	}
	o.roll.read(func(state *membership.State) { member, _ = state.AccountOf(device) })
	return member
}
