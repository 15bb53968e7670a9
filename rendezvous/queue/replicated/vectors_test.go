package replicated

import (
	"bytes"
	"encoding/binary"
	"flag"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/repotest/vector"
	"muster.example/internal/wire"
)

var update = flag.Bool("update", false, "write the vectors anew")

// The key of the vectors of sealed bodies, and the item that they are of.
var (
	vectorKey = bodyKey(bytes.Repeat([]byte{0x4b}, 32))
	vectorID  = keys.EnvelopeID(bytes.Repeat([]byte{0x1d}, 32))
)

func TestVectors(t *testing.T) {
	vector.Run(t, "../../../docs/spec/testdata/cluster", *update, vectorCases(t), func(t *testing.T, v vector.Vector) {
		again, err := []byte(nil), error(nil)
		switch v.Input("object") {
		case "record":
			var r record
			if r, err = parseRecord(v.Data); err == nil {
				again = wire.Encode(r)
			}
		case "keys":
			var r ring
			if r, err = parseRing(v.Data); err == nil {
				var indexes []uint32
				for at := 0; at < len(v.Data); at += ringEntry {
					indexes = append(indexes, binary.BigEndian.Uint32(v.Data[at:]))
				}
				again = r.marshal(indexes)
			}
		case "body":
			var body []byte
			if body, err = vectorKey.open(vectorID, 1, v.Data); err == nil {
				again, err = vectorKey.seal(nil, vectorID, 1, body)
			}
		default:
			t.Fatalf("object %q", v.Input("object"))
		}
		switch ok := v.Expect == "ok"; {
		case ok && (err != nil || !bytes.Equal(again, v.Data)):
			t.Errorf("%v, written again as %x", err, again)
		case !ok && err == nil:
			t.Error("accepted")
		}
	})
}

func vectorCases(t *testing.T) map[string]vector.Vector {
	all := make(map[string]vector.Vector)
	add := func(name, object, expect, rule, comment string, data []byte) {
		all[name] = vector.Vector{Expect: expect, Rule: rule, Comment: comment, Inputs: []string{"object: " + object}, Data: data}
	}
	spoilt := func(name, comment string, spoil func(r *record)) {
		r := exampleRecord()
		spoil(&r)
		add(name, "record", "decode", "[STO-82]", comment, wire.Encode(r))
	}
	add("record_whole", "record", "ok", "[STO-82]", "an item, a gain, a state and an acknowledgement", wire.Encode(exampleRecord()))
	add("record_acks", "record", "ok", "[STO-82]", "an acknowledgement alone", wire.Encode(record{Acks: exampleRecord().Acks}))
	add("record_trailing", "record", "decode", "[STO-82]", "a byte too many", append(wire.Encode(exampleRecord()), 0))
	spoilt("record_empty", "nothing", func(r *record) { *r = record{} })
	spoilt("record_order", "a list with a device twice", func(r *record) { clear(r.Lists[0]) })
	spoilt("record_list", "a list that is not there", func(r *record) { r.Items[0].Groups[0].List = 1 })
	spoilt("record_nobody", "an item for all but all", func(r *record) { r.Items[0].Groups[0].Except = []uint32{0, 1} })
	spoilt("record_kind", "a kind of later", func(r *record) { r.Items[0].Kind = 5 })
	spoilt("record_parts", "parts that are longer than the body", func(r *record) { r.Items[0].Size-- })
	spoilt("record_gain", "a gain with a body", func(r *record) { r.Items[1].Parts = r.Items[0].Parts })
	spoilt("record_state", "a state without a number", func(r *record) { r.States[0].Of = 0 })

	add("keys_left", "keys", "ok", "[STO-84]", "two keys that are left of more", ring{1: {1}, 7: {2}}.marshal([]uint32{1, 7}))
	add("keys_order", "keys", "decode", "[STO-84]", "keys out of order", ring{1: {1}, 7: {2}}.marshal([]uint32{7, 1}))
	add("keys_short", "keys", "decode", "[STO-84]", "half a key", make([]byte, 20))

	sealed, err := vectorKey.seal(nil, vectorID, 1, []byte("a sealed envelope"))
	if err != nil {
		t.Fatal(err)
	}
	add("body_sealed", "body", "ok", "[STO-84]", "under 32 bytes 4b, for the item of 32 bytes 1d and kind 1", sealed)
	other, err := vectorKey.seal(nil, vectorID, 2, []byte("a sealed envelope"))
	if err != nil {
		t.Fatal(err)
	}
	add("body_kind", "body", "decode", "[STO-84]", "sealed as another kind", other)
	add("body_cut", "body", "decode", "[STO-84]", "cut off", sealed[:len(sealed)-1])
	return all
}
