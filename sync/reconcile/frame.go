package reconcile

import (
	"errors"
	"fmt"
	"math"

	"muster.example/internal/wire"
)

// The caps of a frame. [SYNC-4]
const (
	MaxFrame  = 4 << 20 // bytes of an encoded frame
	maxRanges = 65536   // ranges in one
	maxAsk    = 2400    // ranges in a request that want an answer: the longest answers to so many fit a frame
)

// ErrFrame is wrapped by every error about a frame of the other side.
var ErrFrame = errors.New("reconcile: a frame that cannot be")

// kind is what a side says of a range. The numbers are part of the wire format. [SYNC-5]
type kind uint8

const (
	kindSame       kind = 0 // nothing: it is settled, or not spoken of
	kindPrint      kind = 1 // how many items there are, and their fingerprint
	kindNames      kind = 2 // the names of all items
	kindDifference kind = 3 // answers names: what there is beside them, and what of them there is not
	kindAll        kind = 4 // answers an empty list of names: that there are so many items
)

// statement is what a side says of the range that ends at a bound and begins where the one before ended. [SYNC-4]
type statement struct {
	to     Bound
	kind   kind
	count  uint64
	print  Print
	names  []Name // of items that the speaker has
	lacked []Name // of items that the speaker lacks
}

// wireRange is a statement as it travels.
type wireRange struct {
	_      struct{} `cbor:",toarray"`
	Step   *uint64  // the time of the upper bound, from that of the lower; null at the end
	Prefix []byte
	Kind   kind
	Count  uint64 // how many items; of a difference, how many names at the end are lacked
	Data   []byte // the fingerprint, or names
}

// encode returns a frame of statements, of which those that say nothing are one where they follow one another.
func encode(statements []statement) []byte {
	ranges := make([]wireRange, 0, len(statements))
	var time uint64
	for i, s := range statements {
		if s.kind == kindSame && i+1 < len(statements) && statements[i+1].kind == kindSame {
			continue
		}
		w := wireRange{Kind: s.kind, Count: s.count, Prefix: s.to.prefix(), Data: join(s.names, s.lacked)}
		switch s.kind {
		case kindPrint:
			w.Data = s.print[:]
		case kindDifference:
			w.Count = uint64(len(s.lacked))
		}
		if !s.to.end {
			step := s.to.item.Time - time
			w.Step, time = &step, s.to.item.Time
		}
		ranges = append(ranges, w)
	}
	return wire.Encode(ranges)
}

// decode reads a frame: ranges that follow one another from the beginning on, each of the form of its kind. [SYNC-4] [SYNC-5]
func decode(frame []byte) ([]statement, error) {
	if len(frame) > MaxFrame {
		return nil, fmt.Errorf("%w: %d bytes", ErrFrame, len(frame))
	}
	var ranges []wireRange
	if err := wire.Decode(frame, &ranges); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	if len(ranges) == 0 || len(ranges) > maxRanges {
		return nil, fmt.Errorf("%w: %d ranges", ErrFrame, len(ranges))
	}
	statements := make([]statement, len(ranges))
	var from Bound
	for i, w := range ranges {
		s, err := w.statement(from)
		if err != nil {
			return nil, fmt.Errorf("%w: range %d: %w", ErrFrame, i, err)
		}
		statements[i], from = s, s.to
	}
	return statements, nil
}

// statement reads one range, which begins at a bound.
func (w wireRange) statement(from Bound) (statement, error) {
	s := statement{kind: w.Kind, count: w.Count}
	switch {
	case w.Step == nil && len(w.Prefix) > 0:
		return s, errors.New("the end with a prefix")
	case w.Step == nil:
		s.to = End
	case len(w.Prefix) > IDSize || len(w.Prefix) > 0 && w.Prefix[len(w.Prefix)-1] == 0:
		return s, errors.New("a prefix that is not in its shortest form")
	case *w.Step > math.MaxUint64-from.item.Time:
		return s, errors.New("a time beyond all times")
	default:
		s.to.item.Time = from.item.Time + *w.Step
		copy(s.to.item.ID[:], w.Prefix)
	}
	if from.Compare(s.to) >= 0 {
		return s, errors.New("an end that is not after the beginning")
	}
	return s, w.content(&s)
}

// content reads what is said of the range, which is just what the kind has. [SYNC-5]
func (w wireRange) content(s *statement) (err error) {
	switch {
	case w.Kind == kindSame && w.Count == 0 && len(w.Data) == 0, w.Kind == kindAll && w.Count > 0 && len(w.Data) == 0:
	case w.Kind == kindPrint && w.Count > 0 && len(w.Data) == PrintSize:
		s.print = Print(w.Data)
	case w.Kind == kindNames && w.Count == 0:
		s.names, err = split(w.Data)
	case w.Kind == kindDifference && len(w.Data) > 0 && w.Count <= uint64(len(w.Data)/NameSize):
		s.names, err = split(w.Data)
		has := len(s.names) - int(w.Count)
		s.names, s.lacked, s.count = s.names[:max(has, 0)], s.names[max(has, 0):], 0
	default:
		return fmt.Errorf("kind %d with other parts than it has", w.Kind)
	}
	return err
}

func join(lists ...[]Name) []byte {
	all := []byte{}
	for _, names := range lists {
		for _, name := range names {
			all = append(all, name[:]...)
		}
	}
	return all
}

// split reads names, none of which is there twice. They come in the order of items, which only who has them can check.
func split(data []byte) ([]Name, error) {
	if len(data)%NameSize != 0 {
		return nil, fmt.Errorf("%d bytes are not names", len(data))
	}
	names := make([]Name, len(data)/NameSize)
	seen := make(map[Name]bool, len(names))
	for i := range names {
		names[i] = Name(data[i*NameSize:])
		if seen[names[i]] {
			return nil, errors.New("a name twice")
		}
		seen[names[i]] = true
	}
	return names, nil
}
