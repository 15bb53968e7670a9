package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
)

const (
	// yieldTime is how long the device with the larger key waits for the other one to call. [NEAR-11]
	yieldTime = 3 * time.Second
	// firstCall is after how long a neighbour is called again that did not answer. It doubles up to longestCall; the first beacon from
	// elsewhere ends it.
	firstCall   = 5 * time.Second
	longestCall = 10 * time.Minute
	// callsAtOnce is how many neighbours are being called at a time, callBurst how many calls of its own accord a device makes at once, and
	// callEvery after how long it may make one more: others can make up beacons. [NEAR-13]
	callsAtOnce = 8
	callBurst   = 64
	callEvery   = 5 * time.Second
	// makeRoom is how long a connection has to be unused to be closed for a device that there is something for.
	makeRoom = 20 * time.Second
)

// allowance is what there is left of calls.
type allowance struct {
	full time.Time // when all of the burst is there again
}

// take spends one call. It returns how long to wait if there is none.
func (a *allowance) take(now time.Time) (wait time.Duration) {
	full := a.full
	if full.Before(now) {
		full = now
	}
	if full = full.Add(callEvery); full.Sub(now) > callBurst*callEvery {
		return full.Sub(now) - callBurst*callEvery
	}
	a.full = full
	return 0
}

// keepCalling calls neighbours, each in a goroutine of the group, and has those met with which a connection stands.
func (n *neighbours) keepCalling(ctx context.Context, group *task.Group) error {
	again, idle := time.NewTicker(jitter(againTime)), time.NewTicker(unusedEvery)
	defer again.Stop()
	defer idle.Stop()
	for {
		wait := n.start(group, time.Now())
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-n.wake:
		case <-timer.C:
		case <-again.C:
			n.news()
		case now := <-idle.C:
			n.hangUp(now)
		}
		timer.Stop()
	}
}

// start begins what is due, and returns for how long nothing else will be.
func (n *neighbours) start(group *task.Group, now time.Time) (wait time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	wait = longestCall
	for _, device := range n.orderLocked() {
		one := n.all[device]
		switch {
		case !one.since.IsZero():
			n.meetLocked(group, device, one)
		case one.calling || n.under >= callsAtOnce || !n.o.gate.mayCall(device, true):
		case one.due:
			wait = min(wait, n.callLocked(group, device, one, now))
		case now.Sub(one.wanted) < wantedTime:
			wait = min(wait, n.reachLocked(group, device, one, now))
		}
	}
	return max(wait, 10*time.Millisecond)
}

// orderLocked returns the devices in the order in which they are called: first those that there is something for, then by a hash of the two
// keys, which is the same on both sides, so that of many devices on a network each has others than its neighbours have. Callers hold mu.
func (n *neighbours) orderLocked() []keys.PublicKey {
	type place struct {
		device keys.PublicKey
		idle   bool
		hash   [sha256.Size]byte
	}
	places := make([]place, 0, len(n.all))
	for device, one := range n.all {
		if one.due || one.again || time.Since(one.wanted) < wantedTime {
			places = append(places, place{device, one.wanted.IsZero(), pairHash(n.o.device, device)})
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		if a.idle != b.idle {
			if a.idle {
				return 1
			}
			return -1
		}
		return bytes.Compare(a.hash[:], b.hash[:])
	})
	devices := make([]keys.PublicKey, len(places))
	for i, p := range places {
		devices[i] = p.device
	}
	return devices
}

// pairHash is the same for two devices whichever asks.
func pairHash(one, other keys.PublicKey) [sha256.Size]byte {
	if one.Compare(other) > 0 {
		one, other = other, one
	}
	return sha256.Sum256(slices.Concat(one[:], other[:]))
}

// meetLocked has a neighbour met with which a connection stands, unless it is or nothing is new. Callers hold mu.
func (n *neighbours) meetLocked(group *task.Group, device keys.PublicKey, one *neighbour) {
	if one.meeting || !one.again || n.meet == nil {
		return
	}
	one.meeting, one.again, one.wanted = true, false, time.Time{}
	group.Go("neighbour "+device.Short(), func(ctx context.Context) error {
		if err := n.meet(ctx, device); err != nil && ctx.Err() == nil {
			n.o.log.Debug("meeting a neighbour", "device", device.Short(), "error", err)
		}
		n.mu.Lock()
		one.meeting = false
		n.mu.Unlock()
		wake(n.wake)
		return nil
	})
}

// callLocked calls a device where it was heard, unless it is not time to. It returns how long to wait for that. Callers hold mu.
func (n *neighbours) callLocked(group *task.Group, device keys.PublicKey, one *neighbour, now time.Time) (wait time.Duration) {
	at, wanted := one.heard.lately(now), now.Sub(one.wanted) < wantedTime
	if len(at) == 0 {
		one.due = false
		return longestCall
	}
	if wait := one.from.Sub(now); wait > 0 {
		return wait
	}
	if n.reached+n.under >= mostCalled && !(wanted && n.roomLocked(now)) {
		one.from = now.Add(jitter(longestCall))
		return longestCall
	}
	if wait := n.spent.take(now); wait > 0 {
		return wait
	}
	n.under++
	one.calling = true
	group.Go("call "+device.Short(), func(ctx context.Context) error {
		calling, cancel := context.WithTimeout(ctx, lanTime)
		defer cancel()
		n.called(device, one, p2p.CallAt(calling, n.host, device, at))
		return nil
	})
	return longestCall
}

// roomLocked makes room for one more neighbour, and reports whether there is: of those with which nothing has gone on for a while, the one
// for which that is longest so has to go. Callers hold mu.
func (n *neighbours) roomLocked(now time.Time) bool {
	if n.reached+n.under < mostNeighbours-callsAtOnce {
		return true
	}
	var last *neighbour
	var who keys.PublicKey
	for device, one := range n.all {
		if !one.since.IsZero() && !one.parting && now.Sub(one.used) >= makeRoom && (last == nil || one.used.Before(last.used)) {
			who, last = device, one
		}
	}
	if last == nil {
		return false
	}
	n.partLocked(who, last)
	return true
}

// called notes what came of a call on a local network.
func (n *neighbours) called(device keys.PublicKey, one *neighbour, err error) {
	defer wake(n.wake)
	if err == nil && !n.o.gate.mayCall(device, true) { // it was barred meanwhile
		_ = n.host.Network().ClosePeer(p2p.PeerID(device))
		err = errNoNeighbour
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.under--
	one.calling = false
	if err == nil {
		one.due = false
		return
	}
	n.o.log.Debug("calling a neighbour", "device", device.Short(), "error", err)
	if one.since.IsZero() {
		one.pause = min(max(2*one.pause, firstCall), longestCall)
		one.from = time.Now().Add(jitter(one.pause))
	}
}

// errNoNeighbour means that a device may not have a direct connection with this one.
var errNoNeighbour = errors.New("it is no device that may have a direct connection")
