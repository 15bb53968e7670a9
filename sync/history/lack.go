package history

import (
	"fmt"

	"muster.example/internal/wire"
)

// Span is the numbers from First to Last in a device's line of a conversation.
type Span struct {
	_     struct{} `cbor:",toarray"`
	First uint64
	Last  uint64
}

// Lack asks a device for what it wrote in this conversation under numbers that did not come. [HIST-28]
type Lack struct {
	Numbers []Span `cbor:"1,keyasint"`
}

// Gone answers that there is nothing any more under numbers that were asked for. [HIST-28]
type Gone struct {
	Numbers []Span `cbor:"1,keyasint"`
}

// IsAside reports whether a body of this kind is about what others were sent, and has no number of its own. [HIST-28]
func (k Kind) IsAside() bool { return k == KindLack || k == KindGone }

// DecodeLack reads the body of KindLack and checks it against the caps. Errors wrap ErrBody. [HIST-28]
func DecodeLack(data []byte) (Lack, error) {
	var l Lack
	if err := wire.Decode(data, &l); err != nil {
		return l, fmt.Errorf("%w: %w", ErrBody, err)
	}
	return l, validateSpans(l.Numbers)
}

// DecodeGone reads the body of KindGone and checks it against the caps. Errors wrap ErrBody. [HIST-28]
func DecodeGone(data []byte) (Gone, error) {
	var g Gone
	if err := wire.Decode(data, &g); err != nil {
		return g, fmt.Errorf("%w: %w", ErrBody, err)
	}
	return g, validateSpans(g.Numbers)
}

// validateSpans checks that spans ascend, do not touch, and are not too many, nor their numbers.
func validateSpans(spans []Span) error {
	if len(spans) == 0 || len(spans) > MaxSpans {
		return fmt.Errorf("%w: %d spans of numbers, where 1 to %d are allowed", ErrBody, len(spans), MaxSpans)
	}
	var last, count uint64
	for i, s := range spans {
		if s.First == 0 || s.Last < s.First || i > 0 && (last+1 == 0 || s.First <= last+1) {
			return fmt.Errorf("%w: spans of numbers that do not ascend", ErrBody)
		}
		if s.Last-s.First >= MaxNumbers || count+s.Last-s.First+1 > MaxNumbers {
			return fmt.Errorf("%w: more than %d numbers", ErrBody, MaxNumbers)
		}
		last, count = s.Last, count+s.Last-s.First+1
	}
	return nil
}
