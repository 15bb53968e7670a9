package node

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"muster.example/internal/p2p"
)

// keepNetworks has everything try at once what waits for a network, each time the system is on another one.
func (n *Node) keepNetworks(ctx context.Context) error {
	n.config.Networks(ctx, n.log, n.Reconnect)
	return nil
}

// anewer is local networks that can be told that they may be others now.
type anewer interface{ Anew() }

// Reconnect has every organization without a connection to its rendezvous node try now: the link has come up, or is another one. A dial
// that is under way begins anew, since what it sends again it sends ever more rarely; but not often.
// Neighbours are called again where they were heard, and on local networks this device says again that it is there. [RV-205]
func (n *Node) Reconnect() {
	if networks, ok := n.config.Nearby.(anewer); ok {
		networks.Anew()
	}
	for _, o := range n.all() {
		o.mu.Lock()
		local, at, connected := o.host, o.at.Key, o.client != nil
		o.mu.Unlock()
		if local == nil {
			continue
		}
		o.neighbours.anew()
		if !connected {
			p2p.CallAnew(local, at)
			o.path.hurry(time.Now())
			wake(o.wakeSession)
		}
	}
	n.wakeCandidates()
}

// networksNow names the networks that this machine is on, by its addresses there, as one text to compare; empty if that cannot be told.
func networksNow() string {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return ""
	}
	texts := make([]string, 0, len(addresses))
	for _, address := range addresses {
		texts = append(texts, address.String())
	}
	slices.Sort(texts)
	return strings.Join(texts, " ")
}
