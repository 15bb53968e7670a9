package segment

import (
	"errors"
	"flag"
	"testing"
	"testing/cryptotest"

	"muster.example/internal/repotest/vector"
)

var update = flag.Bool("update", false, "write the test vectors anew")

// The layers that refuse a vector of this spec.
var layers = map[string]error{"form": ErrForm, "signature": ErrSignature, "chain": ErrChain, "damaged": ErrDamaged, "missing": ErrMissing, "open": ErrOpen, "key": ErrKey}

// A vector is a segment, the head that the chain stands at before it, and the archive's private key. Encapsulations are
// seeded: the bytes come out alike as long as the Go version stays.
func TestVectors(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 16)
	cases := make(map[string]vector.Vector)
	first, head := mustWrite(t, Writing{After: begin(), Number: 1, Made: 5000, Items: some("one", "two")})
	second, _ := mustWrite(t, Writing{After: head.Head, Number: 2, Made: 6000, Items: some("three")})
	add := func(name, expect, rule, comment, after string, data []byte) {
		cases["segment_"+name] = vector.Vector{Expect: expect, Rule: rule, Comment: comment, Inputs: []string{"after: " + after,
			"key: 32 bytes 01"}, Data: data}
	}
	const none = "nothing"
	change := func(at int) []byte {
		changed := append([]byte(nil), first...)
		changed[at] ^= 1
		return changed
	}
	add("ok_first", "ok", "[ARC-40], [ARC-41], [ARC-42], [ARC-43]", "the first of a chain, with two items", none, first)
	add("ok_second", "ok", "[ARC-45]", "the next, with one item", head.Text(), second)
	add("magic", "form", "[ARC-40]", "another first byte", none, change(0))
	add("short", "form", "[ARC-40]", "cut off in the index", none, first[:600])
	add("index", "form", "[ARC-41]", "another bit in the index", none, change(len(magic)+8+40))
	add("no_items", "form", "[ARC-41]", "no item", none, resign(t, first, func(x *Index) { x.Items = nil; x.First = 2 }))
	add("number", "form", "[ARC-41]", "its number is not above that of the one before", none, resign(t, first, func(x *Index) { x.Before = 1 }))
	add("signature", "signature", "[ARC-44]", "another bit in the signature of the head", none, change(itemsAt(t, first)-1))
	add("item", "damaged", "[ARC-42]", "another bit in the last item", none, change(len(first)-1))
	add("cut", "missing", "[ARC-42]", "the last byte of the last item is missing", none, first[:len(first)-1])
	add("reordered", "chain", "[ARC-45]", "the second in the place of the first", none, second)
	add("again", "chain", "[ARC-45]", "the first in the place of the second", head.Text(), first)
	add("seal", "open", "[ARC-43]", "an encapsulation of another key of the items", none, resign(t, first, func(x *Index) {
		x.Encapsulation = append([]byte(nil), x.Encapsulation...)
		x.Encapsulation[0] ^= 1
	}))
	add("key", "key", "[ARC-43]", "sealed to another key of the archive", none, resign(t, first, func(x *Index) { x.Key[0] ^= 1 }))
	vector.Run(t, "../../../docs/spec/testdata/segment", *update, cases, checkVector)
}

func itemsAt(t testing.TB, data []byte) int {
	read, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return len(data) - len(read.items)
}

func checkVector(t *testing.T, v vector.Vector) {
	err := readVector(t, v)
	if v.Expect == "ok" && err != nil || v.Expect != "ok" && !errors.Is(err, layers[v.Expect]) {
		t.Errorf("%v, want %s", err, v.Expect)
	}
}

func readVector(t *testing.T, v vector.Vector) error {
	after := begin()
	if text := v.Input("after"); text != "nothing" {
		signed, err := ParseHead(text)
		if err != nil {
			t.Fatal(err)
		}
		after = signed.Head
	}
	read, err := Parse(v.Data)
	if err != nil {
		return err
	}
	if err := read.Follows(after); err != nil {
		return err
	}
	opener, err := read.Opener(archiveKey(t, 1))
	if err != nil {
		return err
	}
	for place := range read.Items {
		if _, err := opener.Open(place); err != nil {
			return err
		}
	}
	return nil
}
