package queue

import "time"

// Caps of one item.
const (
	// MaxBody is the longest body in bytes.
	MaxBody = 16 << 20
	// MaxRecipients is the most recipients of one item.
	MaxRecipients = 1 << 14
	// MaxSet is the most devices of a Set.
	MaxSet = 1 << 16
)

// AckDelay is how long an acknowledgement may wait for its place on the disk.
const AckDelay = time.Second

// Defaults and bounds of the embedded engine.
const (
	segmentBytes  = 8 << 20 // a new segment is begun beyond this
	cacheBytes    = 4 << 20 // bodies kept in memory for a delivery that follows at once
	commitBytes   = 4 << 20 // one commit takes at most this many bytes of what waits, and at least one call
	pendingBytes  = 32 << 20
	keepBuffer    = 1 << 20          // a larger commit buffer is given back
	windowBytes   = 256 << 10        // read at once when a segment is scanned; a longer record is read whole
	copyBytes     = 512 << 10        // copied forward in one commit
	sweepEvery    = 5 * time.Second  // how often the sweeper looks
	quietTime     = 20 * time.Second // a segment with dead bodies and no change for so long is freed…
	busyTime      = 5 * time.Minute  // …and after so long whatever happens to it
	laggardTime   = 10 * time.Second // age at which a segment below a quarter full is copied forward
	rotateEvery   = time.Hour        // how often the root key is replaced, if a slot was zeroed since
	copyRate      = 8 << 20          // bytes a second that copying forward may take
	maxFrame      = recordHeader + maxEntries*recipientSize + MaxBody + frameOverhead
	maxEntries    = 4 * MaxRecipients // of one record
	cacheOverhead = 160               // bytes that a cached body takes beside itself
	readBytes     = 256 << 10         // read at once for bodies that lie together
	maxFooter     = 16 << 20          // a segment with a longer one does without
	maxAckedNotes = 4096              // acknowledgements in one sealed frame of an ack log
)
