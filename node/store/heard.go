package store

import (
	"slices"

	"muster.example/internal/keys"
)

// Heard is how far this device has heard of another in a conversation: the highest sequence number that opened, and its
// content's hash, and which numbers before it have not come.
type Heard struct {
	Sequence uint64         `cbor:"1,keyasint"`
	Content  keys.ContentID `cbor:"2,keyasint"`
	Since    int64          `cbor:"4,keyasint,omitempty"` // unix milliseconds: when a number was first missing
	Gaps     []Span         `cbor:"5,keyasint,omitempty"` // numbers that were skipped and have not come since, ascending
}

// Span is the numbers from First to Last.
type Span struct {
	_     struct{} `cbor:",toarray"`
	First uint64
	Last  uint64
}

// maxSpans bounds the spans that are kept apart. Beyond it the two lowest become one: rather is a message called missing that
// came than the other way around.
const maxSpans = 64

// Missing returns how many messages have not come.
func (h Heard) Missing() (n uint64) {
	for _, s := range h.Gaps {
		n += s.Last - s.First + 1
	}
	return n
}

// Skip notes that the numbers from one to another have not come, at a time (unix milliseconds). They are above all before.
func (h *Heard) Skip(first, last uint64, now int64) {
	if len(h.Gaps) == 0 {
		h.Since = now
	}
	h.Gaps = append(h.Gaps, Span{First: first, Last: last})
	if len(h.Gaps) > maxSpans {
		h.Gaps = slices.Concat([]Span{{First: h.Gaps[0].First, Last: h.Gaps[1].Last}}, h.Gaps[2:])
	}
}

// Fill notes that a number has come, and reports whether it was missing.
func (h *Heard) Fill(number uint64) bool {
	i := slices.IndexFunc(h.Gaps, func(s Span) bool { return s.First <= number && number <= s.Last })
	if i < 0 {
		return false
	}
	s := h.Gaps[i]
	var left []Span
	if s.First < number {
		left = append(left, Span{First: s.First, Last: number - 1})
	}
	if number < s.Last {
		left = append(left, Span{First: number + 1, Last: s.Last})
	}
	h.Gaps = slices.Concat(h.Gaps[:i], left, h.Gaps[i+1:])
	if len(h.Gaps) == 0 {
		h.Gaps, h.Since = nil, 0
	}
	return true
}
