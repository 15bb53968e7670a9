package node

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"time"

	"muster.example/internal/beacon"
	"muster.example/internal/keys"
	"muster.example/internal/nearby"
	"muster.example/internal/p2p"
)

const (
	// heardTime is for how long a device may call from where its beacon was heard. [NEAR-4]
	heardTime = 3 * time.Hour
	// againHeard is after how long a beacon of a device that was heard is a reason to call it once more.
	againHeard = 10 * time.Second
	// mostHeard is at how many addresses a device is called: each name of a network's neighbour can have some. For one of another member
	// it is mostHeardOther, and there are mostHeardDevices of these.
	mostHeard        = 16
	mostHeardOther   = 4
	mostHeardDevices = 512
	// mostMoves is how often within heardTime another member's device is called at once since it was heard elsewhere: whoever makes up
	// beacons, or repeats one from places of their own, is called ever more seldom after that.
	mostMoves = 6
	// mostEarly is how many devices that may have no connection are remembered to be heard, in case that they may soon.
	mostEarly = 64
)

// earlyBeacon is what was heard of a device that may have no connection with this one, and when.
type earlyBeacon struct {
	found nearby.Found
	heard time.Time
}

// heard is where a device was heard on local networks, and when there.
type heard struct {
	at     map[netip.AddrPort]time.Time
	called time.Time // when it was last a reason to call
	moved  time.Time // since when the moves are counted
	moves  int
}

// mayMove counts a move, and reports whether the device is to be called at once for it.
func (h *heard) mayMove(now time.Time) bool {
	if now.Sub(h.moved) >= heardTime {
		h.moved, h.moves = now, 0
	}
	h.moves++
	return h.moves <= mostMoves
}

// lately returns where it was heard not long ago, in order.
func (h *heard) lately(now time.Time) (all []netip.AddrPort) {
	for at, when := range h.at {
		if now.Sub(when) < heardTime {
			all = append(all, at)
		}
	}
	slices.SortFunc(all, netip.AddrPort.Compare)
	return all
}

// last returns when it was last heard anywhere.
func (h *heard) last() (last time.Time) {
	for _, when := range h.at {
		if when.After(last) {
			last = when
		}
	}
	return last
}

// note notes where a device was heard, keeps the latest of that, and reports whether it was not heard there before.
func (h *heard) note(addresses []netip.AddrPort, most int, now time.Time) (elsewhere bool) {
	if h.at == nil {
		h.at = make(map[netip.AddrPort]time.Time)
	}
	for _, at := range addresses {
		if when, known := h.at[at]; !known || now.Sub(when) >= heardTime {
			elsewhere = true
		}
		h.at[at] = now
	}
	for len(h.at) > most {
		delete(h.at, slices.MinFunc(slices.Collect(maps.Keys(h.at)), func(a, b netip.AddrPort) int {
			return h.at[a].Compare(h.at[b])
		}))
	}
	return elsewhere
}

// hear takes in what was heard on a local network. Of a beacon of a device that may call, the addresses may call from now on, and are
// called. Whoever hears a beacon can repeat it: no more comes of one that is not by the device than calls in vain, of which there are
// bounds. [NEAR-3] [NEAR-13]
func (n *neighbours) hear(key beacon.Key, found nearby.Found, now time.Time) {
	device, err := n.o.openBeacon(key, found.Payload)
	if err != nil || device == n.o.device || !n.admits(device, found, now) {
		return
	}
	addresses := slices.DeleteFunc(slices.Clone(found.Addresses), func(at netip.AddrPort) bool { return !p2p.Callable(at) })
	sibling := n.o.gate.isSibling(device)
	if !sibling {
		addresses = addresses[:min(len(addresses), mostHeardOther)]
	}
	if len(addresses) == 0 {
		return
	}
	if sibling {
		n.hearSibling(device, addresses, now)
	} else if !n.hearOther(device, addresses, now) {
		return
	}
	for _, at := range addresses {
		n.o.gate.expect(sibling, heardTime, at.Addr())
	}
}

// admits reports whether a device may have a connection with this one. What was heard of one that may not is kept: the roll may be behind,
// and local networks tell of an announcement once. [NEAR-3]
func (n *neighbours) admits(device keys.PublicKey, found nearby.Found, now time.Time) bool {
	if n.o.gate.mayCall(device, true) {
		return true
	}
	n.mu.Lock()
	if _, known := n.early[device]; !known && len(n.early) >= mostEarly {
		for some := range n.early { // any: members can make them up
			delete(n.early, some)
			break
		}
	}
	n.early[device] = earlyBeacon{found, now}
	n.mu.Unlock()
	return n.o.gate.mayCall(device, true) // who may call was perhaps replaced meanwhile
}

// hearEarly takes in what was heard of devices that may have a connection by now.
func (n *neighbours) hearEarly(key beacon.Key, now time.Time) {
	var due []nearby.Found
	n.mu.Lock()
	for device, one := range n.early {
		old := now.Sub(one.heard) >= heardTime
		if may := n.o.gate.mayCall(device, true); may || old {
			delete(n.early, device)
			if !old {
				due = append(due, one.found)
			}
		}
	}
	n.mu.Unlock()
	for _, found := range due {
		n.hear(key, found, now)
	}
}

// keepHearingEarly does so whenever others may have a connection than before, until the context ends.
func (n *neighbours) keepHearingEarly(ctx context.Context, key beacon.Key) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.admitted:
			n.hearEarly(key, time.Now())
		}
	}
}

// hearSibling notes where a device of the account is.
func (n *neighbours) hearSibling(device keys.PublicKey, addresses []netip.AddrPort, now time.Time) {
	n.mu.Lock()
	h := n.own[device]
	if h == nil {
		h = &heard{}
		n.own[device] = h
	}
	elsewhere, recent := h.note(addresses, mostHeard, now), now.Sub(h.called) < againHeard
	n.mu.Unlock()
	if !recent && (elsewhere || !n.o.siblings.isSettled(device)) {
		n.mu.Lock()
		h.called = now
		n.mu.Unlock()
		wake(n.o.siblings.now)
	}
}

// hearOther notes where another member's device is, if there is room, and has it called if it was not heard there before: the one with the
// smaller key calls at once, the other one gives it a moment. [NEAR-11]
func (n *neighbours) hearOther(device keys.PublicKey, addresses []netip.AddrPort, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	one := n.all[device]
	if one == nil || one.heard.at == nil {
		if n.heardLocked(now) >= mostHeardDevices {
			return false
		}
		one = n.neighbourLocked(device)
	}
	if !one.heard.note(addresses, mostHeardOther, now) || now.Sub(one.heard.called) < againHeard {
		return true
	}
	one.heard.called = now
	if !one.since.IsZero() {
		return true
	}
	if one.due = true; !one.heard.mayMove(now) {
		return true
	}
	one.pause, one.from = 0, now
	if n.o.device.Compare(device) > 0 {
		one.from = now.Add(yieldTime)
	}
	wake(n.wake)
	return true
}

// heardLocked counts the other members' devices that were heard lately. Callers hold mu.
func (n *neighbours) heardLocked(now time.Time) (count int) {
	for _, one := range n.all {
		if len(one.heard.lately(now)) > 0 {
			count++
		}
	}
	return count
}

// forgetHeard forgets where devices were heard: nobody is listened for any more.
func (n *neighbours) forgetHeard() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.own)
	clear(n.early)
	for _, one := range n.all {
		one.heard, one.due = heard{}, false
	}
}

// heardWhen returns when another member's device was last heard.
func (n *neighbours) heardWhen(device keys.PublicKey) time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	if one := n.all[device]; one != nil {
		return one.heard.last()
	}
	return time.Time{}
}

// heardAt returns where a device was heard lately.
func (n *neighbours) heardAt(device keys.PublicKey) []netip.AddrPort {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h := n.own[device]; h != nil {
		return h.lately(time.Now())
	}
	if one := n.all[device]; one != nil {
		return one.heard.lately(time.Now())
	}
	return nil
}
