package node

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
	"muster.example/internal/nearby"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
)

// errUnreachable means that the rendezvous node does not answer at the addresses that are known of it.
var errUnreachable = errors.New("the rendezvous node does not answer")

// lookout listens on local networks for a rendezvous node that is not where this device knows it, and calls it there: one that is
// part of a member's program goes where the member's computer goes. [NEAR-8]
type lookout struct {
	o     *organization
	local host.Host
	group *task.Group // nil while nobody listens
	spent allowance   // of calls: others can make up beacons of the node
}

// begin listens, if nobody does yet. It ends with end, or with ctx.
func (l *lookout) begin(ctx context.Context) {
	networks := l.o.node.config.Nearby
	if l.group != nil || networks == nil {
		return
	}
	key, err := l.o.beaconKey()
	if err != nil {
		l.o.log.Warn("not looking for the rendezvous node on local networks", "error", err)
		return
	}
	node := l.o.sequencer()
	l.group = task.New(ctx)
	heard := make(chan nearby.Found, maxHeardNodes)
	l.group.Go("listen", func(ctx context.Context) error {
		return l.o.keepTrying(ctx, "looking for the rendezvous node on local networks", func(ctx context.Context) error {
			return networks.Browse(ctx, nearby.Devices, func(found nearby.Found) {
				if named, err := l.o.openBeacon(key, found.Payload); err == nil && named == node {
					select {
					case heard <- found:
					default: // those before are called still
					}
				}
			})
		})
	})
	l.group.Go("call", func(ctx context.Context) error { return l.call(ctx, node, heard) })
}

// maxHeardNodes is how many places of a rendezvous node wait to be called.
const maxHeardNodes = 4

// nodePlaces returns those of the addresses at which a rendezvous node was heard that may be called: no port below 1,024 but the one that
// the roll has it wait at. [NEAR-12]
func nodePlaces(heard []netip.AddrPort, named uint16) (all []netip.AddrPort) {
	for _, at := range heard {
		if p2p.Callable(at) || at.Port() == named && named > 0 && p2p.Callable(netip.AddrPortFrom(at.Addr(), math.MaxUint16)) {
			all = append(all, at)
		}
	}
	return all
}

// namedPort returns the UDP port at which the roll has the node wait, 0 if it names none.
func (l *lookout) namedPort() uint16 {
	l.o.mu.Lock()
	defer l.o.mu.Unlock()
	named, _ := l.o.roll.State().Sequencer()
	return quicPort(named.Addresses)
}

// call calls the node wherever it was heard, not more often than neighbours. Once it answers, a session begins over that connection. [NEAR-13]
func (l *lookout) call(ctx context.Context, node keys.PublicKey, heard <-chan nearby.Found) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case found := <-heard:
			at := nodePlaces(found.Addresses, l.namedPort())
			if len(at) == 0 || l.spent.take(time.Now()) > 0 {
				continue
			}
			calling, cancel := context.WithTimeout(ctx, lanTime)
			err := p2p.CallAt(calling, l.local, node, at)
			cancel()
			if err == nil {
				l.o.log.Info("found the rendezvous node on a local network")
				wake(l.o.wakeSession)
			}
		}
	}
}

// end listens no more.
func (l *lookout) end() {
	if l.group != nil {
		l.group.Stop()
		_ = l.group.Wait() // it fails with the network
		l.group = nil
	}
}
