package node

import (
	"fmt"

	"muster.example/membership"
)

// meetingSettings are those about how members' devices meet. What holds unsaid is not said, so that earlier programs can read the
// policy.
func meetingSettings() []setting {
	return []setting{
		{
			key: "direct", about: "from where members' devices may have direct connections to each other: anywhere, local, never",
			get: func(p membership.Policy) string { return p.DirectReach().String() },
			set: setDirect,
		},
		carrySetting(count("carry-copies", "how many members' devices may carry one message at a time; 0: none carries", 0, membership.MaxCarryCopies,
			func(p *membership.Policy) *uint64 { return &p.Carry.Copies })),
		carrySetting(count("carry-hops", "through how many devices a message that is carried may go", 1, membership.MaxCarryHops,
			func(p *membership.Policy) *uint64 { return &p.Carry.Hops })),
		carrySetting(size("carry-bytes", "how much one device carries for others", membership.MinCarryBytes, membership.MaxCarryBytes,
			func(p *membership.Policy) *uint64 { return &p.Carry.Bytes })),
		carrySetting(duration("carry-age", "how long a device carries one message", membership.MinPolicyTime, membership.MaxQueueTime,
			func(p *membership.Policy) *uint64 { return &p.Carry.Age })),
		earlyJoins(),
	}
}

func setDirect(p *membership.Policy, value string) error {
	reach, err := membership.ParseReach(value)
	if err != nil {
		return fmt.Errorf("%q is not anywhere, local or never", value)
	}
	if p.Direct = reach; reach == membership.ReachAnywhere {
		p.Direct = 0
	}
	return nil
}

// carrySetting makes a setting of what is carried of one whose field is in a Carry that is there.
func carrySetting(s setting) setting {
	get, set := s.get, s.set
	s.get = func(p membership.Policy) string {
		carry := p.Carriers()
		p.Carry = &carry
		return get(p)
	}
	s.set = func(p *membership.Policy, value string) error {
		carry := p.Carriers() // another one than that of the policy that is in force
		p.Carry = &carry
		err := set(p, value)
		if carry == membership.DefaultCarrying() {
			p.Carry = nil
		}
		return err
	}
	return s
}

// earlyJoins is whether devices take who joins before the roll says so.
func earlyJoins() setting {
	s := switched("early-joins", "whether devices out of the node's reach take a member whose join is not on the roll yet",
		func(p *membership.Policy) *membership.Switch { return &p.EarlyJoins })
	get, set := s.get, s.set
	s.get = func(p membership.Policy) string {
		if p.EarlyJoins == 0 {
			p.EarlyJoins = membership.DefaultEarlyJoins
		}
		return get(p)
	}
	s.set = func(p *membership.Policy, value string) error {
		err := set(p, value)
		if p.EarlyJoins == membership.DefaultEarlyJoins {
			p.EarlyJoins = 0
		}
		return err
	}
	return s
}
