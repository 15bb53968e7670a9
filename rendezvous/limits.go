package rendezvous

import "time"

// Caps of the server. What a peer sends is capped in rvproto.
const (
	defaultConnections = 12_000
	defaultPort        = "4747"

	signEvery    = 30 * time.Minute // checkpoints are signed anew at least hourly, by the design of freshness
	collectEvery = 17 * time.Minute // between looks for room that the store can give back
	quietTime    = 30 * time.Second // without traffic, before memory is given back
	softTime     = 3 * time.Second  // what a stop grants to batches in flight
	sweepTime    = 2 * time.Second  // between looks at strangers

	deviceEntries = 1 << 17 // that may wait for one device, whose senders are then told that it is full
	deviceBytes   = 1 << 30

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

	guestTurns     = 2                 // batches of guests' posts that are worked on at a time
	guestRest      = 5 * time.Second   // for which nothing is read at most from a guest who posts too much
	guestAsks      = 240               // streams that a guest's device may open in a minute
	guestsASite    = 16                // from one address may come as much as from so many guests
	announcesAPost = 4                 // announcements count as one post
	guestWaiting   = 1024              // envelopes of one guest that may wait
	guestEntries   = deviceEntries / 4 // envelopes of all guests that may wait: most of a desk's queue is for members
	guestBytes     = deviceBytes / 4
	askAgain       = time.Second // between questions what of guests still waits

	maxHanded = 512 << 20 // bytes of a roll that is handed over
	dropBatch = 512       // entries that are removed together

	batchPosts     = 256      // posts that are committed together, from one stream
	batchBytes     = 1 << 20  // bytes of them; a single larger one is committed alone
	postBuffer     = 64 << 10 // pooled: a stream holds one only while it has posts in it
	maxArena       = 4096     // recipients of a batch whose memory is kept
	wakeBuffer     = 512      // what a quiet stream reads into
	outBuffer      = 32 << 10
	deliverPage    = 128 // bodies taken from the queue at once
	ackBuffer      = 4 << 10
	writePiece     = 64 << 10 // written under one deadline
	exchangeBuffer = 4 << 10
)

// StrangerLimits bound strangers, who may do nothing but join. The zero value of a field stands for its default.
type StrangerLimits struct {
	Connections int           // at once, from everywhere; 128
	Time        time.Duration // that a connection may last without a membership; 1 minute
	Burst       int           // of connections and failed requests from one address (IPv6: one site); 64
	PerSecond   float64       // that an address gets back; 1
	Guests      int           // connections of guests at once, from everywhere; 2,048
	SiteGuests  int           // of them from one address; 256
	Joins       int           // join requests being worked on at once; 32
	JoinTime    time.Duration // for a join request to arrive, and again for its answer to be taken; 10 seconds
}

func (l StrangerLimits) withDefaults() StrangerLimits {
	if l.Connections == 0 {
		l.Connections = 128
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
		l.Guests = 2048
	}
	if l.SiteGuests == 0 {
		l.SiteGuests = 256
	}
	if l.Joins == 0 {
		l.Joins = 32
	}
	if l.JoinTime == 0 {
		l.JoinTime = 10 * time.Second
	}
	return l
}
