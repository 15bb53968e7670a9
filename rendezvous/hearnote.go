package rendezvous

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvproto"
)

// hearNote takes in what a device has told another node: as from the device itself, which signed it, but for that it was
// seen. What does not hold changes nothing; an error is this node's own fault. [RV-161]
func (n *Node) hearNote(ctx context.Context, o *org, note rvproto.NodeNote) error {
	var status wire.Status
	switch note.Kind {
	case rvproto.NoteAck:
		ack, err := rvproto.OpenAck(note.Signed, o.id)
		if err != nil || n.directory.of(ack.Device) != o {
			status = wire.StatusRefused
			break
		}
		o.done.add(ack.Device, ack.IDs)
		if err := n.queue.Ack(ctx, ack.Device, ack.IDs); err != nil {
			return fmt.Errorf("acknowledging what was delivered elsewhere: %w", err)
		}
	case rvproto.NoteGrant:
		grant, err := membership.DecodeGrant(note.Signed)
		switch {
		case err != nil:
			status = wire.StatusMalformed
		case grant.ForConversation():
			status = o.talks.put(grant.From, note.Signed, note.Members)
		default:
			status, _, _ = o.grants.put(grant.From, note.Signed)
		}
	case rvproto.NotePrekey:
		if n.directory.active(note.Device) == o {
			status = o.prekeys.put(note.Device, note.Signed, n.cfg.Now())
		}
	case rvproto.NoteSeen:
		if n.directory.active(note.Device) == o {
			o.attendance.seenElsewhere(note.Device, note.Day, n.cfg.Now())
		}
	}
	if status.Retryable() {
		return fmt.Errorf("keeping what a device has said elsewhere: %w", status)
	}
	return nil
}

// done is which envelopes devices have lately acknowledged at other nodes, so that a copy that is posted here later does not
// wait for them. Bounded by two generations: what is forgotten is delivered again, and acknowledged here. [RV-166]
type done struct {
	mu       sync.Mutex // guards the following
	now, old map[keys.EnvelopeID][]keys.PublicKey
}

func (d *done) add(device keys.PublicKey, ids []keys.EnvelopeID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.now == nil || len(d.now) >= doneAtOnce {
		d.now, d.old = make(map[keys.EnvelopeID][]keys.PublicKey), d.now
	}
	for _, id := range ids {
		if !slices.Contains(d.now[id], device) {
			d.now[id] = append(d.now[id], device)
		}
	}
}

// by returns the devices that are done with an envelope.
func (d *done) by(id keys.EnvelopeID) []keys.PublicKey {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.now) == 0 {
		return nil
	}
	return slices.Concat(d.now[id], d.old[id])
}

// spare takes those devices off a post that were given the envelope by another node.
func (d *done) spare(id keys.EnvelopeID, v *verdict) {
	devices := d.by(id)
	if len(devices) == 0 || v.status != wire.StatusOK {
		return
	}
	has := func(device keys.PublicKey) bool {
		is := slices.Contains(devices, device)
		v.spared = v.spared || is
		return is
	}
	v.recipients = slices.DeleteFunc(v.recipients, has)
	v.silent = slices.DeleteFunc(v.silent, has)
	if v.set == nil {
		return
	}
	for _, device := range v.set.Devices() {
		if has(device) && !slices.Contains(v.except, device) {
			v.except = append(v.except[:len(v.except):len(v.except)], device)
		}
	}
	if len(v.except) >= len(v.set.Devices()) {
		v.set, v.except = nil, nil
	}
}
