package envelope

import (
	"bytes"
	"strings"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// seedVectors adds the vectors of a group to the corpus.
func seedVectors(f *testing.F, group string) {
	f.Helper()
	for name, v := range readVectors(f) {
		if strings.HasPrefix(name, group+"_") {
			f.Add(v.data)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, group := range []string{"parse", "announce", "message", "introduction", "report", "archive", "attestation"} {
		seedVectors(f, group)
	}
	w := newWorld(f, "fuzz parse")
	_, in := w.pair(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Parse(data, 1<<20)
		if err != nil {
			return
		}
		if !bytes.Equal(e.Bytes(), data) || !bytes.Equal(wire.Encode(e.ParsedHeader()), e.Header) {
			t.Fatal("parsed, and encodes otherwise")
		}
		if _, err := in.Open(e); err == nil {
			t.Fatal("opened what nobody sealed")
		}
		if _, err := w.openAnnounce(e, w.bob); err == nil {
			t.Fatal("opened an announcement that nobody sealed")
		}
	})
}

func FuzzHeader(f *testing.F) {
	w := newWorld(f, "fuzz header")
	c := w.chain(f)
	f.Add(w.announce(f, c, w.bob).Header)
	f.Add(w.seal(f, c, &Line{}, "hello").Header)
	f.Add(w.introduce(f, w.introduction("hello"), w.bob).Header)
	f.Add(w.announceAt(f, w.chainAt(f, InGroup(w.group)), w.bob).Header)
	f.Add(w.report(f, w.complaint(f), w.bob).Header)
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := parseHeader(data); err == nil && !bytes.Equal(wire.Encode(h), data) {
			t.Fatal("parsed, and encodes otherwise")
		}
	})
}

// FuzzPrekey signs what it is given, to come past the signature.
func FuzzPrekey(f *testing.F) {
	w := newWorld(f, "fuzz prekey")
	f.Add(wire.Encode(w.bob.prekey))
	f.Fuzz(func(t *testing.T, body []byte) {
		signed := wire.Encode(signedWire{Body: body, Signature: w.bob.device.Sign(keys.DomainPrekey, w.org, body)})
		p, err := OpenPrekey(signed, w.org, w.bob.key(), w.now)
		if err == nil && !bytes.Equal(wire.Encode(p), body) {
			t.Fatal("parsed, and encodes otherwise")
		}
	})
}

func FuzzPrekeyPrivate(f *testing.F) {
	w := newWorld(f, "fuzz private prekey")
	f.Add(w.bob.private.Marshal())
	f.Fuzz(func(t *testing.T, data []byte) {
		if p, err := UnmarshalPrekeyPrivate(data, w.org, w.bob.key()); err == nil && !bytes.Equal(p.Marshal(), data) {
			t.Fatal("parsed, and encodes otherwise")
		}
	})
}

// FuzzAnnounceBody is what the HPKE ciphertext holds, and signs it.
func FuzzAnnounceBody(f *testing.F) {
	w := newWorld(f, "fuzz announcement")
	c := w.chain(f)
	header := w.announce(f, c, w.bob).ParsedHeader()
	f.Add(wire.Encode(announceBody{Org: c.org, Members: c.place.Members, Chain: c.id, Anchor: c.anchor, Position: c.next,
		Key: c.key, Prekey: w.bob.prekey.id}))
	f.Add(wire.Encode(announceBody{Org: c.org, Group: w.group, Chain: c.id, Anchor: c.anchor, Position: c.next,
		Key: c.key, Prekey: w.bob.prekey.id}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := openAnnounceBody(data, w.org, header, w.bob.prekey.id, keys.DomainAnnounce); err == nil {
			t.Fatal("accepted what nobody signed")
		}
		signed := wire.Encode(signedWire{Body: data, Signature: w.alice.device.Sign(keys.DomainAnnounce, w.org, data)})
		body, err := openAnnounceBody(pad(signed, paddedSize(4+len(signed))), w.org, header, w.bob.prekey.id, keys.DomainAnnounce)
		if err == nil && !bytes.Equal(wire.Encode(body), data) {
			t.Fatal("parsed, and encodes otherwise")
		}
	})
}

func FuzzContent(f *testing.F) {
	w := newWorld(f, "fuzz content")
	c, in := w.pair(f)
	opened, err := in.Open(w.seal(f, c, &Line{}, "hello"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(opened.ContentBytes)
	f.Fuzz(func(t *testing.T, data []byte) {
		content, _, err := OpenContent(data, w.alice.device.Sign(keys.DomainContent, w.org, data), w.org, w.alice.key())
		if err == nil && !bytes.Equal(wire.Encode(content), data) {
			t.Fatal("parsed, and encodes otherwise")
		}
	})
}

// FuzzMessage is what a member who holds the chain's key can put under it.
func FuzzMessage(f *testing.F) {
	w := newWorld(f, "fuzz message")
	c, in := w.pair(f)
	f.Add(pad([]byte{0x82, 0x40, 0x40}, minPadded))
	before := in.Marshal()
	f.Fuzz(func(t *testing.T, plain []byte) {
		e := w.forge(t, c, forgedMessage{padded: func([]byte) []byte { return plain }})
		if _, err := in.Open(e); err == nil {
			t.Fatal("opened what nobody signed")
		}
		if !bytes.Equal(before, in.Marshal()) {
			t.Fatal("a refused message changed the chain")
		}
	})
}

func FuzzIntroduction(f *testing.F) {
	w := newWorld(f, "fuzz introduction")
	header := w.introduce(f, w.introduction("hello"), w.bob).ParsedHeader()
	f.Add(wire.Encode(introductionBody{Introduction: w.introduction("hello"), Salt: header.Salt}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := openIntroductionBody(data, w.org, header); err == nil {
			t.Fatal("accepted what nobody signed")
		}
		signed := wire.Encode(signedWire{Body: data, Signature: w.alice.device.Sign(keys.DomainIntroduction, w.org, data)})
		if 4+len(signed) > introductionPlain {
			return
		}
		in, err := openIntroductionBody(pad(signed, introductionPlain), w.org, header)
		if err != nil {
			return
		}
		if !bytes.Equal(wire.Encode(introductionBody{Introduction: in, Salt: header.Salt}), data) {
			t.Fatal("parsed, and encodes otherwise")
		}
		if CheckText(in.Text) != nil {
			t.Fatal("accepted a text that may not be sent")
		}
	})
}

func FuzzReport(f *testing.F) {
	w := newWorld(f, "fuzz report")
	report := w.complaint(f)
	header := w.report(f, report, w.bob).ParsedHeader()
	f.Add(wire.Encode(reportBody{Report: report, Salt: header.Salt}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := openReportBody(data, w.org, header); err == nil {
			t.Fatal("accepted what nobody signed")
		}
		signed := wire.Encode(signedWire{Body: data, Signature: w.alice.device.Sign(keys.DomainReport, w.org, data)})
		report, err := openReportBody(pad(signed, reportPlain(4+len(signed))), w.org, header)
		if err != nil {
			return
		}
		if !bytes.Equal(wire.Encode(reportBody{Report: report, Salt: header.Salt}), data) {
			t.Fatal("parsed, and encodes otherwise")
		}
		if report.Text != "" && CheckText(report.Text) != nil {
			t.Fatal("accepted a text that may not be sent")
		}
	})
}

func FuzzReceipt(f *testing.F) {
	w := newWorld(f, "fuzz receipt")
	f.Add(wire.Encode(Receipt{Org: w.org, Device: w.bob.key(), Opened: envelopeIDs(2, 0), Failed: envelopeIDs(1, 7)}))
	f.Fuzz(func(t *testing.T, body []byte) {
		signed := wire.Encode(signedWire{Body: body, Signature: w.bob.device.Sign(keys.DomainReceipt, w.org, body)})
		compareReceiptCodecs(t, signed, w.org)
		compareReceiptCodecs(t, body, w.org) // as if it were the signed one
		r, err := OpenReceipt(signed, w.org)
		if err != nil {
			return
		}
		if again, err := SignReceipt(r, w.bob.device); err != nil || !bytes.Equal(again, signed) {
			t.Fatalf("opened, and signs otherwise: %v", err)
		}
	})
}

func FuzzUnmarshalChain(f *testing.F) {
	seedVectors(f, "chain")
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := UnmarshalChain(data); err == nil && !bytes.Equal(c.Marshal(), data) {
			t.Fatal("parsed, and encodes otherwise")
		}
	})
}

func FuzzUnmarshalInbound(f *testing.F) {
	seedVectors(f, "inbound")
	f.Fuzz(func(t *testing.T, data []byte) {
		if in, err := UnmarshalInbound(data); err == nil && !bytes.Equal(in.Marshal(), data) {
			t.Fatal("parsed, and encodes otherwise")
		}
	})
}

func FuzzCheckText(f *testing.F) {
	seedVectors(f, "text")
	f.Fuzz(func(t *testing.T, data []byte) {
		if text := string(data); CheckText(text) == nil && CheckText(NormalText(text)) != nil {
			t.Fatal("may be sent, and is refused on arrival")
		}
	})
}
