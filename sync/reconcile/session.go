package reconcile

import (
	"fmt"
	"slices"
)

// maxDepth bounds how often one range is split: sixteen ways each time, a set of all items that can be counted is through long
// before. [SYNC-7]
const maxDepth = 40

// maxOpen bounds the ranges that are still to be asked about or were found to differ: sixteen million items that all differ have fewer.
const maxOpen = 1 << 20

// Session is the side that begins. It asks; the other side answers without keeping anything. Not safe for concurrent use.
type Session struct {
	set     *Set
	asked   []question
	pending []question // in ascending order

	lacks  []Missing
	excess []Item
}

// question is a range that is asked about.
type question struct {
	from, to Bound
	depth    int
	names    bool // it is asked about by names, not by a fingerprint
}

// NewSession begins with a set, as far as it lies behind a bound: the zero Bound for all.
func NewSession(set *Set, from Bound) *Session {
	s := &Session{set: set}
	s.divide(question{from: from, to: End})
	return s
}

// Done reports whether there is nothing more to ask.
func (s *Session) Done() bool { return len(s.pending) == 0 && len(s.asked) == 0 }

// Lacks returns what the other side was found to have beyond the set, in ascending order of ranges where Done.
func (s *Session) Lacks() []Missing {
	slices.SortFunc(s.lacks, func(a, b Missing) int { return a.From.Compare(b.From) })
	return s.lacks
}

// Excess returns the items of the set that the other side was found to lack, in ascending order.
func (s *Session) Excess() []Item {
	slices.SortFunc(s.excess, Item.Compare)
	return s.excess
}

// Ask returns the next frame: about the latest ranges of those that are open, as many as one frame may ask about. It is nil
// when Done. Each needs its answer before the next; before that, the same is returned again.
func (s *Session) Ask() []byte {
	if len(s.asked) == 0 {
		n := max(0, len(s.pending)-maxAsk)
		s.asked, s.pending = slices.Clone(s.pending[n:]), s.pending[:n]
	}
	if len(s.asked) == 0 {
		return nil
	}
	var said []statement
	var at Bound
	for _, q := range s.asked {
		if at.Compare(q.from) < 0 {
			said = append(said, statement{to: q.from})
		}
		a, b := s.set.span(q.from, q.to)
		if q.names {
			said = append(said, s.set.list(q.to, a, b))
		} else {
			said = append(said, statement{to: q.to, kind: kindPrint, count: uint64(b - a), print: s.set.print(a, b)})
		}
		at = q.to
	}
	return encode(said)
}

// Take takes the answer to what was asked last. Errors wrap ErrFrame, and end the session: what was found before them is true
// all the same. [SYNC-7]
func (s *Session) Take(frame []byte) error {
	said, err := decode(frame)
	if err != nil {
		return err
	}
	asked := s.asked
	s.asked = nil
	var from Bound
	for _, part := range said {
		for len(asked) > 0 && asked[0].to.Compare(from) <= 0 {
			asked = asked[1:]
		}
		if part.kind != kindSame {
			if len(asked) == 0 || from.Compare(asked[0].from) < 0 || part.to.Compare(asked[0].to) > 0 {
				return fmt.Errorf("%w: an answer to nothing that was asked", ErrFrame)
			}
			if err := s.take(asked[0], from, part); err != nil {
				return err
			}
		}
		from = part.to
	}
	if len(asked) > 0 && from.Compare(asked[len(asked)-1].to) < 0 {
		return fmt.Errorf("%w: an answer that ends before what was asked", ErrFrame)
	}
	if len(s.pending)+len(s.lacks) > maxOpen {
		return fmt.Errorf("%w: it claims to differ in %d ranges", ErrFrame, len(s.pending)+len(s.lacks))
	}
	slices.SortFunc(s.pending, func(a, b question) int { return a.from.Compare(b.from) })
	return nil
}

// take takes what is said of a part, which begins at from, of a range that was asked about.
func (s *Session) take(q question, from Bound, part statement) error {
	a, b := s.set.span(from, part.to)
	whole := from.Compare(q.from) == 0 && part.to.Compare(q.to) == 0
	switch {
	case part.kind == kindPrint && (whole || q.depth >= maxDepth):
		return fmt.Errorf("%w: an answer that leads no further", ErrFrame)
	case part.kind == kindPrint && part.count == uint64(b-a) && part.print == s.set.print(a, b):
	case part.kind == kindPrint && a == b:
		s.lacks = append(s.lacks, Missing{From: from, To: part.to, Count: part.count})
	case part.kind == kindPrint:
		s.divide(question{from: from, to: part.to, depth: q.depth + 1})
	case part.kind == kindNames && !q.names:
		s.differ(from, part.to, part.names, a, b)
	case part.kind == kindDifference && q.names && whole && a < b:
		return s.settle(from, part, a, b)
	case part.kind == kindAll && q.names && whole && a == b:
		s.lacks = append(s.lacks, Missing{From: from, To: part.to, Count: part.count})
	default:
		return fmt.Errorf("%w: kind %d does not answer what was asked", ErrFrame, part.kind)
	}
	return nil
}

// divide puts a range up to be asked about: by names if there are few here, else in parts.
func (s *Session) divide(q question) {
	a, b := s.set.span(q.from, q.to)
	if b-a <= leaf {
		q.names = true
		s.pending = append(s.pending, q)
		return
	}
	from := q.from
	for i := range ways {
		until := a + (b-a)*(i+1)/ways
		to := q.to
		if until < b {
			to = between(s.set.items[until-1], s.set.items[until])
		}
		s.pending = append(s.pending, question{from: from, to: to, depth: q.depth})
		from = to
	}
}

// differ takes the names of all that the other side has in a range.
func (s *Session) differ(from, to Bound, names []Name, a, b int) {
	here, there := s.set.compare(names, a, b)
	s.excess = append(s.excess, here...)
	if len(there) > 0 {
		s.lacks = append(s.lacks, Missing{From: from, To: to, Names: there, Count: uint64(len(there))})
	}
}

// settle takes the answer to names: what the other side has beside them, and which of them it lacks.
func (s *Session) settle(from Bound, part statement, a, b int) error {
	lacked := make(map[Name]bool, len(part.lacked))
	for _, name := range part.lacked {
		lacked[name] = true
	}
	for _, item := range s.set.items[a:b] {
		if lacked[item.Name()] {
			s.excess = append(s.excess, item)
			delete(lacked, item.Name())
		}
	}
	if len(lacked) > 0 {
		return fmt.Errorf("%w: it lacks what is not here either", ErrFrame)
	}
	if len(part.names) > 0 {
		s.lacks = append(s.lacks, Missing{From: from, To: part.to, Names: part.names, Count: uint64(len(part.names))})
	}
	return nil
}
