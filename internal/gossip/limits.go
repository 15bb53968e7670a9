package gossip

import (
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"
)

// Protocol is the name of the streams. It differs from the public network's, whose limits are others. [GOS-1]
const Protocol protocol.ID = "/muster/gossip/1"

// How many bytes a message may have, its kind included: of the topic of an organization, and of one of a group, which fits an
// envelope of 64 KiB and what is signed beside it. [GOS-4] [GOS-11]
const (
	MaxMessage      = 8 << 10
	MaxGroupMessage = 66 << 10
)

// How many messages of one author one neighbour may bring in a minute, at once or spread, and how many a host lets
// itself publish, and send to one peer. The half leaves room for both, and for clocks and delays. [GOS-7]
const (
	AcceptedPerMinute  = 60
	PublishedPerMinute = AcceptedPerMinute / 2
)

// DefaultNeighbours is to how many peers a host of which Config says nothing hands on messages of others.
const DefaultNeighbours = 16

const (
	minNeighbours    = 8       // below this the parameters of the mesh contradict each other
	frameOverhead    = 1 << 10 // names, numbers and signature of one message, or a few control messages [GOS-4]
	maxSubscriptions = 64      // topics that a peer may announce, in one frame and in all: it has few that we share [GOS-3]
	seqnoSize        = 8
	signatureSize    = 64

	validateBytes   = 8 << 20 // of messages that wait to be verified, if each is of the largest size that the host takes [GOS-14]
	validateMost    = 1024    // of them, however small
	validateWorkers = 2
	peerBytes       = 4 << 20 // of frames that wait for one peer, likewise [GOS-14]
	peerMost        = 256
	readPerSecond   = 256 << 10 // bytes from one stream [GOS-7]
	readBurst       = 1 << 20

	upkeepTime   = time.Minute
	restartPause = 500 * time.Millisecond // longer than most round trips
	eventQueue   = 256                    // identified peers that wait to be looked at; the host waits when it is full
)

// validateQueue is how many messages of at most largest bytes wait to be verified. Pubsub counts them; the bound is of bytes. [GOS-14]
func validateQueue(largest int) int { return min(validateMost, validateBytes/largest) }

// peerQueue is how many frames wait for one peer of a host whose largest message has so many bytes. [GOS-14]
func peerQueue(largest int) int { return min(peerMost, peerBytes/largest) }
