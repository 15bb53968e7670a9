package reconcile

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"slices"
	"testing"

	"muster.example/internal/repotest/vector"
	"muster.example/internal/wire"
)

var update = flag.Bool("update", false, "write the test vectors anew")

// some makes up items, of which two have one time.
func some(n int) []Item {
	items := make([]Item, n)
	for i := range items {
		items[i] = Item{Time: uint64(1000 * (i / 2)), ID: sha256.Sum256([]byte{byte(i)})}
	}
	slices.SortFunc(items, Item.Compare)
	return items
}

func layout(items []Item) (data []byte) {
	for _, i := range items {
		data = append(binary.BigEndian.AppendUint64(data, i.Time), i.ID[:]...)
	}
	return data
}

// cases are the vectors of docs/spec/testdata/sync.
func cases() map[string]vector.Vector {
	all := make(map[string]vector.Vector)
	add := func(name, kind, expect, rule, comment string, data []byte, inputs ...string) {
		all[name] = vector.Vector{Expect: expect, Rule: "[" + rule + "]", Comment: comment, Inputs: append([]string{"type: " + kind}, inputs...), Data: data}
	}
	key := sha256.Sum256([]byte("key"))
	step := func(n uint64) *uint64 { return &n }
	print := NewSet(key, some(3)).print(0, 3)
	frame := func(name, expect, rule, comment string, ranges ...wireRange) {
		add("frame_"+name, "frame", expect, rule, comment, wire.Encode(ranges))
	}
	names := join([]Name{some(2)[0].Name(), some(2)[1].Name()})
	last := wireRange{Prefix: []byte{}, Data: []byte{}}
	of := func(change func(*wireRange)) wireRange { w := last; change(&w); return w }
	frame("kinds", "ok", "SYNC-5", "a range of each kind",
		wireRange{Step: step(0), Prefix: []byte{1}, Data: []byte{}}, wireRange{Step: step(1), Prefix: []byte{}, Kind: kindPrint, Count: 3, Data: print[:]},
		wireRange{Step: step(5), Prefix: []byte{0, 7}, Kind: kindNames, Data: names},
		wireRange{Step: step(1 << 40), Prefix: []byte{}, Kind: kindDifference, Count: 1, Data: names},
		wireRange{Prefix: []byte{}, Kind: kindAll, Count: 9, Data: []byte{}})
	frame("nothing", "decode", "SYNC-4", "no range")
	frame("back", "decode", "SYNC-4", "an end that is the beginning", wireRange{Step: step(0), Prefix: []byte{}, Data: []byte{}}, last)
	frame("after", "decode", "SYNC-4", "a range after the end", last, last)
	frame("zeros", "decode", "SYNC-4", "a prefix with a zero behind", wireRange{Step: step(1), Prefix: []byte{1, 0}, Data: []byte{}})
	frame("overflow", "decode", "SYNC-4", "a time beyond 64 bits", wireRange{Step: step(2), Prefix: []byte{}, Data: []byte{}},
		wireRange{Step: step(1<<64 - 1), Prefix: []byte{}, Data: []byte{}})
	frame("end", "decode", "SYNC-4", "the end with a prefix", of(func(w *wireRange) { w.Prefix = []byte{1} }))
	frame("kind", "decode", "SYNC-5", "an unknown kind", of(func(w *wireRange) { w.Kind = 5 }))
	frame("same", "decode", "SYNC-5", "kind 0 with a count", of(func(w *wireRange) { w.Count = 1 }))
	frame("print", "decode", "SYNC-5", "a fingerprint of 15 bytes", of(func(w *wireRange) { w.Kind, w.Count, w.Data = kindPrint, 1, print[1:] }))
	frame("empty", "decode", "SYNC-5", "a fingerprint of no items", of(func(w *wireRange) { w.Kind, w.Data = kindPrint, print[:] }))
	frame("name", "decode", "SYNC-5", "half a name", of(func(w *wireRange) { w.Kind, w.Data = kindNames, names[:24] }))
	frame("twice", "decode", "SYNC-5", "a name twice", of(func(w *wireRange) { w.Kind, w.Data = kindNames, slices.Concat(names[:16], names[:16]) }))
	frame("lacks", "decode", "SYNC-5", "three of two names lacking", of(func(w *wireRange) { w.Kind, w.Count, w.Data = kindDifference, 3, names }))
	frame("agree", "decode", "SYNC-5", "a difference that is none", of(func(w *wireRange) { w.Kind = kindDifference }))
	frame("all", "decode", "SYNC-5", "all of nothing", of(func(w *wireRange) { w.Kind = kindAll }))
	add("frame_trailing", "frame", "decode", "SYNC-4", "a byte behind the frame", append(wire.Encode([]wireRange{last}), 0))

	add("print_three", "print", "ok", "SYNC-2", "the fingerprint of three items", slices.Concat(key[:], layout(some(3)), print[:]))
	missing := []Missing{{From: Bound{}, To: between(some(4)[1], some(4)[2])}, {From: between(some(4)[2], some(4)[3]), To: End, Names: []Name{some(4)[3].Name()}}}
	add("missing_two", "missing", "ok", "SYNC-9", "a range of which all is asked for, and one item of another", EncodeMissing(missing))
	add("missing_none", "missing", "decode", "SYNC-9", "no range", EncodeMissing(nil))
	add("missing_back", "missing", "decode", "SYNC-9", "a range that ends before it begins", EncodeMissing([]Missing{{From: End, To: Bound{}}}))
	var d Digest
	for _, i := range some(3) {
		d.Add(i.ID)
	}
	digest := d.Print(key)
	add("digest_three", "digest", "ok", "SYNC-8", "the digest of three items, as it is told", slices.Concat(key[:], layout(some(3)), digest[:]))
	for name, c := range map[string]struct {
		rule, comment string
		asks, answers []Item
	}{
		"same":       {"SYNC-6", "equal sets", some(40), some(40)},
		"difference": {"SYNC-6", "few items, of which some are on one side alone", some(6)[:5], some(6)[1:]},
		"all":        {"SYNC-6", "nothing on the asking side", nil, some(5)},
		"names":      {"SYNC-3", "parts whose items are few are answered by names", some(64), some(60)},
	} {
		question := NewSession(NewSet(key, slices.Clone(c.asks)), Bound{}).Ask()
		answer, err := Answer(NewSet(key, slices.Clone(c.answers)), question)
		if err != nil {
			panic(err)
		}
		add("answer_"+name, "answer", "ok", c.rule, c.comment, question,
			"key: "+hex.EncodeToString(key[:]), "items: "+hex.EncodeToString(layout(c.answers)), "answer: "+hex.EncodeToString(answer))
	}
	return all
}

func TestVectors(t *testing.T) {
	vector.Run(t, "../../docs/spec/testdata/sync", *update, cases(), func(t *testing.T, v vector.Vector) {
		switch v.Input("type") {
		case "frame":
			said, err := decode(v.Data)
			switch {
			case v.Expect == "decode" && !errors.Is(err, ErrFrame):
				t.Errorf("it was not refused: %v", err)
			case v.Expect == "ok" && err != nil:
				t.Error(err)
			case v.Expect == "ok" && !bytes.Equal(encode(said), v.Data):
				t.Errorf("written again it is %x", encode(said))
			}
		case "print":
			items := v.Data[32 : len(v.Data)-PrintSize]
			set := NewSet([32]byte(v.Data), parse(t, items))
			if print := set.print(0, set.Len()); !bytes.Equal(print[:], v.Data[32+len(items):]) {
				t.Errorf("the fingerprint is %x", print)
			}
		case "missing":
			all, err := DecodeMissing(v.Data)
			switch {
			case v.Expect == "decode" && !errors.Is(err, ErrFrame):
				t.Errorf("it was not refused: %v", err)
			case v.Expect == "ok" && (err != nil || !bytes.Equal(EncodeMissing(all), v.Data)):
				t.Errorf("read and written again it is %x, %v", EncodeMissing(all), err)
			}
		case "digest":
			items := v.Data[32 : len(v.Data)-PrintSize]
			var d Digest
			for _, i := range parse(t, items) {
				d.Add(i.ID)
			}
			if print := d.Print([32]byte(v.Data)); !bytes.Equal(print[:], v.Data[32+len(items):]) {
				t.Errorf("the digest is %x", print)
			}
		case "answer":
			key, items := unhex(t, v.Input("key")), unhex(t, v.Input("items"))
			answer, err := Answer(NewSet([32]byte(key), parse(t, items)), v.Data)
			if err != nil || !bytes.Equal(answer, unhex(t, v.Input("answer"))) {
				t.Errorf("the answer is %x, %v", answer, err)
			}
		}
	})
}

func parse(t *testing.T, data []byte) (items []Item) {
	t.Helper()
	for ; len(data) >= 40; data = data[40:] {
		items = append(items, Item{Time: binary.BigEndian.Uint64(data), ID: [32]byte(data[8:])})
	}
	return items
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
