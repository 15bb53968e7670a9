package queue

import (
	"context"
	"time"

	"muster.example/internal/keys"
)

// Kind says what a body is. The queue only counts by it.
type Kind uint8

// The kinds. The numbers are part of the disk format.
const (
	Envelope Kind = 1 // a sealed message
	Receipt  Kind = 2 // a device's receipt on the way to a sender
)

// Item is one body for one or more devices.
type Item struct {
	ID         keys.EnvelopeID // names the body: the same id means the same body
	Org        keys.OrgID
	Kind       Kind
	Body       []byte           // at most MaxBody bytes
	Recipients []keys.PublicKey // 1 to MaxRecipients devices, in any order
	Expires    time.Time        // from then on Expire removes it; kept to the second
}

// Delivery is one waiting body, as one device sees it.
type Delivery struct {
	Number uint64 // increasing per device, in the order of acceptance; not contiguous
	ID     keys.EnvelopeID
	Kind   Kind
	Body   []byte // shared with other callers: not to be changed
}

// Stats counts what waits for the devices of one organization, bodies of kind Envelope only.
type Stats struct {
	Entries int64 // unacknowledged (body, device) pairs
	Bodies  int64 // bodies stored
	Bytes   int64 // their sizes
}

// Expired is an entry that Expire removed.
type Expired struct {
	Org    keys.OrgID
	ID     keys.EnvelopeID
	Kind   Kind
	Device keys.PublicKey
}

// Engine is a durable queue an addressee. All methods are safe for concurrent use and return the context's error when
// it ends first; a Put that ended so has had no effect, and an Ack may have had one or not. A Put that was begun is ended
// whatever the context says.
type Engine interface {
	// Put accepts items, each wholly or not at all, with one error a slot, nil once the item would survive power loss.
	// A body that is there already gains the recipients that do not wait for it yet. The queue keeps Body: the caller
	// must not change it afterwards; the rest is the caller's again on return. Errors: ErrFull (as *FullError when it is for some recipients only), ErrItem,
	// ErrClosed.
	Put(ctx context.Context, items []Item) []error
	// Next returns what waits for device behind number after, in order, up to maxItems entries and maxBytes of bodies,
	// but at least one if any waits. It does not wait.
	Next(ctx context.Context, device keys.PublicKey, after uint64, maxItems, maxBytes int) ([]Delivery, error)
	// Watch returns a channel of capacity one that gets a value after each Put for device. Call Next after
	// subscribing: what waited before is not signalled.
	Watch(device keys.PublicKey) (changed <-chan struct{}, stop func())
	// Ack removes the entries of device for ids; ids that do not wait are no error. It holds at once, and in a crash
	// after at most AckDelay. The last ack of a body destroys it.
	Ack(ctx context.Context, device keys.PublicKey, ids []keys.EnvelopeID) error
	// Drop removes all entries of device, durably.
	Drop(ctx context.Context, device keys.PublicKey) error
	// Holds reports whether the body of an id waits for anybody.
	Holds(id keys.EnvelopeID) bool
	// Stats returns the counts per organization; one with nothing waiting may be missing.
	Stats() map[keys.OrgID]Stats
	// Expire removes, durably, the entries whose time is at or before now and returns them, in no order.
	Expire(ctx context.Context, now time.Time) ([]Expired, error)
}
