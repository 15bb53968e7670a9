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
	Return   Kind = 3 // a signed notice to a sender that envelopes were not delivered
	Silence  Kind = 4 // what stands for an envelope that goes nowhere, so that its sender is told as of any other
	Gap      Kind = 5 // a signed notice to the archive that envelopes went on without a copy
)

// Item is one body for one or more devices.
type Item struct {
	ID         keys.EnvelopeID // names the body: the same id means the same body
	Org        keys.OrgID
	Kind       Kind
	Body       []byte           // at most MaxBody bytes
	Recipients []keys.PublicKey // 1 to MaxRecipients devices, in any order
	Set        *Set             // instead of Recipients: devices that many items are for,
	Except     []keys.PublicKey // but for some of them; at least one is left
	Expires    time.Time        // from then on Expired names it; kept to the second
	Payer      keys.MemberID    // whose room it takes, for Usage; zero for nobody's
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

// Usage is what waits, of all kinds.
type Usage struct {
	Entries int64 // (body, device) pairs
	Bodies  int64
	Bytes   int64 // of the bodies, with what the log adds to each
}

// Expired is an entry whose time is over.
type Expired struct {
	Org    keys.OrgID
	ID     keys.EnvelopeID
	Kind   Kind
	Device keys.PublicKey
	Number uint64 // as Delivery has it: Next behind the number before begins with it
}

// Engine is a durable queue an addressee. All methods are safe for concurrent use and return the context's error when
// it ends first; a Put that ended so has had no effect, and an Ack may have had one or not. A Put that was begun is ended
// whatever the context says.
type Engine interface {
	// Put accepts items, each wholly or not at all, with one error a slot, nil once the item would survive power loss.
	// A body that is there already gains the recipients that do not wait for it yet. The queue keeps Body: the caller
	// must not change it afterwards; the rest is the caller's again on return. Errors: ErrFull (as *FullError when it is for some recipients only), ErrItem,
	// ErrClosed, ErrUnavailable.
	Put(ctx context.Context, items []Item) []error
	// Next returns what waits for device behind number after, in order, up to maxItems entries and maxBytes of bodies,
	// but at least one if any waits. It does not wait.
	Next(ctx context.Context, device keys.PublicKey, after uint64, maxItems, maxBytes int) ([]Delivery, error)
	// Era returns a number that changes when numbers that Delivery had may be given to other bodies: what was lost was made anew. Who keeps
	// a place in a queue asks for it before Next, and begins at the beginning when it is another. [STO-96]
	Era() uint64
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
	// Usage returns what waits of all organizations, of one, and in that of one payer.
	Usage(org keys.OrgID, payer keys.MemberID) (all, of, payers Usage)
	// Payers visits who has something waiting in an organization, in no order. visit must not call the engine.
	Payers(org keys.OrgID, visit func(payer keys.MemberID, used Usage))
	// Expired returns entries whose time is at or before now, at most limit of them, in no order. It removes none: Ack does,
	// when what is to be said of them is on disk.
	Expired(ctx context.Context, now time.Time, limit int) ([]Expired, error)
}
