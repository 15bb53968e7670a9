package gossip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/testnet"
)

// raw is a peer that writes what it likes.
type raw struct {
	host.Host
	identity keys.PrivateKey
	stream   network.Stream
	number   uint64
}

// newRaw makes a raw peer at a place and opens a stream to hub.
func newRaw(t *testing.T, net *testnet.Net, place int, hub *site) *raw {
	t.Helper()
	r := &raw{identity: net.Key(fmt.Sprint("site ", place))}
	r.Host = net.Host(t, net.Config(place, r.identity))
	where, err := p2p.AddressInfo(hub.key, []string{testnet.Address(hub.place)})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Connect(t.Context(), where); err != nil {
		t.Fatal(err)
	}
	r.open(t, hub)
	return r
}

func (r *raw) open(t *testing.T, hub *site) {
	t.Helper()
	var err error
	if r.stream, err = r.NewStream(t.Context(), hub.Host.ID(), Protocol); err != nil {
		t.Fatal(err)
	}
}

// message makes a message of author, signed by signer.
func (r *raw) message(t *testing.T, topic string, data []byte, author keys.PublicKey, signer keys.PrivateKey) *pb.Message {
	t.Helper()
	r.number++
	m := &pb.Message{
		From: []byte(p2p.PeerID(author)), Data: data, Topic: &topic,
		Seqno: binary.BigEndian.AppendUint64(nil, r.number),
	}
	unsigned, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	key, _, err := crypto.KeyPairFromStdKey(new(signer.Standard()))
	if err != nil {
		t.Fatal(err)
	}
	if m.Signature, err = key.Sign(append([]byte("libp2p-pubsub:"), unsigned...)); err != nil {
		t.Fatal(err)
	}
	return m
}

// send writes one frame with these messages.
func (r *raw) send(t *testing.T, messages ...*pb.Message) error {
	t.Helper()
	rpc, err := proto.Marshal(&pb.RPC{Publish: messages})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.stream.Write(protowire.AppendBytes(nil, rpc))
	return err
}

func TestSimStrangersStreamIsResetBeforeAByte(t *testing.T) { // [GOS-3]
	testnet.Run(t, 20, func(t *testing.T, net *testnet.Net) {
		hub, devices, topic, c := star(t, net, 2)
		stranger := newRaw(t, net, 9, hub)
		// It has said nothing but which protocol it wants.
		if err := stranger.stream.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(stranger.stream); !errors.Is(err, network.ErrReset) {
			t.Errorf("the stranger's stream ended with %v", err)
		}
		c.set(topic, stranger.identity.Public(), true) // what it said before must not count now
		stranger.open(t, hub)
		c.set(topic, stranger.identity.Public(), false)
		m := stranger.message(t, topic, []byte("spam"), stranger.identity.Public(), stranger.identity)
		_ = stranger.send(t, m)
		time.Sleep(5 * time.Second)
		hub.expect(t, "the hub")
		devices[0].expect(t, "a device")
		if got := len(hub.Peers(topic)); got != 2 {
			t.Errorf("the hub has %d peers", got)
		}
	})
}

func TestSimMalformedMessages(t *testing.T) { // [GOS-4] [GOS-6]
	testnet.Run(t, 21, func(t *testing.T, net *testnet.Net) {
		hub, devices, topic, c := star(t, net, 2)
		self := net.Key("site 9")
		c.set(topic, self.Public(), true)
		member := newRaw(t, net, 9, hub)
		other, outsider := devices[0].key, net.Key("outsider")
		good := func(text string) *pb.Message {
			return member.message(t, topic, []byte(text), self.Public(), self)
		}
		change := func(text string, change func(*pb.Message)) *pb.Message {
			m := good(text)
			change(m)
			return m
		}
		elsewhere := Topic(keys.OrgID{7})
		public, err := crypto.MarshalPublicKey(member.Peerstore().PubKey(member.ID()))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []*pb.Message{
			member.message(t, topic, []byte("in another's name"), other, self),
			member.message(t, topic, []byte("by an outsider"), outsider.Public(), outsider),
			member.message(t, topic, nil, self.Public(), self),
			member.message(t, elsewhere, []byte("elsewhere"), self.Public(), self),
			change("flipped", func(m *pb.Message) { m.Data[0] ^= 1 }),
			change("moved", func(m *pb.Message) { m.Topic = &elsewhere }),
			change("unsigned", func(m *pb.Message) { m.Signature = nil }),
			change("nobody's", func(m *pb.Message) { m.From = nil }),
			change("short number", func(m *pb.Message) { m.Seqno = m.Seqno[1:] }),
			change("with a key", func(m *pb.Message) { m.Key = public }),
		} {
			if err := member.send(t, m); err != nil {
				t.Fatal(err)
			}
		}
		largest := bytes.Repeat([]byte("l"), MaxMessage)
		over := bytes.Repeat([]byte("o"), MaxMessage+1)
		_ = member.send(t, good(string(over)))
		for _, text := range []string{"good", string(largest)} {
			if err := member.send(t, good(text)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		devices[1].expect(t, "a device", "good", string(largest))
		hub.expect(t, "the hub", "good", string(largest))

		// A frame beyond the cap ends the stream.
		_ = member.send(t, good(strings.Repeat("f", MaxMessage+frameOverhead)))
		if _, err := io.ReadAll(member.stream); !errors.Is(err, network.ErrReset) {
			t.Errorf("after a frame that is too large: %v", err)
		}
		for _, data := range [][]byte{nil, over} {
			if err := devices[0].Publish(t.Context(), topic, data); !errors.Is(err, ErrSize) {
				t.Errorf("publishing %d bytes: %v", len(data), err)
			}
		}
	})
}

func TestSimFlood(t *testing.T) { // [GOS-7]
	testnet.Run(t, 22, func(t *testing.T, net *testnet.Net) {
		hub, devices, topic, c := star(t, net, 2)
		self := net.Key("site 9")
		c.set(topic, self.Public(), true)
		member := newRaw(t, net, 9, hub)
		flood := func() {
			for i := range 5 * AcceptedPerMinute {
				text := fmt.Sprint("flood ", i, member.number)
				if err := member.send(t, member.message(t, topic, []byte(text), self.Public(), self)); err != nil {
					t.Fatal(err)
				}
			}
		}
		count := func(s *site) int { return len(s.news()) }
		flood()
		devices[0].publish(t, topic, "me too")
		time.Sleep(2 * time.Second)
		// The bucket fills by one a second while the flood lasts.
		if got := count(hub); got < AcceptedPerMinute+1 || got > AcceptedPerMinute+4 {
			t.Errorf("the hub heard %d messages of a flood and one more", got)
		}
		if heard := devices[1].news(); len(heard) > AcceptedPerMinute+4 || !slices.Contains(heard, "me too") {
			t.Errorf("a device heard %d messages of a flood and one more", len(heard))
		}
		time.Sleep(10 * time.Second)
		flood()
		time.Sleep(2 * time.Second)
		if got := count(hub); got < 10 || got > 16 {
			t.Errorf("the hub heard %d messages after ten seconds", got)
		}
		time.Sleep(5 * time.Minute)
		hub.flood.mu.Lock()
		left := len(hub.flood.links)
		hub.flood.mu.Unlock()
		if left != 0 {
			t.Errorf("%d silent links are remembered", left)
		}

		devices[1].news()
		for range PublishedPerMinute {
			devices[0].publish(t, topic, fmt.Sprint("mine ", member.number))
			member.number++
		}
		if err := devices[0].Publish(t.Context(), topic, []byte("mine")); !errors.Is(err, ErrRate) {
			t.Errorf("publishing too much: %v", err)
		}
		if err := devices[0].Send(t.Context(), topic, hub.key, []byte("mine")); err != nil {
			t.Errorf("sending beside what was published: %v", err)
		}
		time.Sleep(time.Second)
		if got := count(devices[1]); got != PublishedPerMinute+1 {
			t.Errorf("a device heard %d of what a neighbour may publish and send", got)
		}
	})
}

// A neighbour that repeats an author's messages must not use up what the author may send by another way. [GOS-7]
func TestFloodCountsEachWayByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := flood{links: make(map[link]*bucket)}
		a, hub := keys.PublicKey{1}, keys.PublicKey{2}
		n := 0
		for f.allow(link{"t", a, hub}, AcceptedPerMinute) {
			n++
		}
		if n != AcceptedPerMinute || !f.allow(link{"t", a, a}, AcceptedPerMinute) {
			t.Errorf("%d messages by the hub were allowed, and then none by the author", n)
		}
		time.Sleep(time.Second)
		if !f.allow(link{"t", a, hub}, AcceptedPerMinute) || f.allow(link{"t", a, hub}, AcceptedPerMinute) {
			t.Error("a second does not give back one message")
		}
	})
}

func TestSimReadingIsSlowedDown(t *testing.T) { // [GOS-7]
	testnet.Run(t, 23, func(t *testing.T, net *testnet.Net) {
		hub, _, topic, c := star(t, net, 1)
		self := net.Key("site 9")
		c.set(topic, self.Public(), true)
		member := newRaw(t, net, 9, hub)
		frame := protowire.AppendBytes(nil, append([]byte{0x7a, 0xfe, 0x3f}, make([]byte, 8190)...)) // an unknown field
		began := time.Now()
		total := 0
		for total < 8<<20 {
			n, err := member.stream.Write(frame)
			if err != nil {
				t.Fatal(err)
			}
			total += n
		}
		// What flow control lets wait on the way is not read yet.
		if took, least := time.Since(began), time.Duration(total-readBurst-(3<<20))*time.Second/readPerSecond; took < least {
			t.Errorf("8 MiB were taken within %v, want at least %v", took, least)
		}
		stopped := time.Now()
		hub.stop()
		if took := time.Since(stopped); took > time.Second {
			t.Errorf("a slowed reader held up the stop for %v", took)
		}
	})
}

func TestSimRejectedIsNotPassedOn(t *testing.T) {
	testnet.Run(t, 24, func(t *testing.T, net *testnet.Net) {
		hub, devices, topic, _ := star(t, net, 2)
		hub.judge(Reject)
		for i := range 20 {
			devices[0].publish(t, topic, fmt.Sprint("bad ", i))
		}
		time.Sleep(5 * time.Second)
		devices[1].expect(t, "a device")
		// The author is heard again: nobody is shut out for what could have been a fault of ours.
		hub.judge(Accept)
		devices[0].publish(t, topic, "good")
		time.Sleep(time.Second)
		devices[1].expect(t, "a device", "good")
	})
}

func TestSimRunEndsEveryGoroutine(t *testing.T) {
	testnet.Run(t, 25, func(t *testing.T, net *testnet.Net) {
		hub, devices, topic, _ := star(t, net, 3)
		devices[0].publish(t, topic, "under way")
		for _, s := range append(devices, hub) {
			began := time.Now()
			s.stop()
			if took := time.Since(began); took > time.Second {
				t.Errorf("Run took %v to end", took)
			}
			if err := s.Publish(t.Context(), topic, []byte("x")); !errors.Is(err, ErrStopped) {
				t.Errorf("publishing after the end: %v", err)
			}
			if err := s.Run(t.Context()); !errors.Is(err, ErrStopped) {
				t.Errorf("running a second time: %v", err)
			}
			s.Expel(hub.key)
			s.Admit(hub.key)
			s.Leave(topic)
		}
		synctest.Wait() // no time passes: what is left would be waiting for something
		buffer := make([]byte, 8<<20)
		for stack := range strings.SplitSeq(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
			if strings.Contains(stack, "go-libp2p-pubsub") || strings.Contains(stack, "gossip.(*Gossip)") {
				t.Errorf("a goroutine outlived Run:\n%s", stack)
			}
		}
	})
}
