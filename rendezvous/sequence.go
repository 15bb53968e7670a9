package rendezvous

import (
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
)

// submit puts an event on an organization's roll. It is the sequencer: one event at a time, on the whole node, so that
// a device cannot enter two organizations at once. When it returns StatusOK the event is durable, covered by a
// checkpoint, and every connected device is being told. [RV-20]
func (n *Node) submit(o *org, event []byte) wire.Status {
	n.sequence.Lock()
	defer n.sequence.Unlock()
	parsed, principal, err := membership.OpenEvent(event)
	if err != nil {
		return statusOf(err)
	}
	var device keys.PublicKey
	switch {
	case parsed.Join != nil:
		device = principal.Signer
	case parsed.Device != nil:
		device = parsed.Device.Add
	}
	if !device.IsZero() {
		if other := n.directory.of(device); other != nil && other != o {
			return wire.StatusUsed
		}
	}
	held, err := o.roll.append(n.cfg.Random, n.cfg.Now(), event)
	if err != nil {
		return n.answerFor("taking an event", err)
	}
	if held {
		return wire.StatusOK
	}
	if !device.IsZero() {
		n.directory.enter(device, o)
	}
	n.counters.events.Add(1)
	o.sessions.wakeAll()
	return wire.StatusOK
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
