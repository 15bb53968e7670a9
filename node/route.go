package node

import (
	"slices"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/node/mesh"
	"muster.example/node/store"
)

// The route of an envelope is chosen for each device that it waits for: directly, while a stream to the device stands and moves; else by a
// rendezvous node; else by carriers, or it waits. A change in the middle loses and doubles nothing: the envelope waits until the device's
// receipt, whichever way that comes, and it is known by its id.

const (
	// atNode is how long what a rendezvous node has taken for a device is left to it before it is handed over directly too.
	atNode = 10 * time.Second
	// wishTime is within how long so many envelopes for a device that is not in reach are a reason to look for a path to it. A
	// piece of a file is one by itself.
	wishTime = time.Minute
	wishes   = 2
	// mostWished is for how many devices that is counted.
	mostWished = 256
)

// goesDirectly reports whether an envelope may go straight to a device in reach. What a rendezvous node has to count goes by it, and what is
// for a group too, which it fans out, while there is one. [MSH-12] [MSH-19]
func goesDirectly(w store.Waiting, connected bool) bool {
	switch envelope.Kind(w.Kind) {
	case envelope.KindAnnounce, envelope.KindMessage:
	default:
		return false
	}
	if connected && !w.Place.Group.IsZero() {
		return false
	}
	return w.Size <= mesh.MaxEnvelope-maxAround
}

// maxAround is how much longer a carried envelope for one device is than the envelope.
const maxAround = 512

// isWithNode reports whether a rendezvous node has just taken a message for a device, which may fetch it there. An announcement goes both
// ways: what comes behind it does not open without.
func isWithNode(w store.Waiting, device keys.PublicKey, now time.Time) bool {
	if !w.Accepted || slices.Contains(w.Full, device) || envelope.Kind(w.Kind) == envelope.KindAnnounce {
		return false
	}
	since := now.Sub(time.UnixMilli(w.Offered))
	return 0 <= since && since < atNode
}

// served returns the devices that are served directly now: a rendezvous node is offered nothing for them. [MSH-16]
func (m *meshStreams) served() map[keys.PublicKey]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[keys.PublicKey]bool, len(m.peers))
	for device, p := range m.peers {
		if p.direct.ready && !p.direct.still {
			all[device] = true
		}
	}
	return all
}

// forNode returns what of an envelope is to be offered to a rendezvous node, false for nothing: it is without the devices that are served
// directly. The archive's copy is owed to it all the same. [MSH-16] [MSH-18]
func forNode(w store.Waiting, served map[keys.PublicKey]bool, leave *talkLeaves) (store.Waiting, bool) {
	if len(w.Pending) == 0 {
		return w, false // its receivers take no part in the conversation yet
	}
	if len(served) == 0 || !goesDirectly(w, true) {
		return w, true
	}
	direct := func(d keys.PublicKey) bool { return served[d] && leave.lets(w, d, true) }
	if !slices.ContainsFunc(w.Pending, direct) {
		return w, true
	}
	others := func(d keys.PublicKey) bool { return !direct(d) }
	pending, full := filter(w.Pending, others), filter(w.Full, others)
	w.Pending, w.Full = pending, full
	return w, len(w.Pending) > 0
}

// wayOf returns by which way an envelope went to a device, by the way that its receipt came and what is known of it.
func wayOf(w store.Waiting, d store.Delivery, via store.Via) store.Via {
	switch {
	case via == store.ViaDirect:
		return via
	case w.Accepted:
		return store.ViaNode
	case d.Bundled > 0 && via != store.ViaCarriers:
		return store.ViaBundle
	case via == store.ViaNode: // no node has it from this device: others carried it there, or to the device
		return store.ViaCarriers
	}
	return via
}

// wished counts what there is for a device that is not in reach.
type wished struct {
	since time.Time
	count int
}

// noteWish has a path looked for to those of an envelope's devices that are not in reach and for which there is more than one, or a file.
func (m *meshStreams) noteWish(devices []keys.PublicKey, file bool, now time.Time) {
	if m.paths == nil {
		return
	}
	for _, device := range m.countWish(devices, file, now) {
		m.paths.want(device)
	}
}

// countWish counts an envelope for devices, and returns those for which there is enough now to look for a path.
func (m *meshStreams) countWish(devices []keys.PublicKey, file bool, now time.Time) (wanted []keys.PublicKey) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, device := range devices {
		if m.peers[device] != nil || m.o.gate.isSibling(device) {
			continue
		}
		w := m.wishes[device]
		if w == nil || now.Sub(w.since) >= wishTime {
			if w == nil && len(m.wishes) >= mostWished {
				clear(m.wishes)
			}
			w = &wished{since: now}
			m.wishes[device] = w
		}
		if w.count++; w.count == wishes || file && w.count < wishes {
			w.count = wishes
			wanted = append(wanted, device)
		}
	}
	return wanted
}

// wantNear has those devices called that were heard on a local network, are not in reach, and for which something waits that no rendezvous
// node has just taken.
func (o *organization) wantNear(now time.Time) error {
	if o.mesh.paths == nil {
		return nil
	}
	near := filter(o.mesh.paths.near(), func(d keys.PublicKey) bool { return o.mesh.peer(d) == nil })
	if len(near) == 0 {
		return nil
	}
	var wanted []keys.PublicKey
	connected, leave := o.connection() != nil, o.newTalkLeaves()
	err := o.node.store.View(func(tx *store.Tx) error {
		return tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
			for _, device := range intersection(difference(near, wanted), w.Pending) {
				if goesDirectly(w, true) && leave.lets(w, device, connected) && !isWithNode(w, device, now) {
					wanted = union(wanted, []keys.PublicKey{device})
				}
			}
			return len(wanted) < len(near), nil
		})
	})
	for _, device := range wanted {
		o.mesh.paths.want(device)
	}
	return err
}
