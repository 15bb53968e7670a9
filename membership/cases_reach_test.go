package membership_test

import "muster.example/membership"

// Policies that say how devices meet, and those that say it wrongly.
func reachCases() []foldCase {
	const reach, carry, early = "[ROLL-190]", "[ROLL-191]", "[ROLL-192]"
	carrying := func(change func(*membership.Carrying)) func(*membership.Policy) {
		return func(p *membership.Policy) {
			carry := membership.DefaultCarrying()
			change(&carry)
			p.Carry = &carry
		}
	}
	var cases []foldCase
	for _, c := range []struct {
		name, rule, comment string
		reason              membership.Reason
		change              func(*membership.Policy)
	}{
		{"ok_policy_direct_local", reach, "direct connections on local networks only", 0,
			func(p *membership.Policy) { p.Direct = membership.ReachLocal }},
		{"ok_policy_direct_nowhere", reach, "no direct connections", 0, func(p *membership.Policy) { p.Direct = membership.ReachNowhere }},
		{"policy_direct_said", reach, "anywhere, said", membership.ReasonPolicy, func(p *membership.Policy) { p.Direct = membership.ReachAnywhere }},
		{"policy_direct_unknown", reach, "reach 4", membership.ReasonPolicy, func(p *membership.Policy) { p.Direct = 4 }},
		{"ok_policy_carry_none", carry, "nothing is carried", 0, carrying(func(c *membership.Carrying) { c.Copies = 0 })},
		{"policy_carry_said", carry, "the default, said", membership.ReasonPolicy, carrying(func(*membership.Carrying) {})},
		{"policy_carry_copies", carry, "65 copies", membership.ReasonPolicy,
			carrying(func(c *membership.Carrying) { c.Copies = membership.MaxCarryCopies + 1 })},
		{"policy_carry_hops_none", carry, "no hop", membership.ReasonPolicy, carrying(func(c *membership.Carrying) { c.Hops = 0 })},
		{"policy_carry_hops", carry, "17 hops", membership.ReasonPolicy,
			carrying(func(c *membership.Carrying) { c.Hops = membership.MaxCarryHops + 1 })},
		{"policy_carry_bytes_few", carry, "less than the largest message", membership.ReasonPolicy,
			carrying(func(c *membership.Carrying) { c.Bytes = membership.MinCarryBytes - 1 })},
		{"policy_carry_bytes", carry, "more than 64 GiB", membership.ReasonPolicy,
			carrying(func(c *membership.Carrying) { c.Bytes = membership.MaxCarryBytes + 1 })},
		{"policy_carry_age_short", carry, "less than an hour", membership.ReasonPolicy,
			carrying(func(c *membership.Carrying) { c.Age = membership.MinPolicyTime - 1 })},
		{"policy_carry_age", carry, "more than a year", membership.ReasonPolicy,
			carrying(func(c *membership.Carrying) { c.Age = membership.MaxQueueTime + 1 })},
		{"ok_policy_early", early, "members are taken ahead of the roll", 0,
			func(p *membership.Policy) { p.EarlyJoins = membership.Allowed }},
		{"policy_early_said", early, "the default, said", membership.ReasonPolicy,
			func(p *membership.Policy) { p.EarlyJoins = membership.DefaultEarlyJoins }},
		{"policy_early_unknown", early, "position 3", membership.ReasonPolicy, func(p *membership.Policy) { p.EarlyJoins = 3 }},
	} {
		cases = append(cases, foldCase{c.name, c.rule, c.comment, c.reason, byFounder(policyOf(c.change))})
	}
	return cases
}
