package node

import (
	"context"
	"errors"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
)

const (
	// punchWait is how long a call through the relay waits for a direct path to open: libp2p tries three times.
	punchWait = 20 * time.Second
	// absentTime is after how long a device is called from afar again that does not wait at the relay, or to which a path had opened.
	absentTime = 5 * time.Minute
	// futileFirst is after how long it is called again when no path opened. It doubles up to futileLongest: what routers do seldom changes.
	futileFirst   = 10 * time.Minute
	futileLongest = 6 * time.Hour
)

// errFutile means that no direct path has opened.
var errFutile = errors.New("no direct path has opened")

// reachLocked calls a device from afar that there is something for, unless it is not time to or it may not be. It returns how long to wait
// for that. Callers hold mu. [NEAR-10]
func (n *neighbours) reachLocked(group *task.Group, device keys.PublicKey, one *neighbour, now time.Time) (wait time.Duration) {
	relay := n.o.siblings.relayNow()
	if relay.IsZero() || !n.o.gate.mayCall(device, false) {
		return longestCall
	}
	if wait := one.afar.Sub(now); wait > 0 {
		return wait
	}
	if n.reached+n.under >= mostCalled && !n.roomLocked(now) {
		one.afar = now.Add(jitter(absentTime))
		return absentTime
	}
	n.under++
	one.calling = true
	group.Go("afar "+device.Short(), func(ctx context.Context) error {
		n.tried(device, one, n.punch(ctx, relay, device, one))
		return nil
	})
	return longestCall
}

// punch calls a device through the relay, and waits for a direct path to open: nothing else is said on the relayed connection, which ends
// with that. Errors are p2p.ErrNotThere, errFutile, or the context's.
func (n *neighbours) punch(ctx context.Context, relay, device keys.PublicKey, one *neighbour) error {
	select { // of before
	case <-one.opened:
	default:
	}
	calling, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := p2p.Call(calling, n.host, relay, device); err != nil {
		return err
	}
	defer p2p.EndCircuits(n.host, device)
	patience := time.NewTimer(punchWait)
	defer patience.Stop()
	for {
		if way, ok := p2p.WayTo(n.host, device); ok && !way.Relayed {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-one.opened:
		case <-patience.C:
			return errFutile
		}
	}
}

// tried notes what came of a call from afar.
func (n *neighbours) tried(device keys.PublicKey, one *neighbour, err error) {
	defer wake(n.wake)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.under--
	one.calling = false
	pause := absentTime
	switch {
	case err == nil:
		one.futile = 0
	case errors.Is(err, errFutile):
		one.futile = min(max(2*one.futile, futileFirst), futileLongest)
		pause = one.futile
	}
	one.afar = time.Now().Add(jitter(pause))
	n.o.log.Debug("calling a device across networks", "device", device.Short(), "error", err)
}
