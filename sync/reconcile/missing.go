package reconcile

import (
	"fmt"

	"muster.example/internal/wire"
)

// MaxMissing bounds the ranges that are asked for at once.
const MaxMissing = 4096

// Missing is a range in which the other side has items that this one lacks: those named, or all of it.
type Missing struct {
	From, To Bound
	Names    []Name // nil for all
	Count    uint64 // how many the other side says they are; it does not travel
}

// Has reports whether an item is one of those that are missing.
func (m Missing) Has(item Item) bool {
	if !m.From.Before(item) || m.To.Before(item) {
		return false
	}
	for _, name := range m.Names {
		if name == item.Name() {
			return true
		}
	}
	return m.Names == nil
}

// wireMissing is a Missing as it travels. [SYNC-9]
type wireMissing struct {
	_     struct{} `cbor:",toarray"`
	From  wireBound
	To    wireBound
	Names []byte // none: all
}

type wireBound struct {
	_      struct{} `cbor:",toarray"`
	Time   *uint64  // null: the end
	Prefix []byte
}

// EncodeMissing returns ranges to ask for as they travel, at most MaxMissing. [SYNC-9]
func EncodeMissing(all []Missing) []byte {
	ranges := make([]wireMissing, len(all))
	for i, m := range all {
		ranges[i] = wireMissing{From: m.From.wire(), To: m.To.wire(), Names: join(m.Names)}
	}
	return wire.Encode(ranges)
}

// DecodeMissing reads ranges that are asked for. Errors wrap ErrFrame. [SYNC-9]
func DecodeMissing(data []byte) ([]Missing, error) {
	if len(data) > MaxFrame {
		return nil, fmt.Errorf("%w: %d bytes", ErrFrame, len(data))
	}
	var ranges []wireMissing
	if err := wire.Decode(data, &ranges); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFrame, err)
	}
	if len(ranges) == 0 || len(ranges) > MaxMissing {
		return nil, fmt.Errorf("%w: %d ranges are asked for", ErrFrame, len(ranges))
	}
	all := make([]Missing, len(ranges))
	for i, w := range ranges {
		from, err := w.From.bound()
		if err != nil {
			return nil, fmt.Errorf("%w: range %d: %w", ErrFrame, i, err)
		}
		to, err := w.To.bound()
		if err != nil {
			return nil, fmt.Errorf("%w: range %d: %w", ErrFrame, i, err)
		}
		names, err := split(w.Names)
		if err != nil || from.Compare(to) >= 0 {
			return nil, fmt.Errorf("%w: range %d is none, or names no items: %w", ErrFrame, i, err)
		}
		if len(names) == 0 {
			names = nil
		}
		all[i] = Missing{From: from, To: to, Names: names}
	}
	return all, nil
}

func (b Bound) wire() wireBound {
	if b.end {
		return wireBound{Prefix: []byte{}}
	}
	return wireBound{Time: &b.item.Time, Prefix: b.prefix()}
}

func (w wireBound) bound() (Bound, error) {
	if w.Time == nil {
		if len(w.Prefix) > 0 {
			return Bound{}, fmt.Errorf("the end with a prefix")
		}
		return End, nil
	}
	if len(w.Prefix) > IDSize || len(w.Prefix) > 0 && w.Prefix[len(w.Prefix)-1] == 0 {
		return Bound{}, fmt.Errorf("a prefix that is not in its shortest form")
	}
	b := Bound{item: Item{Time: *w.Time}}
	copy(b.item.ID[:], w.Prefix)
	return b, nil
}
