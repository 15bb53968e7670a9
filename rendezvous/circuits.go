package rendezvous

import (
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/membership"
)

// mostWaiting is how many devices may wait at the relay at once. A place costs a few hundred bytes.
const mostWaiting = 1 << 16

// circuits says for whom the node relays: devices of one account may call one another. What they say is encrypted between them.
// [RV-110]
func (n *Node) circuits() *p2p.Circuits {
	return &p2p.Circuits{
		Wait: func(device keys.PublicKey) bool { return n.directory.active(device) != nil },
		Call: func(from, to keys.PublicKey) bool {
			o := n.directory.active(from)
			return o != nil && o == n.directory.active(to) && o.areSiblings(from, to)
		},
		Most: mostWaiting,
	}
}

// areSiblings reports whether two devices are active ones of the same member.
func (o *org) areSiblings(one, other keys.PublicKey) (same bool) {
	o.roll.read(func(state *membership.State) {
		a, first := state.MemberOf(one)
		b, second := state.MemberOf(other)
		same = first && second && a == b && one != other
	})
	return same
}
