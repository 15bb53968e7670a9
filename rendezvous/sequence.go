package rendezvous

import (
	"context"
	"errors"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// submit puts an event on an organization's roll, for the device from. It is the sequencer: one event at a time, on the
// whole node, so that a device cannot enter two organizations at once. When it returns StatusOK the event is durable,
// covered by a checkpoint, what it says of devices holds, and every connected device is being told. If pay is set, the
// event counts for the pace of this key's account. note is what a move is shown with. [RV-20] [RV-26]
func (n *Node) submit(ctx context.Context, o *org, from, pay keys.PublicKey, event, note []byte) wire.Status {
	return n.submitFor(ctx, o, from, func() error { return o.charge(pay, n.cfg.Now()) }, event, note)
}

// submitFor is submit for a price: charge is called when the rules allow the event.
func (n *Node) submitFor(ctx context.Context, o *org, from keys.PublicKey, charge func() error, event, note []byte) (status wire.Status) {
	defer func() { n.counters.refusedEvents.count(status) }()
	n.sequence.Lock()
	defer n.sequence.Unlock()
	parsed, principal, err := membership.OpenEvent(event)
	if err != nil {
		return statusOf(err)
	}
	if o.roll.holds(event) {
		return wire.StatusOK
	}
	if move := parsed.Rendezvous; move != nil && move.Node != n.key.Public() {
		if err := n.giveUp(o, &parsed, event, note, charge); err != nil {
			return n.refuseEvent(o, principal.Signer, err)
		}
		return wire.StatusOK
	}
	if !o.roll.orders() && parsed.Rendezvous == nil {
		return wire.StatusMoved
	}
	if device := newcomer(&parsed, principal); !device.IsZero() {
		if other := n.directory.of(device); other != nil && other != o {
			return wire.StatusUsed
		}
	}
	if a := parsed.Archive; a != nil && a.Set != nil && n.directory.isOthers(a.Set.Service, o) {
		return wire.StatusUsed
	}
	invites := o.invites(&parsed, principal, event)
	if from != principal.Signer && o.beforeMove(parsed) { // others save what was paid for at the other node
		invites = nil
	}
	held, err := n.appendEvent(o, event, func() error {
		if err := charge(); err != nil || invites == nil {
			return err
		}
		return o.intros.spend(invites.by, invites.tolls, o.terms(), n.cfg.Now()).Err()
	})
	if err != nil {
		return n.refuseEvent(o, principal.Signer, err)
	}
	if held {
		return wire.StatusOK
	}
	n.enforce(o, &parsed, principal, from)
	if parsed.Nodes != nil || parsed.Rendezvous != nil {
		n.notePeers()
	}
	if err := o.asked.follow(o, &parsed, principal, invites, n.cfg.Now()); err != nil {
		n.fault("giving an allowance back", err)
	}
	if judges(&parsed) || parsed.Policy != nil {
		o.presence.reconsider()
	}
	n.counters.events.Add(1)
	o.sessions.wakeAll()
	wake(n.news)
	return wire.StatusOK
}

// appendEvent appends an event, judging it anew when another process of the node was first. It is charged for once. [STO-93]
func (n *Node) appendEvent(o *org, event []byte, charge func() error) (held bool, err error) {
	charged := false
	for range overtakenTries {
		held, err = o.roll.append(n.cfg.Random, n.cfg.Now(), event, func() error {
			if charged {
				return nil
			}
			err := charge()
			charged = err == nil
			return err
		})
		if !errors.Is(err, errOvertaken) {
			return held, err
		}
		if err := n.overtake(o); err != nil {
			return false, err
		}
	}
	return held, err
}

// refuseEvent returns the status of an event that was not taken. That somebody is barred, suspended or removed is said
// only of the event's author. [RV-22]
func (n *Node) refuseEvent(o *org, author keys.PublicKey, err error) wire.Status {
	if errors.Is(err, errBehind) {
		return wire.StatusUnavailable
	}
	if errors.Is(err, errPace) {
		return wire.StatusFull
	}
	reason, _ := membership.ReasonOf(err)
	switch reason {
	case membership.ReasonBarred, membership.ReasonSuspended, membership.ReasonRemoved:
		status := wire.StatusOK
		o.roll.read(func(state *membership.State) {
			if standing := state.Standing(author); standing != membership.StandingNone {
				status = statusOfStanding(standing)
			}
		})
		if status == wire.StatusOK {
			status = wire.StatusConflict
		}
		return status
	}
	return n.answerFor("taking an event", err)
}

// answerFor returns the status of an error and logs it if it is this node's fault rather than the peer's.
func (n *Node) answerFor(doing string, err error) wire.Status {
	status := statusOf(err)
	if status.Retryable() {
		return n.faultAs(status, doing, err)
	}
	return status
}

func (n *Node) fault(doing string, err error) wire.Status {
	return n.faultAs(wire.StatusUnavailable, doing, err)
}

func (n *Node) faultAs(status wire.Status, doing string, err error) wire.Status {
	n.counters.faults.Add(1)
	n.log.Error("cannot serve", "doing", doing, "error", err)
	return status
}
