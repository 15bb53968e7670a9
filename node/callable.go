package node

import (
	"maps"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/membership"
)

// callable is which devices of other members may have a direct connection with this one, as of some size of the roll: on local
// networks all of them, from afar those that are true. It is replaced, never changed. [NEAR-9] [NEAR-10]
type callable map[keys.PublicKey]bool

// mayMeet reports whether devices of accounts with these roles may have a direct connection on a local network: a guest's with a desk's
// alone, as guests write to desks alone. [NEAR-9]
func mayMeet(one, other membership.Role) bool {
	switch {
	case one == 0 || other == 0:
		return false
	case one == membership.RoleGuest:
		return other == membership.RoleDesk
	case other == membership.RoleGuest:
		return one == membership.RoleDesk
	}
	return true
}

// noteCallableLocked lets devices of other members call as the roll, the policy and the bars that are obeyed ahead of it say now, and
// ends at once the connections of those that may not any more. Who may call from afar follows a moment later where somebody may who might
// not before: that asks the grants. Callers hold mu.
func (o *organization) noteCallableLocked() {
	state := o.roll.State()
	reach, now := o.reachLocked(), make(callable)
	people := o.allPeopleLocked()
	own, active := people.MemberOf(o.device)
	if active && reach != membership.ReachNowhere && o.gate.callers != nil && !o.endedEarlyLocked(o.device) {
		role, before := people.Role(own), o.gate.callable()
		for _, device := range append(state.ActiveDevices(), people.AheadDevices()...) {
			member, _ := people.MemberOf(device)
			if member != own && mayMeet(role, people.Role(member)) && !o.endedEarlyLocked(device) {
				now[device] = before[device] && reach == membership.ReachAnywhere
			}
		}
	}
	o.setCallableLocked(now)
	wake(o.neighbours.review)
}

// setCallableLocked replaces who may call, and closes the connections of those who may not any more. Callers hold mu.
func (o *organization) setCallableLocked(now callable) {
	before := o.gate.members.Swap(&now)
	wake(o.neighbours.wake)
	wake(o.neighbours.direct)
	wake(o.neighbours.admitted)
	if before == nil || o.host == nil {
		return
	}
	for _, c := range o.host.Network().Conns() {
		key, err := p2p.Key(c.RemotePeer())
		if _, could := (*before)[key]; err == nil && could && !o.gate.mayStay(key, c) {
			_ = c.Close()
		}
	}
}

// reviewAfarLocked asks anew which of those that may call on local networks may do so from afar: the devices of members who have leave to
// write to this account, and let it write to them. Callers hold mu. [NEAR-10]
func (o *organization) reviewAfarLocked() {
	state, before := o.roll.State(), o.gate.callable()
	if len(before) == 0 || o.view == nil {
		return
	}
	acquainted := make(map[keys.MemberID]bool)
	anywhere := o.reachLocked() == membership.ReachAnywhere
	now := make(callable, len(before))
	for device := range before {
		member, _ := state.MemberOf(device)
		known, asked := acquainted[member]
		if !asked {
			contact, _ := o.view.Contact(member)
			contact.Member = member
			known = anywhere && o.acquaintedLocked(contact)
			acquainted[member] = known
		}
		now[device] = known
	}
	if maps.Equal(before, now) {
		return
	}
	o.setCallableLocked(now)
	wake(o.wakePlace)
}

// noteContactLocked ends calls from afar of a member who may not write to this account any more, or lets it not. Callers hold mu.
func (o *organization) noteContactLocked(member keys.MemberID) {
	defer wake(o.neighbours.review)
	before := o.gate.callable()
	if contact, known := o.view.Contact(member); len(before) == 0 || known && o.acquaintedLocked(contact) {
		return
	}
	var now callable
	for _, device := range o.roll.State().Devices(member) {
		if before[device] {
			if now == nil {
				now = maps.Clone(before)
			}
			now[device] = false
		}
	}
	if now != nil {
		o.setCallableLocked(now)
	}
}

// callable returns who may call that is no device of the account. Nobody may change it.
func (g *gate) callable() callable {
	if all := g.members.Load(); all != nil {
		return *all
	}
	return nil
}

// afar reports whether any device of another member may call from afar.
func (g *gate) afar() bool {
	for _, may := range g.callable() {
		if may {
			return true
		}
	}
	return false
}

// mayStay reports whether a connection with a device may stand: a relayed one only to open a direct path.
func (g *gate) mayStay(key keys.PublicKey, c network.ConnMultiaddrs) bool {
	return g.mayCall(key, !p2p.IsRelayed(c.RemoteMultiaddr()) && g.isNear(c.RemoteMultiaddr()))
}
