package rendezvous

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// BenchmarkDurablePost posts envelopes of 1 KiB from 20 devices, 32 in flight each, to 200 devices that are away, with
// node and senders in one process: one operation is one durable accept.
func BenchmarkDurablePost(b *testing.B) {
	s, founder, recipients := benchSite(b, 200)
	const senders, inFlight = 20, 32
	clients := make([]*rvclient.Client, senders)
	for i := range clients {
		clients[i] = s.sender(b, founder, fmt.Sprint("sender ", i))
	}
	each := max(b.N/senders, 1)
	bodies := make([][][]byte, senders)
	for i, c := range clients {
		key := keyOf(fmt.Sprint("sender ", i))
		for range each {
			bodies[i] = append(bodies[i], sealedBy(b, key, c.Org, founder.member, time.Now().Add(time.Hour), 700))
		}
	}
	b.SetBytes(int64(len(bodies[0][0])))
	b.ResetTimer()
	var wait sync.WaitGroup
	for i, c := range clients {
		wait.Go(func() {
			if err := postAll(c, bodies[i], slices.Collect(slices.Chunk(recipients, 1)), inFlight); err != nil {
				b.Error(err)
			}
		})
	}
	wait.Wait()
	b.ReportMetric(float64(each*senders)/b.Elapsed().Seconds(), "accepts/s")
	b.ReportMetric(float64(s.node.counters.accepted.Load())/float64(max(s.node.counters.batches.Load(), 1)), "posts/batch")
}

// postAll posts to each list of recipients in turn. It keeps inFlight posts unanswered, refilling with as many as were answered.
func postAll(c *rvclient.Client, bodies [][]byte, to [][]keys.PublicKey, inFlight int) error {
	stream, err := c.OpenPost(context.Background())
	if err != nil {
		return err
	}
	defer stream.Close()
	sent, answered := 0, 0
	for answered < len(bodies) {
		var posts []rvproto.PostFrame
		for sent < len(bodies) && sent-answered < inFlight {
			posts = append(posts, rvproto.PostFrame{Recipients: to[sent%len(to)], Envelope: bodies[sent]})
			sent++
		}
		if err := stream.Send(posts); err != nil {
			return err
		}
		for range max(len(posts), 1) {
			answer, err := stream.Answer()
			if err != nil {
				return err
			}
			if answer.Status != wire.StatusOK || len(answer.Refused) > 0 {
				return fmt.Errorf("answer %v, refused %v", answer.Status, answer.Refused)
			}
			answered++
		}
	}
	return nil
}

// benchSite starts a node with the embedded queue and an organization with so many members who let the founder write.
func benchSite(b *testing.B, members int) (*benchNode, *device, []keys.PublicKey) {
	b.Helper()
	dir := b.TempDir()
	node, err := New(Config{Dir: dir, Listen: []string{"/ip4/127.0.0.1/tcp/0"}, NoControl: true, Strangers: StrangerLimits{Burst: 100},
		Quotas: Quotas{OrgShare: 100, MemberShare: 100, MemberBodies: 1 << 40, MemberBytes: 1 << 50}}) // one member posts all
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- node.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	select {
	case <-node.Ready():
	case err := <-done:
		b.Fatal(err)
	}
	s := &benchNode{node: node}
	founder := &device{key: keyOf("bench founder"), Client: &rvclient.Client{Node: node.Key(), Addresses: node.Addresses()}}
	founder.Client.Host = s.host(b, founder.key)
	found, rendezvous := founding(founder, "Bench")
	token, err := node.newClaim()
	if err != nil {
		b.Fatal(err)
	}
	if err := founder.Claim(ctx, token, found, rendezvous); err != nil {
		b.Fatal(err)
	}
	founder.Org = membership.OrgOf(found)
	founder.member = membership.MemberOf(founder.Org, found)
	founder.counter = 2
	s.org = node.directory.org(founder.Org)
	return s, founder, s.members(b, founder, members)
}

type benchNode struct {
	node *Node
	org  *org
}

func (s *benchNode) host(b *testing.B, key keys.PrivateKey) host.Host {
	h, err := p2p.NewHost(p2p.Config{Identity: key})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = h.Close() })
	return h
}

func (s *benchNode) put(b *testing.B, event membership.SignedEvent) {
	b.Helper()
	if status := s.node.submit(context.Background(), s.org, keys.PublicKey{}, keys.PublicKey{}, event, nil); status != wire.StatusOK {
		b.Fatal(status)
	}
}

// sender adds a device to the founder's account.
func (s *benchNode) sender(b *testing.B, founder *device, name string) *rvclient.Client {
	key := keyOf(name)
	founder.counter++
	s.put(b, membership.SignEvent(membership.Event{
		Org: founder.Org, Counter: founder.counter, At: s.org.roll.roll.Size(), Device: &membership.Device{Add: key.Public()},
	}, founder.key, &key))
	return &rvclient.Client{Host: s.host(b, key), Node: founder.Node, Addresses: founder.Addresses, Org: founder.Org}
}

// members lets so many join and give the founder leave.
func (s *benchNode) members(b *testing.B, founder *device, count int) (devices []keys.PublicKey) {
	invitation := keyOf("bench invitation")
	founder.counter++
	s.put(b, membership.SignEvent(membership.Event{
		Org: founder.Org, Counter: founder.counter, At: s.org.roll.roll.Size(),
		Invite: &membership.Invite{Key: invitation.Public(), Role: membership.RoleMember, Uses: uint64(count), Expires: time.Now().Add(time.Hour).Unix()},
	}, founder.key, nil))
	for i := range count {
		name := fmt.Sprint("member ", i)
		key := keyOf(name)
		event := membership.SignEvent(membership.Event{
			Org: founder.Org, Counter: 1, At: s.org.roll.roll.Size(),
			Join: &membership.Join{Invitation: invitation.Public(), Name: name, Recovery: keyOf(name + " recovery").Public()},
		}, key, &invitation)
		s.put(b, event)
		member := membership.MemberOf(founder.Org, event)
		signed := membership.SignGrant(membership.Grant{Org: founder.Org, From: member, To: founder.member, Number: 1, Open: true}, key)
		if status, _, _ := s.org.grants.put(member, signed); status != wire.StatusOK {
			b.Fatal(status)
		}
		devices = append(devices, key.Public())
	}
	return devices
}
