package router

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"
	"time"

	"muster.example/internal/keys"
)

// Offer is one envelope that a device in reach could have.
type Offer struct {
	Item
	For   bool     // the device is among those that want it
	Share uint32   // copies it gets to hand on and to keep, 0: none but for itself
	Moves bool     // the last copy would move: it is taken only by who is nearer
	Near  Nearness // how near this device is to those that want it
}

// Router decides for one device.
type Router struct {
	Own      keys.PublicKey
	Bounds   Bounds
	Meetings *Meetings
}

// Offers returns what of some items a device in reach is offered, in the order in which it is to be handed over.
func (r *Router) Offers(peer keys.PublicKey, items []Item, now time.Time) []Offer {
	var offers []Offer
	for _, item := range items {
		if offer, ok := r.Offer(peer, item, now); ok {
			offers = append(offers, offer)
		}
	}
	slices.SortStableFunc(offers, Before)
	return offers
}

// Before orders offers: what the device itself wants is first, and what others are opened with. Then the small ones are in front, so
// that one large envelope does not keep a hundred from going in the minutes that a link may last; of these what was handed least often. [MSH-43]
func Before(a, b Offer) int {
	return cmp.Or(first(a.For, b.For), first(a.Opens, b.Opens),
		cmp.Compare(class(a.Size), class(b.Size)), cmp.Compare(a.Hops, b.Hops), cmp.Compare(a.Age, b.Age), bytes.Compare(a.ID[:], b.ID[:]))
}

// first puts what is so before what is not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// Offer is Offers for one item.
func (r *Router) Offer(peer keys.PublicKey, item Item, now time.Time) (Offer, bool) {
	offer := Offer{Item: item, For: item.wantedBy(peer)}
	others := len(item.Wanted)
	if offer.For {
		others--
	}
	if others > 0 && item.Hops < r.Bounds.Hops && item.Age < r.Bounds.Age {
		offer.Share = r.share(item)
		offer.Moves = !item.Own && item.Copies == 1 && r.Bounds.Copies > 0
	}
	if offer.Moves {
		offer.Near = r.Meetings.Near(item.Wanted, now)
	}
	return offer, offer.For || offer.Share > 0 || offer.Moves
}

// share returns how many of an item's copies go to the next that can carry it: half, the larger one from its sender, whose device
// counts for none itself. [MSH-44]
func (r *Router) share(item Item) uint32 {
	copies := min(item.Copies, r.Bounds.Copies)
	if !item.Own {
		return copies / 2
	}
	if kept := r.kept(item); copies > kept {
		return (copies - kept + 1) / 2
	}
	return 0
}

const (
	// What is larger than these is spread over half, or a third, of the copies at first: most of it arrives all the same, and it
	// is what fills links and carriers. The rest follows if no receipt came within half a day.
	large, huge = 256 << 10, 4 << 20
	spreadLater = 12 * time.Hour
)

// kept returns how many copies of an own item are kept back for now.
func (r *Router) kept(item Item) uint32 {
	switch {
	case item.Opens || item.Age >= spreadLater || item.Size <= large:
		return 0
	case item.Size <= huge:
		return r.Bounds.Copies / 2
	default:
		return r.Bounds.Copies * 2 / 3
	}
}

// class is the power of two in which a size lies.
func class(size uint64) int { return bits.Len64(size) }
