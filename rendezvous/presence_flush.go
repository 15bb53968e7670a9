package rendezvous

import (
	"context"
	"time"

	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// tellPresence flushes what there is of every organization, with a pause after each time, until ctx ends; and then once
// more, so that it is on disk when everybody was last seen.
func (n *Node) tellPresence(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			n.flushPresence(0)
			return nil
		case <-n.presence:
		}
		n.flushPresence(presenceGrace)
		select {
		case <-ctx.Done():
		case <-time.After(presencePause):
		}
	}
}

func (n *Node) flushPresence(grace time.Duration) {
	for _, o := range n.directory.all() {
		if err := o.presence.flush(o.roll, grace); err != nil {
			n.fault("keeping when members were seen", err)
		}
	}
}

// flush looks at whoever may look different, tells the onlookers, and stores when members were last seen. Who has lost
// their connection is there for grace longer. Each person and each onlooker is looked at under the locks for itself. Not for
// concurrent use. [RV-102]
func (p *presence) flush(r *roll, grace time.Duration) error {
	p.mu.Lock()
	asked, touched, anew := p.asked, p.touched, p.anew
	p.asked, p.touched, p.anew = nil, make(map[keys.MemberID]struct{}), false
	p.mu.Unlock()
	locked := func(work func(*membership.State)) {
		r.read(func(state *membership.State) {
			p.mu.Lock()
			defer p.mu.Unlock()
			work(state)
		})
	}
	if anew {
		locked(func(state *membership.State) { p.judgeLocked(state, touched) })
	}
	now := p.clock()
	var unsaved []*person
	for member := range touched {
		locked(func(state *membership.State) {
			one := p.people[member]
			if one == nil {
				return
			}
			if one.blinks(now, grace) && allowed(state) {
				p.touchLocked(member)
				return
			}
			if p.lookLocked(state, one, now); one.unsaved {
				unsaved = append(unsaved, one)
			}
		})
	}
	for _, l := range asked {
		locked(func(state *membership.State) { p.answerLocked(state, l) })
	}
	p.mu.Lock()
	woken := p.woken
	p.woken = nil
	p.mu.Unlock()
	for _, l := range woken {
		l.session.poke()
	}
	return p.saveSeen(unsaved)
}

// judgeLocked notes what the roll says anew of members, forgets the shares of those who were removed, and adds everybody to
// touched.
func (p *presence) judgeLocked(state *membership.State, touched map[keys.MemberID]struct{}) {
	for member, one := range p.people {
		touched[member] = struct{}{}
		m, ok := state.Member(member)
		for _, device := range one.devices {
			device.guest = m.Role == membership.RoleGuest
		}
		if !ok || m.Removed {
			one.share = nil
		}
	}
}

// blinks reports whether a person was there until just now, and may only have lost the connection.
func (one *person) blinks(now time.Time, grace time.Duration) bool {
	return one.state != rvproto.StateOffline && one.shares() && one.now() == rvproto.StateOffline && now.Sub(one.left) < grace
}

// lookLocked compares what a person is with what their onlookers were told.
func (p *presence) lookLocked(state *membership.State, one *person, now time.Time) {
	is, may := rvproto.StateOffline, allowed(state)
	if may && one.shares() {
		is = one.now()
	}
	if is != one.state {
		when := now
		if is == rvproto.StateOffline && len(one.devices) == 0 {
			when = one.left
		}
		one.state = is
		one.see(one.grained(when.Unix()))
	}
	if one.share == nil {
		one.see(0)
	}
	for l := range one.watchers {
		p.tellLocked(state, one, l, may)
	}
	if one.idle() {
		delete(p.people, one.member)
	}
}

// see notes when a person was last seen.
func (one *person) see(unix int64) {
	if one.seen != unix {
		one.seen, one.unsaved = unix, true
	}
}

// tellLocked has an onlooker told what a person is, if it knows otherwise. may says whether the policy allows it.
func (p *presence) tellLocked(state *membership.State, one *person, l *onlooker, may bool) {
	var what told
	if may && p.shows(state, one, l) {
		what = told(one.state)
		if one.state != rvproto.StateOnline {
			what |= told(one.seen) << 2
		}
	}
	if one.watchers[l] == what {
		return
	}
	one.watchers[l] = what
	if l.pending == nil {
		l.pending = make(map[keys.MemberID]told)
		p.woken = append(p.woken, l)
	}
	l.pending[one.member] = what
}

// answerLocked makes an onlooker watch whom it wants to, as far as they are on the roll and there is room, and tells it what
// they are. A guest watches nobody. [RV-101]
func (p *presence) answerLocked(state *membership.State, l *onlooker) {
	wanted := l.wanted
	l.wanted = nil
	if p.streams[l.device] != l || wanted == nil || l.guest {
		return
	}
	room := maxWatches - p.pairs + len(l.watched)
	persons := make(map[*person]struct{}, len(wanted))
	for _, member := range wanted {
		if len(persons) >= room {
			break
		}
		if m, ok := state.Member(member); ok && !m.Removed && member != l.member {
			persons[p.personLocked(member)] = struct{}{}
		}
	}
	p.watchLocked(l, persons)
	may := allowed(state)
	for _, one := range l.watched {
		p.tellLocked(state, one, l, may)
	}
}

// grained returns a time at the grain of the person's share. [RV-105]
func (one *person) grained(unix int64) int64 {
	if one.share == nil {
		return 0
	}
	switch one.share.Grain {
	case rvproto.GrainDay:
		return unix - unix%86400
	case rvproto.GrainHour:
		return unix - unix%3600
	case rvproto.GrainExact:
		return unix - unix%60
	}
	return 0
}
