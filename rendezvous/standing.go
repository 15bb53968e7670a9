package rendezvous

import (
	"context"
	"sync"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/membership"
)

// condition is what the roll says of a device, as far as the node acts on it.
type condition struct {
	member   keys.MemberID
	standing membership.Standing
	cut      uint64 // from which position on what the device did is void; 0 if it is not barred
	entered  uint64 // when a re-admission last changed its member's account
}

// conditionsIn returns the condition of every device that the state has or had.
func conditionsIn(state *membership.State) map[keys.PublicKey]condition {
	all := make(map[keys.PublicKey]condition)
	for _, member := range state.Members() {
		for _, device := range member.Devices {
			c := condition{member: member.ID, standing: device.Standing, entered: member.Entered}
			if device.Barred {
				c.cut = device.Cut
			}
			all[device.Key] = c
		}
	}
	return all
}

// judges reports whether an event can change the condition of devices that were there before it.
func judges(e *membership.Event) bool {
	return e.Bar != nil || e.Order != nil || e.Role != nil || e.Suspend != nil || e.Reinstate != nil || e.Remove != nil || e.Enter != nil ||
		e.Dismiss != nil || e.Enrolment != nil
}

// newcomer returns the device that an event adds, zero for none.
func newcomer(e *membership.Event, by membership.Principal) keys.PublicKey {
	switch {
	case e.Join != nil, e.Enter != nil:
		return by.Signer
	case e.Device != nil:
		return e.Device.Add
	case e.Readmit != nil:
		return e.Readmit.Device
	case e.Vouch != nil:
		return e.Vouch.Applicant()
	}
	return keys.PublicKey{}
}

// enforce makes hold at once what an event that the roll has just taken says about devices. from is the device that
// handed it in and waits for the answer. The caller holds sequence. [RV-14]
func (n *Node) enforce(o *org, event *membership.Event, by membership.Principal, from keys.PublicKey) {
	if judges(event) {
		n.judge(o, from)
		return
	}
	if a := event.Archive; a != nil && a.Set != nil {
		n.directory.archive(a.Set.Service, o)
		return
	}
	device := newcomer(event, by)
	if device.IsZero() || event.Readmit != nil {
		return
	}
	var c condition
	o.roll.read(func(state *membership.State) {
		c.standing = state.Standing(device)
		c.member, _ = state.AccountOf(device)
		member, _ := state.Member(c.member)
		c.entered = member.Entered
	})
	if c.standing == membership.StandingNone {
		return // an applicant whom this vouch does not admit yet
	}
	o.conditions[device] = c
	n.directory.enter(device, o, c.standing)
	n.welcome(device)
}

// judge compares what the roll says of every device with what it said before. A device that is not active any more is a
// stranger from here on: what it has open is cut, and what is kept for it goes, unless its member is only suspended. One
// that is active again is let in again. The caller holds sequence. [RV-14]
func (n *Node) judge(o *org, from keys.PublicKey) {
	before := o.conditions
	o.roll.read(func(state *membership.State) { o.conditions = conditionsIn(state) })
	touched := make(map[keys.MemberID]struct{})
	for device, now := range o.conditions {
		then := before[device]
		if now == then {
			continue
		}
		touched[now.member] = struct{}{}
		if now.standing == then.standing {
			continue
		}
		n.directory.enter(device, o, now.standing)
		if now.standing == membership.StandingActive {
			n.welcome(device)
			continue
		}
		o.sessions.cut(device)
		n.parcels.drop(device)
		n.dismiss(device, from)
		n.clear(o, device, now.standing)
	}
	o.talks.forget(keys.ConversationID{})
	if err := o.grants.judge(touched); err != nil {
		n.fault("judging grants", err)
	}
}

// clear removes what is kept for a device that does not come back, as far as the roll knows; what waits for it is returned.
// That of a suspended member waits: they get it when they are reinstated, or it expires. [RV-14]
func (n *Node) clear(o *org, device keys.PublicKey, standing membership.Standing) {
	if standing == membership.StandingActive || standing == membership.StandingSuspended {
		return
	}
	if err := o.prekeys.drop(device); err != nil {
		n.fault("removing a prekey", err)
	}
	n.returns.empty(o, device)
}

// clearAll does at the start what a crash may have left undone.
func (n *Node) clearAll() {
	for _, o := range n.directory.all() {
		for device, c := range o.conditions {
			if n.clear(o, device, c.standing); o.attendance.isParked(device) {
				n.returns.empty(o, device)
			}
		}
	}
}

// welcome lets a device in that the gossip may have shut out, or not have known.
func (n *Node) welcome(device keys.PublicKey) { n.gossip.Admit(device) }

// dismiss ends a device's part in gossip and has its connections closed. Those of the one that waits for an answer become
// a stranger's instead, so that the answer arrives.
func (n *Node) dismiss(device, from keys.PublicKey) {
	n.gossip.Expel(device)
	if device == from {
		n.strangers.demote(n.host.Network().ConnsToPeer(p2p.PeerID(device)))
		return
	}
	n.departures.add(device)
}

// departures are devices whose connections are to be closed.
type departures struct {
	wake chan struct{} // capacity 1

	mu      sync.Mutex // guards the following
	devices []keys.PublicKey
}

func newDepartures() *departures { return &departures{wake: make(chan struct{}, 1)} }

func (d *departures) add(device keys.PublicKey) {
	d.mu.Lock()
	d.devices = append(d.devices, device)
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *departures) take() []keys.PublicKey {
	d.mu.Lock()
	defer d.mu.Unlock()
	devices := d.devices
	d.devices = nil
	return devices
}

// seeOut closes the connections of devices that are strangers now.
func (n *Node) seeOut(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.departures.wake:
		}
		for _, device := range n.departures.take() {
			if n.directory.serves(device) == nil {
				_ = n.host.Network().ClosePeer(p2p.PeerID(device))
			}
		}
	}
}
