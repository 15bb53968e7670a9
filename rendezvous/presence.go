package rendezvous

import (
	"slices"
	"sync"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/kv"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// presence is who of one organization is there, as far as members let others see it. What devices say is noted at once; who
// watches them is told in flushes, between which presencePause passes: in each a member is looked at once and a device
// told once. [RV-102]
type presence struct {
	org    keys.OrgID
	store  *kv.Store
	grants *grants
	news   chan struct{} // of the node, capacity 1: there is something to flush
	clock  func() time.Time

	putting sync.Mutex // held while a share is stored; taken before mu

	mu      sync.Mutex // guards the following, persons and onlookers; may be held while grants.mu is taken
	people  map[keys.MemberID]*person
	streams map[keys.PublicKey]*onlooker
	touched map[keys.MemberID]struct{} // who may look different by now
	asked   []*onlooker                // who wants to see others than before
	anew    bool                       // anybody may look different by now
	pairs   int                        // of onlooker and person
	woken   []*onlooker                // who was told something that no goroutine was woken for
}

// person is a member who shares, is watched, or is there.
type person struct {
	member   keys.MemberID
	share    *rvproto.Share // nil before the first
	devices  []*onlooker    // that are connected
	left     time.Time      // when the last of them left
	state    rvproto.State  // as shown when last looked at
	seen     int64          // when the state last changed: Unix seconds at the grain of the share, 0 for unsaid
	unsaved  bool           // seen is not on disk
	watchers map[*onlooker]told
	puts     int   // within the minute
	minute   int64 // for which puts counts
}

// told is what an onlooker knows of a person: the state in the two lowest bits, above it when they were seen. Zero is
// offline without more, and what everybody knows of whom they must not see.
type told uint64

// onlooker is the deliver stream of a device: what it says of its own person, and what it sees of others.
type onlooker struct {
	device  keys.PublicKey
	member  keys.MemberID
	session *session
	guest   bool

	state   rvproto.State // StateOffline before it has said anything
	wanted  []keys.MemberID
	watched []*person
	pending map[keys.MemberID]told // to be told
	typists []keys.MemberID        // to be told
	typed   time.Time              // when its person was last passed on as typing
}

func newPresence(store *kv.Store, org keys.OrgID, g *grants) *presence {
	return &presence{
		org: org, store: store, grants: g, news: make(chan struct{}, 1), clock: time.Now,
		people: make(map[keys.MemberID]*person), streams: make(map[keys.PublicKey]*onlooker),
		touched: make(map[keys.MemberID]struct{}),
	}
}

// enroll makes an organization one of this node's.
func (n *Node) enroll(o *org) {
	o.presence.news, o.presence.clock = n.presence, n.cfg.Now
	if here := n.directory.org(o.id); here != nil {
		o.journal = here.journal
	} else {
		o.journal = newJournal(n.epoch)
	}
	n.directory.add(o)
	n.notePeers()
}

// enter notes that a device of a member is connected. A newer stream goes on with what the older one said.
func (p *presence) enter(device keys.PublicKey, member keys.MemberID, guest bool, s *session) *onlooker {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &onlooker{device: device, member: member, guest: guest, session: s}
	if older := p.streams[device]; older != nil {
		l.state = older.state
		p.removeLocked(older)
	}
	p.streams[device] = l
	one := p.personLocked(member)
	one.devices = append(one.devices, l)
	return l
}

// leave ends that.
func (p *presence) leave(l *onlooker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.streams[l.device] == l {
		delete(p.streams, l.device)
		p.removeLocked(l)
		if one := p.people[l.member]; one != nil {
			one.left = p.clock()
		}
		p.touchLocked(l.member)
	}
}

// removeLocked takes an onlooker out of all lists but streams.
func (p *presence) removeLocked(l *onlooker) {
	p.watchLocked(l, nil)
	l.wanted, l.pending, l.typists = nil, nil, nil
	if one := p.people[l.member]; one != nil {
		one.devices = slices.DeleteFunc(one.devices, func(d *onlooker) bool { return d == l })
	}
}

// personLocked returns a person, making one if need be.
func (p *presence) personLocked(member keys.MemberID) *person {
	one := p.people[member]
	if one == nil {
		one = &person{member: member}
		p.people[member] = one
	}
	return one
}

// say notes what a device says of its person.
func (p *presence) say(l *onlooker, state rvproto.State) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.state != state && p.streams[l.device] == l {
		l.state = state
		p.touchLocked(l.member)
	}
}

// want notes whom a device wants to see. It counts at the next flush: of several within one pause only the last.
func (p *presence) want(l *onlooker, members []keys.MemberID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.streams[l.device] != l {
		return
	}
	if l.wanted == nil {
		p.asked = append(p.asked, l)
	}
	l.wanted = members
	wake(p.news)
}

// touch says that a member may look different.
func (p *presence) touch(member keys.MemberID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.people[member] != nil {
		p.touchLocked(member)
	}
}

func (p *presence) touchLocked(member keys.MemberID) {
	p.touched[member] = struct{}{}
	wake(p.news)
}

// reconsider says that anybody may look different: the roll has changed in what it says of members, or the policy.
func (p *presence) reconsider() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.anew = true
	wake(p.news)
}

// watchLocked makes persons those that an onlooker watches.
func (p *presence) watchLocked(l *onlooker, persons map[*person]struct{}) {
	for _, one := range l.watched {
		if _, still := persons[one]; still {
			continue
		}
		delete(one.watchers, l)
		p.pairs--
		if one.idle() {
			delete(p.people, one.member)
		}
	}
	l.watched = make([]*person, 0, len(persons))
	for one := range persons {
		l.watched = append(l.watched, one)
		if _, there := one.watchers[l]; there {
			continue
		}
		if one.watchers == nil {
			one.watchers = make(map[*onlooker]told)
		}
		one.watchers[l] = 0
		p.pairs++
	}
}

// shares reports whether anybody can see more of a person than that they are offline.
func (one *person) shares() bool {
	return one.share != nil && !one.share.Hidden && one.share.With != rvproto.ShareNobody
}

// now is what a person's devices amount to: online if any says so, else away if one does.
func (one *person) now() (state rvproto.State) {
	for _, device := range one.devices {
		switch device.state {
		case rvproto.StateOnline:
			return rvproto.StateOnline
		case rvproto.StateAway:
			state = rvproto.StateAway
		}
	}
	return state
}

// idle reports whether nothing is known of a person.
func (one *person) idle() bool {
	return one.share == nil && len(one.devices) == 0 && len(one.watchers) == 0 && !one.unsaved && one.seen == 0
}

// shows reports whether a viewer may see a person's presence by the roll, the person's share and the grants. [RV-104]
func (p *presence) shows(state *membership.State, one *person, l *onlooker) bool {
	share := one.share
	if share == nil || share.With == rvproto.ShareNobody || l.guest || l.member == one.member ||
		state.MayContact(l.member, one.member) == membership.ContactRefused {
		return false
	}
	given := p.grants.of(one.member, l.member)
	switch {
	case given.number > 0 && !given.open: // ended
		return false
	case share.With == rvproto.ShareEverybody, share.Lists(l.member):
		return true
	}
	return share.With == rvproto.ShareContacts && given.open
}

// typing passes on that an onlooker's person types, to the devices of those members of whom each sees the other and both
// take part. Nothing of it is kept, and what comes sooner than typingPause after the last is dropped. [RV-106]
func (p *presence) typing(state *membership.State, l *onlooker, members []keys.MemberID, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	self := p.people[l.member]
	if p.streams[l.device] != l || now.Sub(l.typed) < typingPause || !self.types() || !allowed(state) {
		return
	}
	l.typed = now
	for _, member := range members {
		one := p.people[member]
		if one == nil || !one.types() || member == l.member {
			continue
		}
		for _, device := range one.devices {
			if device.state == rvproto.StateOffline || len(device.typists) >= rvproto.MaxTyping ||
				slices.Contains(device.typists, l.member) ||
				!p.shows(state, self, device) || !p.shows(state, one, l) {
				continue
			}
			device.typists = append(device.typists, l.member)
			device.session.poke()
		}
	}
}

// types reports whether a person takes part in notices of typing.
func (one *person) types() bool { return one.share != nil && one.share.Typing && !one.share.Hidden }

// allowed reports whether the policy lets members show each other their presence.
func allowed(state *membership.State) bool { return state.Policy().Presence == membership.Allowed }

// take returns the frames that are to be told to an onlooker.
func (p *presence) take(l *onlooker) (room [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for member, what := range l.pending {
		room = append(room, rvproto.AppendPresence(nil, rvproto.PresenceFrame{
			Member: member, State: rvproto.State(what & 3), Seen: uint64(what >> 2),
		}))
	}
	for _, member := range l.typists {
		room = append(room, rvproto.AppendTypist(nil, member))
	}
	l.pending, l.typists = nil, nil
	return room
}
