package pairing

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"

	"muster.example/internal/cpace"
	"muster.example/internal/keys"
	"muster.example/internal/repotest/vector"
	"muster.example/internal/wire"
	"muster.example/membership"
	"muster.example/node/agreement"
)

var update = flag.Bool("update", false, "write the test vectors anew")

// cases are the vectors of docs/spec/testdata/pairing.
func cases() map[string]vector.Vector {
	all := make(map[string]vector.Vector)
	add := func(name, kind, expect, rule, comment string, data []byte, inputs ...string) {
		all[name] = vector.Vector{Expect: expect, Rule: "[" + rule + "]", Comment: comment, Inputs: append([]string{"type: " + kind}, inputs...), Data: data}
	}
	node := &membership.NodeAddress{Key: key(5), Addresses: []string{"/ip4/192.0.2.1/tcp/4747"}}
	link := Link{Slot: 12345, Secret: [SecretSize]byte{1, 2, 3}, Old: key(1), Node: node, Addresses: []string{"/ip4/192.0.2.9/udp/4747/quic-v1"}}
	text := func(name, expect, comment string, change func(*Link)) {
		l := link
		change(&l)
		add("link_"+name, "link", expect, "PAIR-2", comment, []byte(l.Text()))
	}
	text("full", "ok", "a link with both ways", func(*Link) {})
	text("node", "ok", "a link by a rendezvous node alone", func(l *Link) { l.Addresses = nil })
	text("direct", "ok", "a link to the device itself alone", func(l *Link) { l.Node = nil })
	text("nowhere", "text", "neither a node nor an address", func(l *Link) { l.Node, l.Addresses = nil, nil })
	text("slot", "text", "a slot of six digits", func(l *Link) { l.Slot = Slots })
	text("nobody", "text", "no identity", func(l *Link) { l.Old = keys.PublicKey{} })
	text("address", "text", "an address that is no multiaddress", func(l *Link) { l.Addresses = []string{"192.0.2.9:4747"} })
	text("keyless", "text", "a node without a key", func(l *Link) { l.Node = &membership.NodeAddress{Addresses: node.Addresses} })
	add("link_cut", "link", "text", "PAIR-2", "the last character is missing", []byte(strings.TrimSuffix(link.Text(), link.Text()[len(link.Text())-1:])))
	add("link_other", "link", "text", "PAIR-2", "a link of another kind", []byte("muster:join/"+strings.TrimPrefix(link.Text(), LinkPrefix)))
	add("code_plain", "code", "ok", "PAIR-1", "a code as it is read out", []byte("01234-apple-river-stone"), "secret: "+hex.EncodeToString([]byte("apple-river-stone")))
	add("code_spoken", "code", "ok", "PAIR-1", "a code as somebody types it", []byte(" 01234 Apple river-STONE"), "secret: "+hex.EncodeToString([]byte("apple-river-stone")))
	add("code_short", "code", "text", "PAIR-1", "a number of four digits", []byte("1234-apple-river-stone"))
	add("code_word", "code", "text", "PAIR-1", "a word that is not in the list", []byte("01234-apple-river-stonne"))

	framed := func(name, expect, comment string, f agreement.Frame) {
		add("frame_"+name, "frame", expect, "PAIR-6", comment, f.Encode())
	}
	zero := func(n int) []byte { return make([]byte, n) }
	framed("hello", "ok", "the old device greets", agreement.Frame{Hello: &agreement.Hello{Version: 1, Key: key(1)}})
	framed("share", "ok", "the new device's share", agreement.Frame{Share: &agreement.Share{Key: key(2), KEM: zero(1184)}})
	framed("link", "ok", "the share of one that has the link", agreement.Frame{Share: &agreement.Share{Key: key(2), KEM: zero(1184), Link: true}})
	framed("reply", "ok", "the old device's share", agreement.Frame{Reply: &agreement.Reply{KEM: zero(1088)}})
	framed("confirm", "ok", "a tag", agreement.Frame{Confirm: &agreement.Confirm{}})
	framed("refuse", "ok", "two tries are left", agreement.Frame{Refuse: &agreement.Refuse{Left: 2}})
	framed("sealed", "ok", "something sealed", agreement.Frame{Sealed: []byte{1}})
	framed("nothing", "frame", "nothing", agreement.Frame{})
	framed("two", "frame", "two things", agreement.Frame{Confirm: &agreement.Confirm{}, Sealed: []byte{1}})
	framed("version", "frame", "another version", agreement.Frame{Hello: &agreement.Hello{Version: 2, Key: key(1)}})
	framed("nobody", "frame", "a greeting of nobody", agreement.Frame{Hello: &agreement.Hello{Version: 1}})
	framed("kem", "frame", "an encapsulation key that is too short", agreement.Frame{Share: &agreement.Share{Key: key(2), KEM: zero(1183)}})
	framed("ciphertext", "frame", "a ciphertext that is too long", agreement.Frame{Reply: &agreement.Reply{KEM: zero(1089)}})
	add("frame_trailing", "frame", "frame", "PAIR-6", "a byte behind the frame", append(agreement.Frame{Sealed: []byte{1}}.Encode(), 0))

	sealed := func(name, expect, rule, comment string, m message) {
		add("message_"+name, "message", expect, rule, comment, wire.Encode(m))
	}
	good := offer()
	sealed("offer", "ok", "PAIR-9", "two organizations and a recovery key", message{Offer: &good})
	sealed("keys", "ok", "PAIR-9", "two keys", message{Keys: &Keys{Devices: []keys.PublicKey{key(10), key(11)}}})
	sealed("ask", "ok", "PAIR-9", "one place", message{Ask: &Ask{Places: []Place{{Index: 1, Counter: 5, At: 7}}}})
	sealed("signatures", "ok", "PAIR-9", "a signature", message{Signatures: &Signatures{Signatures: make([]keys.Signature, 1)}})
	sealed("done", "ok", "PAIR-9", "an outcome of each kind", message{Done: &Done{Outcomes: []Outcome{Added, Refused, Missed}}})
	sealed("nothing", "message", "PAIR-9", "nothing", message{})
	sealed("empty", "message", "PAIR-10", "an offer of nothing", message{Offer: &Offer{}})
	twice := Offer{Orgs: []Organization{good.Orgs[0], good.Orgs[0]}}
	sealed("twice", "message", "PAIR-10", "an organization twice", message{Offer: &twice})

	isk, kem, old, new := [cpace.KeySize]byte{1, 2, 3}, []byte{4, 5, 6}, [agreement.PartSize]byte{7}, [agreement.PartSize]byte{8}
	channel := agreement.NewChannel(purpose, agreement.Secrets{Key: isk, KEM: kem, Host: old, Visitor: new}, true)
	words := channel.Words()
	add("channel_first", "channel", "ok", "PAIR-7, PAIR-8", "the first frame from the old device: an end", channel.Seal(wire.Encode(message{Done: &Done{Outcomes: []Outcome{Added}}})),
		"isk: "+hex.EncodeToString(isk[:]), "kem: "+hex.EncodeToString(kem), "old: "+hex.EncodeToString(old[:]), "new: "+hex.EncodeToString(new[:]), "words: "+strings.Join(words[:], " "))
	return all
}

func input(t *testing.T, v vector.Vector, name string) []byte {
	data, err := hex.DecodeString(v.Input(name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestVectors(t *testing.T) {
	vector.Run(t, "../../docs/spec/testdata/pairing", *update, cases(), func(t *testing.T, v vector.Vector) {
		var again []byte
		var err error
		var kind error
		switch v.Input("type") {
		case "link":
			var l Link
			kind = ErrText
			if l, err = ParseLink(string(v.Data)); err == nil {
				again = []byte(l.Text())
			}
		case "code":
			var c Code
			kind, again = ErrText, v.Data
			if c, err = ParseCode(string(v.Data)); err == nil && fmt.Sprintf("%x", c.Secret()) != v.Input("secret") {
				t.Errorf("the secret is %s", c.Secret())
			}
		case "frame":
			var f agreement.Frame
			kind = ErrFrame
			if f, err = agreement.DecodeFrame(v.Data); err == nil {
				again = f.Encode()
			}
		case "message":
			var m message
			kind = ErrFrame
			if m, err = decodeMessage(bytes.Clone(v.Data)); err == nil {
				again = wire.Encode(m)
			}
		case "channel":
			a := agreement.Secrets{KEM: input(t, v, "kem")}
			a.Key, a.Host, a.Visitor = [cpace.KeySize]byte(input(t, v, "isk")), [agreement.PartSize]byte(input(t, v, "old")), [agreement.PartSize]byte(input(t, v, "new"))
			c := agreement.NewChannel(purpose, a, false)
			if words := c.Words(); strings.Join(words[:], " ") != v.Input("words") {
				t.Errorf("the words are %s", words)
			}
			var plain []byte
			if plain, err = c.Open(v.Data); err == nil {
				if m, err := decodeMessage(plain); err != nil || m.Done == nil {
					t.Error("it is no end")
				}
			}
			again = v.Data
		}
		switch {
		case v.Expect == "ok" && (err != nil || !bytes.Equal(again, v.Data)):
			t.Errorf("written again it is %x, %v", again, err)
		case v.Expect != "ok" && !errors.Is(err, kind):
			t.Errorf("it was not refused by %q: %v", v.Expect, err)
		}
	})
}
