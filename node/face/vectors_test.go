package face

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"slices"
	"testing"

	"muster.example/internal/cpace"
	"muster.example/internal/keys"
	"muster.example/internal/repotest/vector"
	"muster.example/node/agreement"
)

var update = flag.Bool("update", false, "write the test vectors anew")

// channelOf makes a side's end of the channel of the vectors.
func channelOf(host bool) *agreement.Channel {
	return agreement.NewChannel(Purpose, agreement.Secrets{
		Key: [cpace.KeySize]byte{1, 2, 3}, KEM: []byte{4, 5, 6}, Host: [agreement.PartSize]byte{7}, Visitor: [agreement.PartSize]byte{8},
	}, host)
}

// cases are the vectors of docs/spec/testdata/face.
func cases() map[string]vector.Vector {
	all := make(map[string]vector.Vector)
	add := func(name, kind, expect, rule, comment string, data []byte, inputs ...string) {
		all[name] = vector.Vector{Expect: expect, Rule: "[" + rule + "]", Comment: comment, Inputs: append([]string{"type: " + kind}, inputs...), Data: data}
	}
	message := func(name, expect, rule, comment string, m Message) {
		add("message_"+name, "message", expect, rule, comment, encode(m))
	}
	named, nowhere := *anInvitation(), *anInvitation()
	named.Name, named.Apply, nowhere.Org = "Bo", true, keys.OrgID{}
	message("invitation", "ok", "FACE-5", "what the visitor is asked", Message{Invitation: anInvitation()})
	message("named", "ok", "FACE-5", "an invitation for a name", Message{Invitation: &named})
	message("nowhere", "message", "FACE-5", "an invitation to no organization", Message{Invitation: &nowhere})
	message("link", "ok", "FACE-5", "an invitation that is not on the roll yet", Message{Link: aLink()})
	message("other", "message", "FACE-5", "a link of another kind", Message{Link: &Link{Text: "muster:pair/AAAA"}})
	message("yes", "ok", "FACE-4", "a person says yes", Message{Yes: true})
	message("done", "ok", "FACE-4", "what was given is kept", Message{Done: true})
	message("join", "ok", "FACE-8", "what was given is kept, and a join by it", Message{Join: aJoin()})
	message("event", "message", "FACE-8", "another event than a join", Message{Join: notAJoin()})
	message("no", "ok", "FACE-4", "a person says no", Message{No: &No{Declined}})
	message("grant", "ok", "FACE-7", "a grant, which the roll judges", Message{Grant: []byte{1}})
	message("large", "message", "FACE-7", "a grant that is too large", Message{Grant: make([]byte, 513)})
	message("nothing", "message", "FACE-4", "nothing", Message{})
	message("two", "message", "FACE-4", "two things", Message{Yes: true, Done: true})
	add("message_trailing", "message", "message", "FACE-4", "a byte behind the message", append(encode(Message{Yes: true}), 0))
	one := aCard(11).Prove(private(11), channelOf(true), Host)
	nobody := one
	nobody.Device = keys.PublicKey{}
	message("nobody", "message", "FACE-6", "a card of no device", Message{Card: &nobody})
	binding := channelOf(true).Binding()
	add("card_host", "card", "ok", "FACE-6", "a host's card", encode(Message{Card: &one}), "side: 1", "binding: "+hex.EncodeToString(binding[:]))
	add("card_shown", "card", "proof", "FACE-6", "a host's card, shown by the visitor", encode(Message{Card: &one}), "side: 2", "binding: "+hex.EncodeToString(binding[:]))
	add("channel_first", "channel", "ok", "FACE-3", "the first frame from the host", channelOf(true).Seal(encode(Message{Yes: true})),
		"isk: 010203 and zeros", "kem: 040506", "host: 07 and zeros", "visitor: 08 and zeros")
	return all
}

func TestVectors(t *testing.T) {
	vector.Run(t, "../../docs/spec/testdata/face", *update, cases(), func(t *testing.T, v vector.Vector) {
		data, kind := v.Data, agreement.ErrFrame
		var err error
		if v.Input("type") == "channel" {
			if data, err = channelOf(false).Open(data); err != nil {
				t.Fatal(err)
			}
		}
		m, err := decode(data)
		if err == nil && v.Input("type") == "card" {
			kind, err = ErrProof, m.Card.Check(channelOf(false), Side(v.Input("side")[0]-'0'))
			binding := channelOf(false).Binding()
			if hex.EncodeToString(binding[:]) != v.Input("binding") {
				t.Errorf("the binding is %x", binding)
			}
		}
		switch {
		case v.Expect == "ok" && (err != nil || !bytes.Equal(encode(m), data)):
			t.Errorf("written again it is %x, %v", encode(m), err)
		case v.Expect != "ok" && !errors.Is(err, kind):
			t.Errorf("it was not refused by %q: %v", v.Expect, err)
		}
		if !slices.Contains([]string{"ok", "message", "proof"}, v.Expect) {
			t.Errorf("a vector expects %q", v.Expect)
		}
	})
}
