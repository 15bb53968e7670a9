package reconcile

import "fmt"

// How ranges are split: into so many parts, until one has so few items that their names are sent. No part of the protocol.
const (
	ways = 16
	leaf = 32
)

// Answer answers a frame of the side that began. It keeps nothing between frames, so a frame may be asked again. Errors wrap
// ErrFrame. [SYNC-6]
func Answer(set *Set, frame []byte) ([]byte, error) {
	asked, err := decode(frame)
	if err != nil {
		return nil, err
	}
	var said []statement
	var from Bound
	asks := 0
	for _, ask := range asked {
		a, b := set.span(from, ask.to)
		switch ask.kind {
		case kindSame:
			said = append(said, ask)
		case kindPrint:
			said = append(said, set.answerPrint(ask, a, b)...)
		case kindNames:
			said = append(said, set.answerNames(ask, a, b)...)
		default:
			return nil, fmt.Errorf("%w: kind %d answers, and nothing was asked", ErrFrame, ask.kind)
		}
		if ask.kind != kindSame {
			asks++
		}
		from = ask.to
	}
	if asks == 0 || asks > maxAsk {
		return nil, fmt.Errorf("%w: it asks about %d ranges", ErrFrame, asks)
	}
	return encode(said), nil
}

// Start returns where a question begins to speak of anything: a set that has all items behind it answers like the whole one. It is
// the end for what is no question.
func Start(frame []byte) Bound {
	asked, err := decode(frame)
	if err != nil {
		return End
	}
	var from Bound
	for _, ask := range asked {
		if ask.kind != kindSame {
			return from
		}
		from = ask.to
	}
	return End
}

// answerPrint answers a fingerprint of a range that holds the items a to before b here.
func (s *Set) answerPrint(ask statement, a, b int) []statement {
	switch {
	case uint64(b-a) == ask.count && s.print(a, b) == ask.print:
		return []statement{{to: ask.to}}
	case b-a <= leaf:
		return []statement{s.list(ask.to, a, b)}
	}
	return s.split(ask.to, a, b)
}

// answerNames answers the names of all the items of a range that the other side has.
func (s *Set) answerNames(ask statement, a, b int) []statement {
	switch {
	case len(ask.names) == 0 && a == b:
		return []statement{{to: ask.to}}
	case len(ask.names) == 0:
		return []statement{{to: ask.to, kind: kindAll, count: uint64(b - a)}}
	case b-a > 2*leaf:
		return s.split(ask.to, a, b)
	}
	here, there := s.compare(ask.names, a, b)
	if len(here) == 0 && len(there) == 0 {
		return []statement{{to: ask.to}}
	}
	names := make([]Name, len(here))
	for i, item := range here {
		names[i] = item.Name()
	}
	return []statement{{to: ask.to, kind: kindDifference, names: names, lacked: there}}
}

// compare returns the items of a to before b that are not among the names, and the names that are none of them.
func (s *Set) compare(names []Name, a, b int) (here []Item, there []Name) {
	theirs := make(map[Name]bool, len(names))
	for _, name := range names {
		theirs[name] = true
	}
	for _, item := range s.items[a:b] {
		if !theirs[item.Name()] {
			here = append(here, item)
		}
		delete(theirs, item.Name())
	}
	for _, name := range names {
		if theirs[name] {
			there = append(there, name)
		}
	}
	return here, there
}

// list names the items a to before b, which are those up to a bound.
func (s *Set) list(to Bound, a, b int) statement {
	names := make([]Name, 0, b-a)
	for _, item := range s.items[a:b] {
		names = append(names, item.Name())
	}
	return statement{to: to, kind: kindNames, names: names}
}

// split fingerprints the items a to before b, which are those up to a bound, in parts as equal as can be.
func (s *Set) split(to Bound, a, b int) []statement {
	parts := min(ways, b-a)
	said := make([]statement, 0, parts)
	for i := range parts {
		from, until := a+(b-a)*i/parts, a+(b-a)*(i+1)/parts
		bound := to
		if until < b {
			bound = between(s.items[until-1], s.items[until])
		}
		said = append(said, statement{to: bound, kind: kindPrint, count: uint64(until - from), print: s.print(from, until)})
	}
	return said
}
