package group

import (
	"cmp"
	"slices"

	"muster.example/internal/keys"
)

// Status is what a member is to a group.
type Status uint8

// The statuses.
const (
	Outside   Status = iota // nothing, or nothing any more
	IsInvited               // and may enter
	IsApplied               // and waits for a moderator
	IsMember
)

// Group is the fold of the acts of one group. Its zero value is of no use; New makes one.
type Group struct {
	rules  *ruleset
	acts   []judged
	people map[keys.MemberID]*person

	admission Admission
	writers   []setting // what there was and is; the last is in force
	gone      bool      // the creation counts no more
	closed    bool
	closedAt  uint64

	members, moderators, invited, applied int
}

// judged is an act with what became of it.
type judged struct {
	Act
	admin bool // it counts as an admin's
	cut   bool // a bar reaches it, or what the organization decided counts no more
	void  bool // it counts no more, for this or because of others that do not
}

// person is somebody of whom an act of the group spoke.
type person struct {
	status    Status
	since     uint64 // of a member: the index of the act by which they became one
	moderator bool
	out       bool   // for good: removed from the organization
	left      uint64 // one above the index at which they left; 0 for never, and for who reads nothing of before
	in        []span // as a member
	moderated []span
}

// span is a time on the roll: from an index to one above the index that ended it, 0 while it lasts.
type span struct{ from, to uint64 }

// holds reports whether the span lasts when the roll has a size.
func (s span) holds(size uint64) bool { return s.from < size && (s.to == 0 || s.to > size) }

// setting is who may write from an index on.
type setting struct {
	from    uint64
	writers Writers
}

// New returns the group that a Create makes, its author as first member and moderator. The caller has checked it.
// [ROLL-140]
func New(create Act) *Group {
	return newGroup(&strict, create)
}

func newGroup(rules *ruleset, create Act) *Group {
	g := &Group{rules: rules, acts: []judged{{Act: create, admin: create.Admin}}}
	g.fold()
	return g
}

// Admission returns how somebody becomes a member.
func (g *Group) Admission() Admission { return g.admission }

// Writers returns who may write.
func (g *Group) Writers() Writers { return g.writers[len(g.writers)-1].writers }

// Closed reports whether nobody acts in the group any more: it was closed, its last member has left, or its creation
// counts no more.
func (g *Group) Closed() bool { return g.closed || g.gone }

// Status returns what somebody is to the group and, of a member, the index of the act by which they became one.
func (g *Group) Status(member keys.MemberID) (Status, uint64) {
	p := g.people[member]
	if p == nil {
		return Outside, 0
	}
	return p.status, p.since
}

// Moderator reports whether somebody is a moderator.
func (g *Group) Moderator(member keys.MemberID) bool {
	p := g.people[member]
	return p != nil && p.moderator
}

// People returns those with a status in the order of their ids.
func (g *Group) People(status Status) (people []keys.MemberID) {
	for id, p := range g.people {
		if p.status == status {
			people = append(people, id)
		}
	}
	slices.SortFunc(people, keys.MemberID.Compare)
	return people
}

// Members returns how many members there are.
func (g *Group) Members() int { return g.members }

// Reads reports whether somebody reads the act at an index of the roll: members, who is invited and who has applied read
// all, former ones what was up to their own leaving. If they read one, they read all before it. [ROLL-148]
func (g *Group) Reads(member keys.MemberID, index uint64) bool {
	p := g.people[member]
	return p != nil && (p.status != Outside || index < p.left)
}

// Left returns the index at which somebody left the group or lost their place in it, false if they are in it or never were.
func (g *Group) Left(member keys.MemberID) (uint64, bool) {
	p := g.people[member]
	if p == nil || p.status == IsMember || len(p.in) == 0 {
		return 0, false
	}
	return p.in[len(p.in)-1].to - 1, true
}

// WasIn reports whether somebody was a member, and whether a moderator, when the roll had a size. [ROLL-149]
func (g *Group) WasIn(member keys.MemberID, size uint64) (in, moderator bool) {
	p := g.people[member]
	if p == nil || g.gone || g.closed && g.closedAt < size {
		return false, false
	}
	lasts := func(s span) bool { return s.holds(size) }
	in = slices.ContainsFunc(p.in, lasts)
	return in, in && slices.ContainsFunc(p.moderated, lasts)
}

// WritersAt returns who could write when the roll had a size, 0 for a size before the group.
func (g *Group) WritersAt(size uint64) (writers Writers) {
	for _, s := range g.writers {
		if s.from < size {
			writers = s.writers
		}
	}
	return writers
}

// Void reports whether the act at an index counts no more; false if there is none.
func (g *Group) Void(index uint64) bool {
	i, found := g.place(index)
	return found && g.acts[i].void
}

// Apply does what an act that Check allowed says. An End may come late: it then takes its place among the acts, and all are
// folded again.
func (g *Group) Apply(act Act) {
	j := judged{Act: act, admin: act.Admin}
	if place, _ := g.place(act.Index); place < len(g.acts) {
		g.acts = slices.Insert(g.acts, place, j)
		g.fold()
		return
	}
	g.acts = append(g.acts, j)
	g.take(&g.acts[len(g.acts)-1])
}

// place returns where the act at an index is, or would be.
func (g *Group) place(index uint64) (place int, found bool) {
	return slices.BinarySearchFunc(g.acts, index, func(j judged, index uint64) int { return cmp.Compare(j.Index, index) })
}

// Judge asks of every act whether a bar voids it, and whether it still counts as an admin's if it did. If any answer is
// another than before, all acts are folded again. It reports whether they were. [ROLL-147]
func (g *Group) Judge(verdict func(Act) (cut, admin bool)) (changed bool) {
	for i := range g.acts {
		j := &g.acts[i]
		cut, admin := verdict(j.Act)
		changed = changed || cut != j.cut || admin != j.admin
		j.cut, j.admin = cut, admin
	}
	if changed {
		g.fold()
	}
	return changed
}

// fold takes all acts from the first.
func (g *Group) fold() {
	g.people, g.writers, g.gone, g.closed, g.closedAt = make(map[keys.MemberID]*person), nil, false, false, 0
	g.members, g.moderators, g.invited, g.applied = 0, 0, 0, 0
	for i := range g.acts {
		g.take(&g.acts[i])
	}
}
