package store

import (
	"slices"
	"testing"
)

// Numbers that are skipped are missing until they come, each once, whatever the order.
func TestHeard(t *testing.T) {
	var h Heard
	h.Skip(2, 5, 100)
	h.Skip(9, 9, 200)
	if h.Missing() != 5 || h.Since != 100 {
		t.Fatalf("%+v", h)
	}
	for _, n := range []uint64{1, 6, 10} {
		if h.Fill(n) {
			t.Errorf("%d was not missing", n)
		}
	}
	if !h.Fill(4) || h.Fill(4) || h.Missing() != 4 || !slices.Equal(h.Gaps, []Span{{First: 2, Last: 3}, {First: 5, Last: 5}, {First: 9, Last: 9}}) {
		t.Errorf("%+v", h)
	}
	for _, n := range []uint64{9, 2, 5, 3} {
		if !h.Fill(n) {
			t.Errorf("%d was missing", n)
		}
	}
	if h.Missing() != 0 || h.Since != 0 || h.Gaps != nil {
		t.Errorf("%+v", h)
	}
	for n := uint64(0); n < 1000; n += 2 {
		h.Skip(n, n, 1)
	}
	if len(h.Gaps) > maxSpans || h.Missing() < 500 || !h.Fill(998) || !h.Fill(0) {
		t.Errorf("%d spans, %d missing", len(h.Gaps), h.Missing())
	}
}
