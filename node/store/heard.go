package store

import (
	"slices"

	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// Heard is how far this device has heard of another in a conversation: the highest sequence number that opened, and its
// content's hash, and which numbers before it have not come.
type Heard struct {
	Sequence uint64         `cbor:"1,keyasint"`
	Content  keys.ContentID `cbor:"2,keyasint"`
	Since    int64          `cbor:"4,keyasint,omitempty"` // unix milliseconds: when a number was first missing
	Gaps     []Span         `cbor:"5,keyasint,omitempty"` // numbers that were skipped and have not come since, ascending
	Asked    int64          `cbor:"6,keyasint,omitempty"` // unix milliseconds: when the device was last asked for some of them
	Asks     uint64         `cbor:"7,keyasint,omitempty"` // how often it was
	Gone     []Span         `cbor:"8,keyasint,omitempty"` // those of which it answered that nothing is left, ascending
}

// Span is the numbers from First to Last.
type Span = history.Span

// maxSpans bounds the spans that are kept apart. Beyond it the two lowest become one: rather is a message called missing that
// came than the other way around.
const maxSpans = 64

// Missing returns how many messages have not come.
func (h Heard) Missing() uint64 { return CountSpans(h.Gaps) }

// Open returns the numbers that have not come and of which it was not answered that nothing is left.
func (h Heard) Open() []Span { return withoutSpans(h.Gaps, h.Gone) }

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
	one := []Span{{First: number, Last: number}}
	left := withoutSpans(h.Gaps, one)
	if CountSpans(left) == CountSpans(h.Gaps) {
		return false
	}
	h.Gaps, h.Gone = left, withoutSpans(h.Gone, one)
	if len(h.Gaps) == 0 {
		h.Since, h.Asked, h.Asks, h.Gone = 0, 0, 0, nil
	}
	return true
}

// Lose notes that nothing is left of some numbers, as far as they are missing.
func (h *Heard) Lose(gone []Span) {
	open := h.Open()
	h.Gone = withoutSpans(h.Gaps, withoutSpans(open, gone))
	if n := len(h.Gone); n > 2*maxSpans { // the lowest are asked for once more
		h.Gone = h.Gone[n-2*maxSpans:]
	}
}

// CountSpans returns how many numbers some spans have.
func CountSpans(spans []Span) (n uint64) {
	for _, s := range spans {
		n += s.Last - s.First + 1
	}
	return n
}

// withoutSpans returns the numbers of some spans that are in none of others. Both ascend.
func withoutSpans(spans, others []Span) (left []Span) {
	for _, s := range spans {
		rest := true
		for _, o := range others {
			if o.Last < s.First {
				continue
			}
			if o.First > s.Last {
				break
			}
			if o.First > s.First {
				left = append(left, Span{First: s.First, Last: o.First - 1})
			}
			if rest = o.Last < s.Last; !rest {
				break
			}
			s.First = o.Last + 1
		}
		if rest {
			left = append(left, s)
		}
	}
	return left
}
