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

	maxClaims = 64 // claim links that may be open at once

	batchPosts     = 256      // posts that are committed together, from one stream
	batchBytes     = 1 << 20  // bytes of them; a single larger one is committed alone
	postBuffer     = 64 << 10 // pooled: a stream holds one only while it has posts in it
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
	if l.Joins == 0 {
		l.Joins = 32
	}
	if l.JoinTime == 0 {
		l.JoinTime = 10 * time.Second
	}
	return l
}
