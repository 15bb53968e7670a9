package rvproto

// The protocols, as libp2p names them. [RV-1]
const (
	Join    = "/muster/join/1"
	Roll    = "/muster/roll/1"
	Prekey  = "/muster/prekey/1"
	Grant   = "/muster/grant/1"
	Post    = "/muster/post/1"
	Deliver = "/muster/deliver/2"

	// DeliverOne is Deliver as it was before there were returns: a node brings none on it.
	DeliverOne = "/muster/deliver/1"

	// PostPieces is Post with envelopes in pieces, and DeliverPieces is Deliver with them.
	PostPieces    = "/muster/post/2"
	DeliverPieces = "/muster/deliver/3"

	Presence = "/muster/presence/1"

	HealthOf = "/muster/health/1"

	Pair = "/muster/pair/1"

	// Node is between the rendezvous nodes of one organization.
	Node = "/muster/node/1"
)

// FrameType is the first number of every frame on a long-lived stream. The list is append-only. [RV-4]
type FrameType uint8

// The frames of the long-lived streams.
const (
	FramePing    FrameType = 0 // device → node: [0]
	FrameHello   FrameType = 1 // node → device, first on the stream: [1, status, org, checkpoint]
	FramePost    FrameType = 2 // device → node: [2, [recipient…], envelope]
	FrameAnswer  FrameType = 3 // node → device, one a post, in order: [3, envelope id, status, [[device, status]…], [newer device…]]
	FrameDeliver FrameType = 4 // node → device: [4, number, kind, body]
	FrameHead    FrameType = 5 // node → device: [5, checkpoint]
	FrameAck     FrameType = 6 // device → node: [6, [receipt…], [id of a delivered receipt…]]
	FramePong    FrameType = 7 // node → device: [7]

	// On the deliver stream, of presence.
	FrameStatus   FrameType = 8  // device → node: [8, state]
	FrameWatch    FrameType = 9  // device → node: [9, [member…]]
	FramePresence FrameType = 10 // node → device: [10, member, state, seen]
	FrameTyping   FrameType = 11 // device → node: [11, [member…]]
	FrameTypist   FrameType = 12 // node → device: [12, member]

	FrameParked FrameType = 13 // node → device, on Deliver, behind the hello: [13, from, until]

	FrameSigned FrameType = 14 // device → node, on Deliver, where there are several nodes: [14, signed acknowledgement]
)

// Kind says what a delivered body is. The numbers are the queue's.
type Kind uint8

// The kinds of delivery.
const (
	KindEnvelope Kind = 1 // an envelope from another device; answered by a signed receipt
	KindReceipt  Kind = 2 // another device's signed receipt for envelopes of this device; answered by its id
	KindReturn   Kind = 3 // the node's signed return of envelopes of this device, on Deliver alone; answered by its id

	KindGap Kind = 5 // the node's signed word to the archive that copies were not kept; answered by its id
)
