package membership_test

import (
	"muster.example/internal/keys"
	"muster.example/membership"
	"muster.example/membership/membershiptest"
)

// nodesCases: further rendezvous nodes.
func nodesCases() []foldCase {
	const form, whose, same, policy = "[ROLL-170]", "[ROLL-171]", "[ROLL-172]", "[ROLL-174]"
	const malformed = membership.ReasonMalformed
	at := membershiptest.NodeAt
	by := func(key func(o *testOrg) keys.PrivateKey, nodes ...string) func(*testOrg) membership.SignedEvent {
		return func(o *testOrg) membership.SignedEvent {
			var further []membership.NodeAddress
			for _, name := range nodes {
				further = append(further, at(o.Key().Public(), name))
			}
			return o.NodesEvent(key(o), further...)
		}
	}
	founder := func(o *testOrg) keys.PrivateKey { return o.Founder.Device() }
	raw := func(change func(o *testOrg, n *membership.Nodes)) func(*testOrg) membership.SignedEvent {
		return func(o *testOrg) membership.SignedEvent {
			e := o.Event(o.Founder.Device())
			e.Nodes = &membership.Nodes{}
			change(o, e.Nodes)
			return membership.SignEvent(e, o.Founder.Device(), nil)
		}
	}
	keyed := func(key func(o *testOrg) keys.PublicKey) func(*testOrg) membership.SignedEvent {
		return func(o *testOrg) membership.SignedEvent { return o.NodesEvent(o.Founder.Device(), at(key(o), "a")) }
	}
	return []foldCase{
		ofEvent("ok_nodes", form, "an admin adds two nodes", 0, by(founder, "a", "b")),
		ofEvent("ok_nodes_root", form, "the root key takes the last one away", 0, func(o *testOrg) membership.SignedEvent {
			o.SetNodes(at(o.Key().Public(), "a"))
			return o.NodesEvent(o.Root)
		}),
		ofEvent("nodes_member", form, "a member adds a node", membership.ReasonRole,
			by(func(o *testOrg) keys.PrivateKey { return o.Join("Ann").Device() }, "a")),
		ofEvent("malformed_nodes_many", form, "five further nodes", malformed, by(founder, "a", "b", "c", "d", "e")),
		ofEvent("malformed_nodes_twice", form, "a node twice", malformed, raw(func(o *testOrg, n *membership.Nodes) {
			one := at(o.Key().Public(), "a")
			n.Further = []membership.NodeAddress{one, one}
		})),
		ofEvent("malformed_nodes_addresses", form, "a node without an address", malformed, raw(func(o *testOrg, n *membership.Nodes) {
			n.Further = []membership.NodeAddress{{Key: o.Key().Public(), Addresses: []string{}}}
		})),
		ofEvent("nodes_sequencer", whose, "the sequencer as a further node", membership.ReasonDuplicateKey,
			keyed(func(o *testOrg) keys.PublicKey { return o.Node.Public() })),
		ofEvent("nodes_device", whose, "a device as a node", membership.ReasonDuplicateKey,
			keyed(func(o *testOrg) keys.PublicKey { return o.Founder.Device().Public() })),
		ofEvent("nodes_weak", whose, "a key with which anybody can sign", membership.ReasonKey,
			keyed(func(*testOrg) keys.PublicKey { return identity })),
		ofEvent("ok_nodes_invitation", whose, "a key that was named as an invitation's", 0,
			keyed(func(o *testOrg) keys.PublicKey { return o.Invite(o.Founder, membership.RoleMember, 1).Public() })),
		ofEvent("ok_nodes_again", whose, "a node that was taken away comes back", 0, func(o *testOrg) membership.SignedEvent {
			node := at(o.Key().Public(), "a")
			o.SetNodes(node)
			o.SetNodes()
			return o.NodesEvent(o.Founder.Device(), node)
		}),
		ofEvent("nodes_already", same, "the set that it is", membership.ReasonAlready, func(o *testOrg) membership.SignedEvent {
			node := at(o.Key().Public(), "a")
			o.SetNodes(node)
			return o.NodesEvent(o.Founder.Device(), node)
		}),
		ofEvent("device_of_node", whose, "a further node as a device", membership.ReasonDuplicateKey,
			func(o *testOrg) membership.SignedEvent {
				node := o.Key()
				o.SetNodes(at(node.Public(), "a"))
				return o.DeviceEvent(o.Founder.Device(), node)
			}),
		{"ok_policy_post_to", policy, "messages are posted to two nodes", 0,
			byFounder(policyOf(func(p *membership.Policy) { p.PostTo = 2 }))},
		{"policy_post_to_one", policy, "one node, said", membership.ReasonPolicy,
			byFounder(policyOf(func(p *membership.Policy) { p.PostTo = 1 }))},
		{"policy_post_to_many", policy, "three nodes", membership.ReasonPolicy,
			byFounder(policyOf(func(p *membership.Policy) { p.PostTo = 3 }))},
	}
}
