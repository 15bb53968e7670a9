package wire

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"strconv"
	"testing"

	"muster.example/internal/repotest/vector"
)

var update = flag.Bool("update", false, "write the test vectors anew")

// The layers that refuse a vector of this spec.
const (
	layerDecode   = "decode"
	layerFrame    = "frame"
	layerTooLarge = "size"
)

func TestVectors(t *testing.T) {
	cases := make(map[string]vector.Vector)
	message := func(name, expect, rule, comment, data string) {
		cases["message_"+name] = vector.Vector{Expect: expect, Rule: rule, Comment: comment, Data: unhex(t, data)}
	}
	stream := func(name, expect, comment, data string) {
		cases["frame_"+name] = vector.Vector{Expect: expect, Rule: "[WIRE-4]", Comment: comment,
			Inputs: []string{"max: 8"}, Data: unhex(t, data)}
	}
	message("ok_smallest", "ok", "[WIRE-1]", "the zero message: required fields only", "a3 01 00 02 40 03 60")
	message("ok_full", "ok", "[WIRE-1]", "every field set",
		"a8 01 1b8000000000000000 02 43010203 03 62c3a9 04 83 00 20 1903e8 05 82 01 41ff 06 44deadbeef 07 81 a3010002400360 08 f5")
	message("integer_not_shortest", layerDecode, "[WIRE-2]", "field 1 holds 0 in two bytes", "a3 01 1800 02 40 03 60")
	message("key_not_shortest", layerDecode, "[WIRE-2]", "key 1 is written in two bytes", "a3 1801 00 02 40 03 60")
	message("length_not_shortest", layerDecode, "[WIRE-2]", "the empty bytes have a length in two bytes", "a3 01 00 02 5800 03 60")
	message("keys_out_of_order", layerDecode, "[WIRE-2]", "key 2 before key 1", "a3 02 40 01 00 03 60")
	message("key_repeated", layerDecode, "[WIRE-2]", "key 1 twice", "a4 01 00 01 00 02 40 03 60")
	message("key_unknown", layerDecode, "[WIRE-2]", "key 9", "a4 01 00 02 40 03 60 09 00")
	message("key_text", layerDecode, "[WIRE-2]", "a key that is text", "a4 01 00 02 40 03 60 6131 00")
	message("key_missing", layerDecode, "[WIRE-2]", "required field 3 is missing", "a2 01 00 02 40")
	message("optional_empty", layerDecode, "[WIRE-2]", "optional field 4 is there and empty", "a4 01 00 02 40 03 60 04 80")
	message("map_indefinite", layerDecode, "[WIRE-2]", "a map of indefinite length", "bf 01 00 02 40 03 60 ff")
	message("bytes_indefinite", layerDecode, "[WIRE-2]", "bytes in chunks", "a3 01 00 02 5f 4101 ff 03 60")
	message("tag", layerDecode, "[WIRE-2]", "a tag around field 1", "a3 01 c1 00 02 40 03 60")
	message("null", layerDecode, "[WIRE-2]", "null where bytes are expected", "a3 01 00 02 f6 03 60")
	message("null_optional", layerDecode, "[WIRE-2]", "null for an optional field", "a4 01 00 02 40 03 60 05 f6")
	message("float", layerDecode, "[WIRE-2]", "the float 1.0 where an integer is expected", "a3 01 f93c00 02 40 03 60")
	message("text_not_utf8", layerDecode, "[WIRE-2]", "text that is not UTF-8", "a3 01 00 02 40 03 61ff")
	message("text_for_bytes", layerDecode, "[WIRE-2]", "text where bytes are expected", "a3 01 00 02 6161 03 60")
	message("fixed_short", layerDecode, "[WIRE-2]", "three bytes for field 6, which has four", "a4 01 00 02 40 03 60 06 43010203")
	message("fixed_long", layerDecode, "[WIRE-2]", "five bytes for field 6, which has four", "a4 01 00 02 40 03 60 06 450102030405")
	message("array_short", layerDecode, "[WIRE-2]", "field 5 with one element, which has two", "a4 01 00 02 40 03 60 05 81 01")
	message("array_long", layerDecode, "[WIRE-2]", "field 5 with three elements, which has two", "a4 01 00 02 40 03 60 05 83 01 40 00")
	message("number_negative", layerDecode, "[WIRE-2]", "a negative number where none can be", "a3 01 20 02 40 03 60")
	message("trailing", layerDecode, "[WIRE-2]", "a byte after the message", "a3 01 00 02 40 03 60 00")
	message("cut", layerDecode, "[WIRE-2]", "the last byte is missing", "a3 01 00 02 40 03")
	message("empty", layerDecode, "[WIRE-2]", "no bytes", "")
	message("too_deep", layerDecode, "[WIRE-3]", "field 7 nested beyond eight levels",
		"a4010002400360 0781 a4010002400360 0781 a4010002400360 0781 a4010002400360 0781 a3010002400360")
	message("too_many_elements", layerDecode, "[WIRE-3]", "field 4 claims 65,537 elements", "a4 01 00 02 40 03 60 04 9a00010001 00")
	stream("ok_empty", "ok", "one frame of no bytes", "00")
	stream("ok_two", "ok", "two frames", "03616263 0164")
	stream("ok_largest", "ok", "a frame as large as the cap", "08 0102030405060708")
	stream("too_large", layerTooLarge, "a length of 9 where 8 are allowed", "09 010203040506070809")
	stream("length_six_bytes", layerTooLarge, "a length of more than five bytes", "808080808001")
	stream("length_not_minimal", layerFrame, "the length 1 in two bytes", "8100 61")
	stream("zero_not_minimal", layerFrame, "the length 0 in two bytes", "8000")
	stream("length_cut", layerFrame, "the stream ends within a length", "80")
	stream("payload_cut", layerFrame, "the stream ends within a payload", "03 6162")

	vector.Run(t, "../../docs/spec/testdata/wire", *update, cases, func(t *testing.T, v vector.Vector) {
		if v.Input("max") == "" {
			checkMessage(t, v)
			return
		}
		checkStream(t, v)
	})
}

func checkMessage(t *testing.T, v vector.Vector) {
	var got sample
	err := Decode(v.Data, &got)
	switch {
	case v.Expect == "ok" && err != nil:
		t.Fatal(err)
	case v.Expect == "ok" && !bytes.Equal(Encode(got), v.Data):
		t.Errorf("re-encodes to %x", Encode(got))
	case v.Expect == layerDecode && !errors.Is(err, ErrDecode):
		t.Errorf("got %+v, %v, want ErrDecode", got, err)
	}
}

func checkStream(t *testing.T, v vector.Vector) {
	limit, err := strconv.Atoi(v.Input("max"))
	if err != nil {
		t.Fatal(err)
	}
	reader := NewFrameReader(bytes.NewReader(v.Data), 16, limit)
	var again []byte
	for {
		payload, err := reader.Read()
		if err == nil {
			again = AppendFrame(again, payload)
			continue
		}
		tooLarge, malformed := errors.Is(err, ErrFrameSize), errors.Is(err, ErrDecode) || errors.Is(err, io.ErrUnexpectedEOF)
		switch {
		case v.Expect == "ok" && (err != io.EOF || !bytes.Equal(again, v.Data)):
			t.Errorf("framed again as %x, %v", again, err)
		case v.Expect == layerTooLarge && !tooLarge, v.Expect == layerFrame && !malformed:
			t.Errorf("got %v, want a refusal by %q", err, v.Expect)
		}
		return
	}
}
