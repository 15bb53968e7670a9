package node

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/node/api"
)

const (
	// mostNeighbours is how many devices of other members may have a direct connection with this one at a time. It calls no more than
	// mostCalled of its own accord, so that there is room for those that call.
	mostNeighbours = 64
	mostCalled     = 48
	// unusedTime is how long a connection that nothing uses stays, and unusedEvery how often that is looked at.
	unusedTime  = 2 * time.Minute
	unusedEvery = 30 * time.Second
	// reviewTime is how long changes gather before it is asked anew who may call from afar.
	reviewTime = time.Second
	// mostWanted is how many devices there can be something for at a time, and wantedTime for how long one is tried for that.
	mostWanted = 1024
	wantedTime = time.Hour
)

// neighbour is what is known of another member's device.
type neighbour struct {
	heard heard     // on local networks
	due   bool      // there is a reason to call it there
	from  time.Time // not before
	pause time.Duration

	calling bool      // on a local network, or from afar
	wanted  time.Time // when there was last something for it; zero: there is nothing
	afar    time.Time // it is not called from afar before
	futile  time.Duration
	opened  chan struct{} // capacity 1: a direct connection stands

	since   time.Time // a direct connection stands since then; zero: none does
	used    time.Time
	parting bool // it is closed for want of use, or to make room
	meeting bool // meet runs
	again   bool // and is to run once more
}

// neighbours finds other members' devices on local networks and across networks, and has direct connections with them. What is said there
// is meet's. [NEAR-9]
type neighbours struct {
	o    *organization
	host host.Host // set before anything else runs
	// meet is called, in a goroutine of its own, when this device has called a neighbour, and when there is something for one with which a
	// connection stands. It returns when it has no more to say there. Nil: nothing is said.
	meet   func(ctx context.Context, device keys.PublicKey) error
	wake   chan struct{} // capacity 1: somebody may be to be called
	review chan struct{} // capacity 1: who may call from afar is to be asked anew
	direct chan struct{} // capacity 1: whether this device waits for calls may be otherwise
	// admitted has capacity 1: others may have a connection than before.
	admitted chan struct{}

	mu    sync.Mutex // guards the following
	all   map[keys.PublicKey]*neighbour
	own   map[keys.PublicKey]*heard      // devices of the account
	early map[keys.PublicKey]earlyBeacon // devices that may have no connection
	// reached is how many there are with a direct connection, and under how many are being called.
	reached, under int
	spent          allowance
}

func newNeighbours(o *organization) *neighbours {
	return &neighbours{
		o: o, wake: make(chan struct{}, 1), review: make(chan struct{}, 1), direct: make(chan struct{}, 1),
		admitted: make(chan struct{}, 1),
		all:      make(map[keys.PublicKey]*neighbour), own: make(map[keys.PublicKey]*heard), early: make(map[keys.PublicKey]earlyBeacon),
	}
}

// takeHost says by which host neighbours are met. It comes before run.
func (n *neighbours) takeHost(local host.Host) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.host = local
}

// run meets neighbours until the context ends. Who is barred may be on a roll that is not here yet: so it waits for that first, as for
// siblings.
func (n *neighbours) run(ctx context.Context) error {
	if n.o.gate.callers == nil {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-n.o.siblings.current:
	case <-time.After(currentTime):
	}
	notifiee := &network.NotifyBundle{ConnectedF: n.changed, DisconnectedF: n.changed}
	n.host.Network().Notify(notifiee)
	defer n.host.Network().StopNotify(notifiee)
	group := task.New(ctx)
	group.Go("afar", n.keepReviewing)
	group.Go("neighbours", func(ctx context.Context) error { return n.keepCalling(ctx, group) })
	group.Go("direct", n.keepDirect)
	return group.Wait()
}

// keepReviewing asks anew who may call from afar when that may have changed.
func (n *neighbours) keepReviewing(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.review:
		}
		n.o.mu.Lock()
		n.o.reviewAfarLocked()
		n.o.mu.Unlock()
		select { // more may follow at once
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(reviewTime):
		}
	}
}

// inReach returns the other members' devices to which a direct connection stands, in the order of their keys.
func (n *neighbours) inReach() (all []keys.PublicKey) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for device, one := range n.all {
		if !one.since.IsZero() {
			all = append(all, device)
		}
	}
	slices.SortFunc(all, keys.PublicKey.Compare)
	return all
}

// near returns the other members' devices that were heard on a local network lately, connected or not, in the order of their keys.
func (n *neighbours) near() (all []keys.PublicKey) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	for device, one := range n.all {
		if len(one.heard.lately(now)) > 0 {
			all = append(all, device)
		}
	}
	slices.SortFunc(all, keys.PublicKey.Compare)
	return all
}

// pathOf says by which direct way a device is reached now; empty if by none.
func (n *neighbours) pathOf(device keys.PublicKey) api.Path {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.host == nil {
		return ""
	}
	for _, c := range n.host.Network().ConnsToPeer(p2p.PeerID(device)) {
		switch {
		case p2p.IsRelayed(c.RemoteMultiaddr()):
		case n.o.gate.isNear(c.RemoteMultiaddr()):
			return api.PathLAN
		default:
			return api.PathDirect
		}
	}
	return ""
}

// want says that there is something for a device. If a connection stands and nothing is said there, it is met; else it is called on the
// local network where it was heard, and else, if it may be, a path across networks is tried.
func (n *neighbours) want(device keys.PublicKey) {
	if !n.o.gate.mayCall(device, true) || n.o.gate.isSibling(device) {
		return
	}
	defer wake(n.wake)
	n.mu.Lock()
	defer n.mu.Unlock()
	one := n.all[device]
	if one == nil && len(n.all) >= mostWanted+mostHeardDevices {
		return
	}
	one, now := n.neighbourLocked(device), time.Now()
	one.wanted = now
	if one.since.IsZero() && len(one.heard.lately(now)) > 0 {
		one.due = true
	}
	if !one.since.IsZero() {
		one.again = true
	}
}

// wantNow is want for somebody who waits: the pauses after calls in vain end.
func (n *neighbours) wantNow(device keys.PublicKey) {
	n.want(device)
	n.mu.Lock()
	defer n.mu.Unlock()
	if one := n.all[device]; one != nil {
		one.from, one.afar = time.Time{}, time.Time{}
		wake(n.wake)
	}
}

// used says that something goes over the connection to a device: it stays for two more minutes.
func (n *neighbours) used(device keys.PublicKey) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if one := n.all[device]; one != nil {
		one.used = time.Now()
	}
}

// news has all that were heard on local networks called, for what is known here and not everywhere: nothing else may tell them.
func (n *neighbours) news() {
	defer wake(n.wake)
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	for _, one := range n.all {
		if one.since.IsZero() && len(one.heard.lately(now)) > 0 {
			one.due = true
		}
	}
}

// neighbourLocked returns what is known of a device. Callers hold mu.
func (n *neighbours) neighbourLocked(device keys.PublicKey) *neighbour {
	one := n.all[device]
	if one == nil {
		one = &neighbour{opened: make(chan struct{}, 1)}
		n.all[device] = one
	}
	return one
}

// changed notes that a connection has come or gone.
func (n *neighbours) changed(_ network.Network, c network.Conn) {
	key, err := p2p.Key(c.RemotePeer())
	if err != nil || n.o.gate.isSibling(key) || p2p.IsRelayed(c.RemoteMultiaddr()) {
		return
	}
	_, may := n.o.gate.callable()[key]
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.all[key] == nil && !may {
		return // a rendezvous node
	}
	n.lookLocked(key, c)
	wake(n.wake)
}

// lookLocked notes whether a direct connection to a device stands, after one has come or gone. Callers hold mu.
func (n *neighbours) lookLocked(device keys.PublicKey, c network.Conn) {
	one, now := n.neighbourLocked(device), time.Now()
	way, stands := p2p.WayTo(n.host, device)
	stands = stands && !way.Relayed
	switch {
	case stands && one.since.IsZero():
		n.reached++
		one.since, one.used, one.due, one.parting, one.pause = now, now, false, false, 0
		one.again = c.Stat().Direction == network.DirOutbound
		wake(one.opened)
	case stands && !c.IsClosed() && c.Stat().Direction == network.DirOutbound:
		one.again = true
	case !stands && !one.since.IsZero():
		n.reached--
		// A link that broke may be back. What was unused the other side has closed, and to call it again would go on for ever.
		if !one.parting && now.Sub(one.since) > unusedEvery && now.Sub(one.used) < unusedTime*3/4 {
			one.due, one.from = true, now.Add(jitter(firstCall))
		}
		one.since, one.again = time.Time{}, false
	}
	n.o.gate.full.Store(n.reached >= mostNeighbours)
}

// hangUp closes the connections that nothing uses, and forgets devices of which nothing is known any more.
func (n *neighbours) hangUp(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for device, one := range n.all {
		switch {
		case !one.since.IsZero():
			if now.Sub(one.used) >= unusedTime {
				n.partLocked(device, one)
			}
		case now.Sub(one.wanted) > wantedTime && len(one.heard.lately(now)) == 0 && !one.calling && !one.meeting && now.After(one.afar):
			delete(n.all, device)
		}
	}
}

// partLocked closes the connections with a device. Callers hold mu.
func (n *neighbours) partLocked(device keys.PublicKey, one *neighbour) {
	one.parting = true
	_ = n.host.Network().ClosePeer(p2p.PeerID(device))
}

// anew has those called at once that were heard on local networks and are not connected: the networks may be others. How many calls that
// makes is bounded as ever. [NEAR-13]
func (n *neighbours) anew() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, one := range n.all {
		if one.since.IsZero() && len(one.heard.at) > 0 {
			one.due, one.from, one.pause = true, time.Time{}, 0
		}
	}
	wake(n.wake)
}
