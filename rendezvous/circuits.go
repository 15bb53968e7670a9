package rendezvous

import (
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/membership"
)

const (
	// mostWaiting is how many devices may wait at the relay at once. A place costs a few hundred bytes.
	mostWaiting = 1 << 16
	// memberCallTime and memberCallBytes are what a call between devices of two members may take: enough to open a direct path, and for
	// nothing else. [RV-110]
	memberCallTime  = 30 * time.Second
	memberCallBytes = 16 << 10
	// memberCallCost is after how long a device may make one more such call than memberCallBurst at once.
	memberCallCost  = 6 * time.Second
	memberCallBurst = 20
)

// circuits says for whom the node relays: devices of one account may call one another, and those of two members with leave to write to each
// other so far that a direct path can open. What they say is encrypted between them. [RV-110]
func (n *Node) circuits() *p2p.Circuits {
	return &p2p.Circuits{
		Wait: func(device keys.PublicKey) bool { return n.directory.active(device) != nil },
		Call: n.mayCall,
		Limit: func(from, to keys.PublicKey) p2p.CallLimit {
			if o := n.directory.active(from); o != nil && o == n.directory.active(to) && o.areSiblings(from, to) {
				return p2p.CallLimit{}
			}
			return p2p.CallLimit{Time: memberCallTime, Bytes: memberCallBytes}
		},
		Cut:  func(keys.PublicKey, keys.PublicKey) { n.counters.callsCut.Add(1) },
		Most: mostWaiting,
	}
}

// mayCall reports whether a device may call another, and counts it.
func (n *Node) mayCall(from, to keys.PublicKey) bool {
	o := n.directory.active(from)
	switch {
	case o == nil || o != n.directory.active(to) || from == to:
		return false
	case o.areSiblings(from, to):
		n.counters.siblingCalls.Add(1)
		return true
	case !o.letEachOther(from, to) || n.memberCalls.take(from, memberCallCost, memberCallBurst*memberCallCost, time.Now()) > 0:
		n.counters.memberCallsRefused.Add(1)
		return false
	}
	n.counters.memberCalls.Add(1)
	return true
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

// letEachOther reports whether two devices are active ones of two members each of whom lets the other write, by a grant that is here or by
// the policy, which lets devices meet across networks. [RV-110]
func (o *org) letEachOther(one, other keys.PublicKey) (let bool) {
	o.roll.read(func(state *membership.State) {
		a, first := state.MemberOf(one)
		b, second := state.MemberOf(other)
		let = first && second && a != b && state.Policy().DirectReach() == membership.ReachAnywhere &&
			o.lets(state, a, b) && o.lets(state, b, a)
	})
	return let
}

// lets reports whether a member lets another write: not once that was ended.
func (o *org) lets(state *membership.State, from, to keys.MemberID) bool {
	given, way := o.grants.of(from, to), state.MayContact(to, from)
	if way == membership.ContactRefused || given.ended() {
		return false
	}
	return given.open || way == membership.ContactFree
}
