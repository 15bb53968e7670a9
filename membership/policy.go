package membership

import (
	"bytes"
	"slices"

	"muster.example/internal/wire"
	"muster.example/membership/authority"
	"muster.example/membership/names"
)

// Policy is what an organization decides about itself. Times are whole seconds. Later versions add keys, which this one
// refuses: a build that does not know a rule must not fold past it. [ROLL-6] [ROLL-26]
type Policy struct {
	Invite              Leave    `cbor:"1,keyasint"`            // which role may invite for which
	MaxEnvelope         uint64   `cbor:"2,keyasint"`            // the largest sealed message, in bytes
	QueueTime           uint64   `cbor:"3,keyasint"`            // how long a rendezvous node holds what is not delivered
	IntroductionsPerDay uint64   `cbor:"4,keyasint"`            // how many a member may send
	EventAge            uint64   `cbor:"5,keyasint"`            // how long the author of an event may be behind the roll
	OfflineGrace        uint64   `cbor:"6,keyasint"`            // how long a device takes new members without a fresh checkpoint
	Contact             Matrix   `cbor:"7,keyasint"`            // which role may write to which, and how
	NameRule            NameRule `cbor:"8,keyasint"`            // who decides on a member's name
	NamePattern         string   `cbor:"9,keyasint,omitempty"`  // NamePattern only: what a name must match
	Reserved            []string `cbor:"10,keyasint,omitempty"` // names that only an admin gives, and what looks like them
	NameHold            uint64   `cbor:"11,keyasint"`           // how long a name that was given up stays its owner's
	FreezeTime          uint64   `cbor:"12,keyasint"`           // how long a freeze lasts
	ReadmitDelay        uint64   `cbor:"13,keyasint"`           // how long a re-admission can be refused
	Tables              uint64   `cbor:"14,keyasint"`           // the version of the Unicode tables, see package names

	Groups               Roles  `cbor:"15,keyasint"` // who may create groups
	GroupSize            uint64 `cbor:"16,keyasint"` // how many members a group may have
	GroupsPerMember      uint64 `cbor:"17,keyasint"` // how many groups a member may be in
	EditTime             uint64 `cbor:"18,keyasint"` // how long an author may edit a message; 0: never
	DeleteTime           uint64 `cbor:"19,keyasint"` // how long an author may delete a message for all; 0: never
	IntroductionsPerPair uint64 `cbor:"20,keyasint"` // how many a member may send one other member a day
	ReadReceipts         Switch `cbor:"21,keyasint"` // whether members may tell each other what they have read
	Vouches              uint64 `cbor:"22,keyasint"` // how many members' vouches admit an applicant; 0: an admin's only
	Presence             Switch `cbor:"23,keyasint"` // whether members may show each other that they are there
	GuestsPerHour        uint64 `cbor:"24,keyasint"` // how many guests may join in an hour
	GuestPosts           uint64 `cbor:"25,keyasint"` // how many envelopes a guest's device may post in a minute
	GuestBytes           uint64 `cbor:"26,keyasint"` // how many bytes of one guest may wait to be delivered

	Park uint64 `cbor:"27,keyasint,omitempty"` // how long a device may be silent before nothing is kept for it; 0: DefaultPark

	PostTo uint64 `cbor:"29,keyasint,omitempty"` // to how many nodes a message is posted, where there are several; 0: one

	Direct     Reach     `cbor:"30,keyasint,omitempty"` // from where devices may have direct connections; 0: anywhere
	Carry      *Carrying `cbor:"31,keyasint,omitempty"` // how much devices carry for each other; nil: DefaultCarrying
	EarlyJoins Switch    `cbor:"32,keyasint,omitempty"` // whether devices take who is not on the roll yet; 0: DefaultEarlyJoins
}

// Posts returns to how many rendezvous nodes a message is posted, where there are several. [ROLL-174]
func (p Policy) Posts() int { return max(1, int(p.PostTo)) }

// ParkTime returns how long a device may be silent before nothing is kept for it. [ROLL-26]
func (p Policy) ParkTime() uint64 {
	if p.Park == 0 {
		return DefaultPark
	}
	return p.Park
}

// Switch is what a policy allows or not. The numbers are part of the wire format.
type Switch uint8

// The positions of a switch. [ROLL-26]
const (
	Allowed    Switch = 1
	NotAllowed Switch = 2
)

// On reports whether a policy allows it.
func (s Switch) On() bool { return s == Allowed }

// NameRule says who decides on the names of members. The numbers are part of the wire format.
type NameRule uint8

// The rules of names. [ROLL-32]
const (
	NamesFree      NameRule = 1 // each member's own affair, within the rule of names
	NamesApproved  NameRule = 2 // an admin's: by an invitation that gives the name, or by renaming
	NamesByPattern NameRule = 3 // a member's own, if it matches the pattern
	NamesByClaim   NameRule = 4 // a login provider's claim gives it, else an admin
)

var nameRuleText = [...]string{NamesFree: "free", NamesApproved: "approved", NamesByPattern: "pattern", NamesByClaim: "claim"}

// String returns the word for the rule.
func (n NameRule) String() string {
	if n >= NamesFree && n <= NamesByClaim {
		return nameRuleText[n]
	}
	return "unknown"
}

// PolicyChange is the event by which an admin replaces the policy as a whole.
type PolicyChange struct {
	plain
	Policy Policy `cbor:"1,keyasint"`
}

func (*PolicyChange) kind() *kind { return &policyKind }

// DefaultPolicy returns what an organization starts with unless its founder says otherwise.
func DefaultPolicy() Policy {
	const day = 24 * 60 * 60
	return Policy{
		Invite:              DefaultLeave(),
		MaxEnvelope:         1 << 20,
		QueueTime:           30 * day,
		IntroductionsPerDay: 20,
		EventAge:            3 * day,
		OfflineGrace:        7 * day,
		Contact:             DefaultMatrix(),
		NameRule:            NamesFree,
		Reserved:            []string{"admin", "administrator", "muster", "postmaster", "security", "support", "system"},
		NameHold:            90 * day,
		FreezeTime:          3 * day,
		ReadmitDelay:        3 * day,
		Tables:              names.Tables,

		Groups:               RolesOf(RoleAdmin, RoleMember, RoleDesk),
		GroupSize:            1000,
		GroupsPerMember:      50,
		EditTime:             day,
		DeleteTime:           7 * day,
		IntroductionsPerPair: 1,
		ReadReceipts:         Allowed,
		Vouches:              0,
		Presence:             Allowed,
		GuestsPerHour:        120,
		GuestPosts:           20,
		GuestBytes:           4 << 20,
	}
}

// Check returns nil if every value is within its bounds, else a *Refusal with ReasonPolicy. [ROLL-26]
func (p Policy) Check() error {
	if err := p.Invite.check(); err != nil {
		return err
	}
	if err := p.Contact.check(); err != nil {
		return err
	}
	if err := p.checkNames(); err != nil {
		return err
	}
	if p.Groups.beyond(RoleDesk) {
		return refuse(ReasonPolicy, "guests create no groups")
	}
	if p.Park != 0 && (p.Park < MinPark || p.Park > MaxPark || p.Park == DefaultPark) {
		return refuse(ReasonPolicy, "park time is %d, not from %d to %d, or it is said though it is what holds unsaid", p.Park, MinPark, MaxPark)
	}
	if p.PostTo != 0 && p.PostTo != MaxPostTo {
		return refuse(ReasonPolicy, "messages are posted to %d nodes: 2, or unsaid for one", p.PostTo)
	}
	if err := p.checkMeeting(); err != nil {
		return err
	}
	for _, bound := range []struct {
		name            string
		value, min, max uint64
	}{
		{"message size", p.MaxEnvelope, MinMaxEnvelope, MaxMaxEnvelope},
		{"queue time", p.QueueTime, MinPolicyTime, MaxQueueTime},
		{"introductions per day", p.IntroductionsPerDay, 0, MaxPerDay},
		{"event age", p.EventAge, MinPolicyTime, MaxEventAge},
		{"offline grace", p.OfflineGrace, MinPolicyTime, MaxOfflineGrace},
		{"name hold", p.NameHold, 0, MaxNameHold},
		{"freeze time", p.FreezeTime, MinFreezeTime, MaxFreezeTime},
		{"re-admission delay", p.ReadmitDelay, MinReadmitDelay, MaxReadmitDelay},
		{"group size", p.GroupSize, MinGroupSize, MaxGroupSize},
		{"groups per member", p.GroupsPerMember, 1, MaxGroupsPerMember},
		{"edit time", p.EditTime, 0, MaxEditTime},
		{"delete time", p.DeleteTime, 0, MaxEditTime},
		{"introductions per pair", p.IntroductionsPerPair, 0, MaxPerDay},
		{"read receipts", uint64(p.ReadReceipts), uint64(Allowed), uint64(NotAllowed)},
		{"vouches", p.Vouches, 0, MaxVouches},
		{"presence", uint64(p.Presence), uint64(Allowed), uint64(NotAllowed)},
		{"guests per hour", p.GuestsPerHour, 0, MaxGuestsPerHour},
		{"guest posts", p.GuestPosts, 1, MaxGuestPosts},
		{"guest bytes", p.GuestBytes, MinMaxEnvelope, MaxGuestBytes},
	} {
		if bound.value < bound.min || bound.value > bound.max {
			return refuse(ReasonPolicy, "%s is %d, not from %d to %d", bound.name, bound.value, bound.min, bound.max)
		}
	}
	return nil
}

// checkNames: the rule of names is one that this build can apply as all others do. [ROLL-32]
func (p Policy) checkNames() error {
	switch {
	case p.Tables != names.Tables:
		return refuse(ReasonPolicy, "Unicode tables of version %d, this build has %d", p.Tables, names.Tables)
	case p.NameRule < NamesFree || p.NameRule > NamesByClaim:
		return refuse(ReasonPolicy, "no rule of names has number %d", uint8(p.NameRule))
	case (p.NameRule == NamesByPattern) != (p.NamePattern != ""):
		return refuse(ReasonPolicy, "a pattern for names goes with the rule that asks for one")
	case len(p.Reserved) > MaxReserved:
		return refuse(ReasonPolicy, "%d reserved names, at most %d are allowed", len(p.Reserved), MaxReserved)
	}
	if p.NamePattern != "" {
		if err := names.CheckPattern(p.NamePattern); err != nil {
			return refuse(ReasonPolicy, "the pattern for names: %v", err)
		}
	}
	for i, name := range p.Reserved {
		if err := CheckName(name); err != nil {
			return refuse(ReasonPolicy, "a reserved name: %v", err)
		}
		if i > 0 && name <= p.Reserved[i-1] {
			return refuse(ReasonPolicy, "the reserved names are not an ascending list")
		}
	}
	return nil
}

func (p Policy) clone() Policy {
	p.Reserved = slices.Clone(p.Reserved)
	if p.Carry != nil {
		carry := *p.Carry
		p.Carry = &carry
	}
	return p
}

// Equal reports whether two policies are the same.
func (p Policy) Equal(other Policy) bool { return bytes.Equal(wire.Encode(p), wire.Encode(other)) }

// moment is where an act on an account stands, and how long things last there.
func (p Policy) moment(index uint64, now int64) authority.Moment {
	return authority.Moment{
		Index: index, Time: now, Freeze: int64(p.FreezeTime) * 1000, Readmit: int64(p.ReadmitDelay) * 1000,
	}
}

var policyKind = kind{
	rules: []rule{sequenced, byAdmin, counted, policyInBounds},
	apply: func(s *State, c *change) { s.setPolicy(c.event.Policy.Policy) },
}

// setPolicy replaces the policy, with what is looked up in it for each name.
func (s *State) setPolicy(p Policy) {
	s.policy, s.reserved = p.clone(), make(map[string]bool, 2*len(p.Reserved))
	for _, name := range p.Reserved {
		for _, skeleton := range names.Skeletons(name, p.Tables) {
			s.reserved[skeleton] = true
		}
	}
}

// policyInBounds: a policy is replaced only by one within its bounds. [ROLL-26]
func policyInBounds(_ *State, c *change) error { return c.event.Policy.Policy.Check() }
