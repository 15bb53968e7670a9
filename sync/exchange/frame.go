package exchange

import (
	"errors"
	"fmt"
	"io"
	"time"

	"muster.example/internal/wire"
	"muster.example/sync/reconcile"
)

// The caps. [SYNC-10]
const (
	// MaxRecord is the longest record that travels, in bytes: a message of the longest envelope, and what its author signed.
	MaxRecord = 34 << 20
	// maxBatch is when a batch of records is full: with the record that fills it. maxInBatch is of how many at most.
	maxBatch   = 256 << 10
	maxInBatch = 512
	maxFrame   = maxBatch + MaxRecord + 16*maxInBatch
	// silence is how long the other side may be silent, and how long it may take nothing.
	silence = 60 * time.Second
)

// ErrProtocol is wrapped by errors about what the other side said.
var ErrProtocol = errors.New("exchange: the other device does not keep to the protocol")

// kind says what a frame holds. The numbers are part of the wire format. [SYNC-10]
type kind uint8

const (
	kindHello    kind = 1 // nonce; the answering side's digest
	kindGive     kind = 2 // records that the other side may lack
	kindQuestion kind = 3 // a frame of reconcile
	kindAnswer   kind = 4 // a frame of reconcile
	kindWant     kind = 5 // ranges that are asked for
	kindEnd      kind = 6 // there is no more of what was asked for, or to give
	kindDigest   kind = 7 // how things stand, under the session's key
	kindFile     kind = 8 // a file is asked for: its name, and which pieces are there
	kindPieces   kind = 9 // pieces of that file
)

// frame is what travels, one kind at a time. [SYNC-10]
type frame struct {
	_       struct{} `cbor:",toarray"`
	Kind    kind
	Data    []byte   // nonce, digest, or a frame of reconcile
	Records [][]byte // of give; pieces, each behind its index
	Count   uint64   // with a digest: how many records there are
}

// deadlines is a stream that can be given a time.
type deadlines interface {
	SetDeadline(time.Time) error
}

// link is one side's end of a stream. Each frame has its deadline.
type link struct {
	stream io.ReadWriter
	in     *wire.FrameReader
	out    *wire.FrameWriter

	sent, received uint64 // bytes of frames
}

func newLink(stream io.ReadWriter) *link {
	return &link{stream: stream, in: wire.NewFrameReader(stream, 64<<10, maxFrame), out: wire.NewFrameWriter(stream, 64<<10)}
}

func (l *link) renew() error {
	if d, ok := l.stream.(deadlines); ok {
		return d.SetDeadline(time.Now().Add(silence))
	}
	return nil
}

// write sends a frame when there are enough, or at the next flush.
func (l *link) write(f frame) error {
	if err := l.renew(); err != nil {
		return err
	}
	if f.Data == nil {
		f.Data = []byte{}
	}
	if f.Records == nil {
		f.Records = [][]byte{}
	}
	data := wire.Encode(f)
	l.sent += uint64(len(data))
	return l.out.Write(data)
}

// read waits for a frame of one of the kinds. What waits to be sent is sent first.
func (l *link) read(kinds ...kind) (frame, error) {
	if err := l.out.Flush(); err != nil {
		return frame{}, err
	}
	if err := l.renew(); err != nil {
		return frame{}, err
	}
	data, err := l.in.Read()
	if err != nil {
		return frame{}, err
	}
	l.received += uint64(len(data))
	var f frame
	if err := wire.Decode(data, &f); err != nil {
		return frame{}, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	for _, kind := range kinds {
		if f.Kind == kind {
			return f, f.check()
		}
	}
	return frame{}, fmt.Errorf("%w: a frame of kind %d, where %v may come", ErrProtocol, f.Kind, kinds)
}

// check refuses a frame that holds anything else than its kind says. [SYNC-10]
func (f frame) check() error {
	ok := false
	switch f.Kind {
	case kindHello:
		ok = len(f.Data) == nonceSize && len(f.Records) == 0 && f.Count == 0
	case kindDigest:
		ok = len(f.Data) == reconcile.PrintSize && len(f.Records) == 0
	case kindGive:
		ok = len(f.Data) == 0 && len(f.Records) > 0 && len(f.Records) <= maxInBatch && f.Count == 0
	case kindQuestion, kindAnswer, kindWant:
		ok = len(f.Data) > 0 && len(f.Records) == 0 && f.Count == 0
	case kindFile, kindPieces:
		ok = f.checkFile()
	case kindEnd:
		ok = len(f.Data) == 0 && len(f.Records) == 0 && f.Count == 0
	}
	if !ok {
		return fmt.Errorf("%w: a frame of kind %d with other parts than it has", ErrProtocol, f.Kind)
	}
	return nil
}
