package membership

import "fmt"

// Reach says from where members' devices may have direct connections to each other. The numbers are part of the wire format.
type Reach uint8

// The reaches of direct connections. [ROLL-190]
const (
	ReachAnywhere Reach = 1 // on local networks, and across networks among those who have leave to write to each other
	ReachLocal    Reach = 2 // on local networks only
	ReachNowhere  Reach = 3 // only between devices of one account
)

var reachText = [...]string{ReachAnywhere: "anywhere", ReachLocal: "local", ReachNowhere: "never"}

// String returns the word for the reach.
func (r Reach) String() string {
	if r >= ReachAnywhere && r <= ReachNowhere {
		return reachText[r]
	}
	return "unknown"
}

// ParseReach returns the reach that a word names.
func ParseReach(word string) (Reach, error) {
	for r := ReachAnywhere; r <= ReachNowhere; r++ {
		if word == reachText[r] {
			return r, nil
		}
	}
	return 0, fmt.Errorf("membership: %q is no reach of direct connections", word)
}

// DirectReach returns from where members' devices may have direct connections to each other. [ROLL-190]
func (p Policy) DirectReach() Reach {
	if p.Direct == 0 {
		return ReachAnywhere
	}
	return p.Direct
}

// Carrying is how much members' devices carry for each other. Each bounds what it does by what it knows: a carrier that
// says less than it was given is bounded by the others' bounds alone. [ROLL-191]
type Carrying struct {
	Copies uint64 `cbor:"1,keyasint"` // how many devices may have one envelope to carry at a time; 0: nothing is carried
	Hops   uint64 `cbor:"2,keyasint"` // through how many devices one copy may go
	Bytes  uint64 `cbor:"3,keyasint"` // how much one device carries for others at a time
	Age    uint64 `cbor:"4,keyasint"` // how long one device carries one envelope, in seconds
}

// DefaultCarrying returns what a policy means that says nothing: it is part of the rules.
func DefaultCarrying() Carrying {
	return Carrying{Copies: 12, Hops: 6, Bytes: 256 << 20, Age: 7 * 24 * 3600}
}

// Carriers returns how much members' devices carry for each other. [ROLL-191]
func (p Policy) Carriers() Carrying {
	if p.Carry == nil {
		return DefaultCarrying()
	}
	return *p.Carry
}

// TakesEarly reports whether a device takes who joins before the join is on the roll. [ROLL-192]
func (p Policy) TakesEarly() bool {
	if p.EarlyJoins == 0 {
		return DefaultEarlyJoins.On()
	}
	return p.EarlyJoins.On()
}

// checkMeeting: what the policy says of how devices meet is within its bounds, and left out where it is what holds unsaid.
func (p Policy) checkMeeting() error {
	if p.Direct != 0 && p.Direct != ReachLocal && p.Direct != ReachNowhere {
		return refuse(ReasonPolicy, "reach %d of direct connections: 2 or 3, or unsaid for anywhere", p.Direct)
	}
	if p.EarlyJoins != 0 && (p.EarlyJoins > NotAllowed || p.EarlyJoins == DefaultEarlyJoins) {
		return refuse(ReasonPolicy, "early joins are %d: 1 or 2, and unsaid where it is what holds unsaid", p.EarlyJoins)
	}
	if p.Carry == nil {
		return nil
	}
	if *p.Carry == DefaultCarrying() {
		return refuse(ReasonPolicy, "what is carried is said though it is what holds unsaid")
	}
	for _, bound := range []struct {
		name            string
		value, min, max uint64
	}{
		{"copies to carry", p.Carry.Copies, 0, MaxCarryCopies},
		{"hops of what is carried", p.Carry.Hops, 1, MaxCarryHops},
		{"bytes to carry", p.Carry.Bytes, MinCarryBytes, MaxCarryBytes},
		{"age of what is carried", p.Carry.Age, MinPolicyTime, MaxQueueTime},
	} {
		if bound.value < bound.min || bound.value > bound.max {
			return refuse(ReasonPolicy, "%s: %d, not from %d to %d", bound.name, bound.value, bound.min, bound.max)
		}
	}
	return nil
}
