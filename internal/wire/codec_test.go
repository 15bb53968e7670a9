package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// sample is a message with each shape that messages use. docs/spec/02-wire.md gives it for the vectors.
type sample struct {
	Number uint64    `cbor:"1,keyasint"`
	Bytes  []byte    `cbor:"2,keyasint"`
	Text   string    `cbor:"3,keyasint"`
	List   []int64   `cbor:"4,keyasint,omitempty"`
	Pair   *pair     `cbor:"5,keyasint,omitempty"`
	Fixed  [4]byte   `cbor:"6,keyasint,omitzero"`
	Nested []*sample `cbor:"7,keyasint,omitempty"`
	Truth  bool      `cbor:"8,keyasint,omitempty"`
}

// pair is an array of two.
type pair struct {
	_     struct{} `cbor:",toarray"`
	Left  uint64
	Right []byte
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestEncodeIsExact(t *testing.T) {
	for name, test := range map[string]struct {
		value sample
		want  string
	}{
		"zero": {sample{}, "a3 01 00 02 40 03 60"},
		"full": {
			sample{Number: 256, Bytes: []byte{1}, Text: "é", List: []int64{-1, 24}, Pair: &pair{Left: 1}, Fixed: [4]byte{9}, Truth: true},
			"a7 01 190100 02 4101 03 62c3a9 04 82 20 1818 05 82 01 40 06 4409000000 08 f5",
		},
	} {
		want := unhex(t, test.want)
		got := Encode(test.value)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %x, want %x", name, got, want)
		}
		var back sample
		if err := Decode(got, &back); err != nil {
			t.Errorf("%s does not decode: %v", name, err)
		}
	}
}

func TestNilIsEmptyAndNullIsRefused(t *testing.T) {
	if got := Encode([]any{[]byte(nil), []int(nil), map[int]int(nil)}); !bytes.Equal(got, unhex(t, "83 40 80 a0")) {
		t.Errorf("nil containers are encoded as %x", got)
	}
	for name, text := range map[string]string{
		"bytes": "a3 01 00 02 f6 03 60", "text": "a3 01 00 02 40 03 f6", "number": "a3 01 f6 02 40 03 60",
		"list": "a4 01 00 02 40 03 60 04 f6", "optional": "a4 01 00 02 40 03 60 05 f6", "undefined": "a3 01 00 02 f7 03 60",
		"inside an array": "a4 01 00 02 40 03 60 05 82 01 f6",
	} {
		if err := Decode(unhex(t, text), new(sample)); !errors.Is(err, ErrDecode) {
			t.Errorf("null for %s: %v, want ErrDecode", name, err)
		}
	}
}

func TestEncodePanicsOnlyOnTypesWithoutAForm(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a channel was encoded")
		}
	}()
	Encode(make(chan int))
}

func drawSample(t *rapid.T, depth int) *sample {
	s := &sample{
		Number: rapid.Uint64().Draw(t, "number"),
		Bytes:  rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes"),
		Text:   rapid.String().Draw(t, "text"),
		List:   rapid.SliceOfN(rapid.Int64(), 0, 5).Draw(t, "list"),
		Truth:  rapid.Bool().Draw(t, "truth"),
	}
	copy(s.Fixed[:], rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "fixed"))
	if rapid.Bool().Draw(t, "paired") {
		s.Pair = &pair{Left: rapid.Uint64().Draw(t, "left"), Right: []byte{1}}
	}
	if depth > 0 {
		for range rapid.IntRange(0, 2).Draw(t, "children") {
			s.Nested = append(s.Nested, drawSample(t, depth-1))
		}
	}
	return s
}

func TestWhatIsEncodedDecodesToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawSample(t, 2)
		if !validText(want) {
			t.Skip("Go strings may hold what no text is")
		}
		data := Encode(want)
		var got sample
		if err := Decode(data, &got); err != nil {
			t.Fatal(err)
		}
		if again := Encode(got); !bytes.Equal(again, data) {
			t.Fatalf("%x became %x", data, again)
		}
		if got.Number != want.Number || got.Text != want.Text || !bytes.Equal(got.Bytes, want.Bytes) || len(got.Nested) != len(want.Nested) {
			t.Fatal(cmp.Diff(want.Number, got.Number))
		}
	})
}

func validText(s *sample) bool {
	for _, child := range s.Nested {
		if !validText(child) {
			return false
		}
	}
	return strings.ToValidUTF8(s.Text, "") == s.Text
}

// Bytes that are one bit off are refused or mean something else; they never decode to the same message.
func TestEveryBitCounts(t *testing.T) {
	data := Encode(sample{Number: 1 << 40, Bytes: []byte("bytes"), Text: "text", List: []int64{1, -300}, Pair: &pair{Left: 7}})
	for i := range len(data) * 8 {
		flipped := bytes.Clone(data)
		flipped[i/8] ^= 1 << (i % 8)
		var got sample
		if err := Decode(flipped, &got); err == nil && bytes.Equal(Encode(got), data) {
			t.Errorf("bit %d does not count", i)
		}
	}
	for cut := range len(data) {
		if err := Decode(data[:cut], new(sample)); !errors.Is(err, ErrDecode) {
			t.Errorf("the first %d bytes decode: %v", cut, err)
		}
	}
}

func TestCaps(t *testing.T) {
	deep := func(levels int) []byte {
		return append(bytes.Repeat([]byte{0x81}, levels), 0x00)
	}
	if err := Decode(deep(maxNesting), new(any)); err != nil {
		t.Errorf("%d levels: %v", maxNesting, err)
	}
	if err := Decode(deep(maxNesting+1), new(any)); !errors.Is(err, ErrDecode) {
		t.Errorf("%d levels: %v, want ErrDecode", maxNesting+1, err)
	}
	if err := Decode(Encode(make([]uint64, maxElements)), new([]uint64)); err != nil {
		t.Errorf("%d elements: %v", maxElements, err)
	}
	if err := Decode(Encode(make([]uint64, maxElements+1)), new([]uint64)); !errors.Is(err, ErrDecode) {
		t.Errorf("%d elements: %v, want ErrDecode", maxElements+1, err)
	}
	pairs := make(map[uint64]bool)
	for i := range uint64(maxPairs) {
		pairs[i] = true
	}
	if err := Decode(Encode(pairs), new(map[uint64]bool)); err != nil {
		t.Errorf("%d pairs: %v", maxPairs, err)
	}
	pairs[maxPairs] = true
	if err := Decode(Encode(pairs), new(map[uint64]bool)); !errors.Is(err, ErrDecode) {
		t.Errorf("%d pairs: %v, want ErrDecode", maxPairs+1, err)
	}
	// A length that is a lie must cost nothing: this array says that it has 2^32-1 elements.
	if err := Decode(unhex(t, "9affffffff"), new([]uint64)); !errors.Is(err, ErrDecode) {
		t.Errorf("a huge array: %v, want ErrDecode", err)
	}
	if err := Decode(unhex(t, "5affffffff"), new([]byte)); !errors.Is(err, ErrDecode) {
		t.Errorf("huge bytes: %v, want ErrDecode", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(Encode(sample{}))
	f.Add(Encode(sample{Number: 1, Bytes: []byte{1}, Text: "é", List: []int64{-1}, Pair: &pair{}, Nested: []*sample{{}}}))
	f.Add([]byte{0xa1, 0x18, 0x01, 0x00})
	f.Fuzz(func(t *testing.T, data []byte) {
		var got sample
		if err := Decode(data, &got); err != nil {
			if !errors.Is(err, ErrDecode) {
				t.Errorf("%v does not wrap ErrDecode", err)
			}
			return
		}
		if again := Encode(got); !bytes.Equal(again, data) {
			t.Errorf("%x re-encodes to %x", data, again)
		}
	})
}
