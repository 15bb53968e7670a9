package router

import (
	"slices"
	"time"

	"muster.example/internal/keys"
)

// Item is an envelope that a device holds: its own, or one that it carries for others.
type Item struct {
	ID     keys.EnvelopeID
	Author keys.MemberID    // whose device sealed it: whose share of the room it takes
	Own    bool             // this device sealed it: it is never let go here
	Wanted []keys.PublicKey // devices whose receipt is not known here
	Size   uint64           // bytes
	Age    time.Duration    // since it was sealed, by what was told
	Copies uint32           // copies that this device may hand on; its own, if it carries, is one of them
	Hops   uint32           // handings from the sender to here
	Opens  bool             // it announces a chain: others cannot be opened before it
}

// wantedBy reports whether a device still wants the item.
func (i Item) wantedBy(device keys.PublicKey) bool { return slices.Contains(i.Wanted, device) }
