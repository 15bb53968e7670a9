package envelope

import (
	"bytes"
	"errors"
	"testing"

	"muster.example/internal/keys"
)

// [ENV-17] [ENV-18]
func TestAnnounceReachesEachDevice(t *testing.T) {
	w := newWorld(t, "announce")
	c := w.chain(t)
	for _, to := range []person{w.bob, w.bob2, w.alice} {
		in, err := w.openAnnounce(w.announce(t, c, to), to)
		if err != nil {
			t.Fatal(err)
		}
		if in.Chain() != c.ID() || in.Conversation() != c.Conversation() || in.Sender() != w.alice.key() || in.Org() != w.org ||
			in.Position() != 1 || len(in.Place().Members) != 2 {
			t.Errorf("announced chain differs")
		}
	}
}

// A device that comes later opens what is sealed from then on and nothing before. [ENV-17] [ENV-30]
func TestLateAnnounce(t *testing.T) {
	w := newWorld(t, "late")
	c, _ := w.pair(t)
	var line Line
	early := w.seal(t, c, &line, "early")
	late, err := w.openAnnounce(w.announce(t, c, w.bob2), w.bob2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.Open(early); !errors.Is(err, ErrBefore) {
		t.Errorf("early message: %v, want ErrBefore", err)
	}
	if _, err := late.Open(w.seal(t, c, &line, "after")); err != nil {
		t.Errorf("later message: %v", err)
	}
}

// [ENV-14] [ENV-18] [ENV-19]
func TestOpenAnnounceRefuses(t *testing.T) {
	w := newWorld(t, "announce refuses")
	c := w.chain(t)
	good := w.announce(t, c, w.bob)
	spare, _, err := NewPrekey(w.random, w.bob.device, w.org, w.now)
	if err != nil {
		t.Fatal(err)
	}
	relabel := func(e Envelope, id keys.PrekeyID) Envelope {
		e.Sealed = append(id[:], e.Sealed[keys.IDSize:]...)
		return e
	}
	stranger := func(device keys.PublicKey) admission {
		return func(place Place, asked keys.PublicKey) bool { return asked != device && w.admits(place, asked) }
	}
	own := lookup(w.bob.private)
	for _, test := range []struct {
		name    string
		e       Envelope
		org     keys.OrgID
		self    keys.PublicKey
		prekeys func(keys.PrekeyID) (PrekeyPrivate, bool)
		admits  admission
		want    error
	}{
		{"as it is", good, w.org, w.bob.key(), own, w.admits, nil},
		{"a message", w.seal(t, w.chain(t), &Line{}, "x"), w.org, w.bob.key(), own, w.admits, ErrKind},
		{"another organization", good, keys.OrgID{1}, w.bob.key(), own, w.admits, ErrPrekey},
		{"another device", good, w.org, w.carol.key(), own, w.admits, ErrPrekey},
		{"prekey destroyed", good, w.org, w.bob.key(), lookup(), w.admits, ErrPrekey},
		{"lookup that answers amiss", good, w.org, w.bob.key(),
			func(keys.PrekeyID) (PrekeyPrivate, bool) { return spare, true }, w.admits, ErrPrekey},
		{"relabelled to another prekey", relabel(good, spare.Prekey.ID()), w.org, w.bob.key(), lookup(spare), w.admits, ErrOpen},
		{"relabelled to another device", relabel(good, w.carol.prekey.ID()), w.org, w.carol.key(), lookup(w.carol.private), w.admits, ErrOpen},
		{"sender of no member", good, w.org, w.bob.key(), own, stranger(w.alice.key()), ErrMember},
		{"receiver of no member", good, w.org, w.bob.key(), own, stranger(w.bob.key()), ErrMember},
		{"signed by another device", w.forgeAnnounce(t, c, forgedAnnounce{signer: w.carol.device}), w.org, w.bob.key(), own, w.admits, ErrSignature},
		{"signed for another purpose", w.forgeAnnounce(t, c, forgedAnnounce{domain: keys.DomainContent}), w.org, w.bob.key(), own, w.admits, ErrSignature},
		{"header names another sender", w.forgeAnnounce(t, c, forgedAnnounce{header: func(h *Header) { h.Sender = w.carol.key() }}),
			w.org, w.bob.key(), own, w.admits, ErrBinding},
		{"header names another chain", w.forgeAnnounce(t, c, forgedAnnounce{header: func(h *Header) { h.Chain[0] ^= 1 }}),
			w.org, w.bob.key(), own, w.admits, ErrBinding},
		{"body of another organization", w.forgeAnnounce(t, c, forgedAnnounce{body: func(b *announceBody) { b.Org[0] ^= 1 }}),
			w.org, w.bob.key(), own, w.admits, ErrBinding},
		{"body for another prekey", w.forgeAnnounce(t, c, forgedAnnounce{body: func(b *announceBody) { b.Prekey[0] ^= 1 }}),
			w.org, w.bob.key(), own, w.admits, ErrBinding},
		{"id that does not commit to the key", w.forgeAnnounce(t, c, forgedAnnounce{body: func(b *announceBody) { b.Key[0] ^= 1 }}),
			w.org, w.bob.key(), own, w.admits, ErrBinding},
		{"id that does not commit to the members", w.forgeAnnounce(t, c, forgedAnnounce{body: func(b *announceBody) { b.Members = b.Members[:1] }}),
			w.org, w.bob.key(), own, w.admits, ErrBinding},
		{"id that does not commit to the anchor", w.forgeAnnounce(t, c, forgedAnnounce{body: func(b *announceBody) { b.Anchor[0] ^= 1; b.Position = 2 }}),
			w.org, w.bob.key(), own, w.admits, ErrBinding},
		{"id that does not commit to the place", w.forgeAnnounce(t, c, forgedAnnounce{body: func(b *announceBody) { b.Members, b.Group = nil, w.group }}),
			w.org, w.bob.key(), own, w.admits, ErrBinding},
		{"two places", w.forgeAnnounce(t, c, forgedAnnounce{body: func(b *announceBody) { b.Group = w.group }}), w.org, w.bob.key(), own, w.admits, ErrMalformed},
		{"leave of a group that it is not for", w.forgeAnnounce(t, c, forgedAnnounce{header: func(h *Header) { h.Leave = Leave{LeaveGroup, w.group} }}),
			w.org, w.bob.key(), own, w.admits, ErrBinding},
		{"position zero", w.forgeAnnounce(t, c, forgedAnnounce{body: func(b *announceBody) { b.Position = 0 }}), w.org, w.bob.key(), own, w.admits, ErrMalformed},
		{"position beyond", w.forgeAnnounce(t, c, forgedAnnounce{body: func(b *announceBody) { b.Position = MaxPosition + 1 }}), w.org, w.bob.key(), own, w.admits, ErrMalformed},
		{"no members", w.forgeAnnounce(t, c, forgedAnnounce{body: func(b *announceBody) { b.Members = nil }}), w.org, w.bob.key(), own, w.admits, ErrMalformed},
		{"stray padding", w.forgeAnnounce(t, c, forgedAnnounce{padded: func(p []byte) []byte { p[len(p)-1] = 1; return p }}), w.org, w.bob.key(), own, w.admits, ErrMalformed},
		{"not bound to its place", w.forgeAnnounce(t, c, forgedAnnounce{info: func([]byte) []byte { return nil }}), w.org, w.bob.key(), own, w.admits, ErrOpen},
	} {
		in, err := OpenAnnounce(test.e, test.org, test.self, test.prekeys, test.admits)
		if !errors.Is(err, test.want) || (err == nil) != (in != nil) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

// A conversation that the sender, or the receiver, is no party to. [ENV-19]
func TestAnnounceOfOthersConversation(t *testing.T) {
	w := newWorld(t, "others")
	for name, members := range map[string][]keys.MemberID{
		"without the sender":   {w.bob.member, w.carol.member},
		"without the receiver": {w.alice.member, w.carol.member},
	} {
		c, err := NewChain(w.random, w.org, Among(members...), w.alice.key(), w.now, 7)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.openAnnounce(w.announce(t, c, w.bob), w.bob); !errors.Is(err, ErrMember) {
			t.Errorf("%s: %v, want ErrMember", name, err)
		}
	}
}

func TestAnnounceRefusesToSeal(t *testing.T) {
	w, other := newWorld(t, "announce seal"), newWorld(t, "another world")
	c := w.chain(t)
	if _, err := c.Announce(w.random, w.bob.device, w.bob.prekey, testMeta); !errors.Is(err, ErrDevice) {
		t.Errorf("another device: %v", err)
	}
	if _, err := c.Announce(w.random, w.alice.device, other.bob.prekey, testMeta); !errors.Is(err, ErrBinding) {
		t.Errorf("prekey of another organization: %v", err)
	}
	if _, err := c.Announce(w.random, w.alice.device, Prekey{Org: w.org}, testMeta); !errors.Is(err, ErrBinding) {
		t.Errorf("prekey that was never opened: %v", err)
	}
	c.next = MaxPosition + 1
	if _, err := c.Announce(w.random, w.alice.device, w.bob.prekey, testMeta); !errors.Is(err, ErrSpent) {
		t.Errorf("spent chain: %v", err)
	}
}

// No bit of an announcement can change. [ENV-18]
func TestAnnounceBitFlips(t *testing.T) {
	w := newWorld(t, "announce flips")
	data := w.announce(t, w.chain(t), w.bob).Bytes()
	for bit := 0; bit < len(data)*8; bit += 5 { // one or two bits of every byte: each try costs a decapsulation
		e, err := Parse(flip(data, bit), MaxEnvelope)
		if err != nil {
			continue
		}
		if _, err := w.openAnnounce(e, w.bob); err == nil {
			t.Fatalf("bit %d: opened", bit)
		}
	}
}

// [ENV-1] [ENV-2] [ENV-3]
func TestParseRefusesTruncation(t *testing.T) {
	w := newWorld(t, "truncation")
	data := w.announce(t, w.chain(t), w.bob).Bytes()
	for length := range len(data) {
		if _, err := Parse(data[:length], MaxEnvelope); !errors.Is(err, ErrMalformed) {
			t.Fatalf("%d bytes: %v", length, err)
		}
	}
	if _, err := Parse(append(bytes.Clone(data), 0), MaxEnvelope); !errors.Is(err, ErrMalformed) {
		t.Errorf("trailing byte: %v", err)
	}
	if _, err := Parse(data, len(data)-1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("above the caller's limit: %v", err)
	}
	if _, err := Parse(make([]byte, MaxEnvelope+1), MaxEnvelope+1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("above the format's limit: %v", err)
	}
}
