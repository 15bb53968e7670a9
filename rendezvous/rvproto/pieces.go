package rvproto

import (
	"time"

	"muster.example/internal/keys"
)

// How envelopes go in pieces on a slow link, and go on at the byte where it broke. [RV-200]
const (
	WholeEnvelope = 16 << 10       // bytes of an envelope up to which it goes in one frame
	MaxInPieces   = 1 << 20        // bytes of an envelope that a node takes in pieces: a larger one goes in one frame
	MaxPiece      = 64 << 10       // bytes of a piece
	KeepPieces    = 24 * time.Hour // that the receiving side keeps what has come of an envelope, at least if it has the room
)

// The frames of envelopes in pieces. [RV-200]
const (
	FrameBegin   FrameType = 15 // [15, id, size, offset]: an envelope comes in pieces, from a byte on
	FramePiece   FrameType = 16 // [16, bytes]: the next bytes of it
	FrameHeld    FrameType = 17 // from who receives: [17, id, bytes]: so much of it is here
	FrameBrought FrameType = 18 // device → node: [18, [recipient…], id]: the post of an envelope that has come in pieces
	FrameComing  FrameType = 19 // node → device: [19, number, kind, id, size, offset]: a body is delivered in pieces, from a byte on
)

// ComingFrame begins a delivery in pieces, or goes on with one. With its last byte it is a DeliverFrame.
type ComingFrame struct {
	Number uint64
	Kind   Kind
	BeginFrame
}

// AppendComing appends the canonical encoding of f to b. [RV-204]
func AppendComing(b []byte, f ComingFrame) []byte {
	b = append(b, 6|majorArray<<5, byte(FrameComing))
	b = appendHead(b, majorUint, f.Number)
	b = appendHead(b, majorUint, uint64(f.Kind))
	b = appendBytes(b, f.ID[:])
	b = appendHead(b, majorUint, uint64(f.Size))
	return appendHead(b, majorUint, uint64(f.Offset))
}

// ParseComing reads a Coming frame.
func ParseComing(frame []byte) (ComingFrame, error) {
	c := cursor{data: frame}
	c.frame(FrameComing, 6)
	f := ComingFrame{Number: c.head(majorUint, 1<<64-1), Kind: Kind(c.head(majorUint, 255))}
	f.BeginFrame = BeginFrame{ID: c.fixed(), Size: int(c.head(majorUint, MaxInPieces)), Offset: int(c.head(majorUint, MaxInPieces))}
	if f.Kind < KindEnvelope || f.Kind > KindReturn && f.Kind != KindGap {
		c.fail("a body of unknown kind")
	}
	if f.Offset >= f.Size {
		c.fail("a body that ends before it begins")
	}
	return f, c.finish("coming")
}

// BeginFrame begins an envelope that comes in pieces, or goes on with it.
type BeginFrame struct {
	ID     keys.EnvelopeID
	Size   int // of the whole, at most MaxEnvelope
	Offset int // of the piece that comes next, below Size
}

// HeldFrame says how much of an envelope has come: at the beginning of a stream of what came on an earlier one, and then now and
// again. Less than the sender has sent means that the rest was not kept: it goes on from there.
type HeldFrame struct {
	ID    keys.EnvelopeID
	Bytes int
}

// BroughtFrame is a PostFrame whose envelope has come in pieces.
type BroughtFrame struct {
	Recipients []keys.PublicKey
	ID         keys.EnvelopeID
}

// AppendBegin appends the canonical encoding of f to b. [RV-200]
func AppendBegin(b []byte, f BeginFrame) []byte {
	b = append(b, 4|majorArray<<5, byte(FrameBegin))
	b = appendBytes(b, f.ID[:])
	b = appendHead(b, majorUint, uint64(f.Size))
	return appendHead(b, majorUint, uint64(f.Offset))
}

// ParseBegin reads a Begin frame.
func ParseBegin(frame []byte) (BeginFrame, error) {
	c := cursor{data: frame}
	c.frame(FrameBegin, 4)
	f := BeginFrame{ID: c.fixed(), Size: int(c.head(majorUint, MaxEnvelope)), Offset: int(c.head(majorUint, MaxEnvelope))}
	if f.Offset >= f.Size {
		c.fail("an envelope that ends before it begins")
	}
	return f, c.finish("begin")
}

// AppendPiece appends the canonical encoding of a piece to b. [RV-200]
func AppendPiece(b, piece []byte) []byte {
	return appendBytes(append(b, 2|majorArray<<5, byte(FramePiece)), piece)
}

// ParsePiece reads a Piece frame. The bytes point into frame.
func ParsePiece(frame []byte) ([]byte, error) {
	c := cursor{data: frame}
	c.frame(FramePiece, 2)
	piece := c.bytes(MaxPiece)
	if len(piece) == 0 {
		c.fail("an empty piece")
	}
	return piece, c.finish("piece")
}

// AppendHeld appends the canonical encoding of f to b. [RV-200]
func AppendHeld(b []byte, f HeldFrame) []byte {
	b = append(b, 3|majorArray<<5, byte(FrameHeld))
	return appendHead(appendBytes(b, f.ID[:]), majorUint, uint64(f.Bytes))
}

// ParseHeld reads a Held frame.
func ParseHeld(frame []byte) (HeldFrame, error) {
	c := cursor{data: frame}
	c.frame(FrameHeld, 3)
	f := HeldFrame{ID: c.fixed(), Bytes: int(c.head(majorUint, MaxEnvelope))}
	return f, c.finish("held")
}

// AppendBrought appends the canonical encoding of f to b. [RV-200]
func AppendBrought(b []byte, f BroughtFrame) []byte {
	b = append(b, 3|majorArray<<5, byte(FrameBrought))
	b = appendHead(b, majorArray, uint64(len(f.Recipients)))
	for i := range f.Recipients {
		b = appendBytes(b, f.Recipients[i][:])
	}
	return appendBytes(b, f.ID[:])
}

// ParseBrought reads a Brought frame. The recipients are appended to room, which may be nil.
func ParseBrought(frame []byte, room []keys.PublicKey) (BroughtFrame, error) {
	c := cursor{data: frame}
	c.frame(FrameBrought, 3)
	f := BroughtFrame{Recipients: room}
	for n := c.head(majorArray, MaxRecipients); n > 0 && c.fault == ""; n-- {
		f.Recipients = append(f.Recipients, c.fixed())
	}
	f.ID = c.fixed()
	return f, c.finish("brought")
}
