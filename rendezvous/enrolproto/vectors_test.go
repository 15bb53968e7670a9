package enrolproto

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"slices"
	"strconv"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/repotest/vector"
	"muster.example/internal/wire"
	"muster.example/membership"
)

var update = flag.Bool("update", false, "write the vectors anew")

func fill32(b byte) (out [32]byte) {
	copy(out[:], bytes.Repeat([]byte{b}, 32))
	return out
}

func key(b byte) keys.PrivateKey { return keys.FromSeed(fill32(b)) }

func sampleOffer() Offer {
	return Offer{
		Org: fill32(0x0a), OrgName: "Lighthouse", Key: key(1).Public(), Device: key(2).Public(), Recovery: key(3).Public(),
		Challenge: fill32(0xc0), Expires: 1_800_000_600, Size: 12, Root: fill32(0x11),
		Nodes: []Node{{Key: key(4).Public(), Addresses: []string{"/ip4/192.0.2.7/tcp/4747"}, Proof: keys.Signature{1}}},
	}
}

func sampleMessages() (requests []Request, answers []Answer) {
	offer, signature := sampleOffer().Sign(key(1))
	return []Request{
			{Begin: &Begin{Device: key(2).Public(), Recovery: key(3).Public()}},
			{Begin: &Begin{Device: key(2).Public(), Recovery: key(3).Public(), Name: "Zoe", Return: "http://127.0.0.1:4040/back"}},
			{Poll: &Poll{Ticket: fill32(7)}},
			{Sign: &Sign{Ticket: fill32(7), Body: []byte{0xa0}}},
			{Sign: &Sign{Ticket: fill32(7), Code: bytes.Repeat([]byte{8}, 32), Body: []byte{0xa0}}},
		}, []Answer{
			{Status: Waiting}, {Status: Member},
			{Offer: offer, Signature: signature, Ticket: fill32(7), Login: "https://enrol.example.org/device", Code: "BCDFGHJK"},
			{Offer: offer, Signature: signature, Ticket: fill32(7), Login: "https://enrol.example.org/login/abc"},
			{Name: "Zoe", Role: membership.RoleMember},
			{Cosignature: keys.Signature{1}},
		}
}

func TestVectors(t *testing.T) {
	vector.Run(t, "../../docs/spec/testdata/enrolment", *update, cases(), checkVector)
}

func checkVector(t *testing.T, v vector.Vector) {
	var again []byte
	var err error
	switch v.Input("object") {
	case "request":
		var r Request
		r, err = ParseRequest(v.Data)
		again = wire.Encode(r)
	case "answer":
		var a Answer
		a, err = ParseAnswer(v.Data)
		again = wire.Encode(a)
	case "link":
		var l membership.EnrolmentLink
		l, err = membership.ParseEnrolmentLink(string(v.Data))
		again = []byte(l.Link())
	case "offer":
		var o Offer
		o, err = openVector(t, v)
		again = wire.Encode(o)
	default:
		again, err = derived(t, v)
	}
	switch v.Expect {
	case "ok":
		if err != nil || !bytes.Equal(again, v.Data) {
			t.Errorf("%v, written again as %x", err, again)
		}
	case "decode":
		if err == nil {
			t.Error("accepted")
		}
	case "signature":
		if !errors.Is(err, ErrOffer) {
			t.Errorf("%v", err)
		}
	default:
		t.Errorf("expect %q", v.Expect)
	}
}

func openVector(t *testing.T, v vector.Vector) (Offer, error) {
	t.Helper()
	signature, err := hex.DecodeString(v.Input("signature"))
	if err != nil {
		t.Fatal(err)
	}
	now, err := strconv.ParseInt(v.Input("now"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return OpenOffer(v.Data, keys.Signature(signature), parsed(t, v.Input("device")), parsed(t, v.Input("recovery")), now)
}

func parsed(t *testing.T, text string) keys.PublicKey {
	t.Helper()
	key, err := keys.ParsePublicKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func derived(t *testing.T, v vector.Vector) ([]byte, error) {
	t.Helper()
	o := Offer{Device: parsed(t, v.Input("device")), Recovery: parsed(t, v.Input("recovery"))}
	for into, name := range map[*byte]string{&o.Org[0]: "org", &o.Challenge[0]: "challenge"} {
		n, err := strconv.ParseUint(v.Input(name), 0, 8)
		if err != nil {
			t.Fatal(err)
		}
		*into = byte(n)
	}
	o.Org, o.Challenge = fill32(o.Org[0]), fill32(o.Challenge[0])
	if v.Input("object") == "words" {
		return []byte(o.Words()), nil
	}
	return []byte(o.Nonce()), nil
}

func cases() map[string]vector.Vector {
	all := make(map[string]vector.Vector)
	add := func(name, object, expect, rule, comment string, data []byte, inputs ...string) {
		all[name] = vector.Vector{Expect: expect, Rule: rule, Comment: comment, Inputs: append([]string{"object: " + object}, inputs...), Data: data}
	}
	requests, answers := sampleMessages()
	for i, name := range []string{"begin", "begin_return", "poll", "sign", "sign_code"} {
		add("request_"+name, "request", "ok", "[ENR-2]", "a request", wire.Encode(requests[i]))
	}
	for i, name := range []string{"waiting", "member", "offer_code", "offer_login", "ready", "signed"} {
		add("answer_"+name, "answer", "ok", "[ENR-2]", "an answer", wire.Encode(answers[i]))
	}
	bad := func(name, comment string, r Request) {
		add("request_"+name, "request", "decode", "[ENR-2]", comment, wire.Encode(r))
	}
	bad("none", "no request", Request{})
	bad("two", "two at once", Request{Poll: requests[2].Poll, Sign: requests[3].Sign})
	bad("name", "a name beyond the cap", Request{Begin: &Begin{Name: string(make([]byte, MaxName+1))}})
	bad("body", "a join of no bytes", Request{Sign: &Sign{}})
	for name, back := range map[string]string{
		"elsewhere": "http://192.0.2.1:80/back", "name": "http://localhost:80/back", "tls": "https://127.0.0.1:80/back",
		"port": "http://127.0.0.1/back", "query": "http://127.0.0.1:80/back?a=b", "user": "http://a@127.0.0.1:80/back",
	} {
		add("request_return_"+name, "request", "decode", "[ENR-10]", "an address to return to that is refused", wire.Encode(Request{Begin: &Begin{Return: back}}))
	}
	add("answer_code", "answer", "decode", "[ENR-13]", "a code with a vowel", wire.Encode(Answer{Code: "ABCDFGHJ"}))
	add("answer_login", "answer", "decode", "[ENR-1]", "a login page without TLS", wire.Encode(Answer{Login: "http://enrol.example.org/"}))
	add("request_trailing", "request", "decode", "[ENR-2]", "a byte behind it", append(wire.Encode(requests[2]), 0))
	offerCases(add)
	to := []string{"org: 0x0a", "device: " + key(2).Public().String(), "recovery: " + key(3).Public().String(), "challenge: 0xc0"}
	add("nonce_ok", "nonce", "ok", "[ENR-12]", "what binds a token", []byte(sampleOffer().Nonce()), to...)
	add("words_ok", "words", "ok", "[ENR-13]", "what both screens show", []byte(sampleOffer().Words()), to...)
	link := membership.EnrolmentLink{Org: fill32(0x0a), URL: "https://enrol.example.org", Key: key(1).Public()}
	add("link_ok", "link", "ok", "[ROLL-187]", "a link", []byte(link.Link()))
	link.Pin = make([]byte, 32)
	add("link_pin", "link", "ok", "[ROLL-187]", "a link with a pin", []byte(link.Link()))
	link.Pin = make([]byte, 31)
	add("link_pin_short", "link", "decode", "[ROLL-187]", "a pin of 31 bytes", []byte(link.Link()))
	link.Pin, link.URL = nil, "http://enrol.example.org"
	add("link_plain", "link", "decode", "[ROLL-187]", "an address without TLS", []byte(link.Link()))
	return all
}

func offerCases(add func(name, object, expect, rule, comment string, data []byte, inputs ...string)) {
	offer := func(name, expect, comment string, change func(*Offer), signer keys.PrivateKey, device keys.PublicKey, now string) {
		o := sampleOffer()
		change(&o)
		data, signature := o.Sign(signer)
		add("offer_"+name, "offer", expect, "[ENR-11]", comment, data, "device: "+device.String(), "recovery: "+key(3).Public().String(),
			"signature: "+hex.EncodeToString(signature[:]), "now: "+now)
	}
	same, device := func(*Offer) {}, key(2).Public()
	offer("ok", "ok", "an offer", same, key(1), device, "1800000000")
	offer("signer", "signature", "signed by another key", same, key(9), device, "1800000000")
	offer("device", "signature", "to another device", same, key(1), key(9).Public(), "1800000000")
	offer("expired", "signature", "whose time is over", same, key(1), device, "1800000600")
	offer("long", "signature", "good for too long", same, key(1), device, "1799999000")
	offer("nodes", "signature", "without a node", func(o *Offer) { o.Nodes = nil }, key(1), device, "1800000000")
	offer("many", "signature", "with more nodes than there may be", func(o *Offer) { o.Nodes = slices.Repeat(o.Nodes, 9) }, key(1), device, "1800000000")
	offer("name", "signature", "with a name that is none", func(o *Offer) { o.OrgName = " " }, key(1), device, "1800000000")
}

// What the decoders read they write again as the same bytes. [ENR-2]
func FuzzMessages(f *testing.F) {
	requests, answers := sampleMessages()
	for _, r := range requests {
		f.Add(wire.Encode(r))
	}
	for _, a := range answers {
		f.Add(wire.Encode(a))
	}
	offer, signature := sampleOffer().Sign(key(1))
	f.Add(offer)
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := ParseRequest(data); err == nil && !bytes.Equal(wire.Encode(r), data) {
			t.Fatal("another request")
		}
		if a, err := ParseAnswer(data); err == nil && !bytes.Equal(wire.Encode(a), data) {
			t.Fatal("another answer")
		}
		if _, err := OpenOffer(data, signature, key(2).Public(), key(3).Public(), 1_800_000_000); err == nil && !bytes.Equal(data, offer) {
			t.Fatal("an offer that nobody signed")
		}
	})
}

// A code as a person may type it is the code; nothing else is one. [ENR-13]
func FuzzTypedCode(f *testing.F) {
	f.Add("bcdf-ghjk")
	f.Fuzz(func(t *testing.T, text string) {
		code := TypedCode(text)
		if code != "" && (!validCode(code) || TypedCode(ShowCode(code)) != code) {
			t.Fatalf("%q from %q", code, text)
		}
	})
}

// Every letter of a code comes up about as often as the others.
func TestUserCodesAreEven(t *testing.T) {
	seen := make(map[rune]int)
	for i := range 2000 {
		sum := keys.Hash[keys.Event](keys.DomainEnrol, []byte{byte(i), byte(i >> 8)})
		for _, letter := range UserCode(sum[:]) {
			seen[letter]++
		}
	}
	for _, letter := range letters {
		if n := seen[letter]; n < 600 || n > 1000 { // of 800
			t.Errorf("%c comes up %d times", letter, n)
		}
	}
	if code := UserCode([]byte{255, 255, 1}); code != "" {
		t.Errorf("%q of too few bytes", code)
	}
}
