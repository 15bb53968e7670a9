package envelope

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

func (w *world) introduction(text string) Introduction {
	return Introduction{Org: w.org, From: w.alice.member, To: w.bob.member, Text: text, Grant: []byte("a grant"),
		Head: testHead}
}

func (w *world) introduce(t testing.TB, in Introduction, to ...person) Envelope {
	t.Helper()
	var slots []Prekey
	for _, p := range to {
		slots = append(slots, p.prekey)
	}
	e, err := SealIntroduction(w.random, w.alice.device, in, slots, testMeta)
	if err != nil {
		t.Fatal(err)
	}
	return reparse(t, e)
}

func (w *world) openIntroduction(e Envelope, self person) (Introduction, error) {
	return OpenIntroduction(e, w.org, self.key(), []PrekeyPrivate{self.private}, w.memberOf)
}

// [ENV-40] [ENV-41] [ENV-42]
func TestIntroductionReachesEachDevice(t *testing.T) {
	w := newWorld(t, "introduction")
	for _, text := range []string{"Hello, we met in Oslo.", strings.Repeat("\U0001F600", MaxTextRunes), "e\u0301"} {
		in := w.introduction(text)
		in.Grant, in.Head = bytes.Repeat([]byte{7}, MaxGrant), bytes.Repeat([]byte{7}, MaxHead)
		e := w.introduce(t, in, w.bob, w.bob2)
		if !IsIntroductionSize(e) || len(e.Sealed) != 8*1168+2048+16 {
			t.Errorf("%d sealed bytes", len(e.Sealed))
		}
		in.Text = NormalText(text)
		for _, self := range []person{w.bob, w.bob2} {
			got, err := w.openIntroduction(e, self)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(in, got); diff != "" {
				t.Errorf("introduction (-want +got):\n%s", diff)
			}
		}
		if _, err := w.openIntroduction(e, w.carol); !errors.Is(err, ErrPrekey) {
			t.Errorf("an outsider: %v, want ErrPrekey", err)
		}
	}
}

func TestIntroductionTriesEachPrekey(t *testing.T) {
	w := newWorld(t, "each prekey")
	newer, _, err := NewPrekey(w.random, w.bob.device, w.org, w.now)
	if err != nil {
		t.Fatal(err)
	}
	var slots []person
	for range IntroductionSlots - 1 {
		slots = append(slots, w.carol)
	}
	e := w.introduce(t, w.introduction("hello"), append(slots, w.bob)...)
	if _, err := OpenIntroduction(e, w.org, w.bob.key(), []PrekeyPrivate{newer, w.bob.private}, w.memberOf); err != nil {
		t.Error(err)
	}
}

func TestSealIntroductionRefuses(t *testing.T) {
	w, other := newWorld(t, "introduction seal"), newWorld(t, "another organization")
	slots := []Prekey{w.bob.prekey}
	large := w.introduction("hello")
	large.Grant = make([]byte, MaxGrant+1)
	for _, test := range []struct {
		name  string
		in    Introduction
		slots []Prekey
		want  error
	}{
		{"text too long", w.introduction(strings.Repeat("x", MaxTextRunes+1)), slots, ErrText},
		{"grant too large", large, slots, ErrTooLarge},
		{"no slot", w.introduction("hello"), nil, ErrSlots},
		{"nine slots", w.introduction("hello"), make([]Prekey, 9), ErrSlots},
		{"slot of another organization", w.introduction("hello"), []Prekey{other.bob.prekey}, ErrSlots},
		{"slot that was never opened", w.introduction("hello"), []Prekey{{Org: w.org}}, ErrSlots},
	} {
		if _, err := SealIntroduction(w.random, w.alice.device, test.in, test.slots, testMeta); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

// forgedIntroduction seals to bob what keeps to no rule.
type forgedIntroduction struct {
	signer keys.PrivateKey
	domain keys.Domain
	body   func(*introductionBody)
	header func(*Header)
	slot   func(messageKey) messageKey
	padded func([]byte) []byte
}

func (w *world) forgeIntroduction(t testing.TB, f forgedIntroduction) Envelope {
	t.Helper()
	header, err := newHeader(w.random, Header{Kind: KindIntroduction, Sender: w.alice.key()}, testMeta)
	if err != nil {
		t.Fatal(err)
	}
	body := introductionBody{Introduction: w.introduction("hello"), Salt: header.Salt}
	if f.body != nil {
		f.body(&body)
	}
	if f.header != nil {
		f.header(&header)
	}
	if f.signer.IsZero() {
		f.signer = w.alice.device
	}
	if f.domain == "" {
		f.domain = keys.DomainIntroduction
	}
	data := wire.Encode(body)
	signed := wire.Encode(signedWire{Body: data, Signature: f.signer.Sign(f.domain, body.Introduction.Org, data)})
	padded := pad(signed, introductionPlain)
	if f.padded != nil {
		padded = f.padded(padded)
	}
	key := messageKey(w.bytes(t))
	wrapped := key
	if f.slot != nil {
		wrapped = f.slot(key)
	}
	encoded := wire.Encode(header)
	sealed, err := sealSlots(w.random, wrapped, w.org, header, encoded, []Prekey{w.bob.prekey})
	if err != nil {
		t.Fatal(err)
	}
	return newEnvelope(header, encoded, append(sealed, key.seal(header.Salt, encoded, padded)...))
}

func TestOpenIntroductionRefuses(t *testing.T) {
	w := newWorld(t, "introduction refuses")
	for _, test := range []struct {
		name  string
		forge forgedIntroduction
		want  error
	}{
		{"nothing wrong", forgedIntroduction{}, nil},
		{"slot with a wrong key", forgedIntroduction{slot: func(k messageKey) messageKey { k[0] ^= 1; return k }}, ErrOpen},
		{"signed by another device", forgedIntroduction{signer: w.carol.device}, ErrSignature},
		{"signed for another purpose", forgedIntroduction{domain: keys.DomainContent}, ErrSignature},
		{"header of another sender", forgedIntroduction{header: func(h *Header) { h.Sender = w.carol.key() }}, ErrSignature},
		{"body of another envelope", forgedIntroduction{body: func(b *introductionBody) { b.Salt[0] ^= 1 }}, ErrBinding},
		{"of another organization", forgedIntroduction{body: func(b *introductionBody) { b.Introduction.Org[0] ^= 1 }}, ErrBinding},
		{"from another member", forgedIntroduction{body: func(b *introductionBody) { b.Introduction.From = w.carol.member }}, ErrMember},
		{"to another member", forgedIntroduction{body: func(b *introductionBody) { b.Introduction.To = w.carol.member }}, ErrMember},
		{"text too long", forgedIntroduction{body: func(b *introductionBody) { b.Introduction.Text = strings.Repeat("x", 141) }}, ErrText},
		{"text not in NFC", forgedIntroduction{body: func(b *introductionBody) { b.Introduction.Text = "e\u0301" }}, ErrText},
		{"text with a bidi override", forgedIntroduction{body: func(b *introductionBody) { b.Introduction.Text = "a\u202eb" }}, ErrText},
		{"grant too large", forgedIntroduction{body: func(b *introductionBody) { b.Introduction.Grant = make([]byte, MaxGrant+1) }}, ErrTooLarge},
		{"head too large", forgedIntroduction{body: func(b *introductionBody) { b.Introduction.Grant, b.Introduction.Head = nil, make([]byte, MaxHead+1) }}, ErrTooLarge},
		{"stray padding", forgedIntroduction{padded: func(p []byte) []byte { p[len(p)-1] = 1; return p }}, ErrMalformed},
	} {
		if _, err := w.openIntroduction(w.forgeIntroduction(t, test.forge), w.bob); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	good := w.introduce(t, w.introduction("hello"), w.bob)
	if _, err := OpenIntroduction(good, keys.OrgID{1}, w.bob.key(), []PrekeyPrivate{w.bob.private}, w.memberOf); !errors.Is(err, ErrPrekey) {
		t.Errorf("another organization: %v", err)
	}
	unknown := func(keys.PublicKey) (keys.MemberID, bool) { return keys.MemberID{}, false }
	if _, err := OpenIntroduction(good, w.org, w.bob.key(), []PrekeyPrivate{w.bob.private}, unknown); !errors.Is(err, ErrMember) {
		t.Errorf("sender of no member: %v", err)
	}
}

// The author's other devices open what the author sent, and nobody introduces themselves to themselves. [ENV-44]
func TestOpenOwnIntroduction(t *testing.T) {
	w := newWorld(t, "own introduction")
	e := w.introduce(t, w.introduction("hello"), w.bob)
	allAre := func(m keys.MemberID) MemberOf {
		return func(keys.PublicKey) (keys.MemberID, bool) { return m, true }
	}
	open := func(memberOf MemberOf, e Envelope) (Introduction, error) {
		return OpenIntroduction(e, w.org, w.bob.key(), []PrekeyPrivate{w.bob.private}, memberOf)
	}
	if in, err := open(allAre(w.alice.member), e); err != nil || in.Text != "hello" || in.To != w.bob.member {
		t.Errorf("another device of the author: %v, %+v", err, in)
	}
	if _, err := open(allAre(w.bob.member), e); !errors.Is(err, ErrMember) {
		t.Errorf("in the name of the receiver: %v", err)
	}
	self := w.forgeIntroduction(t, forgedIntroduction{body: func(b *introductionBody) { b.Introduction.To = w.alice.member }})
	if _, err := open(allAre(w.alice.member), self); !errors.Is(err, ErrMember) {
		t.Errorf("to oneself: %v", err)
	}
}

// The two slots of one introduction give one text: the body opens under one key only. [ENV-41]
func TestIntroductionHasOneText(t *testing.T) {
	w := newWorld(t, "one text")
	e := w.introduce(t, w.introduction("one"), w.bob)
	other := w.introduce(t, w.introduction("two"), w.bob2)
	mixed := e
	mixed.Sealed = slices.Concat(e.Sealed[:slotSize], other.Sealed[:slotSize], e.Sealed[2*slotSize:])
	if in, err := w.openIntroduction(mixed, w.bob); err != nil || in.Text != "one" {
		t.Errorf("the first slot: %q, %v", in.Text, err)
	}
	if _, err := w.openIntroduction(mixed, w.bob2); !errors.Is(err, ErrPrekey) {
		t.Errorf("a slot of another introduction: %v", err)
	}
}

// Every bit of the header, of the receiver's slot and of the body counts. [ENV-40]
func TestIntroductionBitFlips(t *testing.T) {
	w := newWorld(t, "introduction flips")
	data := w.introduce(t, w.introduction("hello"), w.bob).Bytes()
	header := len(data) - IntroductionSize
	for bit := 0; bit < len(data)*8; bit++ {
		switch at := bit / 8; {
		case at >= header+slotSize && at < header+IntroductionSlots*slotSize:
			continue // slots that are not bob's
		case at >= header && bit%29 != 0:
			continue // a sample: each try costs eight decapsulations
		}
		e, err := Parse(flip(data, bit), MaxEnvelope)
		if err != nil {
			continue
		}
		if _, err := w.openIntroduction(e, w.bob); err == nil {
			t.Fatalf("bit %d: opened", bit)
		}
	}
}

// [ENV-6] [ENV-40]
func TestIntroductionOfAnotherSize(t *testing.T) {
	w := newWorld(t, "introduction size")
	e := w.introduce(t, w.introduction("hello"), w.bob)
	for _, sealed := range [][]byte{e.Sealed[:len(e.Sealed)-1], append(bytes.Clone(e.Sealed), 0), {}} {
		changed := newEnvelope(e.parsed, e.Header, sealed)
		if _, err := Parse(changed.Bytes(), MaxEnvelope); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d sealed bytes: %v, want ErrMalformed", len(sealed), err)
		}
		if IsIntroductionSize(changed) {
			t.Errorf("%d sealed bytes taken for an introduction", len(sealed))
		}
	}
}
