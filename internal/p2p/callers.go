package p2p

import (
	"maps"
	"net/netip"
	"sync"
	"time"

	"muster.example/internal/keys"
)

const (
	// maxCallers is how many addresses are expected at a time; further ones are not.
	maxCallers = 4096
	// answerTime is for how long an answer is expected from where something was sent.
	answerTime = 2 * time.Minute
	// toCallTime is for how long an address that was named for a peer may be dialled.
	toCallTime = time.Minute
	// maxToCall is how many peers have such addresses at a time.
	maxToCall = 1024
)

// Callers is the set of addresses from which packets are read by a host that waits for direct calls. What comes from anywhere else
// is dropped unread and unanswered: a handshake would show the host's key to whoever calls. An address is an IP address, whatever
// its port and zone. It knows too where each peer may be dialled, so that nobody's list of addresses makes the host send anything
// elsewhere. The zero value expects nobody. It is safe for concurrent use.
type Callers struct {
	// Most is how many addresses are expected at a time; further ones are not. 0 stands for 4,096.
	Most int

	mu     sync.RWMutex // guards the following
	until  map[netip.Addr]time.Time
	toCall map[keys.PublicKey]map[netip.AddrPort]time.Time // until when each may be dialled
}

// Expect lets addresses call for some time from now on, or for longer if they were let before.
func (c *Callers) Expect(lasting time.Duration, addresses ...netip.Addr) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, address := range addresses {
		address = plain(address)
		before, known := c.until[address]
		if !known && !c.roomLocked(now) {
			return
		}
		if until := now.Add(lasting); until.After(before) {
			c.until[address] = until
		}
	}
}

// roomLocked makes room for one more address, and reports whether there is. Callers hold mu.
func (c *Callers) roomLocked(now time.Time) bool {
	if c.until == nil {
		c.until = make(map[netip.Addr]time.Time)
	}
	most := c.Most
	if most == 0 {
		most = maxCallers
	}
	if len(c.until) < most {
		return true
	}
	for address, until := range c.until {
		if now.After(until) {
			delete(c.until, address)
		}
	}
	return len(c.until) < most
}

// name lets a peer be dialled at addresses, for a minute.
func (c *Callers) name(to keys.PublicKey, addresses ...netip.AddrPort) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.toCall == nil {
		c.toCall = make(map[keys.PublicKey]map[netip.AddrPort]time.Time)
	}
	if len(c.toCall) >= maxToCall {
		c.forgetNamedLocked(now)
	}
	if c.toCall[to] == nil {
		if len(c.toCall) >= maxToCall {
			return
		}
		c.toCall[to] = make(map[netip.AddrPort]time.Time)
	}
	maps.DeleteFunc(c.toCall[to], func(_ netip.AddrPort, until time.Time) bool { return now.After(until) })
	for _, at := range addresses {
		at = plainPort(at)
		if _, again := c.toCall[to][at]; again || len(c.toCall[to]) < 2*MaxAddresses {
			c.toCall[to][at] = now.Add(toCallTime)
		}
	}
}

// forgetNamedLocked drops what may not be dialled any more. Callers hold mu.
func (c *Callers) forgetNamedLocked(now time.Time) {
	for to, named := range c.toCall {
		maps.DeleteFunc(named, func(_ netip.AddrPort, until time.Time) bool { return now.After(until) })
		if len(named) == 0 {
			delete(c.toCall, to)
		}
	}
}

// MayDial reports whether a peer may be dialled at an address without a relay: CallAt was given it within the last minute, or the peer
// told it to open a path through NAT. What libp2p's identify passes on is not among them.
func (c *Callers) MayDial(to keys.PublicKey, at netip.AddrPort) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	until, named := c.toCall[to][plainPort(at)]
	return named && time.Now().Before(until)
}

// Expected reports whether packets from an address are read.
func (c *Callers) Expected(address netip.Addr) bool { return c.left(address) > 0 }

// left returns for how much longer an address is expected.
func (c *Callers) left(address netip.Addr) time.Duration {
	c.mu.RLock()
	defer c.mu.RUnlock()
	until, known := c.until[plain(address)]
	if !known {
		return 0
	}
	return time.Until(until)
}

// wrote notes that something was sent to an address, whose answer is expected.
func (c *Callers) wrote(to netip.Addr) {
	if c.left(to) < answerTime/2 { // not once for each packet
		c.Expect(answerTime, to)
	}
}

func plainPort(at netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(plain(at.Addr()), at.Port())
}

// plain returns the one form of an address that is compared.
func plain(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }
