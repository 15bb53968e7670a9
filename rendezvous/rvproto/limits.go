package rvproto

import "time"

// Caps of the messages. A peer that goes beyond one is cut off. [RV-3]
const (
	MaxEnvelope     = 16 << 20 // bytes of an envelope, whatever the policy says
	MaxRecipients   = 1024     // devices a post: several posts of one envelope reach more
	MaxFanOut       = 1 << 16  // devices of a group that one post reaches
	MaxCheckpoint   = 4 << 10  // bytes of a signed note
	MaxEvent        = 8 << 10
	MaxEntry        = MaxEvent + 256
	MaxPrekey       = 4 << 10
	MaxPrekeys      = 256 // devices asked for at once
	MaxGrant        = 1 << 10
	MaxConversation = 256      // members of a conversation
	MaxReceipt      = 40 << 10 // 1,024 ids and room
	MaxReceipts     = 64       // an ack
	MaxReceiptIDs   = 1024     // an ack
	MaxReturned     = 1024     // pairs of an envelope and a device in a return
	MaxReturn       = 96 << 10 // bytes of it
	MaxProof        = 64       // hashes of a consistency proof
	MaxSignedAck    = 40 << 10 // 1,024 ids and room
	MaxNotes        = 512      // of one answer to a node
	MaxNoteBytes    = 1 << 20  // of the notes of one answer; a single larger one travels alone

	MaxPageEntries = 4096    // entries of one answer
	MaxPageBytes   = 1 << 20 // bytes of the entries of one answer; a single larger entry travels alone

	MaxHandOverEntries = 1024     // of one piece of a roll that is handed over
	MaxHandOverBytes   = 64 << 10 // bytes of them

	MaxShown = 16 // entries of a verdict

	MaxApplication  = 560 // bytes of the text of an application
	MaxApplications = 256 // of one answer, in MaxPageBytes

	MaxWatched     = 1024    // members whose presence one device sees
	MaxShared      = 256     // members of the list of one share
	MaxShareNumber = 1 << 53 // leaves room for ever
	MaxTyping      = 64      // members to whom somebody types at once

	MaxAddresses = 16  // of a node, in a claim link
	MaxAddress   = 128 // bytes of one
	MaxLink      = 4 << 10
)

// Caps of the frames, for the reader of each stream. [RV-3]
const (
	MaxPostFrame     = MaxEnvelope + MaxRecipients*34 + 32 // device → node, post
	MaxAnswerFrame   = MaxFanOut*(38+34) + 64
	MaxDeliverFrame  = MaxEnvelope + 64 // node → device, deliver
	MaxAckFrame      = MaxReceipts*(MaxReceipt+5) + MaxReceiptIDs*34 + 32
	MaxJoinRequest   = MaxHandOverBytes + MaxHandOverEntries*5 + 512
	MaxRollRequest   = MaxPageBytes + MaxEntry + MaxPageEntries*5 + MaxProof*34 + MaxCheckpoint + 128
	MaxRollAnswer    = MaxPageBytes + MaxEntry + MaxPageEntries*5 + MaxProof*34 + MaxCheckpoint + 64
	MaxPrekeyRequest = MaxPrekey + MaxPrekeys*34 + 64
	MaxPrekeyAnswer  = MaxPrekeys*(MaxPrekey+5) + 64 // also one with an event
	MaxGrantRequest  = MaxGrant + MaxConversation*34 + 64
	MaxStatusAnswer  = MaxEvent + 64

	MaxNodeAsk    = MaxCheckpoint + 256
	MaxNodeAnswer = 2*MaxPageBytes + MaxEntry + MaxPageEntries*5 + MaxProof*34 + MaxCheckpoint + MaxNoteBytes + MaxSignedAck +
		MaxNotes*96 + 256

	MaxPresenceRequest = MaxShared*34 + 64
	MaxPresenceAnswer  = MaxShared*34 + MaxEvent + 64
)

// Windows: what may be on its way unanswered on one stream. Exceeding one is not an error of the protocol: the other
// side stops reading or sending. [RV-5]
const (
	PostWindow         = 1024     // posts without an answer
	PostWindowBytes    = 16 << 20 // bytes of them
	DeliverWindow      = 256      // deliveries without an ack
	DeliverWindowBytes = 4 << 20  // bytes of them; a single larger one travels alone
)

// Times of the streams. [RV-6]
const (
	RequestTime = 30 * time.Second // one request and its answer
	PingEvery   = 20 * time.Second // a device that has sent nothing for so long sends a Ping
	RestEvery   = 5 * time.Minute  // the same on a post stream that rests: all posts are answered
	Patience    = 25 * time.Second // without a byte from the node for so long after something that it answers, the stream is given up
	NodeWait    = 20 * time.Second // a node answers another's question within it, though nothing is new
	WriteTime   = 30 * time.Second // the other side takes what is written within it, or the stream is given up

	// Slow is how many times RequestTime, Patience and WriteTime a device waits at most that has found its link to be slow. A node does
	// always, but for WriteTime: it cannot know.
	Slow = 4

	// AnswerTime is what a node gives a member's request to arrive, and again 4 KiB of its answer to be taken.
	AnswerTime = Slow * RequestTime

	// Silence and RestSilence are after how long without a byte from the device a node gives the stream up.
	Silence     = PingEvery + Slow*Patience
	RestSilence = RestEvery + Slow*Patience
)
