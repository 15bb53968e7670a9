package rendezvous

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/rendezvous/rvproto"
)

// raw opens a stream of a protocol without the client.
func (d *device) raw(id protocol.ID) network.Stream {
	d.t.Helper()
	if err := d.Connect(d.site.ctx()); err != nil {
		d.t.Fatal(err)
	}
	stream, err := d.host.NewStream(context.Background(), p2p.PeerID(d.Node), id)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = stream.Reset() })
	return stream
}

func TestStrangersAreRefusedUnread(t *testing.T) { // [RV-2]
	s := newSite(t)
	s.found("Acme")
	zoe := s.device("zoe")
	for _, id := range protocols(oneShot, longLived) {
		if id == rvproto.Join { // that one is for strangers
			continue
		}
		// Nothing is sent but the name of the protocol: the answer cannot depend on anything read.
		stream := zoe.raw(id)
		if err := stream.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		frame, err := wire.NewFrameReader(stream, 100, rvproto.MaxRollAnswer).Read()
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		var got wire.Status
		switch id {
		case rvproto.Roll:
			answer, err := rvproto.Parse[rvproto.RollAnswer](frame)
			if got = answer.Status; err != nil || answer.Checkpoint != nil {
				t.Errorf("%s: %+v %v", id, answer, err)
			}
		case rvproto.Prekey:
			answer, err := rvproto.Parse[rvproto.PrekeyAnswer](frame)
			if got = answer.Status; err != nil {
				t.Errorf("%s: %v", id, err)
			}
		case rvproto.Grant:
			answer, err := rvproto.Parse[rvproto.GrantAnswer](frame)
			if got = answer.Status; err != nil {
				t.Errorf("%s: %v", id, err)
			}
		case rvproto.Presence:
			answer, err := rvproto.Parse[rvproto.PresenceAnswer](frame)
			if got = answer.Status; err != nil || answer.Share != nil {
				t.Errorf("%s: %v", id, err)
			}
		case rvproto.HealthOf:
			answer, err := rvproto.Parse[rvproto.HealthAnswer](frame)
			if got = answer.Status; err != nil {
				t.Errorf("%s: %v", id, err)
			}
		case rvproto.Carry:
			answer, err := rvproto.Parse[rvproto.CarryAnswer](frame)
			if got = answer.Status; err != nil {
				t.Errorf("%s: %v", id, err)
			}
		default:
			hello, err := rvproto.ParseHello(frame)
			if got = hello.Status; err != nil || len(hello.Checkpoint) != 0 || !hello.Org.IsZero() {
				t.Errorf("%s: %+v %v", id, hello, err)
			}
		}
		if got != wire.StatusNotMember {
			t.Errorf("%s: %v", id, got)
		}
	}
	_, err := zoe.OpenPost(s.ctx())
	wantStatus(t, "open post", err, wire.StatusNotMember)
	_, err = zoe.OpenDeliver(s.ctx())
	wantStatus(t, "open deliver", err, wire.StatusNotMember)
	wantStatus(t, "put prekey", zoe.PutPrekey(s.ctx(), []byte{1}), wire.StatusNotMember)
}

func TestGarbageOnEveryProtocol(t *testing.T) { // [RV-3]
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	frame := func(payload ...byte) []byte { return wire.AppendFrame(nil, payload) }
	garbage := map[string][]byte{
		"half a frame":          {100, 1, 2, 3},
		"half a length":         {0x80},
		"an oversize frame":     binary.AppendUvarint(nil, 1<<31),
		"a length without end":  bytes.Repeat([]byte{0xff}, 20),
		"a length not minimal":  {0x81, 0x00, 0x01},
		"an empty frame":        frame(),
		"no CBOR":               frame(0xff, 0xff),
		"a frame of our own":    wire.AppendFrame(nil, rvproto.AppendHello(nil, rvproto.HelloFrame{})),
		"an unknown frame":      frame(0x81, 0x17),
		"an unknown map":        frame(0xa1, 0x18, 0x63, 0x00),
		"trailing bytes":        frame(0xa0, 0x00),
		"indefinite length":     frame(0xbf, 0xff),
		"an ack of nothing":     frame(0x83, 0x06, 0x80, 0x80),
		"a post to a number":    frame(0x83, 0x02, 0x01, 0x40),
		"a request for nothing": frame(0xa0),
	}
	for name, bytes := range garbage {
		for _, id := range protocols(oneShot, thenTalk, ofNodes) {
			stream := anna.raw(id)
			if _, err := stream.Write(bytes); err != nil {
				t.Fatal(err)
			}
			_ = stream.CloseWrite()
			answer, err := wire.NewFrameReader(stream, 100, rvproto.MaxRollAnswer).Read()
			_ = stream.Reset()
			if err != nil || id == rvproto.HealthOf && name == "a request for nothing" { // cut off; or what an admin asks
				continue
			}
			want := wire.Encode(rollRefusal(wire.StatusMalformed))
			if id == rvproto.Carry {
				want = encodeCarry(refusal{status: wire.StatusMalformed})
			}
			if string(answer) != string(want) {
				t.Errorf("%s on %s: answered %x", name, id, answer)
			}
		}
		for _, id := range protocols(longLived) {
			stream := anna.raw(id)
			frames := wire.NewFrameReader(stream, 100, rvproto.MaxDeliverFrame)
			if hello, err := frames.Read(); err != nil {
				t.Errorf("%s on %s: no hello: %v", name, id, err)
			} else if _, err := rvproto.ParseHello(hello); err != nil {
				t.Errorf("%s on %s: hello: %v", name, id, err)
			}
			if id == rvproto.PostPieces {
				if _, err := frames.Read(); err != nil { // what it has in pieces
					t.Errorf("%s on %s: %v", name, id, err)
				}
			}
			if _, err := stream.Write(bytes); err != nil {
				t.Fatal(err)
			}
			_ = stream.CloseWrite()
			if more, err := frames.Read(); err == nil {
				t.Errorf("%s on %s: answered %x", name, id, more)
			}
			_ = stream.Reset()
		}
	}
	// The node serves on.
	wantAnswer(t, "a post after all that", anna.post(anna.sealed(1), phone), wire.StatusOK)
	nextDeliver(t, phone.openDeliver())
}

func TestGarbageBehindGoodPosts(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	stream := anna.raw(rvproto.Post)
	post := rvproto.AppendPost(nil, rvproto.PostFrame{Recipients: keysOf([]*device{phone}), Envelope: anna.sealed(5)})
	good := wire.AppendFrame(nil, post)
	if _, err := stream.Write(append(good, good...)); err != nil {
		t.Fatal(err)
	}
	frames := wire.NewFrameReader(stream, 100, rvproto.MaxAnswerFrame)
	read := func() []byte {
		t.Helper()
		frame, err := frames.Read()
		if err != nil {
			t.Fatal(err)
		}
		return frame
	}
	read() // hello
	for range 2 {
		if answer, err := rvproto.ParseAnswer(read()); err != nil || answer.Status != wire.StatusOK {
			t.Fatalf("%+v %v", answer, err)
		}
	}
	if _, err := stream.Write([]byte{3, 1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	if _, err := frames.Read(); err == nil {
		t.Error("garbage was answered")
	}
}

func TestPostsArriveByteByByte(t *testing.T) {
	s := newSite(t)
	anna := s.found("Acme")
	phone := anna.add("phone")
	stream := anna.raw(rvproto.Post)
	var posts []byte
	for _, size := range []int{5, 70_000, 5} {
		frame := rvproto.AppendPost(nil, rvproto.PostFrame{Recipients: keysOf([]*device{phone}), Envelope: anna.sealed(size)})
		posts = wire.AppendFrame(posts, frame)
		posts = wire.AppendFrame(posts, rvproto.AppendPing(nil))
	}
	go func() {
		for len(posts) > 0 {
			n := 1
			if len(posts) > 2000 {
				n = 997
			}
			if _, err := stream.Write(posts[:n]); err != nil {
				t.Error(err)
				return
			}
			posts = posts[n:]
		}
	}()
	frames := wire.NewFrameReader(stream, 100, rvproto.MaxAnswerFrame)
	answers, pongs := 0, 0
	for answers+pongs < 6 {
		frame, err := frames.Read()
		if err != nil {
			t.Fatal(err)
		}
		if rvproto.IsPong(frame) {
			pongs++
		} else if answer, err := rvproto.ParseAnswer(frame); err == nil && answer.Status == wire.StatusOK {
			answers++
		}
	}
	if answers != 3 || pongs != 3 {
		t.Errorf("%d answers, %d pongs", answers, pongs)
	}
}

func TestStrangerLimits(t *testing.T) { // [RV-2] [RV-7]
	s := newSite(t, func(c *Config) { c.Strangers = StrangerLimits{Connections: 3, Burst: 1000} })
	anna := s.found("Acme") // joined: no stranger any more
	s.node.strangers.overdue(time.Now())
	invitation := anna.invite(1)
	for _, name := range []string{"a", "b", "c"} {
		d := s.device(name)
		d.Org = anna.Org
		if _, err := d.View(s.ctx(), invitation, 0); err != nil {
			t.Fatalf("stranger %s: %v", name, err)
		}
	}
	late := s.device("late")
	late.Org = anna.Org
	if _, err := late.View(s.ctx(), invitation, 0); err == nil {
		t.Error("a fourth stranger was let in")
	}
	if _, err := anna.Fetch(s.ctx(), 0); err != nil {
		t.Errorf("a member suffers: %v", err)
	}
}

func TestPatienceWithAnAddress(t *testing.T) { // [RV-7]
	s := newSite(t, func(c *Config) { c.Strangers = StrangerLimits{Burst: 12, PerSecond: 1e-9} })
	anna := s.found("Acme")
	zoe := s.device("zoe")
	zoe.Org = anna.Org
	guess := keys.Generate()
	statuses := make(map[wire.Status]int)
	for range 20 {
		_, err := zoe.View(s.ctx(), guess, 0)
		statuses[status(err)]++
	}
	if statuses[wire.StatusNotFound] == 0 || statuses[wire.StatusLimit] == 0 || statuses[wire.StatusNotFound] > 12 {
		t.Errorf("answers to 20 guesses: %v", statuses)
	}
	if _, err := anna.Fetch(s.ctx(), 0); err != nil {
		t.Errorf("a member with the same address suffers: %v", err)
	}
	another := s.device("another")
	another.Org = anna.Org
	if _, err := another.View(s.ctx(), guess, 0); err == nil || status(err) != 9999 {
		t.Errorf("an address without patience was let in: %v", err)
	}
}
