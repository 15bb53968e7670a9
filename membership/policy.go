package membership

import "slices"

// Policy is what an organization decides about itself. Times are whole seconds. Later versions add keys, which this one
// refuses: a build that does not know a rule must not fold past it. [ROLL-6]
type Policy struct {
	InviteRoles         []Role `cbor:"1,keyasint"` // who may invite, ascending; on the wire one byte a role
	MaxEnvelope         uint64 `cbor:"2,keyasint"` // the largest sealed message, in bytes
	QueueTime           uint64 `cbor:"3,keyasint"` // how long a rendezvous node holds what is not delivered
	IntroductionsPerDay uint64 `cbor:"4,keyasint"` // how many a member may send
	EventAge            uint64 `cbor:"5,keyasint"` // how long the author of an event may be behind the roll
	OfflineGrace        uint64 `cbor:"6,keyasint"` // how long a device takes new members without a fresh checkpoint
}

// PolicyChange is the event by which an admin replaces the policy as a whole.
type PolicyChange struct {
	Policy Policy `cbor:"1,keyasint"`
}

// DefaultPolicy returns what an organization starts with unless its founder says otherwise.
func DefaultPolicy() Policy {
	const day = 24 * 60 * 60
	return Policy{
		InviteRoles:         []Role{RoleAdmin, RoleMember},
		MaxEnvelope:         1 << 20,
		QueueTime:           30 * day,
		IntroductionsPerDay: 20,
		EventAge:            3 * day,
		OfflineGrace:        7 * day,
	}
}

// Check returns nil if every value is within its bounds, else a *Refusal with ReasonPolicy. [ROLL-26]
func (p Policy) Check() error {
	if len(p.InviteRoles) == 0 {
		return refuse(ReasonPolicy, "nobody may invite")
	}
	for i, role := range p.InviteRoles {
		if !role.valid() || i > 0 && role <= p.InviteRoles[i-1] {
			return refuse(ReasonPolicy, "the roles that may invite are not an ascending list of roles")
		}
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
	} {
		if bound.value < bound.min || bound.value > bound.max {
			return refuse(ReasonPolicy, "%s is %d, not from %d to %d", bound.name, bound.value, bound.min, bound.max)
		}
	}
	return nil
}

func (p Policy) clone() Policy {
	p.InviteRoles = slices.Clone(p.InviteRoles)
	return p
}

var policyKind = kind{
	rules: []rule{sequenced, authored, counted, byAdmin, policyInBounds},
	apply: func(s *State, c *change) { s.policy = c.event.Policy.Policy.clone() },
}

// policyInBounds: a policy is replaced only by one within its bounds. [ROLL-26]
func policyInBounds(_ *State, c *change) error { return c.event.Policy.Policy.Check() }
