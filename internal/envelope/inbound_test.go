package envelope

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// [ENV-32]
func TestOpenBoundsTheSkip(t *testing.T) {
	w := newWorld(t, "skip")
	c, in := w.pair(t)
	var line Line
	for range MaxSkip {
		w.seal(t, c, &line, "lost")
	}
	within := w.seal(t, c, &line, "1024 were lost") // position 1025
	beyond := w.seal(t, c, &line, "1025 were lost")
	before := in.Marshal()
	if _, err := in.Open(beyond); !errors.Is(err, ErrSkipped) {
		t.Fatalf("%v, want ErrSkipped", err)
	}
	if !bytes.Equal(before, in.Marshal()) {
		t.Fatal("a refused message changed the chain")
	}
	if _, err := in.Open(within); err != nil {
		t.Fatal(err)
	}
	if in.Missing() != MaxSkip || in.Position() != MaxSkip+2 {
		t.Errorf("missing %d, position %d", in.Missing(), in.Position())
	}
	if _, err := in.Open(beyond); err != nil {
		t.Errorf("next after the skip: %v", err)
	}
}

// The oldest kept keys make room for newer ones. [ENV-32]
func TestOpenBoundsTheKeptKeys(t *testing.T) {
	w := newWorld(t, "kept")
	c, in := w.pair(t)
	var line Line
	lost := []Envelope{w.seal(t, c, &line, "first"), w.seal(t, c, &line, "second")}
	for range 3 {
		for range MaxSkip - 2 {
			c.key, c.next = c.key.next(), c.next+1
		}
		if _, err := in.Open(w.seal(t, c, &line, "arrives")); err != nil {
			t.Fatal(err)
		}
		if in.Missing() > MaxKept {
			t.Fatalf("%d keys kept", in.Missing())
		}
	}
	for _, e := range lost {
		var replay *ReplayError
		if _, err := in.Open(e); !errors.As(err, &replay) || replay.Case != ReplayForgotten || errors.Is(err, ErrCloned) {
			t.Errorf("key that was dropped for room: %v", err)
		}
	}
	if again, err := UnmarshalInbound(in.Marshal()); err != nil || again.Missing() != MaxKept {
		t.Errorf("a full inbound chain does not survive the disk: %v", err)
	}
}

// [ENV-34]
func TestReplayCases(t *testing.T) {
	w := newWorld(t, "replay")
	c, in := w.pair(t)
	snapshot, err := UnmarshalChain(c.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	var line, other Line
	first := w.seal(t, c, &line, "first")
	clone := w.seal(t, snapshot, &other, "another first")
	if _, err := in.Open(first); err != nil {
		t.Fatal(err)
	}
	altered := first
	altered.Sealed = flip(first.Sealed, 8*(len(first.Sealed)-1))
	relabelled := first
	relabelled.Header = flip(first.Header, 8*(len(first.Header)-1))
	for _, test := range []struct {
		name string
		e    Envelope
		want error
		as   Replay
	}{
		{"the same again", first, ErrReplayed, ReplayRepeat},
		{"another by the same chain", clone, ErrCloned, ReplayClone},
		{"altered on the way", altered, ErrOpen, 0},
		{"header altered on the way", relabelled, ErrOpen, 0},
	} {
		before := in.Marshal()
		_, err := in.Open(test.e)
		var replay *ReplayError
		if errors.As(err, &replay); !errors.Is(err, test.want) || (replay != nil) != (test.as != 0) || replay != nil && replay.Case != test.as {
			t.Errorf("%s: %v (%+v)", test.name, err, replay)
		}
		if !bytes.Equal(before, in.Marshal()) {
			t.Errorf("%s: changed the chain", test.name)
		}
	}
	for range MaxRecent {
		if _, err := in.Open(w.seal(t, c, &line, "more")); err != nil {
			t.Fatal(err)
		}
	}
	var replay *ReplayError
	if _, err := in.Open(clone); !errors.As(err, &replay) || replay.Case != ReplayForgotten {
		t.Errorf("long after: %v", err)
	}
}

// Another member of the conversation has the chain's key and can make bytes that decrypt. They must not open, and must
// not use up the true message's key. [ENV-33]
func TestForgeryByAnotherMember(t *testing.T) {
	w := newWorld(t, "forgery")
	for _, test := range []struct {
		name  string
		forge forgedMessage
		want  error
	}{
		{"nothing wrong", forgedMessage{}, nil},
		{"signed by another device", forgedMessage{signer: w.bob2.device}, ErrSignature},
		{"signed for another purpose", forgedMessage{domain: keys.DomainReceipt}, ErrSignature},
		{"of another organization", forgedMessage{content: func(c *Content) { c.Org[0] ^= 1 }}, ErrBinding},
		{"of another conversation", forgedMessage{content: func(c *Content) { c.Conversation[0] ^= 1 }}, ErrBinding},
		{"of another chain", forgedMessage{content: func(c *Content) { c.Chain[0] ^= 1 }}, ErrBinding},
		{"of another position", forgedMessage{content: func(c *Content) { c.Position++ }}, ErrBinding},
		{"no sequence number", forgedMessage{content: func(c *Content) { c.Sequence = 0 }}, ErrMalformed},
		{"first message with a previous one", forgedMessage{content: func(c *Content) { c.Previous[0] = 1 }}, ErrMalformed},
		{"later message without a previous one", forgedMessage{content: func(c *Content) { c.Sequence = 2 }}, ErrMalformed},
		{"no kind", forgedMessage{content: func(c *Content) { c.Kind = 0 }}, ErrMalformed},
		{"null for a body", forgedMessage{data: nullBody}, ErrMalformed},
		{"stray padding", forgedMessage{padded: func(p []byte) []byte { p[len(p)-1] = 1; return p }}, ErrMalformed},
		{"padded too far", forgedMessage{padded: func(p []byte) []byte { return append(p, make([]byte, 32)...) }}, ErrMalformed},
		{"trailing byte", forgedMessage{signed: func(s []byte) []byte { return append(s, 0) }}, ErrMalformed},
		{"signature cut", forgedMessage{signed: func(s []byte) []byte { return s[:len(s)-1] }}, ErrMalformed},
		{"header of another sender", forgedMessage{header: func(h *Header) { h.Sender = w.bob2.key() }}, ErrChain},
		{"header of another chain", forgedMessage{header: func(h *Header) { h.Chain[0] ^= 1 }}, ErrChain},
		{"header of another position", forgedMessage{header: func(h *Header) { h.Position++ }}, ErrOpen},
	} {
		c, in := w.pair(t)
		before := in.Marshal()
		_, err := in.Open(w.forge(t, c, test.forge))
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if err == nil {
			continue
		}
		if !bytes.Equal(before, in.Marshal()) {
			t.Errorf("%s: changed the chain", test.name)
		}
		if _, err := in.Open(w.seal(t, c, &Line{}, "the true one")); err != nil {
			t.Errorf("%s: the true message no longer opens: %v", test.name, err)
		}
	}
}

// One sealed text cannot be two messages for two receivers: under another key its tag is wrong, whatever the AEAD would
// say. [ENV-22]
func TestSealedBytesCommitToTheirKey(t *testing.T) {
	w := newWorld(t, "commit")
	c, other := w.chain(t), w.chain(t)
	e := w.seal(t, c, &Line{}, "hello")
	key := other.key.message()
	if _, err := key.open(e.parsed.Salt, e.Header, e.Sealed); !errors.Is(err, ErrOpen) {
		t.Fatal("opened under another key")
	}
	// Even bytes that the AEAD itself would accept under this key do not open without this key's tag.
	forged := key.seal(e.parsed.Salt, e.Header, make([]byte, minPadded))
	copy(forged, e.Sealed[:bodyTagSize])
	if _, err := key.open(e.parsed.Salt, e.Header, forged); !errors.Is(err, ErrOpen) {
		t.Fatal("opened with another key's tag")
	}
}

// [ENV-20] [ENV-21] [ENV-22]
func TestMessageBitFlips(t *testing.T) {
	w := newWorld(t, "message flips")
	c, in := w.pair(t)
	e := w.seal(t, c, &Line{}, "hello")
	data, before := e.Bytes(), in.Marshal()
	for bit := range len(data) * 8 {
		changed, err := Parse(flip(data, bit), MaxEnvelope)
		if err != nil {
			continue
		}
		if _, err := in.Open(changed); err == nil {
			t.Fatalf("bit %d: opened", bit)
		}
		if changed.ID() == e.ID() {
			t.Fatalf("bit %d: the same id", bit)
		}
	}
	if !bytes.Equal(before, in.Marshal()) {
		t.Fatal("altered messages changed the chain")
	}
	if _, err := in.Open(e); err != nil {
		t.Errorf("the true message no longer opens: %v", err)
	}
}

func TestOpenRefusesOtherKinds(t *testing.T) {
	w := newWorld(t, "kinds")
	c, in := w.pair(t)
	for _, e := range []Envelope{w.announce(t, c, w.bob), {}} {
		if _, err := in.Open(e); !errors.Is(err, ErrKind) {
			t.Errorf("%v: %v, want ErrKind", e.ParsedHeader().Kind, err)
		}
	}
	if _, err := OpenIntroduction(Envelope{}, w.org, w.bob.key(), nil, w.memberOf); !errors.Is(err, ErrKind) {
		t.Errorf("introduction: %v", err)
	}
	if _, err := OpenAnnounce(Envelope{}, w.org, w.bob.key(), lookup(), w.admits); !errors.Is(err, ErrKind) {
		t.Errorf("announcement: %v", err)
	}
}

// Any order, any losses, any repeats, with the chain stored and loaded at any time: each message opens exactly once,
// and only while the model says its key is there. [ENV-30] [ENV-31] [ENV-32] [ENV-34] [ENV-50]
func TestDeliveryInAnyOrder(t *testing.T) {
	const messages = 60
	w := newWorld(t, "any order")
	c := w.chain(t)
	announced := w.announce(t, c, w.bob)
	var line Line
	sealed := make([]Envelope, messages)
	for i := range sealed {
		sealed[i] = w.seal(t, c, &line, fmt.Sprint(i))
	}
	rapid.Check(t, func(rt *rapid.T) {
		in, err := w.openAnnounce(announced, w.bob)
		if err != nil {
			rt.Fatal(err)
		}
		opened := make(map[int]bool)
		var order []int // opened, oldest first
		for range rapid.IntRange(1, 120).Draw(rt, "deliveries") {
			i := rapid.IntRange(0, messages-1).Draw(rt, "message")
			got, err := in.Open(sealed[i])
			if !opened[i] {
				if err != nil || string(got.Content.Body) != fmt.Sprint(i) || got.Content.Position != uint64(i+1) {
					rt.Fatalf("message %d: %q, %v", i, got.Content.Body, err)
				}
				opened[i], order = true, append(order, i)
			} else {
				want := ReplayForgotten
				for _, recent := range order[max(0, len(order)-MaxRecent):] {
					if recent == i {
						want = ReplayRepeat
					}
				}
				var replay *ReplayError
				if !errors.As(err, &replay) || replay.Case != want {
					rt.Fatalf("message %d again: %v, want case %d", i, err, want)
				}
			}
			highest := 0
			for j := range opened {
				highest = max(highest, j+1)
			}
			if in.Missing() != highest-len(opened) || in.Position() != uint64(highest+1) {
				rt.Fatalf("missing %d of %d, position %d", in.Missing(), highest-len(opened), in.Position())
			}
			if rapid.Bool().Draw(rt, "restart") {
				stored := in.Marshal()
				if in, err = UnmarshalInbound(stored); err != nil || !bytes.Equal(in.Marshal(), stored) {
					rt.Fatalf("restart: %v", err)
				}
			}
		}
	})
}

// [ENV-50]
func TestInboundIsSmall(t *testing.T) {
	w := newWorld(t, "small")
	c, in := w.pair(t)
	var line Line
	for range 2 * MaxRecent {
		if _, err := in.Open(w.seal(t, c, &line, "hello")); err != nil {
			t.Fatal(err)
		}
	}
	if size := len(in.Marshal()); size > 2200 || in.Missing() != 0 {
		t.Errorf("an inbound chain without gaps takes %d bytes", size)
	}
}

// [ENV-50]
func TestUnmarshalInboundRefuses(t *testing.T) {
	w := newWorld(t, "inbound form")
	c, in := w.pair(t)
	var line Line
	w.seal(t, c, &line, "lost")
	w.seal(t, c, &line, "lost too")
	for range 2 {
		if _, err := in.Open(w.seal(t, c, &line, "hello")); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(*inboundWire){
		"version":              func(s *inboundWire) { s.Version = 2 },
		"no members":           func(s *inboundWire) { s.Members = nil },
		"start at zero":        func(s *inboundWire) { s.Start = 0 },
		"next before start":    func(s *inboundWire) { s.Start, s.Kept, s.Recent = 9, nil, nil },
		"next beyond":          func(s *inboundWire) { s.Next = MaxPosition + 2 },
		"kept out of order":    func(s *inboundWire) { s.Kept[0], s.Kept[1] = s.Kept[1], s.Kept[0] },
		"kept twice":           func(s *inboundWire) { s.Kept[0] = s.Kept[1] },
		"kept not yet reached": func(s *inboundWire) { s.Kept[1].Position = 9 },
		"kept and opened":      func(s *inboundWire) { s.Recent[0].Position = s.Kept[0].Position },
		"opened twice":         func(s *inboundWire) { s.Recent[0] = s.Recent[1] },
		"opened not reached":   func(s *inboundWire) { s.Recent[0].Position = 9 },
		"too many kept":        func(s *inboundWire) { s.Kept = make([]keptKey, MaxKept+1) },
		"too many opened":      func(s *inboundWire) { s.Recent = make([]spent, MaxRecent+1) },
	} {
		var stored inboundWire
		if err := wire.Decode(in.Marshal(), &stored); err != nil {
			t.Fatal(err)
		}
		change(&stored)
		if _, err := UnmarshalInbound(wire.Encode(stored)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

// What is stored after a message has gone by does not open it, nor anything before the state. [ENV-20] [ENV-30]
func TestUsedKeysAreGone(t *testing.T) {
	w := newWorld(t, "forward secrecy")
	c, in := w.pair(t)
	first := c.key.message()
	e := w.seal(t, c, &Line{}, "hello")
	if _, err := in.Open(e); err != nil {
		t.Fatal(err)
	}
	for name, stored := range map[string][]byte{"sender": c.Marshal(), "receiver": in.Marshal()} {
		if bytes.Contains(stored, first[:]) {
			t.Errorf("the %s still holds the key of a message gone by", name)
		}
	}
}
