package archive

import (
	"time"

	"muster.example/rendezvous/rvproto"
)

// Bounds of a segment: it is written when one is reached, or its first item is as old as Config.BatchAge. A node gives no more
// before it has acknowledgements. [ARC-51]
const (
	maxBatch      = rvproto.DeliverWindow
	maxBatchBytes = rvproto.DeliverWindowBytes
)

// MaxNodes is from how many rendezvous nodes one service takes deliveries.
const MaxNodes = 16

// Times of the service.
const (
	// DefaultBatchAge is how old the first item of a segment gets before it is written.
	DefaultBatchAge = 5 * time.Second
	// MaxBatchAge leaves senders without a receipt no longer than they wait for one in patience.
	MaxBatchAge = 5 * time.Minute

	firstRetry   = time.Second // after something failed, doubling up to
	longestRetry = time.Minute
	headPause    = time.Minute // between heads that go to the file of heads
	statusPause  = 5 * time.Second
)
