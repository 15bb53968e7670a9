package replicated

import (
	"bytes"
	"testing"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// exampleRecord has one of each.
func exampleRecord() record {
	list := make([]byte, 2*keys.PublicKeySize)
	list[keys.PublicKeySize] = 1
	whole := []part{{Seq: 7, Offset: 3, Length: 100 + sealOverhead}}
	return record{
		Lists: [][]byte{list},
		Items: []note{
			{ID: keys.EnvelopeID{1}, Org: keys.OrgID{2}, Kind: 1, Payer: keys.MemberID{3}, Size: 100, Expires: 1 << 31, Token: 9, Key: 4, Parts: whole, Groups: []group{{Except: []uint32{1}}}},
			{ID: keys.EnvelopeID{5}, Org: keys.OrgID{2}, Kind: 2, Size: 10, Of: 1 << 24, Groups: []group{{}}},
		},
		States: []note{{ID: keys.EnvelopeID{6}, Kind: 3, Size: 100, Of: 1 << 24, Parts: whole, Groups: []group{{Number: 1 << 24}, {Number: 2 << 24}}}},
		Acks:   []acked{{Device: keys.PublicKey{8}, Numbers: []uint64{1 << 24, 3 << 24}}},
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(wire.Encode(exampleRecord()))
	f.Add(wire.Encode(record{Acks: exampleRecord().Acks}))
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRecord(data)
		if err != nil {
			return
		}
		if again := wire.Encode(r); !bytes.Equal(again, data) {
			t.Errorf("%x parses, and encodes to %x", data, again)
		}
		for _, notes := range [][]note{r.Items, r.States} {
			for i := range notes {
				for j := range notes[i].Groups {
					n := 0
					r.devices(&notes[i].Groups[j], func(keys.PublicKey) { n++ })
					if n == 0 {
						t.Error("a group of nobody")
					}
				}
			}
		}
	})
}

func FuzzRing(f *testing.F) {
	f.Add([]byte{})
	f.Add(ring{0: {1}, 5: {2}}.marshal([]uint32{0, 5}))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := parseRing(data)
		if err != nil {
			return
		}
		indexes := make([]uint32, 0, len(r))
		for at := 0; at < len(data); at += ringEntry {
			indexes = append(indexes, uint32(data[at])<<24|uint32(data[at+1])<<16|uint32(data[at+2])<<8|uint32(data[at+3]))
		}
		if again := r.marshal(indexes); !bytes.Equal(again, data) {
			t.Errorf("%x parses, and encodes to %x", data, again)
		}
	})
}

// Each fault alone makes a record one that is refused.
func TestRecordsAreReadStrictly(t *testing.T) {
	if _, err := parseRecord(wire.Encode(exampleRecord())); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(r *record){
		"nothing":                    func(r *record) { *r = record{} },
		"a list of no devices":       func(r *record) { r.Lists[0] = nil },
		"half a device":              func(r *record) { r.Lists[0] = r.Lists[0][:40] },
		"a device twice":             func(r *record) { clear(r.Lists[0]) },
		"no kind":                    func(r *record) { r.Items[0].Kind = 0 },
		"a kind of later":            func(r *record) { r.Items[0].Kind = 5 },
		"a body of another length":   func(r *record) { r.Items[0].Size++ },
		"a body nowhere":             func(r *record) { r.Items[0].Parts = nil },
		"a gain with a body":         func(r *record) { r.Items[1].Parts = r.Items[0].Parts },
		"for nobody":                 func(r *record) { r.Items[0].Groups = nil },
		"for all but all":            func(r *record) { r.Items[0].Groups[0].Except = []uint32{0, 1} },
		"without who is not there":   func(r *record) { r.Items[0].Groups[0].Except = []uint32{2} },
		"a list that is not there":   func(r *record) { r.Items[0].Groups[0].List = 1 },
		"an item with a number":      func(r *record) { r.Items[0].Groups[0].Number = 1 },
		"a state without a number":   func(r *record) { r.States[0].Of = 0 },
		"groups out of order":        func(r *record) { r.States[0].Groups[1].Number = 1 },
		"acknowledgement of nothing": func(r *record) { r.Acks[0].Numbers = nil },
	} {
		r := exampleRecord()
		spoil(&r)
		if _, err := parseRecord(wire.Encode(r)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
