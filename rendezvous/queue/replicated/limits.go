package replicated

import "time"

// Bounds of what lies in the streams. [STO-81]
const (
	// MinPayload is the payload in bytes that the servers must allow in one message.
	MinPayload = 8 << 20

	maxRecord   = 6 << 20  // bytes of a record of the log
	chunkBytes  = 1 << 20  // of a sealed body: a longer one lies in several messages
	packBytes   = 16 << 10 // small bodies lie together in messages of about so many bytes
	maxParts    = 64       // of one body
	maxItems    = 1 << 14  // in one record
	maxAcked    = 1 << 15  // numbers that one record acknowledges
	maxShards   = 64
	maxReplicas = 5
)

// How the engine works.
const (
	defaultShards  = 4
	defaultBytes   = 16 << 30 // of all shards
	commitBytes    = 4 << 20  // of bodies in one record
	commitItems    = 4096
	commitDevices  = 1 << 16 // recipients in one record; at least one item
	pendingBytes   = 32 << 20
	cacheBytes     = 4 << 20  // bodies that were put here, for a delivery that follows at once
	packedBytes    = 16 << 20 // messages with bodies that were read: the next device may want others of them
	pageMessages   = 512      // of the log, read at once
	pageBytes      = 8 << 20
	fetchAtOnce    = 64 // bodies that are asked for at once…
	readersAtOnce  = 4  // …by so many calls
	livePending    = 1024
	restateDevices = 4096 // entries in one record that states anew
	restateTries   = 50
	noteBytes      = 256     // about what a living item takes in the log
	entryBytes     = 40      // and one of its entries
	moveBytes      = 8 << 20 // bodies copied forward in one sweep
)

// How long things take.
const (
	publishTime = 3 * time.Second // one message to the cluster
	commitTime  = 9 * time.Second // all tries of one record
	readTime    = 3 * time.Second // one answer of the cluster
	openTime    = 60 * time.Second
	retryPause  = 100 * time.Millisecond
	ackLinger   = 100 * time.Millisecond // acknowledgements wait so long for company
	pollEvery   = time.Second            // the log is looked at though nothing was heard of it
	wantPause   = 20 * time.Millisecond  // a record of ours that was not heard of is asked for
	stallTime   = 5 * time.Second        // of nothing but failures, after which another server is tried
	leaseTime   = 20 * time.Second
	troubleTime = time.Minute // the same trouble is not logged again
)

// pace is how patient the sweeper is. Tests cannot wait.
type pace struct {
	sweep     time.Duration // how often it looks
	keyQuiet  time.Duration // keys of what was delivered go when nothing more was of the same record for so long…
	keyBusy   time.Duration // …and after so long whatever happens
	bodyQuiet time.Duration // bodies that nobody waits for go then: others may be reading them
	settle    time.Duration // after so long every body has its record, or never gets one
	sparseAge time.Duration // at this age messages mostly of the dead are copied forward
	purge     time.Duration // what was stated anew goes then: others may be reading it
	list      time.Duration // how often keys are looked for that belong to no record…
	listAgain time.Duration // …and after how long once more, when there are some
	compact   uint64        // the log is stated anew when it has so much beyond twice what lives in it
}

var usualPace = pace{
	sweep: 5 * time.Second, keyQuiet: 10 * time.Second, keyBusy: 30 * time.Second, bodyQuiet: 20 * time.Second,
	settle: 30 * time.Second, sparseAge: 30 * time.Second, purge: time.Minute, list: 10 * time.Minute, listAgain: 30 * time.Second,
	compact: 8 << 20,
}
