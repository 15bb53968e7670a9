package node

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/task"
	"muster.example/internal/testnet"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/node/store"
)

// neighbourhood is members' devices on one simulated network, each with a host that all others may call, and no rendezvous node.
type neighbourhood struct {
	t     *testing.T
	net   *testnet.Net
	org   *membershiptest.Org
	group *task.Group
	all   map[keys.PublicKey]*organization
	hosts map[keys.PublicKey]host.Host
}

func newNeighbourhood(t *testing.T, net *testnet.Net, names ...string) *neighbourhood {
	n := &neighbourhood{t: t, net: net, org: newRoll(t, names...), group: task.New(t.Context()),
		all: make(map[keys.PublicKey]*organization), hosts: make(map[keys.PublicKey]host.Host)}
	t.Cleanup(func() {
		n.group.Stop()
		if err := n.group.Wait(); err != nil {
			t.Errorf("a stream's end: %v", err)
		}
	})
	return n
}

// device puts a member's device on the network.
func (n *neighbourhood) device(m *membershiptest.Member) *organization {
	n.t.Helper()
	o := newDevice(n.t, n.org, m)
	o.node.usage.last.Store(time.Now().UnixNano())
	local := n.net.Host(n.t, n.net.Config(len(n.all)+1, m.Device()))
	o.mesh.host, o.mesh.stays = local, func(keys.PublicKey, network.ConnMultiaddrs) bool { return true }
	o.neighbours.takeHost(local)
	n.all[o.device], n.hosts[o.device] = o, local
	n.group.Go("mesh", o.mesh.run)
	return o
}

// call connects two devices, and runs what runs for each new connection at both.
func (n *neighbourhood) call(from, to *organization) {
	n.t.Helper()
	target, err := n.hosts[to.device].Network().ListenAddresses()[0].ValueForProtocol(ma.P_UDP)
	if err != nil {
		n.t.Fatal(err)
	}
	ip, err := n.hosts[to.device].Network().ListenAddresses()[0].ValueForProtocol(ma.P_IP4)
	if err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(n.t.Context(), 20*time.Second)
	defer cancel()
	if err := p2p.CallAt(ctx, n.hosts[from.device], to.device, []netip.AddrPort{netip.MustParseAddrPort(ip + ":" + target)}); err != nil {
		n.t.Fatalf("calling: %v", err)
	}
	for _, pair := range [][2]*organization{{from, to}, {to, from}} {
		n.group.Go("meet", func(ctx context.Context) error {
			_ = pair[0].mesh.meet(ctx, pair[1].device)
			return nil
		})
	}
}

// cut ends the connection of two devices.
func (n *neighbourhood) cut(a, b *organization) {
	_ = n.hosts[a.device].Network().ClosePeer(p2p.PeerID(b.device))
	_ = n.hosts[b.device].Network().ClosePeer(p2p.PeerID(a.device))
}

func (n *neighbourhood) await(limit time.Duration, what string, condition func() bool) {
	n.t.Helper()
	for start := time.Now(); !condition(); time.Sleep(50 * time.Millisecond) {
		if time.Since(start) > limit {
			n.t.Fatalf("after %v still not: %s", limit, what)
		}
	}
}

// say sends a text to members.
func (o *organization) say(t *testing.T, text string, to ...*membershiptest.Member) string {
	t.Helper()
	request := api.SendRequest{Text: text}
	for _, m := range to {
		request.To = append(request.To, m.ID.String())
	}
	result, err := o.node.Send(t.Context(), request)
	if err != nil {
		t.Fatalf("sending %q: %v", text, err)
	}
	return result.ID
}

// states returns how a message stands with each device.
func (o *organization) states(t *testing.T, id string) (all []api.Recipient) {
	t.Helper()
	message, err := o.node.Read(t.Context(), api.ReadRequest{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	return message.States
}

// outbox returns how many envelopes wait.
func (o *organization) outbox(t *testing.T) (count int) {
	t.Helper()
	view(t, o.node.store, func(tx *store.Tx) error {
		count = 0
		return tx.Waiting(o.org, 0, func(store.Waiting) (bool, error) { count++; return true, nil })
	})
	return count
}

// TestSimNeighboursTalk has two devices that know no rendezvous node write to each other: prekeys, announcements, messages and receipts
// come by the stream. [MSH-12] [MSH-14]
func TestSimNeighboursTalk(t *testing.T) {
	testnet.Run(t, 61, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben")
		ann, ben := n.org.Members[0], n.org.Members[1]
		a, b := n.device(ann), n.device(ben)
		a.acquainted(t, n.org, ann, ben)
		b.acquainted(t, n.org, ben, ann)
		before := a.say(t, "before they met", ben)
		n.call(a, b)
		n.await(time.Minute, "it came", func() bool { return slices.Equal(b.texts(t), []string{"before they met"}) })
		b.say(t, "an answer", ann)
		after := a.say(t, "and another", ben)
		n.await(time.Minute, "all came", func() bool { return len(b.texts(t)) == 2 && len(a.texts(t)) == 1 })
		for _, id := range []string{before, after} {
			n.await(time.Minute, "its sender knows", func() bool { return a.states(t, id)[0].State == api.StateDelivered })
			if via := a.states(t, id)[0].Via; via != api.ViaDirect {
				t.Errorf("it went by %q", via)
			}
		}
		n.await(time.Minute, "nothing waits", func() bool { return a.outbox(t) == 0 && b.outbox(t) == 0 })
	})
}
