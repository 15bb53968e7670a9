package node

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/multiformats/go-multiaddr"

	"muster.example/internal/beacon"
	"muster.example/internal/keys"
	"muster.example/internal/nearby"
	"muster.example/internal/task"
	"muster.example/membership"
	"muster.example/rendezvous/rvclient"
)

// publishPause is the shortest time between two events that say where the rendezvous node in this program is: a computer that is
// carried around must not fill the roll.
const publishPause = 10 * time.Minute

// settleTime is how long the node must be at a place before that is put on the roll, and lookTime how often it is asked where it is,
// which costs next to nothing: libp2p looks at the interfaces anyway.
const (
	settleTime = 20 * time.Second
	lookTime   = 10 * time.Second
)

// whereabouts are those of the rendezvous node in this program, as the members of one organization are to find it.
type whereabouts struct {
	o         *organization
	announced *task.Group // announces it; nil while nothing does
	port      uint16      // that is announced
	seen      []string    // where it was at the last look
	since     time.Time   // since when it is there
	published time.Time   // when that was last put on the roll
	asked     bool        // somebody has said where it is to be: that is put on the roll at once
}

// keepHosting sees to it that members find the rendezvous node in this program wherever this computer is: it is announced on local
// networks, and an admin's device puts on the roll where it is. Without one it does nothing. [NEAR-8] [RV-74]
func (o *organization) keepHosting(ctx context.Context) error {
	h := &whereabouts{o: o}
	defer h.hush()
	tick := time.NewTicker(lookTime)
	defer tick.Stop()
	for {
		changed := o.changes() // a connection may stand then, or a move have been followed
		h.look(ctx)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-o.wakeHosting:
			h.asked = true
		case <-changed:
		case <-tick.C:
		}
	}
}

// look does what is due. Where the node is for a moment only is not told, unless somebody has it be there.
func (h *whereabouts) look(ctx context.Context) {
	key, _, addresses := h.o.node.serverAt()
	if key.IsZero() || key != h.o.sequencer() || len(addresses) == 0 {
		h.hush()
		return
	}
	h.announce(ctx, key, quicPort(addresses))
	if !slices.Equal(addresses, h.seen) {
		h.seen, h.since = addresses, time.Now()
	}
	if !h.asked && (time.Since(h.since) < settleTime || time.Since(h.published) < publishPause) {
		return
	}
	told, err := h.o.publishAddresses(ctx, key, addresses)
	if err != nil && ctx.Err() == nil {
		h.o.log.Info("putting on the roll where the rendezvous node is", "error", err)
	}
	if told {
		h.published, h.asked = time.Now(), h.asked && err != nil
	}
}

// hush ends the announcement.
func (h *whereabouts) hush() {
	if h.announced != nil {
		h.announced.Stop()
		_ = h.announced.Wait() // it fails with the network
		h.announced = nil
	}
}

// announce announces the node on local networks, unless that is done already.
func (h *whereabouts) announce(ctx context.Context, node keys.PublicKey, port uint16) {
	networks := h.o.node.config.Nearby
	if h.announced != nil && port == h.port {
		return
	}
	h.hush()
	if networks == nil || port == 0 {
		return
	}
	key, err := h.o.beaconKey()
	if err != nil {
		h.o.log.Warn("the rendezvous node is not announced", "error", err)
		return
	}
	h.port, h.announced = port, task.New(ctx)
	h.announced.Go("rendezvous node", func(ctx context.Context) error {
		return h.o.keepAnnouncing(ctx, networks, key, node, port)
	})
}

// keepAnnouncing announces a device, or the rendezvous node in this program, each beacon for a while. [NEAR-2] [NEAR-8]
func (o *organization) keepAnnouncing(ctx context.Context, networks nearby.Network, key beacon.Key, who keys.PublicKey, port uint16) error {
	return o.keepTrying(ctx, "announcing on local networks", func(ctx context.Context) error {
		for ctx.Err() == nil {
			said := o.reckoning.Announced()
			sealed, err := key.Seal(rand.Reader, who, said)
			if err != nil {
				return err
			}
			turn, cancel := context.WithTimeout(ctx, jitter(beaconTime))
			group := task.New(turn)
			group.Go("networks", func(ctx context.Context) error { return awaitOtherNetworks(ctx, cancel) })
			group.Go("time", func(ctx context.Context) error { return o.awaitOtherTime(ctx, said, cancel) })
			err = networks.Announce(turn, nearby.Announcement{Kind: nearby.Devices, Port: port, Payload: sealed})
			ended := turn.Err() != nil
			cancel()
			_ = group.Wait() // it ends with the turn
			if !ended {
				return err
			}
		}
		return ctx.Err()
	})
}

// keepTrying does something until the context ends, and logs why it could not.
func (o *organization) keepTrying(ctx context.Context, what string, do func(context.Context) error) error {
	for {
		err := do(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		o.log.Info(what, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(jitter(networksTime)):
		}
	}
}

// publishAddresses puts on the roll where the rendezvous node in this program is, if that is not there, and this device is an
// admin's: a new term of the same node. It reports whether it did. [RV-74]
func (o *organization) publishAddresses(ctx context.Context, node keys.PublicKey, now []string) (told bool, err error) {
	o.mu.Lock()
	client := o.client
	named, ok := o.roll.State().Sequencer()
	self, _ := o.roll.State().Member(o.member)
	able := self.Role == membership.RoleAdmin && o.distrust == nil && o.exclusion == nil && len(o.move) == 0
	o.mu.Unlock()
	if !ok || !able || client == nil || client.Node != named.Node || named.Node != node || !newPlace(named.Addresses, now) {
		return false, nil
	}
	return true, o.nameAgain(ctx, client, node, withFormer(now, named.Addresses))
}

// nameAgain begins a new term of the node that orders the roll, at other addresses.
func (o *organization) nameAgain(ctx context.Context, client *rvclient.Client, node keys.PublicKey, addresses []string) error {
	if err := o.catchUp(ctx, client); err != nil { // it has to continue the very end of the roll
		return err
	}
	o.mu.Lock()
	size := o.roll.Size()
	root, err := o.roll.Root(size)
	named, ok := o.roll.State().Sequencer()
	o.mu.Unlock()
	switch {
	case err != nil:
		return err
	case !ok || named.Node != node:
		return nil // it moved meanwhile
	}
	signed, err := o.signChecked(membership.Event{Rendezvous: &membership.Rendezvous{
		Node: node, Addresses: addresses, Term: named.Term + 1, Size: size, Root: root[:],
	}}, nil)
	if err != nil {
		return err
	}
	if err := client.Submit(ctx, signed); err != nil {
		return fmt.Errorf("handing in where the rendezvous node is: %w", err)
	}
	o.log.Info("the roll says where the rendezvous node is now", "term", named.Term+1)
	return o.catchUp(ctx, client)
}

// newPlace reports whether a node has come to where the roll does not say it is: at an IPv4 address that is not there, or at
// IPv6 addresses of which none is there, since computers change some of these all the time. Loopback is no place.
func newPlace(known, now []string) bool {
	six, same := false, false
	for _, address := range now {
		ip, ok := ipOf(address)
		switch {
		case !ok || ip.IsLoopback():
		case slices.Contains(known, address):
			same = same || ip.Is6()
		case ip.Is4():
			return true
		default:
			six = true
		}
	}
	return six && !same
}

// withFormer returns where a node is now and, as far as there is room, where it was: a computer that goes to and fro between two
// places is at both.
func withFormer(now, former []string) []string {
	all := slices.Clone(now[:min(len(now), membership.MaxAddresses)])
	for _, address := range former {
		if ip, ok := ipOf(address); ok && ip.Is4() && !slices.Contains(all, address) && len(all) < membership.MaxAddresses {
			all = append(all, address)
		}
	}
	return all
}

// ipOf returns the IP address in a multiaddr.
func ipOf(address string) (ip netip.Addr, ok bool) {
	parsed, err := multiaddr.NewMultiaddr(address)
	if err != nil {
		return ip, false
	}
	for _, protocol := range []int{multiaddr.P_IP4, multiaddr.P_IP6} {
		if text, err := parsed.ValueForProtocol(protocol); err == nil {
			ip, err = netip.ParseAddr(text)
			return ip, err == nil
		}
	}
	return ip, false
}

// quicPort returns the UDP port of the first address that is not on loopback, 0 if there is none.
func quicPort(addresses []string) uint16 {
	for _, address := range addresses {
		parsed, err := multiaddr.NewMultiaddr(address)
		if ip, ok := ipOf(address); err != nil || !ok || ip.IsLoopback() {
			continue
		}
		if text, err := parsed.ValueForProtocol(multiaddr.P_UDP); err == nil {
			port, err := strconv.ParseUint(text, 10, 16)
			if err == nil {
				return uint16(port)
			}
		}
	}
	return 0
}
