package envelope

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// vectorMaker makes one vector. Each has a world of its own, seeded by its name, and the encapsulations of crypto/hpke
// are seeded too: the files come out alike as long as the Go version stays. Another version may change the bytes of
// sealed vectors; they stay right.
type vectorMaker struct {
	name, expect, rule, comment string
	make                        func(t *testing.T, w *world) vector
}

func writeVectors(t *testing.T) {
	if err := os.MkdirAll(vectorDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, m := range allMakers {
		t.Run("write/"+m.name, func(t *testing.T) {
			seed := fnv.New64a()
			seed.Write([]byte(m.name))
			cryptotest.SetGlobalRandom(t, seed.Sum64())
			v := m.make(t, newWorld(t, m.name))
			v.expect, v.rule, v.comment = m.expect, m.rule, m.comment
			if err := os.WriteFile(filepath.Join(vectorDir, m.name+".txt"), []byte(v.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func input(key string, value []byte) [2]string     { return [2]string{key, hex.EncodeToString(value)} }
func inputID(key string, value [32]byte) [2]string { return input(key, value[:]) }

func (w *world) memberLine(p person) [2]string {
	key := p.key()
	return [2]string{"member", hex.EncodeToString(key[:]) + " " + hex.EncodeToString(p.member[:])}
}

// to is what a receiver of an announcement or introduction of alice's has.
func (w *world) to(self person, org keys.OrgID, private PrekeyPrivate, data []byte) vector {
	return vector{data: data, inputs: [][2]string{inputID("org", org), inputID("self", self.key()),
		input("prekey", private.Marshal()), w.memberLine(w.alice), w.memberLine(self)}}
}

func (w *world) announceVector(e Envelope) vector {
	return w.to(w.bob, w.org, w.bob.private, e.Bytes())
}

func announceForged(f func(w *world) forgedAnnounce) func(*testing.T, *world) vector {
	return func(t *testing.T, w *world) vector { return w.announceVector(w.forgeAnnounce(t, w.chain(t), f(w))) }
}

func messageForged(f func(w *world) forgedMessage) func(*testing.T, *world) vector {
	return func(t *testing.T, w *world) vector {
		c, in := w.pair(t)
		return vector{inputs: [][2]string{input("inbound", in.Marshal())}, data: w.forge(t, c, f(w)).Bytes()}
	}
}

// messageAfter passes lost messages over and opens opened ones, then gives the receiver what next chooses.
func messageAfter(lost, opened int, next func(t *testing.T, w *world, snapshot *Chain, c *Chain, line *Line, sent []Envelope) []byte) func(*testing.T, *world) vector {
	return func(t *testing.T, w *world) vector {
		c, in := w.pair(t)
		snapshot, err := UnmarshalChain(c.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		var line Line
		var sent []Envelope
		for i := range lost + opened {
			sent = append(sent, w.seal(t, c, &line, fmt.Sprint("message ", i+1)))
			if i >= lost {
				if _, err := in.Open(sent[i]); err != nil {
					t.Fatal(err)
				}
			}
		}
		v := vector{inputs: [][2]string{input("inbound", in.Marshal())}, data: next(t, w, snapshot, c, &line, sent)}
		if e, err := Parse(v.data, MaxEnvelope); err == nil {
			if o, err := in.Open(e); err == nil {
				v.inputs = append(v.inputs, input("content", o.ContentBytes), inputID("id", o.ID), input("after", in.Marshal()))
			}
		}
		return v
	}
}

func introductionForged(f func(w *world) forgedIntroduction) func(*testing.T, *world) vector {
	return func(t *testing.T, w *world) vector {
		return w.to(w.bob, w.org, w.bob.private, w.forgeIntroduction(t, f(w)).Bytes())
	}
}

func receiptForged(change func(*Receipt)) func(*testing.T, *world) vector {
	return func(t *testing.T, w *world) vector {
		return vector{inputs: [][2]string{inputID("org", w.org)}, data: w.forgeReceipt(change, w.bob.device, keys.DomainReceipt)}
	}
}

func prekeyVector(now func(last time.Time) time.Time, change func(w *world, p *Prekey) keys.PrivateKey) func(*testing.T, *world) vector {
	return func(t *testing.T, w *world) vector {
		p := w.bob.prekey
		signer := change(w, &p)
		body := wire.Encode(p)
		signed := wire.Encode(signedWire{Body: body, Signature: signer.Sign(keys.DomainPrekey, p.Org, body)})
		at := now(time.Unix(p.LastSealing, 0)).Unix()
		return vector{data: signed, inputs: [][2]string{inputID("org", w.org), inputID("device", w.bob.key()), {"now", fmt.Sprint(at)}}}
	}
}

func parseVectorOf(max int, change func(t *testing.T, w *world, data []byte) []byte) func(*testing.T, *world) vector {
	return func(t *testing.T, w *world) vector {
		data := w.seal(t, w.chain(t), &Line{}, "hello").Bytes()
		return vector{inputs: [][2]string{{"max", fmt.Sprint(max)}}, data: change(t, w, data)}
	}
}

// parseHeaderOf changes the header alone: nothing is opened by Parse.
func parseHeaderOf(change func(*Header)) func(*testing.T, *world) vector {
	return parseVectorOf(1<<20, func(t *testing.T, w *world, data []byte) []byte {
		e, err := Parse(data, MaxEnvelope)
		if err != nil {
			t.Fatal(err)
		}
		header := e.parsed
		change(&header)
		return newEnvelope(header, wire.Encode(header), e.Sealed).Bytes()
	})
}

func text(s string) func(*testing.T, *world) vector {
	return func(*testing.T, *world) vector { return vector{data: []byte(s)} }
}

func same(last time.Time) time.Time { return last }

var vectorMakers = []vectorMaker{
	{"schedule_keys", "ok", "[ENV-20]", "the keys that follow from a chain key", func(t *testing.T, w *world) vector {
		key := chainKey(w.bytes(t))
		return vector{data: key[:], inputs: [][2]string{inputID("anchor", key.anchor()), inputID("next", key.next()),
			inputID("message", key.message()), inputID("witness", key.message().witness())}}
	}},
	{"parse_message", "ok", "[ENV-1]", "a message", func(t *testing.T, w *world) vector {
		e := w.seal(t, w.chain(t), &Line{}, "hello")
		return vector{inputs: [][2]string{{"max", "1048576"}, inputID("id", e.ID())}, data: e.Bytes()}
	}},
	{"parse_empty", "malformed", "[ENV-1]", "no bytes", parseVectorOf(1<<20, func(*testing.T, *world, []byte) []byte { return nil })},
	{"parse_truncated", "malformed", "[ENV-1]", "the last byte is missing", parseVectorOf(1<<20, func(_ *testing.T, _ *world, d []byte) []byte { return d[:len(d)-1] })},
	{"parse_trailing", "malformed", "[ENV-1]", "one byte too many", parseVectorOf(1<<20, func(_ *testing.T, _ *world, d []byte) []byte { return append(d, 0) })},
	{"parse_large", "large", "[ENV-3]", "above the caller's limit", parseVectorOf(100, func(_ *testing.T, _ *world, d []byte) []byte { return d })},
	{"parse_unpadded", "malformed", "[ENV-6]", "a size that padding never gives", parseVectorOf(1<<20, func(t *testing.T, _ *world, d []byte) []byte {
		e, err := Parse(d, MaxEnvelope)
		if err != nil {
			t.Fatal(err)
		}
		return newEnvelope(e.parsed, e.Header, append(e.Sealed, 0)).Bytes()
	})},
	{"parse_noncanonical", "malformed", "[ENV-2]", "the length of the sealed bytes in four bytes where two are enough", parseVectorOf(1<<20, func(t *testing.T, _ *world, d []byte) []byte {
		e, err := Parse(d, MaxEnvelope)
		if err != nil {
			t.Fatal(err)
		}
		at := len(d) - len(e.Sealed) - 3
		return bytes.Join([][]byte{d[:at], {0x5a, 0, 0}, d[at+1:]}, nil)
	})},
	{"parse_version", "malformed", "[ENV-5]", "version 2", parseHeaderOf(func(h *Header) { h.Version = 2 })},
	{"parse_kind", "malformed", "[ENV-5]", "kind 5", parseHeaderOf(func(h *Header) { h.Kind = 5 })},
	{"parse_sender", "malformed", "[ENV-5]", "the zero sender", parseHeaderOf(func(h *Header) { h.Sender = keys.PublicKey{} })},
	{"parse_nochain", "malformed", "[ENV-5]", "a message without a chain", parseHeaderOf(func(h *Header) { h.Chain = keys.ChainID{} })},
	{"parse_noposition", "malformed", "[ENV-5]", "a message without a position", parseHeaderOf(func(h *Header) { h.Position = 0 })},
	{"parse_position", "malformed", "[ENV-5]", "position 65537", parseHeaderOf(func(h *Header) { h.Position = MaxPosition + 1 })},
	{"parse_expires", "malformed", "[ENV-5]", "no expiry", parseHeaderOf(func(h *Header) { h.Expires = 0 })},
	{"parse_introductionsize", "malformed", "[ENV-40]", "an introduction of a message's size", parseHeaderOf(func(h *Header) { h.Kind, h.Chain, h.Position = KindIntroduction, keys.ChainID{}, 0 })},

	{"prekey_good", "ok", "[ENV-11]", "a prekey on its last second", func(t *testing.T, w *world) vector {
		v := prekeyVector(same, func(w *world, _ *Prekey) keys.PrivateKey { return w.bob.device })(t, w)
		v.inputs = append(v.inputs, inputID("id", w.bob.prekey.id))
		return v
	}},
	{"prekey_expired", "expired", "[ENV-13]", "one second after the last sealing date",
		prekeyVector(func(last time.Time) time.Time { return last.Add(time.Second) }, func(w *world, _ *Prekey) keys.PrivateKey { return w.bob.device })},
	{"prekey_term", "malformed", "[ENV-13]", "a last sealing date more than 30 days ahead",
		prekeyVector(func(last time.Time) time.Time { return last.Add(-MaxPrekeyTerm - time.Second) }, func(w *world, _ *Prekey) keys.PrivateKey { return w.bob.device })},
	{"prekey_signer", "signature", "[ENV-11]", "signed by another device", prekeyVector(same, func(w *world, _ *Prekey) keys.PrivateKey { return w.carol.device })},
	{"prekey_device", "binding", "[ENV-11]", "of another device, signed by it", prekeyVector(same, func(w *world, p *Prekey) keys.PrivateKey {
		p.Device = w.carol.key()
		return w.carol.device
	})},
	{"prekey_org", "binding", "[ENV-11]", "for another organization", prekeyVector(same, func(w *world, p *Prekey) keys.PrivateKey {
		p.Org[0] ^= 1
		return w.bob.device
	})},
	{"prekey_short", "malformed", "[ENV-10]", "a key of 1215 bytes", prekeyVector(same, func(w *world, p *Prekey) keys.PrivateKey {
		p.Key = p.Key[1:]
		return w.bob.device
	})},
	{"prekey_range", "malformed", "[ENV-10]", "a key whose ML-KEM coefficients are out of range", prekeyVector(same, func(w *world, p *Prekey) keys.PrivateKey {
		p.Key = append(bytes.Repeat([]byte{255}, 384), p.Key[384:]...)
		return w.bob.device
	})},

	{"announce_first", "ok", "[ENV-17]", "a new chain", func(t *testing.T, w *world) vector {
		c := w.chain(t)
		e := w.announce(t, c, w.bob)
		in, err := w.openAnnounce(e, w.bob)
		if err != nil {
			t.Fatal(err)
		}
		v := w.announceVector(e)
		v.inputs = append(v.inputs, input("inbound", in.Marshal()))
		return v
	}},
	{"announce_late", "ok", "[ENV-17]", "a chain at its third position", func(t *testing.T, w *world) vector {
		c, line := w.chain(t), Line{}
		w.seal(t, c, &line, "one")
		w.seal(t, c, &line, "two")
		e := w.announce(t, c, w.bob)
		in, err := w.openAnnounce(e, w.bob)
		if err != nil {
			t.Fatal(err)
		}
		v := w.announceVector(e)
		v.inputs = append(v.inputs, input("inbound", in.Marshal()))
		return v
	}},
	{"announce_kind", "kind", "[ENV-18]", "a message", func(t *testing.T, w *world) vector {
		return w.announceVector(w.seal(t, w.chain(t), &Line{}, "x"))
	}},
	{"announce_prekey", "prekey", "[ENV-18]", "to a prekey of another device", func(t *testing.T, w *world) vector {
		return w.announceVector(w.announce(t, w.chain(t), w.bob2))
	}},
	{"announce_relabelled", "open", "[ENV-14]", "sealed to another device and relabelled to this one's prekey", func(t *testing.T, w *world) vector {
		e := w.announce(t, w.chain(t), w.bob2)
		copy(e.Sealed, w.bob.prekey.id[:])
		return w.announceVector(e)
	}},
	{"announce_info", "open", "[ENV-14]", "sealed without binding to its place", announceForged(func(*world) forgedAnnounce {
		return forgedAnnounce{info: func([]byte) []byte { return nil }}
	})},
	{"announce_flip", "open", "[ENV-18]", "one bit of the header's salt changed", func(t *testing.T, w *world) vector {
		e := w.announce(t, w.chain(t), w.bob)
		return w.announceVector(newEnvelope(e.parsed, flip(e.Header, 8*(len(e.Header)-1)), e.Sealed))
	}},
	{"announce_signer", "signature", "[ENV-17]", "signed by another device", announceForged(func(w *world) forgedAnnounce { return forgedAnnounce{signer: w.carol.device} })},
	{"announce_domain", "signature", "[ENV-17]", "signed as a content", announceForged(func(*world) forgedAnnounce { return forgedAnnounce{domain: keys.DomainContent} })},
	{"announce_org", "binding", "[ENV-18]", "signed for another organization", announceForged(func(*world) forgedAnnounce {
		return forgedAnnounce{body: func(b *announceBody) { b.Org[0] ^= 1 }}
	})},
	{"announce_chain", "binding", "[ENV-18]", "signed for another chain than the header's", announceForged(func(*world) forgedAnnounce {
		return forgedAnnounce{body: func(b *announceBody) { b.Chain[0] ^= 1 }}
	})},
	{"announce_forprekey", "binding", "[ENV-18]", "signed for another prekey", announceForged(func(*world) forgedAnnounce {
		return forgedAnnounce{body: func(b *announceBody) { b.Prekey[0] ^= 1 }}
	})},
	{"announce_commit", "binding", "[ENV-16]", "a first key that the chain's id does not commit to", announceForged(func(*world) forgedAnnounce {
		return forgedAnnounce{body: func(b *announceBody) { b.Key[0] ^= 1 }}
	})},
	{"announce_members", "binding", "[ENV-16]", "members that the chain's id does not commit to", announceForged(func(*world) forgedAnnounce {
		return forgedAnnounce{body: func(b *announceBody) { b.Members = b.Members[:1] }}
	})},
	{"announce_unsorted", "malformed", "[ENV-17]", "members out of order", announceForged(func(*world) forgedAnnounce {
		return forgedAnnounce{body: func(b *announceBody) { b.Members = []keys.MemberID{b.Members[1], b.Members[0]} }}
	})},
	{"announce_position", "malformed", "[ENV-17]", "position 0", announceForged(func(*world) forgedAnnounce {
		return forgedAnnounce{body: func(b *announceBody) { b.Position = 0 }}
	})},
	{"announce_padding", "malformed", "[ENV-8]", "padding that is not zero", announceForged(func(*world) forgedAnnounce {
		return forgedAnnounce{padded: func(p []byte) []byte { p[len(p)-1] = 1; return p }}
	})},
	{"announce_sender", "member", "[ENV-19]", "a conversation without the sender's member", func(t *testing.T, w *world) vector {
		c, err := NewChain(w.random, w.org, Among(w.bob.member, w.carol.member), w.alice.key(), w.now, 7)
		if err != nil {
			t.Fatal(err)
		}
		return w.announceVector(w.announce(t, c, w.bob))
	}},
	{"announce_receiver", "member", "[ENV-19]", "a conversation without the receiver's member", func(t *testing.T, w *world) vector {
		c, err := NewChain(w.random, w.org, Among(w.alice.member, w.carol.member), w.alice.key(), w.now, 7)
		if err != nil {
			t.Fatal(err)
		}
		return w.announceVector(w.announce(t, c, w.bob))
	}},

	{"message_first", "ok", "[ENV-23]", "the first message of a chain", messageAfter(0, 0, func(t *testing.T, w *world, _, c *Chain, line *Line, _ []Envelope) []byte {
		return w.seal(t, c, line, "hello").Bytes()
	})},
	{"message_after", "ok", "[ENV-31]", "two messages passed over", messageAfter(2, 0, func(t *testing.T, w *world, _, c *Chain, line *Line, _ []Envelope) []byte {
		return w.seal(t, c, line, "the third").Bytes()
	})},
	{"message_overdue", "ok", "[ENV-31]", "a message that was passed over arrives", messageAfter(2, 1, func(_ *testing.T, _ *world, _, _ *Chain, _ *Line, sent []Envelope) []byte {
		return sent[0].Bytes()
	})},
	{"message_repeat", "replay", "[ENV-34]", "the same message again", messageAfter(0, 1, func(_ *testing.T, _ *world, _, _ *Chain, _ *Line, sent []Envelope) []byte {
		return sent[0].Bytes()
	})},
	{"message_clone", "clone", "[ENV-34]", "another message at a position already opened", messageAfter(0, 1, func(t *testing.T, w *world, snapshot, _ *Chain, _ *Line, _ []Envelope) []byte {
		return w.seal(t, snapshot, &Line{}, "another first").Bytes()
	})},
	{"message_altered", "open", "[ENV-34]", "a message already opened comes again with one bit changed", messageAfter(0, 1, func(_ *testing.T, _ *world, _, _ *Chain, _ *Line, sent []Envelope) []byte {
		return flip(sent[0].Bytes(), 8*(len(sent[0].Bytes())-1))
	})},
	{"message_skip", "skip", "[ENV-32]", "1025 positions ahead", messageAfter(0, 0, func(t *testing.T, w *world, _, c *Chain, line *Line, _ []Envelope) []byte {
		for range MaxSkip + 1 {
			c.key, c.next = c.key.next(), c.next+1
		}
		return w.seal(t, c, line, "far ahead").Bytes()
	})},
	{"message_before", "before", "[ENV-30]", "from before this device was let in", func(t *testing.T, w *world) vector {
		c, line := w.chain(t), Line{}
		early := w.seal(t, c, &line, "early")
		in, err := w.openAnnounce(w.announce(t, c, w.bob), w.bob)
		if err != nil {
			t.Fatal(err)
		}
		return vector{inputs: [][2]string{input("inbound", in.Marshal())}, data: early.Bytes()}
	}},
	{"message_flip", "open", "[ENV-22]", "one bit of the ciphertext changed", messageAfter(0, 0, func(t *testing.T, w *world, _, c *Chain, line *Line, _ []Envelope) []byte {
		data := w.seal(t, c, line, "hello").Bytes()
		return flip(data, 8*(len(data)-1))
	})},
	{"message_tag", "open", "[ENV-22]", "a tag that commits to another key", messageAfter(0, 0, func(t *testing.T, w *world, _, c *Chain, line *Line, _ []Envelope) []byte {
		e := w.seal(t, c, line, "hello")
		wrong := c.key.message().witness().tag(e.Header, e.Sealed[bodyTagSize:])
		copy(e.Sealed, wrong[:])
		return e.Bytes()
	})},
	{"message_otherchain", "chain", "[ENV-30]", "of another chain", messageAfter(0, 0, func(t *testing.T, w *world, _, _ *Chain, _ *Line, _ []Envelope) []byte {
		return w.seal(t, w.chain(t), &Line{}, "hello").Bytes()
	})},
	{"message_sender", "chain", "[ENV-30]", "the header names another sender", messageForged(func(w *world) forgedMessage {
		return forgedMessage{header: func(h *Header) { h.Sender = w.carol.key() }}
	})},
	{"message_signer", "signature", "[ENV-33]", "sealed by another member with the chain's key", messageForged(func(w *world) forgedMessage { return forgedMessage{signer: w.bob.device} })},
	{"message_org", "binding", "[ENV-33]", "signed for another organization", messageForged(func(*world) forgedMessage {
		return forgedMessage{content: func(c *Content) { c.Org[0] ^= 1 }}
	})},
	{"message_conversation", "binding", "[ENV-33]", "signed for another conversation", messageForged(func(*world) forgedMessage {
		return forgedMessage{content: func(c *Content) { c.Conversation[0] ^= 1 }}
	})},
	{"message_chain", "binding", "[ENV-33]", "signed for another chain", messageForged(func(*world) forgedMessage {
		return forgedMessage{content: func(c *Content) { c.Chain[0] ^= 1 }}
	})},
	{"message_position", "binding", "[ENV-33]", "signed for another position", messageForged(func(*world) forgedMessage {
		return forgedMessage{content: func(c *Content) { c.Position++ }}
	})},
	{"message_sequence", "malformed", "[ENV-23]", "sequence number 0", messageForged(func(*world) forgedMessage {
		return forgedMessage{content: func(c *Content) { c.Sequence = 0 }}
	})},
	{"message_previous", "malformed", "[ENV-23]", "a second message that names none before it", messageForged(func(*world) forgedMessage {
		return forgedMessage{content: func(c *Content) { c.Sequence = 2 }}
	})},
	{"message_head", "large", "[ENV-23]", "a head of 161 bytes", messageForged(func(*world) forgedMessage {
		return forgedMessage{content: func(c *Content) { c.Head = make([]byte, MaxHead+1) }}
	})},
	{"message_no_head", "ok", "[ENV-23]", "no head", func(t *testing.T, w *world) vector {
		c, in := w.pair(t)
		v := vector{inputs: [][2]string{input("inbound", in.Marshal())}}
		e, _, err := c.Seal(w.random, w.alice.device, &Line{}, Content{Kind: 1, Body: []byte("hello")}, testMeta)
		if err != nil {
			t.Fatal(err)
		}
		o, err := in.Open(e)
		if err != nil {
			t.Fatal(err)
		}
		v.data = e.Bytes()
		v.inputs = append(v.inputs, input("content", o.ContentBytes), inputID("id", o.ID), input("after", in.Marshal()))
		return v
	}},
	{"message_body", "malformed", "[ENV-23]", "null for a body", messageForged(func(*world) forgedMessage {
		return forgedMessage{data: nullBody}
	})},
	{"message_padding", "malformed", "[ENV-8]", "padding that is not zero", messageForged(func(*world) forgedMessage {
		return forgedMessage{padded: func(p []byte) []byte { p[len(p)-1] = 1; return p }}
	})},
	{"message_overpadded", "malformed", "[ENV-8]", "padded to the next size but one", messageForged(func(*world) forgedMessage {
		return forgedMessage{padded: func(p []byte) []byte { return append(p, make([]byte, 32)...) }}
	})},

	{"introduction_good", "ok", "[ENV-42]", "an introduction", func(t *testing.T, w *world) vector {
		v := w.to(w.bob, w.org, w.bob.private, w.introduce(t, w.introduction("Hello, we met in Tromsø."), w.bob2, w.bob).Bytes())
		v.inputs = append(v.inputs, input("text", []byte("Hello, we met in Tromsø.")))
		return v
	}},
	{"introduction_others", "prekey", "[ENV-41]", "no slot for this device", func(t *testing.T, w *world) vector {
		return w.to(w.bob, w.org, w.bob.private, w.introduce(t, w.introduction("hello"), w.bob2).Bytes())
	}},
	{"introduction_slot", "open", "[ENV-41]", "a slot that holds another key", introductionForged(func(*world) forgedIntroduction {
		return forgedIntroduction{slot: func(k messageKey) messageKey { k[0] ^= 1; return k }}
	})},
	{"introduction_size", "malformed", "[ENV-40]", "one byte short", func(t *testing.T, w *world) vector {
		e := w.introduce(t, w.introduction("hello"), w.bob)
		return w.to(w.bob, w.org, w.bob.private, newEnvelope(e.parsed, e.Header, e.Sealed[:IntroductionSize-1]).Bytes())
	}},
	{"introduction_signer", "signature", "[ENV-42]", "signed by another device", introductionForged(func(w *world) forgedIntroduction { return forgedIntroduction{signer: w.carol.device} })},
	{"introduction_salt", "binding", "[ENV-42]", "signed for another envelope", introductionForged(func(*world) forgedIntroduction {
		return forgedIntroduction{body: func(b *introductionBody) { b.Salt[0] ^= 1 }}
	})},
	{"introduction_from", "member", "[ENV-44]", "in the name of another member", introductionForged(func(w *world) forgedIntroduction {
		return forgedIntroduction{body: func(b *introductionBody) { b.Introduction.From = w.carol.member }}
	})},
	{"introduction_to", "member", "[ENV-44]", "to another member", introductionForged(func(w *world) forgedIntroduction {
		return forgedIntroduction{body: func(b *introductionBody) { b.Introduction.To = w.carol.member }}
	})},
	{"introduction_head", "large", "[ENV-42]", "a head of 161 bytes", introductionForged(func(*world) forgedIntroduction {
		return forgedIntroduction{body: func(b *introductionBody) { b.Introduction.Head = make([]byte, MaxHead+1) }}
	})},
	{"introduction_text", "text", "[ENV-43]", "141 characters", introductionForged(func(*world) forgedIntroduction {
		return forgedIntroduction{body: func(b *introductionBody) { b.Introduction.Text = strings.Repeat("x", 141) }}
	})},
	{"introduction_nfc", "text", "[ENV-43]", "text not in NFC", introductionForged(func(*world) forgedIntroduction {
		return forgedIntroduction{body: func(b *introductionBody) { b.Introduction.Text = "e\u0301" }}
	})},

	{"text_emoji", "ok", "[ENV-43]", "140 characters of four bytes", text(strings.Repeat("\U0001F600", 140))},
	{"text_composed", "ok", "[ENV-43]", "280 code points, 140 after NFC", text(strings.Repeat("e\u0301", 140))},
	{"text_long", "text", "[ENV-43]", "141 characters", text(strings.Repeat("x", 141))},
	{"text_empty", "text", "[ENV-43]", "blank", text("  ")},
	{"text_control", "text", "[ENV-43]", "a line feed", text("a\nb")},
	{"text_bidi", "text", "[ENV-43]", "a right-to-left override", text("a\u202eb")},
	{"text_format", "text", "[ENV-43]", "a zero-width joiner", text("a\u200db")},
	{"text_utf8", "text", "[ENV-43]", "not UTF-8", text("a\xffb")},

	{"receipt_good", "ok", "[ENV-45]", "three opened, one not", func(t *testing.T, w *world) vector {
		v := receiptForged(func(*Receipt) {})(t, w)
		v.inputs = append(v.inputs, inputID("device", w.bob.key()))
		return v
	}},
	{"receipt_signer", "signature", "[ENV-46]", "signed by another device", func(_ *testing.T, w *world) vector {
		return vector{inputs: [][2]string{inputID("org", w.org)}, data: w.forgeReceipt(func(*Receipt) {}, w.carol.device, keys.DomainReceipt)}
	}},
	{"receipt_org", "binding", "[ENV-46]", "for another organization", receiptForged(func(r *Receipt) { r.Org[0] ^= 1 })},
	{"receipt_nothing", "malformed", "[ENV-45]", "for nothing", receiptForged(func(r *Receipt) { r.Opened, r.Failed = r.Opened[:0], r.Failed[:0] })},
	{"receipt_order", "malformed", "[ENV-45]", "out of order", receiptForged(func(r *Receipt) { r.Opened[0], r.Opened[1] = r.Opened[1], r.Opened[0] })},
	{"receipt_both", "malformed", "[ENV-45]", "opened and not", receiptForged(func(r *Receipt) { r.Failed[0] = r.Opened[0] })},
	{"receipt_many", "large", "[ENV-45]", "1025 envelopes", receiptForged(func(r *Receipt) { r.Opened = envelopeIDs(MaxReceiptIDs, 100) })},

	{"chain_new", "ok", "[ENV-50]", "a new chain at rest", func(t *testing.T, w *world) vector { return vector{data: w.chain(t).Marshal()} }},
	{"chain_anchor", "malformed", "[ENV-50]", "an anchor that is not the first key's", func(t *testing.T, w *world) vector {
		c := w.chain(t)
		c.anchor[0] ^= 1
		return vector{data: c.Marshal()}
	}},
	{"inbound_gaps", "ok", "[ENV-50]", "an inbound chain with two keys kept and two messages opened", func(t *testing.T, w *world) vector {
		return vector{data: inboundWithGaps(t, w).Marshal()}
	}},
	{"inbound_order", "malformed", "[ENV-50]", "kept keys out of order", func(t *testing.T, w *world) vector {
		in := inboundWithGaps(t, w)
		in.kept[0], in.kept[1] = in.kept[1], in.kept[0]
		return vector{data: in.Marshal()}
	}},
	{"inbound_reopened", "malformed", "[ENV-50]", "a position both kept and opened", func(t *testing.T, w *world) vector {
		in := inboundWithGaps(t, w)
		in.recent[0].Position = in.kept[0].Position
		return vector{data: in.Marshal()}
	}},
}

func inboundWithGaps(t *testing.T, w *world) *Inbound {
	t.Helper()
	c, in := w.pair(t)
	var line Line
	for i := range 4 {
		e := w.seal(t, c, &line, fmt.Sprint(i))
		if i < 2 {
			continue
		}
		if _, err := in.Open(e); err != nil {
			t.Fatal(err)
		}
	}
	return in
}
