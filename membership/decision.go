package membership

import (
	"maps"
	"slices"

	"muster.example/internal/keys"
	"muster.example/membership/authority"
)

// RoleChange is the event by which an admin or the root key gives a member another role. [ROLL-90]
type RoleChange struct {
	plain
	Member keys.MemberID `cbor:"1,keyasint"`
	Role   Role          `cbor:"2,keyasint"`
}

// Suspend is the event by which an admin or the root key shuts a member out until further notice. [ROLL-91]
type Suspend struct {
	plain
	Member keys.MemberID `cbor:"1,keyasint"`
}

// Reinstate ends a suspension. [ROLL-91]
type Reinstate struct {
	plain
	Member keys.MemberID `cbor:"1,keyasint"`
}

// Remove is the event by which an admin, the root key or the member's own recovery key ends a membership. The member's
// name stays theirs, so that nobody is taken for them. [ROLL-92]
type Remove struct {
	plain
	Member keys.MemberID `cbor:"1,keyasint"`
}

func (*RoleChange) kind() *kind { return &roleKind }
func (*Suspend) kind() *kind    { return &suspendKind }
func (*Reinstate) kind() *kind  { return &reinstateKind }
func (*Remove) kind() *kind     { return &removeKind }

func (r *RoleChange) form() error {
	if !r.Role.valid() {
		return refuse(ReasonMalformed, "no role has number %d", uint8(r.Role))
	}
	return nil
}

// decision is what an admin decided about a member and a bar of the admin's device can void. [ROLL-93]
type decision struct {
	index  uint64
	since  uint64 // the index of what the signer signed: that of an invitation for who joined by it, else index
	signer keys.PublicKey
	author *account // nil if the root key or the member's recovery key signed: that is never void
	target *account

	admitted   bool           // by an invitation or an enrolment key, with a role above member
	byProvider bool           // by an enrolment key
	role       Role           // a new role, or
	suspended  bool           // suspended, or
	reinstated bool           // reinstated, or
	removed    bool           // removed, or
	expelled   keys.PublicKey // a device barred

	cut  bool // a bar by an account that governed then reaches it
	void bool // it counts no more
}

var (
	roleKind = kind{
		rules: []rule{
			sequenced, byAdminOrEnrolment, counted, aboutMember, ofEnrolled, enrolledRole, anotherRole, neverGuest, notRemoved, leavesAdmin,
		},
		apply: func(s *State, c *change) { s.decide(c, decision{role: c.event.Role.Role}) },
	}
	suspendKind = kind{
		rules: []rule{
			sequenced, byAdminOrEnrolment, counted, aboutMember, ofEnrolled, notOwn, notRemoved, notSuspended, leavesAdmin,
		},
		apply: func(s *State, c *change) { s.decide(c, decision{suspended: true}) },
	}
	reinstateKind = kind{
		rules: []rule{
			sequenced, byAdminOrEnrolment, counted, aboutMember, ofEnrolled, notOwn, notRemoved, isSuspended, ownSuspension,
		},
		apply: func(s *State, c *change) { s.decide(c, decision{reinstated: true}) },
	}
	removeKind = kind{
		rules: []rule{sequenced, byAdminOrRecovery, counted, aboutMember, notOwn, notRemovedFor, leavesAdmin},
		apply: func(s *State, c *change) {
			s.decide(c, decision{removed: true})
			s.endInGroups(c.target, true)
		},
	}
)

// aboutMember finds the member that a decision is about.
func aboutMember(s *State, c *change) error {
	var id keys.MemberID
	switch e := &c.event; {
	case e.Role != nil:
		id = e.Role.Member
	case e.Suspend != nil:
		id = e.Suspend.Member
	case e.Reinstate != nil:
		id = e.Reinstate.Member
	case e.Remove != nil:
		id = e.Remove.Member
	}
	if c.target = s.members[id]; c.target == nil {
		return refuse(ReasonUnknown, "no member %s", id.Short())
	}
	if c.recovery && c.target != c.owner {
		return refuse(ReasonKeyRole, "a recovery key speaks for its own account")
	}
	return nil
}

func anotherRole(s *State, c *change) error {
	if c.target.role == c.event.Role.Role && !s.confirms(c, func(d *decision) (bool, bool) { return d.role != 0, d.role == c.target.role }) {
		return refuse(ReasonAlready, "the member is %s", c.target.role)
	}
	return nil
}

// confirms reports whether a decision of what is so already stands by itself, should those become void by which it is so:
// somebody else has decided them, and not the root key or a recovery key, whose are never void. about says of a decision
// whether it is about the matter, and whether it says the same. [ROLL-97]
func (s *State) confirms(c *change, about func(*decision) (matter, same bool)) (others bool) {
	if c.recovery || c.enrolment != nil {
		return false
	}
	for i := range slices.Backward(s.decisions) {
		d := &s.decisions[i]
		if d.void || d.target != c.target {
			continue
		}
		matter, same := about(d)
		switch {
		case !matter:
			continue
		case !same:
			return others
		case d.byProvider:
			// an admin has the last word over a provider, whoever named the key
		case d.author == nil, d.author == c.author:
			return false
		}
		others = true
	}
	return others
}

// neverGuest: a guest's name is not for everybody, so that no other role begins or ends as one. [ROLL-90]
func neverGuest(_ *State, c *change) error {
	if c.target.role == RoleGuest || c.event.Role.Role == RoleGuest {
		return refuse(ReasonRole, "a guest stays a guest: invite them anew")
	}
	return nil
}

// notOwn: an admin's power does not reach the admin's own account, where a stolen device would use it against its
// seniors. [ROLL-94]
func notOwn(_ *State, c *change) error {
	if c.author != nil && c.author == c.target {
		return refuse(ReasonOwnAccount, "")
	}
	return nil
}

func notRemoved(s *State, c *change) error {
	target := c.target
	if target == nil {
		target = c.event.says().(acting).account(s, c)
	}
	if target != nil && target.removed {
		return refuse(ReasonRemoved, "")
	}
	return nil
}

// notRemovedFor: a removal is of a member who is in, or confirms another's. [ROLL-92] [ROLL-97]
func notRemovedFor(s *State, c *change) error {
	if s.confirms(c, func(d *decision) (bool, bool) { return d.removed, true }) {
		return nil
	}
	return notRemoved(s, c)
}

func suspension(suspended bool) func(*decision) (bool, bool) {
	return func(d *decision) (bool, bool) { return d.suspended || d.reinstated, d.suspended == suspended }
}

func notSuspended(s *State, c *change) error {
	if c.target.devices.Suspended() && !s.confirms(c, suspension(true)) {
		return refuse(ReasonAlready, "the member is suspended")
	}
	return nil
}

func isSuspended(s *State, c *change) error {
	if !c.target.devices.Suspended() && !s.confirms(c, suspension(false)) {
		return refuse(ReasonAlready, "the member is not suspended")
	}
	return nil
}

// leavesAdmin: somebody stays who can act for the organization, unless the root key itself decides. [ROLL-95]
func leavesAdmin(s *State, c *change) error {
	if c.root || !c.target.governs() || c.event.Role != nil && c.event.Role.Role == RoleAdmin {
		return nil
	}
	for _, other := range s.members {
		if other != c.target && other.governs() {
			return nil
		}
	}
	return refuse(ReasonLastAdmin, "")
}

// governs reports whether an account is an admin's who may act.
func (a *account) governs() bool {
	return a.role == RoleAdmin && !a.removed && !a.devices.Suspended()
}

// decide takes in a decision.
func (s *State) decide(c *change, d decision) {
	d.index, d.signer, d.target = s.size, c.by.Signer, c.target
	since := s.size
	switch {
	case c.enrolment != nil:
		d.byProvider, d.author, d.signer, since = true, c.enrolment.author, c.enrolment.Device, c.enrolment.Since
	case !c.recovery && !c.root:
		d.author = c.author
	}
	s.record(d, since)
	d.take()
}

// record keeps a decision that a device signed at an index, or with a key that no bar reaches.
func (s *State) record(d decision, since uint64) {
	d.index, d.since = s.size, since
	if d.author != nil {
		d.author.decides = true
	}
	d.target.decided = append(d.target.decided, len(s.decisions))
	s.decisions = append(s.decisions, d)
}

func (d *decision) take() {
	switch {
	case d.role != 0:
		d.target.role = d.role
	case d.suspended, d.reinstated:
		d.target.setSuspended(d.suspended, d.index)
	case d.removed:
		d.target.removed = true
	default:
		d.target.devices.SetExpelled(d.expelled, true)
	}
}

// setSuspended suspends or reinstates a member by the decision at an index, which may confirm what is so already.
func (a *account) setSuspended(suspended bool, index uint64) {
	switch last := len(a.suspended) - 1; {
	case suspended == a.devices.Suspended():
		return
	case suspended:
		a.suspended = append(a.suspended, absence{from: index})
	default:
		a.suspended[last].to = index
	}
	a.devices.SetSuspended(suspended)
}

// reach has a bar or an order of seniority in an account void what it did in groups, and decisions of it, and bring back
// what it reaches no more; decisions if the account governs. If it does not, nothing changes: a former admin would undo what others decided since.
// [ROLL-93]
func (s *State) reach(a *account) {
	if !a.decides || !s.governsByOthers(a) {
		s.judgeGroups(maps.Values(a.groups))
		return
	}
	for i := range s.decisions {
		if d := &s.decisions[i]; d.author == a {
			d.cut = a.devices.Void(d.signer, d.since)
		}
	}
	s.replay()
	s.judgeGroups(slices.Values(s.groupList)) // who was an admin may have changed too
}

// governsByOthers reports whether an account is an admin's who may act, but for what its barred devices decided about it.
// What others decided counts, even if they have their power from such a device. [ROLL-93]
func (s *State) governsByOthers(a *account) bool {
	role, suspended, removed := a.first, false, false
	for i := range s.decisions {
		d := &s.decisions[i]
		switch {
		case d.void || d.target != a || d.author == a && a.devices.Void(d.signer, d.since):
		case d.role != 0:
			role = d.role
		case d.suspended, d.reinstated:
			suspended = d.suspended
		case d.removed:
			removed = true
		}
	}
	return role == RoleAdmin && !suspended && !removed
}

// replay takes all decisions again from the first, but for those that have become void: a bar reaches them, or their author
// was no admin who may act without those that are void. [ROLL-93]
func (s *State) replay() {
	for i := range s.decisions {
		d := &s.decisions[i]
		d.target.role, d.target.removed = d.target.first, false
		d.target.devices.SetSuspended(false)
		d.target.suspended = nil
		d.target.devices.SetExpelled(d.expelled, false)
	}
	for i := range s.decisions {
		d := &s.decisions[i]
		d.void = d.author != nil && (d.cut || !d.author.governs() && !(d.admitted && d.role != RoleAdmin))
		if !d.void {
			d.take()
		}
		d.target.voidOrders(d)
	}
}

// RootChange is the event by which the root key puts another in its place, which signs too. [ROLL-96]
type RootChange struct {
	Key keys.PublicKey `cbor:"1,keyasint"`
}

func (*RootChange) kind() *kind                        { return &rootKind }
func (*RootChange) form() error                        { return nil }
func (r *RootChange) cosigner() (keys.PublicKey, bool) { return r.Key, true }

var rootKind = kind{
	rules: []rule{sequenced, byRoot, counted, rootKey},
	apply: func(s *State, c *change) {
		s.root = c.event.Root.Key
		s.roots = append(s.roots, s.root)
		s.keys[s.root] = holding{use: useRoot}
	},
}

// rootKey: a root key is new to the organization. [ROLL-8] [ROLL-9]
func rootKey(s *State, c *change) error { return s.newKeys(c.event.Root.Key) }

// capacityOver returns as what the signer of a change acts on an account: its own device, its recovery key, or an admin.
func (c *change) capacityOver(target *account) authority.Capacity {
	switch {
	case c.recovery:
		return authority.AsRecovery
	case c.author != nil && c.author == target:
		return authority.AsDevice
	}
	return authority.AsAdmin
}
