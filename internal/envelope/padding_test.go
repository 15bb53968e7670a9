package envelope

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// [ENV-8]
func TestPaddedSize(t *testing.T) {
	for _, test := range []struct{ length, want int }{
		{0, 512}, {1, 512}, {512, 512}, {513, 544}, {544, 544}, {545, 576}, {1000, 1024}, {1025, 1088},
		{4096, 4096}, {4097, 4352}, {65537, 67584}, {1 << 20, 1 << 20}, {1<<20 + 1, 1<<20 + 1<<15},
	} {
		if got := paddedSize(test.length); got != test.want {
			t.Errorf("paddedSize(%d) = %d, want %d", test.length, got, test.want)
		}
	}
}

// [ENV-8]
func TestPaddedSizeGrowsLittleAndIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.IntRange(0, MaxEnvelope).Draw(t, "length")
		size := paddedSize(length)
		if size < length || size > max(minPadded, length+length*12/100) {
			t.Fatalf("paddedSize(%d) = %d", length, size)
		}
		if paddedSize(size) != size || !isPadded(size) {
			t.Fatalf("%d is not its own padded size", size)
		}
	})
}

// [ENV-8]
func TestUnpadRefusesASecondLayout(t *testing.T) {
	good := pad([]byte("hello"), minPadded)
	if data, err := unpad(good, paddedSize); err != nil || string(data) != "hello" {
		t.Fatalf("unpad = %q, %v", data, err)
	}
	faults := map[string][]byte{
		"nothing":             {},
		"no length":           {0, 0, 0},
		"length beyond data":  pad([]byte("hello"), minPadded)[:8],
		"larger than needed":  pad([]byte("hello"), paddedSize(minPadded+1)),
		"stray last byte":     append(pad([]byte("hello"), minPadded)[:minPadded-1], 1),
		"huge length":         append([]byte{255, 255, 255, 255}, make([]byte, minPadded-4)...),
		"length into padding": append([]byte{0, 0, 2, 0}, make([]byte, minPadded-4)...),
	}
	for name, padded := range faults {
		if _, err := unpad(padded, paddedSize); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}
