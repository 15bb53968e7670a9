package router

import (
	"bytes"
	"cmp"
	"slices"

	"muster.example/internal/keys"
)

// Excess returns which of the items that are carried go, so that the rest is within the bounds: what is too old, and, where room is
// short, of the author who takes most of it that with the largest product of size and age, again and again. So who floods crowds
// out only themselves. Own items stay, and count for nothing. [MSH-52]
func (r *Router) Excess(items []Item) (gone []Item) {
	room := newRoom()
	for _, item := range items {
		switch {
		case item.Own:
		case item.Age >= r.Bounds.Age:
			gone = append(gone, item)
		default:
			room.add(item)
		}
	}
	for room.bytes > r.Bounds.Bytes {
		gone = append(gone, room.drop(func(a *authored) uint64 { return a.bytes }))
	}
	for room.count > r.Bounds.Count {
		gone = append(gone, room.drop(func(a *authored) uint64 { return uint64(len(a.items)) }))
	}
	return gone
}

// Fits reports whether an item can be carried beside those that are carried without being the first to go.
func (r *Router) Fits(items []Item, item Item) bool {
	bytes, count := item.Size, 1
	for _, i := range items {
		if !i.Own {
			bytes, count = bytes+i.Size, count+1
		}
	}
	if bytes <= r.Bounds.Bytes && count <= r.Bounds.Count {
		return true
	}
	for _, gone := range r.Excess(append(slices.Clip(items), item)) {
		if gone.ID == item.ID {
			return false
		}
	}
	return true
}

// room is what is carried, by author.
type room struct {
	of    map[keys.MemberID]*authored
	bytes uint64
	count int
}

// authored is what is carried of one author, what goes first behind.
type authored struct {
	items  []Item
	bytes  uint64
	sorted bool
}

func newRoom() *room { return &room{of: make(map[keys.MemberID]*authored)} }

func (r *room) add(item Item) {
	a := r.of[item.Author]
	if a == nil {
		a = &authored{}
		r.of[item.Author] = a
	}
	a.items, a.bytes = append(a.items, item), a.bytes+item.Size
	r.bytes, r.count = r.bytes+item.Size, r.count+1
}

// drop takes out what goes first of the author who has most by a measure.
func (r *room) drop(measure func(*authored) uint64) Item {
	var most *authored
	var who keys.MemberID
	for author, a := range r.of {
		if most == nil || measure(a) > measure(most) || measure(a) == measure(most) && bytes.Compare(author[:], who[:]) < 0 {
			most, who = a, author
		}
	}
	if !most.sorted {
		slices.SortFunc(most.items, lighter)
		most.sorted = true
	}
	item := most.items[len(most.items)-1]
	most.items, most.bytes = most.items[:len(most.items)-1], most.bytes-item.Size
	r.bytes, r.count = r.bytes-item.Size, r.count-1
	if len(most.items) == 0 {
		delete(r.of, who)
	}
	return item
}

// lighter orders items by the product of size and age.
func lighter(a, b Item) int {
	weight := func(i Item) float64 { return float64(max(i.Size, 1)) * max(i.Age.Seconds(), 1) }
	return cmp.Or(cmp.Compare(weight(a), weight(b)), bytes.Compare(a.ID[:], b.ID[:]))
}
