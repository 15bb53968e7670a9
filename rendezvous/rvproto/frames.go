package rvproto

import (
	"fmt"

	"muster.example/internal/keys"
	"muster.example/internal/wire"
)

// HelloFrame is the node's first word on a long-lived stream: whether the device is admitted, to which organization,
// and the newest checkpoint. Under another status than OK the rest is empty and the stream ends; but under StatusMoved
// organization and Move are there, and a deliver stream goes on until the device's queue is empty.
type HelloFrame struct {
	Status     wire.Status
	Org        keys.OrgID
	Checkpoint []byte // signed note, at most MaxCheckpoint bytes
	Move       []byte // under StatusMoved, in the place of the checkpoint: signed event, at most MaxEvent bytes
}

// PostFrame is one envelope and the devices that shall have it. Recipients are at most MaxRecipients, without repeats of
// the same device next to each other being looked for: a repeat is harmless. None: everybody in the group that the
// envelope's header names, as far as they were in it at the header's roll size. [RV-45]
type PostFrame struct {
	Recipients []keys.PublicKey
	Envelope   []byte // at most MaxEnvelope bytes
}

// AnswerFrame answers one post. StatusOK: the envelope is on disk for every recipient that Refused does not name.
// Another status: for none.
type AnswerFrame struct {
	ID      keys.EnvelopeID // as the node computed it from the authenticated sender and the bytes; zero if malformed
	Status  wire.Status
	Refused []Refusal
	Newer   []keys.PublicKey // devices that are entitled to the envelope, but that its sender did not know of. [RV-45]
}

// Refusal names a recipient that does not get the envelope, and why: StatusNoLeave, StatusNotFound, StatusLimit, …
type Refusal struct {
	Device keys.PublicKey
	Status wire.Status
}

// DeliverFrame hands a body to a device. The device knows the id of an envelope from its bytes, of a receipt by
// ReceiptID, and of a return by ReturnID.
type DeliverFrame struct {
	Number uint64 // of the device's queue, increasing
	Kind   Kind
	Body   []byte
}

// HeadFrame tells the newest checkpoint.
type HeadFrame struct {
	Checkpoint []byte // signed note
}

// AckFrame gives back what was delivered: the device's signed receipts for envelopes, and the ids of delivered
// receipts and returns. It holds at least one of either.
type AckFrame struct {
	Receipts [][]byte
	IDs      []keys.EnvelopeID
}

// ReceiptID is the id under which a receipt is queued and acknowledged: the hash of its bytes. [RV-12]
func ReceiptID(receipt []byte) keys.EnvelopeID {
	return keys.Hash[keys.Envelope](keys.DomainReceipt, receipt)
}

// TypeOf returns the type of a frame without judging the rest; an error wraps wire.ErrDecode.
func TypeOf(frame []byte) (FrameType, error) {
	c := cursor{data: frame}
	c.head(majorArray, 8)
	kind := FrameType(c.head(majorUint, 255))
	if c.fault != "" {
		return 0, fmt.Errorf("%w: %s", wire.ErrDecode, c.fault)
	}
	return kind, nil
}

// The frames without content.
var (
	ping = []byte{1 | majorArray<<5, byte(FramePing)}
	pong = []byte{1 | majorArray<<5, byte(FramePong)}
)

// AppendPing appends a Ping frame. [RV-4]
func AppendPing(b []byte) []byte { return append(b, ping...) }

// AppendPong appends a Pong frame. [RV-4]
func AppendPong(b []byte) []byte { return append(b, pong...) }

// IsPing reports whether frame is a Ping.
func IsPing(frame []byte) bool { return string(frame) == string(ping) }

// IsPong reports whether frame is a Pong.
func IsPong(frame []byte) bool { return string(frame) == string(pong) }

// AppendHello appends the canonical encoding of f to b. [RV-4]
func AppendHello(b []byte, f HelloFrame) []byte {
	b = append(b, 4|majorArray<<5, byte(FrameHello))
	b = appendHead(b, majorUint, uint64(f.Status))
	b = appendBytes(b, f.Org[:])
	if f.Status == wire.StatusMoved {
		return appendBytes(b, f.Move)
	}
	return appendBytes(b, f.Checkpoint)
}

// ParseHello reads a Hello frame. Checkpoint and move point into frame.
func ParseHello(frame []byte) (HelloFrame, error) {
	c := cursor{data: frame}
	c.frame(FrameHello, 4)
	f := HelloFrame{Status: c.status(), Org: c.fixed()}
	if f.Status == wire.StatusMoved {
		f.Move = c.bytes(MaxEvent)
	} else {
		f.Checkpoint = c.bytes(MaxCheckpoint)
	}
	return f, c.finish("hello")
}

// AppendPost appends the canonical encoding of f to b. [RV-4]
func AppendPost(b []byte, f PostFrame) []byte {
	b = append(b, 3|majorArray<<5, byte(FramePost))
	b = appendHead(b, majorArray, uint64(len(f.Recipients)))
	for i := range f.Recipients {
		b = appendBytes(b, f.Recipients[i][:])
	}
	return appendBytes(b, f.Envelope)
}

// ParsePost reads a Post frame. The envelope points into frame; the recipients are appended to room, which may be nil.
func ParsePost(frame []byte, room []keys.PublicKey) (PostFrame, error) {
	c := cursor{data: frame}
	c.frame(FramePost, 3)
	f := PostFrame{Recipients: room}
	for n := c.head(majorArray, MaxRecipients); n > 0 && c.fault == ""; n-- {
		f.Recipients = append(f.Recipients, c.fixed())
	}
	f.Envelope = c.bytes(MaxEnvelope)
	return f, c.finish("post")
}

// AppendAnswer appends the canonical encoding of f to b. The list of newer devices is left out if it is empty. [RV-4]
func AppendAnswer(b []byte, f AnswerFrame) []byte {
	items := byte(4)
	if len(f.Newer) > 0 {
		items++
	}
	b = append(b, items|majorArray<<5, byte(FrameAnswer))
	b = appendBytes(b, f.ID[:])
	b = appendHead(b, majorUint, uint64(f.Status))
	b = appendHead(b, majorArray, uint64(len(f.Refused)))
	for i := range f.Refused {
		b = append(b, 2|majorArray<<5)
		b = appendBytes(b, f.Refused[i].Device[:])
		b = appendHead(b, majorUint, uint64(f.Refused[i].Status))
	}
	if len(f.Newer) > 0 {
		b = appendHead(b, majorArray, uint64(len(f.Newer)))
	}
	for i := range f.Newer {
		b = appendBytes(b, f.Newer[i][:])
	}
	return b
}

// ParseAnswer reads an Answer frame.
func ParseAnswer(frame []byte) (AnswerFrame, error) {
	c := cursor{data: frame}
	items := c.head(majorArray, 5)
	if items < 4 {
		c.fail("an answer of too few items")
	}
	c.kind(FrameAnswer)
	f := AnswerFrame{ID: c.fixed(), Status: c.status()}
	for n := c.head(majorArray, MaxFanOut); n > 0 && c.fault == ""; n-- {
		c.array(2)
		f.Refused = append(f.Refused, Refusal{Device: c.fixed(), Status: c.status()})
	}
	if items == 4 {
		return f, c.finish("answer")
	}
	n := c.head(majorArray, MaxFanOut)
	if n == 0 {
		c.fail("an empty list that is not left out")
	}
	for ; n > 0 && c.fault == ""; n-- {
		f.Newer = append(f.Newer, c.fixed())
	}
	return f, c.finish("answer")
}

// AppendDeliver appends the canonical encoding of f to b. [RV-4]
func AppendDeliver(b []byte, f DeliverFrame) []byte {
	return append(AppendDeliverHead(b, f), f.Body...)
}

// AppendDeliverHead appends what comes before the body, so that the body is copied once on its way to a frame.
func AppendDeliverHead(b []byte, f DeliverFrame) []byte {
	b = append(b, 4|majorArray<<5, byte(FrameDeliver))
	b = appendHead(b, majorUint, f.Number)
	b = appendHead(b, majorUint, uint64(f.Kind))
	return appendHead(b, majorBytes, uint64(len(f.Body)))
}

// ParseDeliver reads a Deliver frame. The body points into frame.
func ParseDeliver(frame []byte) (DeliverFrame, error) {
	c := cursor{data: frame}
	c.frame(FrameDeliver, 4)
	f := DeliverFrame{
		Number: c.head(majorUint, 1<<64-1),
		Kind:   Kind(c.head(majorUint, 255)),
		Body:   c.bytes(MaxEnvelope),
	}
	if f.Kind < KindEnvelope || f.Kind > KindReturn && f.Kind != KindGap {
		c.fail("a body of unknown kind")
	}
	return f, c.finish("deliver")
}

// AppendHead appends the canonical encoding of f to b. [RV-4]
func AppendHead(b []byte, f HeadFrame) []byte {
	b = append(b, 2|majorArray<<5, byte(FrameHead))
	return appendBytes(b, f.Checkpoint)
}

// ParseHead reads a Head frame. The checkpoint points into frame.
func ParseHead(frame []byte) (HeadFrame, error) {
	c := cursor{data: frame}
	c.frame(FrameHead, 2)
	f := HeadFrame{Checkpoint: c.bytes(MaxCheckpoint)}
	return f, c.finish("head")
}

// AppendAck appends the canonical encoding of f to b. [RV-4]
func AppendAck(b []byte, f AckFrame) []byte {
	b = append(b, 3|majorArray<<5, byte(FrameAck))
	b = appendHead(b, majorArray, uint64(len(f.Receipts)))
	for _, receipt := range f.Receipts {
		b = appendBytes(b, receipt)
	}
	b = appendHead(b, majorArray, uint64(len(f.IDs)))
	for i := range f.IDs {
		b = appendBytes(b, f.IDs[i][:])
	}
	return b
}

// ParseAck reads an Ack frame. The receipts point into frame.
func ParseAck(frame []byte) (AckFrame, error) {
	var f AckFrame
	c := cursor{data: frame}
	c.frame(FrameAck, 3)
	for n := c.head(majorArray, MaxReceipts); n > 0 && c.fault == ""; n-- {
		f.Receipts = append(f.Receipts, c.bytes(MaxReceipt))
	}
	for n := c.head(majorArray, MaxReceiptIDs); n > 0 && c.fault == ""; n-- {
		f.IDs = append(f.IDs, c.fixed())
	}
	if len(f.Receipts) == 0 && len(f.IDs) == 0 {
		c.fail("it acknowledges nothing")
	}
	return f, c.finish("ack")
}
