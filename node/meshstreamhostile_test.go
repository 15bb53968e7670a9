package node

import (
	"bytes"
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/testnet"
	"muster.example/internal/wire"
	"muster.example/membership/membershiptest"
	"muster.example/node/api"
	"muster.example/node/mesh"
	"muster.example/node/store"
)

// speaker is a member's device that says on its stream what a test likes.
type speaker struct {
	t      *testing.T
	n      *neighbourhood
	self   keys.PrivateKey
	local  host.Host
	stream network.Stream
	heard  *wire.FrameReader
}

// speaker puts one on the network.
func (n *neighbourhood) speaker(place int, self keys.PrivateKey) *speaker {
	return &speaker{t: n.t, n: n, self: self, local: n.net.Host(n.t, n.net.Config(place, self))}
}

// open calls a device and opens a stream to it.
func (s *speaker) open(to *organization) {
	s.t.Helper()
	at := s.n.hosts[to.device].Network().ListenAddresses()[0]
	port, err := at.ValueForProtocol(ma.P_UDP)
	if err != nil {
		s.t.Fatal(err)
	}
	ip, err := at.ValueForProtocol(ma.P_IP4)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	if err := p2p.CallAt(ctx, s.local, to.device, []netip.AddrPort{netip.MustParseAddrPort(ip + ":" + port)}); err != nil {
		s.t.Fatal(err)
	}
	if s.stream, err = s.local.NewStream(ctx, p2p.PeerID(to.device), protocolMesh); err != nil {
		s.t.Fatal(err)
	}
	s.heard = wire.NewFrameReader(s.stream, 4096, mesh.MaxFrame)
}

// say sends frames; false once the other side has ended the stream.
func (s *speaker) say(frames ...mesh.Frame) bool {
	for _, f := range frames {
		if err := s.stream.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			s.t.Fatal(err)
		}
		if _, err := s.stream.Write(wire.AppendFrame(nil, f.Bytes())); err != nil {
			return false
		}
	}
	return true
}

// greet says hello and what is known, as one who keeps to the protocol.
func (s *speaker) greet() {
	s.t.Helper()
	size := s.n.org.Roll.Size()
	if !s.say(mesh.Hello{Version: mesh.Version, Size: size}.Frame(), mesh.Known{Size: size}.Frame()) {
		s.t.Fatal("the stream ended at a greeting")
	}
}

// ended reports whether the other side ends the stream within a while.
func (s *speaker) ended() bool {
	for range 10_000 {
		if err := s.stream.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			s.t.Fatal(err)
		}
		data, err := s.heard.Read()
		if err != nil {
			timeout, ok := err.(interface{ Timeout() bool })
			return !ok || !timeout.Timeout()
		}
		_ = data
	}
	return false
}

// receipts counts what the other side says of envelopes until it says no more.
func (s *speaker) receipts() (opened, failed int) {
	for {
		if err := s.stream.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			s.t.Fatal(err)
		}
		data, err := s.heard.Read()
		if err != nil {
			return opened, failed
		}
		if f, err := mesh.Parse(data); err == nil && f.Kind == mesh.KindReceipt {
			r, err := envelope.OpenReceipt(f.Body, s.n.org.ID)
			if err != nil {
				s.t.Fatal(err)
			}
			opened, failed = opened+len(r.Opened), failed+len(r.Failed)
		}
	}
}

// hostiles is a device, a contact of its, and a third member who is a stranger to both and says what they like.
func (n *neighbourhood) hostiles() (a *organization, ann, ben *membershiptest.Member, s *speaker) {
	ann, ben = n.org.Members[0], n.org.Members[1]
	a = n.device(ann)
	a.acquainted(n.t, n.org, ann, ben)
	return a, ann, ben, n.speaker(9, n.org.Members[2].Device())
}

// What breaks the protocol ends the stream, and the device gets none for a while. [MSH-2] [MSH-4] [MSH-21]
func TestSimNeighbourWhoTalksNonsense(t *testing.T) {
	hello := mesh.Hello{Version: mesh.Version}.Frame()
	known := mesh.Known{}.Frame()
	many := func(f mesh.Frame, count int) (all []mesh.Frame) {
		for range count {
			all = append(all, f)
		}
		return all
	}
	asked := mesh.Ask{}
	for i := range mesh.MostPrekeys {
		asked.Devices = append(asked.Devices, keys.PublicKey{1, byte(i)})
	}
	for name, frames := range map[string][]mesh.Frame{
		"no hello":             {known},
		"two hellos":           {hello, hello},
		"another version":      {mesh.Hello{Version: 7}.Frame()},
		"garbage":              {{Kind: mesh.KindHello, Body: []byte("garbage")}},
		"garbage later":        {hello, known, {Kind: mesh.KindKnown, Body: bytes.Repeat([]byte{0xff}, 5000)}},
		"too long a ping":      {hello, known, {Kind: mesh.KindPing, Body: make([]byte, 40)}},
		"an early envelope":    {hello, {Kind: mesh.KindEnvelope, Body: []byte{1}}},
		"an early receipt":     {hello, {Kind: mesh.KindReceipt, Body: []byte{1}}},
		"an envelope of noise": {hello, known, {Kind: mesh.KindEnvelope, Body: make([]byte, 10_000)}},
		"a receipt of noise":   {hello, known, {Kind: mesh.KindReceipt, Body: make([]byte, 1000)}},
		"a flood of pings":     append([]mesh.Frame{hello, known}, many(mesh.Ping{Number: 1}.Frame(), 1100)...),
		"a flood of questions": append([]mesh.Frame{hello, known}, many(asked.Frame(), 20)...),
		"a flood of nothing":   append([]mesh.Frame{hello, known}, many(mesh.Frame{Kind: 77, Body: []byte{1}}, 1100)...),
		"a flood of carriers":  append([]mesh.Frame{hello, known}, many(mesh.Frame{Kind: mesh.FirstOfCarriers, Body: []byte{1}}, 1100)...),
	} {
		t.Run(name, func(t *testing.T) {
			testnet.Run(t, 70, func(t *testing.T, net *testnet.Net) {
				n := newNeighbourhood(t, net, "ben", "mallory")
				a, _, _, s := n.hostiles()
				s.open(a)
				s.say(frames...)
				if !s.ended() {
					t.Fatal("the stream goes on")
				}
				s.open(a)
				s.say(hello, known)
				if !s.ended() {
					t.Error("it gets a stream again at once")
				}
				time.Sleep(meshShut)
				s.open(a)
				s.greet()
				if s.ended() {
					t.Error("it never gets a stream again")
				}
			})
		})
	}
}

// Nothing that lasts is too long to be read, and a frame that is announced longer than any ends the stream unread. [MSH-3]
func TestSimNeighbourWithALongFrame(t *testing.T) {
	testnet.Run(t, 71, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben", "mallory")
		a, _, _, s := n.hostiles()
		s.open(a)
		s.greet()
		if _, err := s.stream.Write([]byte{0x80, 0x80, 0x80, 0x04}); err != nil { // 8 MiB
			t.Fatal(err)
		}
		if !s.ended() {
			t.Error("it waits for 8 MiB")
		}
	})
}

// A receipt counts for who signed it alone: not for another's envelopes, nor when it was changed. [MSH-14]
func TestSimFalseReceipts(t *testing.T) {
	testnet.Run(t, 72, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben", "mallory")
		a, _, ben, s := n.hostiles()
		key := prekey(t, n.org, ben.Device())
		id := a.say(t, "for ben alone", ben)
		a.sealAll(t, map[keys.PublicKey]envelope.Prekey{ben.Device().Public(): key})
		var ids []keys.EnvelopeID
		view(t, a.node.store, func(tx *store.Tx) error {
			ids = nil
			return tx.Waiting(a.org, 0, func(w store.Waiting) (bool, error) { ids = append(ids, w.ID); return true, nil })
		})
		if len(ids) < 2 {
			t.Fatalf("%d envelopes wait", len(ids))
		}
		s.open(a)
		s.greet()
		sign := func(r envelope.Receipt, by keys.PrivateKey) []byte {
			r.Org = n.org.ID
			signed, err := envelope.SignReceipt(r, by)
			if err != nil {
				t.Fatal(err)
			}
			return signed
		}
		for name, receipt := range map[string][]byte{
			"its own, for what is not for it": sign(envelope.Receipt{Sender: a.device, Opened: ids}, s.self),
			"its own, which it cannot open":   sign(envelope.Receipt{Sender: a.device, Failed: ids}, s.self),
			"for another sender":              sign(envelope.Receipt{Sender: s.self.Public(), Opened: ids}, s.self),
		} {
			if !s.say(mesh.Frame{Kind: mesh.KindReceipt, Body: receipt}) {
				t.Fatalf("%s: the stream ended", name)
			}
		}
		time.Sleep(10 * time.Second)
		if got := a.states(t, id)[0]; got.State != api.StateHeld || a.outbox(t) != len(ids) {
			t.Errorf("a false receipt is believed: %+v, %d wait", got, a.outbox(t))
		}
		changed := sign(envelope.Receipt{Sender: a.device, Opened: ids}, ben.Device())
		changed[len(changed)-1] ^= 1
		s.say(mesh.Frame{Kind: mesh.KindReceipt, Body: changed})
		if !s.ended() || a.outbox(t) != len(ids) {
			t.Error("a receipt that was changed is taken")
		}
		// Whoever brings one that is right does no harm.
		time.Sleep(meshShut)
		s.open(a)
		s.greet()
		s.say(mesh.Frame{Kind: mesh.KindReceipt, Body: sign(envelope.Receipt{Sender: a.device, Opened: ids}, ben.Device())})
		n.await(time.Minute, "it is believed", func() bool { return a.outbox(t) == 0 })
	})
}

// Envelopes that come again and again show once, those without leave never, and neither goes on for ever. [MSH-13] [MSH-21]
func TestSimReplayedAndForeignEnvelopes(t *testing.T) {
	testnet.Run(t, 73, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben", "mallory")
		a, ann, ben, s := n.hostiles()
		mallory := n.org.Members[2]
		frames := func(from *organization, text string) (all []mesh.Frame) {
			from.say(t, text, ann)
			from.sealAll(t, map[keys.PublicKey]envelope.Prekey{a.device: a.ownPrekey(t)})
			view(t, from.node.store, func(tx *store.Tx) error {
				all = nil
				return tx.Waiting(from.org, 0, func(w store.Waiting) (bool, error) {
					data, err := tx.Envelope(from.org, w)
					if err != nil {
						return false, err
					}
					f, err := from.carriedTo(a.device, outgoing{w, bytes.Clone(data)})
					all = append(all, f)
					return true, err
				})
			})
			return all
		}
		b, m := newDevice(t, n.org, ben), newDevice(t, n.org, mallory)
		b.acquainted(t, n.org, ben, ann)
		m.acquainted(t, n.org, mallory, ann) // mallory's own device believes so
		good, bad := frames(b, "from ben"), frames(m, "from mallory")
		s.open(a)
		s.greet()
		s.say(good...)
		n.await(time.Minute, "what it carries is opened", func() bool { return len(a.texts(t)) == 1 })
		s.say(good...)
		s.say(bad...)
		if opened, failed := s.receipts(); opened < 2*len(good) || failed > 0 { // who has no leave is told nothing [MSH-24]
			t.Errorf("%d opened and %d not, of %d; nothing is said of the others", opened, failed, 2*len(good))
		}
		if got := a.texts(t); len(got) != 1 || got[0] != "from ben" {
			t.Errorf("shown is %q", got)
		}
		s.open(a)
		s.greet()
		for range 200 {
			if !s.say(bad...) {
				break
			}
		}
		if !s.ended() {
			t.Error("it goes on with what does not open")
		}
	})
}

// One that takes everything and gives no receipt is left to the rendezvous node after ten seconds, is tried with one envelope from time to
// time, and is served again once it answers. [MSH-15] [MSH-16]
func TestSimNeighbourWithoutReceipts(t *testing.T) {
	testnet.Run(t, 74, func(t *testing.T, net *testnet.Net) {
		n := newNeighbourhood(t, net, "ben")
		ann, ben := n.org.Members[0], n.org.Members[1]
		a := n.device(ann)
		a.acquainted(t, n.org, ann, ben)
		key := prekey(t, n.org, ben.Device())
		for range 300 {
			a.say(t, "hello", ben)
		}
		a.sealAll(t, map[keys.PublicKey]envelope.Prekey{ben.Device().Public(): key})
		s := n.speaker(9, ben.Device())
		s.open(a)
		s.greet()
		device := ben.Device().Public()
		n.await(5*time.Second, "it is served", func() bool { return a.mesh.served()[device] })
		var ids []keys.EnvelopeID
		take := func(until time.Duration) (count int) {
			for start := time.Now(); time.Since(start) < until; {
				if err := s.stream.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
					t.Fatal(err)
				}
				data, err := s.heard.Read()
				if err != nil {
					if timeout, ok := err.(interface{ Timeout() bool }); !ok || !timeout.Timeout() {
						t.Fatal(err)
					}
					continue
				}
				f, err := mesh.Parse(data)
				if err != nil {
					t.Fatal(err)
				}
				switch f.Kind {
				case mesh.KindEnvelope:
					c, err := envelope.ParseCarried(f.Body, mesh.MaxEnvelope)
					if err != nil {
						t.Fatal(err)
					}
					ids, count = append(ids, c.Label.ID), count+1
				case mesh.KindPing:
					s.say(mesh.Ping{Number: 1, Answer: true}.Frame())
				}
			}
			return count
		}
		if got := take(8 * time.Second); got != handWindow {
			t.Errorf("%d envelopes came without a receipt", got)
		}
		if got := take(10 * time.Second); got > 0 || a.mesh.served()[device] {
			t.Errorf("it is served still, with %d envelopes more", got)
		}
		if got := take(2 * time.Minute); got < 1 || got > 4 || a.mesh.served()[device] {
			t.Errorf("it was tried with %d envelopes", got)
		}
		n.await(10*time.Minute, "it is tried again", func() bool { return take(time.Second) > 0 })
		signed, err := envelope.SignReceipt(envelope.Receipt{Org: n.org.ID, Sender: a.device, Opened: ids[len(ids)-1:]}, ben.Device())
		if err != nil {
			t.Fatal(err)
		}
		s.say(mesh.Frame{Kind: mesh.KindReceipt, Body: signed})
		n.await(5*time.Second, "it is served again", func() bool { return a.mesh.served()[device] })
		if got := take(5 * time.Second); got < handWindow/2 {
			t.Errorf("%d envelopes came once it had answered", got)
		}
	})
}
