package rendezvous

import (
	"time"

	"muster.example/internal/keys"
)

// Caps of the server. What a peer sends is capped in rvproto.
const (
	defaultPort = "4747"

	connectionMemory = 88 << 10 // of an idle device, as measured: docs/benchmarks.md
	connectionsPart  = 4        // of the memory, one part in so many is not for these, but for rolls, what waits, and messages under way
	leastConnections = 1_000
	mostConnections  = 100_000

	// Streams that one peer may have open at once, by what it is here.
	strangerStreams = 6
	guestStreams    = 12
	memberStreams   = 128

	strangerMemory = 8 << 20 // of the machine's memory, for each stranger who may be connected: twice what they can make the node hold
	guestMemory    = 1 << 20 // the same of a guest's device, of which all at once are not expected to do their worst

	signEvery    = 30 * time.Minute // checkpoints are signed anew at least hourly, by the design of freshness
	journalSlack = 64 << 20         // bytes that a shared store's journal may take beyond twice what it says
	collectEvery = 17 * time.Minute // between looks for room that the store can give back
	quietTime    = 30 * time.Second // without traffic, before memory is given back
	softTime     = 3 * time.Second  // what a stop grants to batches in flight
	sweepTime    = 2 * time.Second  // between looks at strangers

	expiredAtOnce   = 1 << 12 // entries whose time is over that are looked for at once
	returnPage      = 512     // bodies of an emptied queue that are read together
	returnPageBytes = 1 << 20

	attendanceEvery = time.Hour // between looks at who came

	maxApplications  = 1000                // of one organization that wait or were declined
	siteApplications = 20                  // from one address and hour
	applicationTime  = 14 * 24 * time.Hour // that an application is kept

	presencePause = 3 * time.Second  // between flushes: a member is told of once in it at most
	presenceGrace = 10 * time.Second // that who has lost the connection is there still
	typingPause   = 2 * time.Second  // between what is passed on of one device
	maxWatches    = 1 << 19          // pairs of a device and a member that it watches, in one organization
	maxPuts       = 30               // shares of one member and minute
	seenAtOnce    = 512              // times that one transaction stores

	maxClaims = 64 // claim links that may be open at once

	maxSlots = 1024             // for pairing that are open at once
	slotTime = 20 * time.Second // that either side of a slot has to take what the other says

	maxRumours = 64               // heard by gossip and not looked at yet; more are dropped
	tellPause  = time.Second / 4  // before a new checkpoint is told, so that one stands for several
	tellAgain  = 10 * time.Second // after a checkpoint could not be told

	minTalk       = 3       // members of a conversation for which leave is given as a whole
	maxTalks      = 4096    // grants for conversations that are kept of one member
	maxTalkPeople = 1 << 16 // in the conversations that are kept in memory, of one organization

	guestTurns     = 2               // batches of guests' posts that are worked on at a time
	guestRest      = 5 * time.Second // for which nothing is read at most from a guest who posts too much
	guestAsks      = 240             // streams that a guest's device may open in a minute
	guestsASite    = 16              // from one address may come as much as from so many guests
	announcesAPost = 4               // announcements count as one post
	guestWaiting   = 1024            // envelopes of one guest that may wait
	guestsShare    = 4               // all guests together have one part in so many of what a device may have waiting
	askAgain       = time.Second     // between questions what of guests still waits

	maxHanded = 512 << 20 // bytes of a roll that is handed over
	dropBatch = 512       // entries that are removed together

	journalNotes = 1 << 16 // of what devices said, for the other nodes of one organization, in memory
	journalBytes = 16 << 20
	doneAtOnce   = 1 << 14 // envelopes acknowledged elsewhere that are remembered, twice

	peerDial         = 20 * time.Second // for a stream to another node to stand
	peerPause        = time.Second      // before another node is asked again, doubling…
	longestPeerPause = time.Minute      // …up to this
	peerWhole        = time.Minute      // between whole rolls that are fetched from one node
	peerTouch        = 24 * time.Hour   // without word from another node, after which nobody is parked
	followSingly     = 16               // entries whose devices are looked at one by one
	foreignPause     = 5 * time.Second  // before what another process changed and could not be taken in is tried again

	maxDamage     = 100     // findings of a check that are told
	checkedAtOnce = 1 << 12 // entries of a roll that a check folds between looks at the clock

	batchPosts     = 256      // posts that are committed together, from one stream
	batchBytes     = 1 << 20  // bytes of them; a single larger one is committed alone
	postBuffer     = 64 << 10 // pooled: a stream holds one only while it has posts in it
	maxArena       = 4096     // recipients of a batch whose memory is kept
	wakeBuffer     = 16       // what a quiet stream reads into: enough to see that it is quiet no more
	outBuffer      = 32 << 10
	deliverPage    = 128       // bodies taken from the queue at once
	deliverBytes   = 256 << 10 // of them; a single larger one is taken alone, from what is for all large ones
	ackBuffer      = 16 << 10  // pooled: a stream holds one only while there are acknowledgements in it
	writePiece     = 16 << 10  // written under one deadline
	exchangeBuffer = 4 << 10
)

// StrangerLimits bound strangers, who may do nothing but join. The zero value of a field stands for its default.
type StrangerLimits struct {
	Connections int           // at once, from everywhere; one for each 8 MiB of memory, at most 128
	Time        time.Duration // that a connection may last without a membership; 1 minute
	Burst       int           // of connections and failed requests from one address (IPv6: one site); 64
	PerSecond   float64       // that an address gets back; 1
	Guests      int           // connections of guests at once, from everywhere; one for each MiB of memory, at most 2,048
	SiteGuests  int           // of them from one address; an eighth
	Joins       int           // join requests being worked on at once; 32
	JoinTime    time.Duration // for a join request to arrive, and again for its answer to be taken; 10 seconds
}

func (l StrangerLimits) withDefaults() StrangerLimits {
	if l.Connections == 0 {
		l.Connections = atMost(128, machineMemory()/strangerMemory)
	}
	if l.Time == 0 {
		l.Time = time.Minute
	}
	if l.Burst == 0 {
		l.Burst = 64
	}
	if l.PerSecond == 0 {
		l.PerSecond = 1
	}
	if l.Guests == 0 {
		l.Guests = atMost(2048, machineMemory()/guestMemory)
	}
	if l.SiteGuests == 0 {
		l.SiteGuests = max(1, l.Guests/8)
	}
	if l.Joins == 0 {
		l.Joins = 32
	}
	if l.JoinTime == 0 {
		l.JoinTime = 10 * time.Second
	}
	return l
}

// atMost returns what a machine allows, at least a few, at most so many.
func atMost(most int, allowed int64) int { return int(min(max(allowed, 16), int64(most))) }

// connectionsOn returns the high-water mark of connections on a machine of so much memory.
func connectionsOn(memory int64) int {
	fit := (memory - memory/connectionsPart) / connectionMemory
	return int(min(max(fit, leastConnections), mostConnections))
}

// mayOpen returns how many streams a device may have open here at once.
func (n *Node) mayOpen(device keys.PublicKey) int {
	switch o := n.directory.active(device); {
	case n.peers.knows(device):
		return memberStreams
	case o == nil:
		return strangerStreams
	case o.isGuest(device):
		return guestStreams
	}
	return memberStreams
}
