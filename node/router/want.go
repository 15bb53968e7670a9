package router

import (
	"time"

	"muster.example/internal/keys"
)

// Take is what a device does with an offer.
type Take struct {
	For   bool   // it takes it for itself
	Share uint32 // copies that it carries, 0 if it carries none
	Moves bool   // it takes the last copy
}

// Any reports whether the offer is taken at all.
func (t Take) Any() bool { return t.For || t.Share > 0 }

// Take says what this device does with an offer of one that it has in reach. [MSH-46] The offer's Wanted are those that are not known here
// to have the envelope, Held whether it is carried here or was. What it takes to carry fits, by Fits.
func (r *Router) Take(offer Offer, held bool, now time.Time) (take Take) {
	take.For = offer.For && offer.wantedBy(r.Own)
	if held || offer.Hops >= r.Bounds.Hops || offer.Age >= r.Bounds.Age || !wantsOthers(offer.Item, r.Own) {
		return take
	}
	if !offer.Moves {
		take.Share = min(offer.Share, r.Bounds.Copies)
	} else if r.Meetings.Near(offer.Wanted, now) >= offer.Near+nearer {
		take.Share, take.Moves = 1, true
	}
	return take
}

// nearer is how much nearer a device must be for the last copy to move to it: four times as often, so that it does not go to and fro.
// [MSH-45]
const nearer = 2 * steps

// wantsOthers reports whether a device other than the own one wants the item.
func wantsOthers(item Item, own keys.PublicKey) bool {
	for _, device := range item.Wanted {
		if device != own {
			return true
		}
	}
	return false
}
