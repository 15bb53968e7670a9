package mesh

import (
	"bytes"
	"flag"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/repotest/vector"
)

var update = flag.Bool("update", false, "write the vectors of the spec anew")

// makeVectors returns a frame of each kind, and such as have one fault.
func makeVectors() map[string]vector.Vector {
	cases := make(map[string]vector.Vector)
	add := func(name, expect, rule, comment string, data []byte) {
		cases["frame_"+name] = vector.Vector{Expect: expect, Rule: "[" + rule + "]", Comment: comment, Data: data}
	}
	for name, f := range some() {
		add(name, "ok", "MSH-3", "one that is right: "+name, f.Bytes())
	}
	add("short", "frame", "MSH-2", "a kind without a body", []byte{byte(KindPing)})
	add("ping_long", "frame", "MSH-3", "a ping of more than 32 bytes", Frame{KindPing, make([]byte, maxSmall+1)}.Bytes())
	add("ask_long", "frame", "MSH-3", "an ask of more than 2,576 bytes", Frame{KindAsk, make([]byte, maxAsk+1)}.Bytes())
	add("hello_version", "body", "MSH-4", "version 2", Hello{Version: 2}.Frame().Bytes())
	add("hello_state", "body", "MSH-4", "a state that there is not", Hello{Version: Version, State: 3}.Frame().Bytes())
	add("presence_state", "body", "MSH-20", "a state that there is not", Presence{State: 3}.Frame().Bytes())
	add("known_checkpoint", "body", "MSH-8", "entries without a checkpoint", Known{Size: 3, Entries: [][]byte{{1}}}.Frame().Bytes())
	add("known_entries", "body", "MSH-8", "two entries of a roll of one",
		Known{Size: 1, Checkpoint: []byte{1}, Entries: [][]byte{{1}, {2}}}.Frame().Bytes())
	add("prekeys_none", "body", "MSH-10", "no prekey", Prekeys{}.Frame().Bytes())
	add("prekeys_empty", "body", "MSH-10", "a prekey of no bytes", Prekeys{List: []Prekey{{Device: device(1)}}}.Frame().Bytes())
	add("ask_order", "body", "MSH-11", "devices out of order", Ask{Devices: []keys.PublicKey{device(2), device(1)}}.Frame().Bytes())
	add("ask_twice", "body", "MSH-11", "a device named twice", Ask{Devices: []keys.PublicKey{device(2), device(2)}}.Frame().Bytes())
	add("ping_form", "body", "MSH-7", "false written out", []byte{byte(KindPing), 0xa2, 0x01, 0x03, 0x02, 0xf4})
	for name, wrong := range wrongOfCarriers() {
		if name != "offers_many" && name != "offer_crowd" && name != "handing_long" { // long, and no more than a count
			add(name, "body", wrong.rule, "of carriers: "+name, wrong.f.Bytes())
		}
	}
	return cases
}

func TestVectors(t *testing.T) {
	vector.Run(t, "../../docs/spec/testdata/mesh", *update, makeVectors(), func(t *testing.T, v vector.Vector) {
		layer := "frame"
		f, err := Parse(v.Data)
		if err == nil {
			layer = "body"
			f, err = reread(f)
		}
		if err == nil {
			layer = "ok"
			if !bytes.Equal(f.Bytes(), v.Data) {
				t.Errorf("it is written again as %x", f.Bytes())
			}
		}
		if layer != v.Expect {
			t.Errorf("got %q, %v, want %q", layer, err, v.Expect)
		}
	})
}
