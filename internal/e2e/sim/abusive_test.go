package sim

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"

	"muster.example/internal/envelope"
	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/mesh"
)

// meshProtocol is by what members' devices talk straight to each other. [MSH-1]
const meshProtocol protocol.ID = "/muster/mesh/1"

// hostileNeighbour is a program with the key of a device that talks to another device as it likes.
type hostileNeighbour struct {
	t      *testing.T
	stream network.Stream
	in     *wire.FrameReader
}

// callAsNeighbour opens a stream to somebody's device, who in this simulation can be called by anybody (see neighbours).
func callAsNeighbour(t *testing.T, local host.Host, victim *person) (*hostileNeighbour, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	id := p2p.PeerID(victim.identity().Public())
	where := victim.address()
	if at := victim.waitsAt(); at.IsValid() {
		where = fmt.Sprintf("/ip4/%s/udp/%d/quic-v1", at.Addr(), at.Port())
	}
	address, err := ma.NewMultiaddr(where)
	if err != nil {
		t.Fatal(err)
	}
	if err := local.Connect(ctx, peer.AddrInfo{ID: id, Addrs: []ma.Multiaddr{address}}); err != nil {
		return nil, err
	}
	s, err := local.NewStream(ctx, id, meshProtocol)
	if err != nil {
		return nil, err
	}
	return &hostileNeighbour{t, s, wire.NewFrameReader(s, 4096, mesh.MaxFrame)}, nil
}

// says sends frames. An error is none here: it shows in what is heard.
func (h *hostileNeighbour) says(frames ...mesh.Frame) {
	for _, f := range frames {
		if _, err := h.stream.Write(wire.AppendFrame(nil, f.Bytes())); err != nil {
			return
		}
	}
}

// hears returns what comes within a time, and whether the stream then still stands.
func (h *hostileNeighbour) hears(wait time.Duration) (all []mesh.Frame, stands bool) {
	h.t.Helper()
	if err := h.stream.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return nil, false
	}
	for {
		data, err := h.in.Read()
		if err != nil {
			timeout, ok := errors.AsType[interface {
				error
				Timeout() bool
			}](err)
			return all, ok && timeout.Timeout()
		}
		f, err := mesh.Parse(bytes.Clone(data))
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, f)
	}
}

// greeting is how a stream begins properly.
func greeting(size uint64) []mesh.Frame {
	return []mesh.Frame{
		mesh.Hello{Version: 1, Size: size, Clock: time.Now().Unix()}.Frame(),
		mesh.Known{Size: size}.Frame(),
	}
}

// TestSimBarredOnTheMesh is the copy of a barred device's folder that calls other members' devices, and somebody with no key of the
// organization who does: not a byte comes back, and nothing is taken. [MSH-1] [MSH-17]
func TestSimBarredOnTheMesh(t *testing.T) {
	simulate(t, 93, func(w *world) {
		t := w.t
		s := w.steal()
		size := s.desk.status().Roll.Size
		frames := greeting(size)
		for _, shut := range s.sealAll() {
			c, err := envelope.Carry(shut, shut.Bytes(), s.loot.org, []keys.PublicKey{s.ben.device()}, s.loot.identity)
			if err != nil {
				t.Fatal(err)
			}
			frames = append(frames, mesh.Frame{Kind: mesh.KindEnvelope, Body: c.Bytes()})
		}
		stranger := w.net.Config(len(w.all)+1, keys.Generate())
		for name, local := range map[string]host.Host{"the barred device": s.host(), "a stranger": w.net.Host(t, stranger)} {
			for _, victim := range []*person{s.ben, s.desk, s.tablet} {
				h, err := callAsNeighbour(t, local, victim)
				if err != nil {
					t.Logf("%s cannot talk to %s: %v", name, victim.name, err)
					continue
				}
				h.says(frames...)
				if heard, stands := h.hears(2 * time.Minute); len(heard) > 0 || stands {
					t.Errorf("%s hears %d frames of %s, and the stream stands: %v", name, len(heard), victim.name, stands)
				}
			}
			if err := local.Close(); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(time.Minute)
		for _, victim := range []*person{s.ben, s.desk, s.tablet} {
			if strings.Contains(victim.seen(), "forged") {
				t.Errorf("%s shows what the thief sealed", victim.name)
			}
		}
	})
}

// TestSimAbusiveNeighbour is a member's device that keeps no rule on its streams to others: it invents prekeys, bars, entries of the roll,
// and receipts, alters and repeats envelopes, breaks the form of frames, and goes on for ever. Nothing of it is believed, and what is whole
// comes all the same. [MSH-2] [MSH-10] [MSH-12] [MSH-14] [MSH-21]
func TestSimAbusiveNeighbour(t *testing.T) {
	simulate(t, 94, func(w *world) {
		t := w.t
		w.direct(true)
		alice, bob, mallory := w.trio()
		alice.follow(mallory)
		alice.send("with the node", bob)
		bob.send("with the node too", alice)
		w.await(time.Minute, "they have come, and their receipts", func() bool {
			return len(bob.inbox()) == 1 && len(alice.inbox()) == 1 && alice.status().Outbox == 0 && bob.status().Outbox == 0
		})
		forger := mallory.identity()
		mallory.stop()
		loot := mallory.rob()
		local := w.net.Host(t, w.net.Config(mallory.place, forger))
		w.net.Partition([]string{alice.address()}, []string{bob.address()})
		w.node.stop()
		w.await(10*time.Minute, "the node is gone", func() bool { return !alice.connected() && !bob.connected() })
		time.Sleep(2 * time.Minute) // connections between them are over

		id := alice.send("by stick", bob)
		file := alice.stick()
		key := loot.bundleKey(t)
		envelopes := carriedIn(t, itemsOf(t, key, file))
		size, alarms := bob.status().Roll.Size, len(bob.status().Alarms)
		before := bob.seen()

		open := func(victim *person) *hostileNeighbour {
			t.Helper()
			h, err := callAsNeighbour(t, local, victim)
			if err != nil {
				t.Fatalf("mallory cannot talk to %s: the rest proves nothing: %v", victim.name, err)
			}
			return h
		}
		_, prekey, err := envelope.NewPrekey(rand.Reader, forger, loot.org, time.Now().Add(24*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		h := open(bob)
		h.says(greeting(size)...)
		if heard, stands := h.hears(5 * time.Second); len(heard) < 3 || !stands {
			t.Fatalf("to a proper greeting %d frames come, and the stream stands: %v: the rest proves nothing", len(heard), stands)
		}
		h.says(mesh.Prekeys{List: []mesh.Prekey{{Device: alice.device(), Signed: prekey}}}.Frame())
		h.says(mesh.Known{Size: size + 1, Checkpoint: []byte("no checkpoint"), Entries: [][]byte{loot.entries[1]}}.Frame())
		h.says(mesh.Known{Size: size, Bars: [][]byte{loot.entries[1], []byte("no bar")}}.Frame())
		for _, c := range envelopes {
			altered := c
			altered.Signature[0] ^= 1
			h.says(mesh.Frame{Kind: mesh.KindEnvelope, Body: altered.Bytes()})
			own, err := envelope.Carry(c.Envelope, c.EnvelopeBytes(), loot.org, []keys.PublicKey{bob.device()}, forger)
			if err != nil {
				t.Fatal(err)
			}
			h.says(mesh.Frame{Kind: mesh.KindEnvelope, Body: own.Bytes()}, mesh.Frame{Kind: mesh.KindEnvelope, Body: c.For([]keys.PublicKey{alice.device()}).Bytes()})
		}
		heard, stands := h.hears(10 * time.Second)
		for _, f := range heard {
			if f.Kind == mesh.KindReceipt {
				t.Error("something altered is given a receipt")
			}
		}
		if status := bob.status(); status.Roll.Size != size || status.Roll.Distrusted || len(status.Alarms) != alarms || bob.seen() != before {
			t.Errorf("with what mallory invented bob has %+v, and sees\n%s", status, bob.seen())
		}
		t.Logf("after all that the stream stands: %v", stands)

		// Whatever waits, what a side knows comes first.
		alice.send("for mallory, who has no other way", mallory)
		h = open(alice)
		h.says(greeting(size)...)
		heard, _ = h.hears(20 * time.Second)
		known := slices.IndexFunc(heard, func(f mesh.Frame) bool { return f.Kind == mesh.KindKnown })
		first := slices.IndexFunc(heard, func(f mesh.Frame) bool { return f.Kind == mesh.KindEnvelope || f.Kind == mesh.KindReceipt })
		if known < 0 || first < known {
			t.Errorf("what alice knows is frame %d, what she has for mallory begins at frame %d of %d", known, first, len(heard))
		}

		// Receipts in others' names, at who waits for them.
		var ids []keys.EnvelopeID
		for _, c := range envelopes {
			ids = append(ids, c.Label.ID)
		}
		slices.SortFunc(ids, func(a, b keys.EnvelopeID) int { return bytes.Compare(a[:], b[:]) })
		h = open(alice)
		h.says(greeting(size)...)
		h.says(mesh.Frame{Kind: mesh.KindReceipt, Body: signReceipt(t, envelope.Receipt{Org: loot.org, Sender: alice.device(), Device: forger.Public(), Opened: ids}, forger)})
		h.hears(5 * time.Second)
		if states := alice.states(id); len(states) != 1 || states[0] != api.StateCarried {
			t.Errorf("after receipts of others the message is %q", states)
		}
		forgedReceipt := signReceipt(t, envelope.Receipt{Org: loot.org, Sender: alice.device(), Device: bob.device(), Opened: ids}, bob.identity())
		forgedReceipt[len(forgedReceipt)-1] ^= 1
		h.says(mesh.Frame{Kind: mesh.KindReceipt, Body: forgedReceipt})
		if _, stands := h.hears(5 * time.Second); stands {
			t.Error("the stream stands after a receipt that nobody signed")
		}
		if states := alice.states(id); len(states) != 1 || states[0] != api.StateCarried {
			t.Errorf("after a receipt that nobody signed the message is %q", states)
		}

		// What breaks the form ends the stream, and gets none for a while; then all that he may ask for, again and again, ends it too.
		for name, frames := range map[string][]mesh.Frame{
			"a second hello":           append(greeting(size), greeting(size)[0]),
			"no hello":                 greeting(size)[1:],
			"an envelope that is none": append(greeting(size), mesh.Frame{Kind: mesh.KindEnvelope, Body: []byte{1, 2}}),
			"a hello of the future":    {mesh.Hello{Version: 9, Size: size}.Frame()},
			"too long a ping":          append(greeting(size), mesh.Frame{Kind: mesh.KindPing, Body: make([]byte, 4000)}),
			"pings for ever":           append(greeting(size), slices.Repeat([]mesh.Frame{mesh.Ping{Number: 7}.Frame()}, 5000)...),
			"other envelopes for ever": append(greeting(size), slices.Repeat([]mesh.Frame{
				{Kind: mesh.KindEnvelope, Body: envelopes[0].For([]keys.PublicKey{alice.device()}).Bytes()}}, 5000)...),
		} {
			time.Sleep(11 * time.Minute) // longer than a device is shut out
			h := open(bob)
			h.says(frames...)
			if _, stands := h.hears(time.Minute); stands {
				t.Errorf("%s: the stream stands", name)
			}
			h, err := callAsNeighbour(t, local, bob)
			if err != nil {
				continue
			}
			h.says(greeting(size)...)
			if heard, stands := h.hears(5 * time.Second); stands || len(heard) > 0 {
				t.Errorf("after %s he has another stream at once, and hears %d frames", name, len(heard))
			}
		}
		if got := bob.seen(); got != before {
			t.Errorf("in the end bob sees\n%s", got)
		}

		// What is whole is taken from him as from anybody, once.
		time.Sleep(11 * time.Minute)
		h = open(bob)
		h.says(greeting(size)...)
		for range 3 {
			for _, c := range envelopes {
				h.says(mesh.Frame{Kind: mesh.KindEnvelope, Body: c.For([]keys.PublicKey{bob.device()}).Bytes()})
			}
		}
		h.hears(10 * time.Second)
		if got := bob.inbox(); !slices.Equal(got, []string{"by stick", "with the node"}) {
			t.Errorf("bob has %q", got)
		}
		if err := local.Close(); err != nil {
			t.Error(err)
		}
		w.net.Heal()
		w.node.start()
		w.await(10*time.Minute, "it is delivered", func() bool { return slices.Equal(alice.states(id), []api.State{api.StateDelivered}) })
		time.Sleep(10 * time.Minute)
		if got := bob.inbox(); len(got) != 2 {
			t.Errorf("with the node bob has %q", got)
		}
	})
}
