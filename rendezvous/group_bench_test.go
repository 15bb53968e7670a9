package rendezvous

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/membership/group"
	"muster.example/rendezvous/rvclient"
	"muster.example/rendezvous/rvproto"
)

// BenchmarkGroupPost posts envelopes of 1 KiB to a group of 100 members with 3 devices each, of which none is there, from
// 8 devices of the founder with 32 posts in flight each: one operation is one durable accept for 300 devices. What the
// queue then holds is one body each.
func BenchmarkGroupPost(b *testing.B) {
	const members, devices, senders, inFlight = 100, 3, 8, 32
	s, founder, _ := benchSite(b, members-1)
	for i := range members - 1 {
		key := keyOf(fmt.Sprint("member ", i))
		for n := range devices - 1 {
			added := keyOf(fmt.Sprint("member ", i, " device ", n))
			s.put(b, membership.SignEvent(membership.Event{
				Org: founder.Org, Counter: uint64(2 + n), At: s.org.roll.roll.Size(), Device: &membership.Device{Add: added.Public()},
			}, key, &added))
		}
	}
	founder.counter++
	created := membership.SignEvent(membership.Event{
		Org: founder.Org, Counter: founder.counter, At: s.org.roll.roll.Size(),
		Group: &membership.NewGroup{Name: "Choir", Admission: group.Open, Writers: group.Everybody, Listed: true},
	}, founder.key, nil)
	s.put(b, created)
	id := membership.GroupOf(founder.Org, created)
	for i := range members - 1 {
		s.put(b, membership.SignEvent(membership.Event{
			Org: founder.Org, Counter: 1 + devices, At: s.org.roll.roll.Size(), GroupJoin: &membership.GroupJoin{Group: id},
		}, keyOf(fmt.Sprint("member ", i)), nil))
	}
	clients, bodies := make([]*rvclient.Client, senders), make([][][]byte, senders)
	each := max(b.N/senders, 1)
	for i := range clients {
		clients[i] = s.sender(b, founder, fmt.Sprint("sender ", i))
	}
	for i := range clients {
		for range each {
			bodies[i] = append(bodies[i], handMade(keyOf(fmt.Sprint("sender ", i)), inGroup(id), s.org.roll.roll.Size(), 700))
		}
	}
	b.ResetTimer()
	var wait sync.WaitGroup
	for i, c := range clients {
		wait.Go(func() {
			if err := postAll(c, bodies[i], [][]keys.PublicKey{nil}, inFlight); err != nil {
				b.Error(err)
			}
		})
	}
	wait.Wait()
	b.StopTimer()
	total := float64(each * senders)
	b.ReportMetric(total/b.Elapsed().Seconds(), "accepts/s")
	held := s.node.queue.Stats()[founder.Org]
	b.ReportMetric(float64(held.Entries)/total, "devices/accept")
	b.ReportMetric(float64(held.Bodies)/total, "bodies/accept")
}

// handMade makes an envelope of a message by hand: the seal of another under a header of its own.
func handMade(key keys.PrivateKey, leave envelope.Leave, rollSize uint64, size int) []byte {
	header := envelope.Header{
		Version: envelope.Version, Kind: envelope.KindMessage, Sender: key.Public(), RollSize: rollSize, Chain: keys.ChainID{1},
		Position: 1, Expires: time.Now().Add(time.Hour).Unix(), Leave: leave,
	}
	salt := madeByHand.Add(1)
	for i := range 8 {
		header.Salt[i] = byte(salt >> (8 * i))
	}
	for ; ; size++ {
		data := envelope.Envelope{Header: wire.Encode(header), Sealed: make([]byte, size)}.Bytes()
		if _, err := envelope.View(data, 1<<20); err == nil {
			return data
		}
	}
}

var madeByHand atomic.Int64

// BenchmarkMembersInAFlood has 8 devices of members post envelopes of 1 KiB, 16 in flight each, while guests post as fast as
// they can to a desk: the members' accepts a second, and the median and 99th percentile of the time to an answer.
func BenchmarkMembersInAFlood(b *testing.B) {
	for _, guests := range []int{0, 20, 100} {
		b.Run(fmt.Sprintf("guests=%d", guests), func(b *testing.B) { benchFlood(b, guests) })
	}
}

func benchFlood(b *testing.B, guests int) {
	s, founder, recipients := benchSite(b, 200)
	members := s.posters(b, founder)
	desk, _ := s.org.roll.memberOf(recipients[0])
	founder.counter++
	s.put(b, membership.SignEvent(membership.Event{
		Org: founder.Org, Counter: founder.counter, At: s.org.roll.roll.Size(),
		Role: &membership.RoleChange{Member: desk, Role: membership.RoleDesk},
	}, founder.key, nil))
	ctx, cancel := context.WithCancel(context.Background())
	var flood sync.WaitGroup
	var posted, accepted atomic.Int64
	for _, guest := range s.guests(b, founder, guests) {
		flood.Go(func() { hammer(ctx, guest, recipients[:1], &posted, &accepted) })
	}
	fill(&posted)
	posted.Store(0)
	members.measure(b, recipients)
	cancel()
	flood.Wait()
	b.ReportMetric(float64(posted.Load()), "guest-posts")
	b.ReportMetric(float64(accepted.Load()), "guest-accepts")
}

// fill waits until guests have no more room for what they post: from then on the node alone decides how much it reads.
func fill(posted *atomic.Int64) {
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for last := int64(-1); posted.Load() != last; <-ticks.C {
		last = posted.Load()
	}
}

// guests lets so many guests join and returns their clients.
func (s *benchNode) guests(b *testing.B, founder *device, count int) (clients []*flooder) {
	if count == 0 {
		return nil
	}
	invitation := keyOf("bench guests")
	founder.counter++
	s.put(b, membership.SignEvent(membership.Event{
		Org: founder.Org, Counter: founder.counter, At: s.org.roll.roll.Size(), Invite: &membership.Invite{
			Key: invitation.Public(), Role: membership.RoleGuest, Uses: uint64(count), Expires: time.Now().Add(time.Hour).Unix(),
		},
	}, founder.key, nil))
	for i := range count {
		key := keyOf(fmt.Sprint("guest ", i))
		s.put(b, membership.SignEvent(membership.Event{
			Org: founder.Org, Counter: 1, At: s.org.roll.roll.Size(),
			Join: &membership.Join{Invitation: invitation.Public(), Recovery: keyOf(fmt.Sprint("guest recovery ", i)).Public()},
		}, key, &invitation))
		clients = append(clients, &flooder{key, &rvclient.Client{
			Host: s.host(b, key), Node: founder.Node, Addresses: founder.Addresses, Org: founder.Org}})
	}
	return clients
}

// flooder is a guest who posts as fast as the node lets it.
type flooder struct {
	key keys.PrivateKey
	*rvclient.Client
}

// hammer posts until the context ends, with as much in flight as the protocol allows.
func hammer(ctx context.Context, f *flooder, to []keys.PublicKey, posted, accepted *atomic.Int64) {
	stream, err := f.OpenPost(ctx)
	if err != nil {
		return
	}
	defer stream.Close()
	var wait sync.WaitGroup
	defer wait.Wait()
	wait.Go(func() {
		for {
			answer, err := stream.Answer()
			if err != nil {
				return
			}
			if answer.Status == wire.StatusOK && len(answer.Refused) == 0 {
				accepted.Add(1)
			}
		}
	})
	body := handMade(f.key, envelope.Leave{}, 1, 700)
	for ctx.Err() == nil {
		if stream.Send([]rvproto.PostFrame{{Recipients: to, Envelope: body}}) != nil {
			return
		}
		posted.Add(1)
	}
}

// postTimed is postAll with the time from each post to its answer.
func postTimed(c *rvclient.Client, bodies [][]byte, to []keys.PublicKey, inFlight int) ([]time.Duration, error) {
	stream, err := c.OpenPost(context.Background())
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	sent := make(chan time.Time, inFlight)
	var took []time.Duration
	done := make(chan error, 1)
	go func() {
		for range bodies {
			answer, err := stream.Answer()
			if err == nil && (answer.Status != wire.StatusOK || len(answer.Refused) > 0) {
				err = fmt.Errorf("answer %v, refused %v", answer.Status, answer.Refused)
			}
			if err != nil {
				done <- err
				return
			}
			took = append(took, time.Since(<-sent))
		}
		done <- nil
	}()
	for i := range bodies {
		sent <- time.Now()
		if err := stream.Send([]rvproto.PostFrame{{Recipients: to[i%len(to) : i%len(to)+1], Envelope: bodies[i]}}); err != nil {
			return nil, err
		}
	}
	return took, <-done
}
